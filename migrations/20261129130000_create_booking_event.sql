-- Every change of a booking, written in the transaction that makes it: its timeline, and what mails, text messages and
-- other notices are derived from. Bookings from before have no rows for what happened then.
create table booking_event (
    id          uuid        not null,
    -- the order of a booking's events
    position    bigint      not null generated always as identity,
    -- No key of the booking: one statement writes both, and checking it would lock the booking's row.
    booking_id  uuid        not null,
    kind        text        not null,
    occurred_at timestamptz not null,
    -- who did it
    actor       text        not null,
    account_id  uuid,
    api_key_id  uuid,
    -- `X-Request-Id` of the request that caused it, also where a job did it later
    request_id  text,
    -- before and after, as ids and amounts; never names or addresses
    details     jsonb       not null,
    constraint booking_event_pkey primary key (id),
    constraint booking_event_position_unique unique (booking_id, position),
    constraint booking_event_actor_known check (actor in ('account', 'traveller', 'staff', 'stripe', 'system')),
    constraint booking_event_account_is_named check (actor <> 'account' or account_id is not null),
    constraint booking_event_details_versioned check (details ? 'version')
);
-- A booking begins once, and is confirmed once: in time, or by late money.
create unique index booking_event_once on booking_event (booking_id, kind) where kind in ('held', 'confirmed');
create unique index booking_event_departure_near_once on booking_event (booking_id, (details ->> 'direction')) where kind = 'departure_near';
