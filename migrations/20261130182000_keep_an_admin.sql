-- Whoever may give roles is never lost: the last admin stays one. Two who take the role from each other at once come one
-- after the other, and the second is refused.
create function keep_an_admin() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('keep_an_admin', 0));
    -- A statement of its own, which sees what was committed while it waited.
    if not exists (select from account where role = 'admin' and id <> old.id) then
        raise exception 'the last admin stays one' using errcode = 'check_violation', constraint = 'account_last_admin', table = 'account';
    end if;
    return case tg_op when 'DELETE' then old else new end;
end
$$;

create trigger account_keeps_an_admin before update of role on account
    for each row when (old.role = 'admin' and new.role <> 'admin') execute function keep_an_admin();
create trigger account_keeps_an_admin_deleted before delete on account
    for each row when (old.role = 'admin') execute function keep_an_admin();
