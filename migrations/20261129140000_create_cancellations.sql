-- Cancelling a paid booking: quoted, then confirmed. What is cancelled is a row for each passenger and direction; who flies
-- has none, so that booking writes nothing here.

create table cancellation_quote (
    id         uuid        not null,
    booking_id uuid        not null,
    -- the order in which a booking's quotes were made: only the newest can be confirmed
    position   bigint      generated always as identity,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    -- the itemised quote, in the form that its version says
    content    jsonb       not null,
    constraint cancellation_quote_pkey primary key (id),
    constraint cancellation_quote_booking_fkey foreign key (booking_id) references booking (id) on delete cascade
);
create index cancellation_quote_booking_idx on cancellation_quote (booking_id, position desc);

create table cancellation (
    id           uuid        not null,
    booking_id   uuid        not null,
    quote_id     uuid        not null,
    cancelled_at timestamptz not null,
    currency     text        not null,
    refund_minor bigint      not null,
    constraint cancellation_pkey primary key (id),
    constraint cancellation_booking_fkey foreign key (booking_id) references booking (id),
    constraint cancellation_quote_fkey foreign key (quote_id) references cancellation_quote (id),
    -- However often a quote is confirmed, it is one cancellation.
    constraint cancellation_quote_once unique (quote_id),
    constraint cancellation_refund_not_negative check (refund_minor >= 0)
);
create index cancellation_booking_idx on cancellation (booking_id);

create table cancelled_place (
    passenger_id    uuid     not null,
    direction_id    uuid     not null,
    booking_id      uuid     not null,
    cancellation_id uuid     not null,
    -- Nobody is cancelled twice in a direction.
    constraint cancelled_place_pkey primary key (passenger_id, direction_id),
    constraint cancelled_place_passenger_fkey foreign key (passenger_id) references passenger (id) on delete cascade,
    constraint cancelled_place_direction_fkey foreign key (direction_id) references direction (id) on delete cascade,
    constraint cancelled_place_cancellation_fkey foreign key (cancellation_id) references cancellation (id)
);
create index cancelled_place_booking_idx on cancelled_place (booking_id);

alter table refund add column cancellation_id uuid;
alter table refund add constraint refund_cancellation_fkey foreign key (cancellation_id) references cancellation (id);
-- A cancellation takes from a payment once.
create unique index refund_cancellation_once on refund (cancellation_id, payment_id) where cancellation_id is not null;

-- A tax that is a percentage of the fare comes back in proportion to it, a fixed one whole.
alter table price_line add column is_percentage boolean not null default false;
update price_line set is_percentage = true
where kind = 'tax' and code in (select code from tax_rule group by code having bool_and(currency is null));

alter table document drop constraint document_status_known;
alter table document add constraint document_status_known check (status in ('queued', 'rendering', 'ready', 'failed', 'void')) not valid;
alter table document validate constraint document_status_known;

alter table api_key drop constraint api_key_scopes_known;
alter table api_key add constraint api_key_scopes_known
    check (scopes <@ array['search', 'bookings', 'admin', 'refunds'] and scopes <> '{}') not valid;
alter table api_key validate constraint api_key_scopes_known;

-- Who was not aboard gets the refundable taxes back.
alter table ticket_coupon drop constraint ticket_coupon_status_known;
alter table ticket_coupon add constraint ticket_coupon_status_known
    check (status in ('open', 'flown', 'no_show', 'exchanged', 'refunded', 'void')) not valid;
alter table ticket_coupon validate constraint ticket_coupon_status_known;
