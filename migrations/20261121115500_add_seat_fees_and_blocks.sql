-- What choosing a seat costs, seats that nobody may have, and what a ticket looked like before it was reissued.

create table seat_fee (
    cabin        text     not null,
    -- standard · preferred: in one of the cabin's first rows · exit: more room for the legs
    kind         text     not null,
    -- of preferred: how many rows
    first_rows   smallint,
    amount_minor bigint   not null,
    currency     text     not null,
    constraint seat_fee_pkey primary key (cabin, kind),
    constraint seat_fee_cabin_known check (cabin in ('economy', 'premium_economy', 'business', 'first')),
    constraint seat_fee_kind_known check (kind in ('standard', 'preferred', 'exit')),
    constraint seat_fee_preferred_has_rows check ((kind = 'preferred') = (first_rows is not null)),
    constraint seat_fee_amount_not_negative check (amount_minor >= 0)
);

-- A blocked seat is a row like any other claim, so that nobody can have it; it belongs to no hold.
alter table passenger_seat alter column hold_id drop not null;
alter table passenger_seat drop constraint passenger_seat_reason_known;
alter table passenger_seat add constraint passenger_seat_reason_known
    check (reason in ('chosen', 'preference', 'together', 'assigned', 'separated', 'aircraft_change', 'blocked'));
alter table passenger_seat add constraint passenger_seat_claimed_or_blocked check ((hold_id is null) = (reason = 'blocked'));

-- Price lines of a hold that no offer pinned: the seats that were named.
alter table hold add column extras jsonb not null default '[]';

-- Revisions that a newer one replaced: their bytes stay where they are, nobody is sent them again.
create table document_revision (
    document_id   uuid        not null,
    revision      integer     not null,
    storage_key   text,
    sha256        bytea,
    size_bytes    bigint,
    ready_at      timestamptz,
    superseded_at timestamptz not null,
    constraint document_revision_pkey primary key (document_id, revision),
    constraint document_revision_document_fkey foreign key (document_id) references document (id) on delete cascade
);

-- A dearer seat is held until the difference is paid.
create table seat_change (
    id          uuid        not null,
    booking_id  uuid        not null,
    status      text        not null default 'open',
    created_at  timestamptz not null,
    expires_at  timestamptz not null,
    ended_at    timestamptz,
    currency    text        not null,
    amount_minor bigint     not null,
    -- the seat lines that join the booking's price when it is paid
    lines       jsonb       not null,
    constraint seat_change_pkey primary key (id),
    constraint seat_change_booking_fkey foreign key (booking_id) references booking (id) on delete cascade,
    constraint seat_change_status_known check (status in ('open', 'done', 'expired', 'refunded')),
    constraint seat_change_amount_positive check (amount_minor > 0)
);
create unique index seat_change_one_open on seat_change (booking_id) where status = 'open';
create index seat_change_open_expiry_idx on seat_change (expires_at) where status = 'open';

create table seat_change_item (
    seat_change_id uuid     not null,
    passenger_id   uuid     not null,
    flight_id      uuid     not null,
    seat_row       smallint not null,
    letter         text     not null,
    fee_minor      bigint   not null,
    constraint seat_change_item_pkey primary key (seat_change_id, passenger_id, flight_id),
    constraint seat_change_item_change_fkey foreign key (seat_change_id) references seat_change (id) on delete cascade,
    constraint seat_change_item_passenger_fkey foreign key (passenger_id) references passenger (id) on delete cascade
);

-- What a payment is for: the booking itself, or the difference of a seat change.
alter table payment add column seat_change_id uuid;
alter table payment add constraint payment_seat_change_fkey foreign key (seat_change_id) references seat_change (id) on delete set null;
create index payment_seat_change_idx on payment (seat_change_id) where seat_change_id is not null;

-- What was paid for choosing seats on a flight, so that a later change asks for the difference alone.
alter table seat_choice add column paid_minor bigint not null default 0;
