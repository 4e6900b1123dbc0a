-- What staff and owners of keys do: who, from where, what, before and after. Written in the transaction of the act.
create table audit_entry (
    id          uuid        not null,
    at          timestamptz not null,
    -- who did it; the account may be gone by now, so it is no key
    actor       text        not null,
    account_id  uuid,
    -- with which key, or in which session
    api_key_id  uuid,
    session_id  uuid,
    -- the client's address behind the proxies that are trusted; none on the command line
    address     text,
    -- what was done, and to what: a booking by its reference, everything else by its key
    action      text        not null,
    object_kind text        not null,
    object_id   text        not null,
    before      jsonb,
    after       jsonb,
    request_id  text,
    constraint audit_entry_pkey primary key (id),
    constraint audit_entry_actor_known check (actor in ('account', 'traveller', 'staff', 'stripe', 'system')),
    constraint audit_entry_names_its_act check (action <> '' and object_kind <> '' and object_id <> '')
);
create index audit_entry_at_idx on audit_entry (at, id);
create index audit_entry_account_idx on audit_entry (account_id, at, id);
create index audit_entry_object_idx on audit_entry (object_kind, object_id, at, id);
create index audit_entry_action_idx on audit_entry (action, at, id);
create index audit_entry_request_idx on audit_entry (request_id);

-- What was done stays done. Who erases a person's data will need one way past this for `before`, `after` and `address`: a
-- function of its own that this one knows by name, and no switch that anybody can set.
create function audit_entry_stays() returns trigger language plpgsql as $$
begin
    raise exception 'audit entries are never changed' using errcode = 'integrity_constraint_violation', constraint = 'audit_entry_stays';
end
$$;
create trigger audit_entry_stays before update or delete on audit_entry for each row execute function audit_entry_stays();
create trigger audit_entry_is_not_emptied before truncate on audit_entry for each statement execute function audit_entry_stays();
