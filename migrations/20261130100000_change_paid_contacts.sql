-- The contact of a paid booking may change. Who had it before is kept, so that the address that is left can be told, and staff
-- who are asked can see it.

create table contact_change (
    id         uuid        not null,
    booking_id uuid        not null,
    -- the order of a booking's changes: the newest is the one that holds
    position   bigint      generated always as identity,
    changed_at timestamptz not null,
    -- the address before; absent when the telephone number alone is another
    from_email text,
    constraint contact_change_pkey primary key (id),
    constraint contact_change_booking_fkey foreign key (booking_id) references booking (id) on delete cascade
);
create index contact_change_booking_idx on contact_change (booking_id, position);

-- When a paid booking got its present address. Nobody who has that address has paid by it: it may be anybody's.
alter table booking add column contact_changed_at timestamptz;
