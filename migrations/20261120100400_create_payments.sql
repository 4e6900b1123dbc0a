-- Money: what we asked Stripe for, what it told us, what went back.

create table payment (
    id                uuid        not null,
    booking_id        uuid        not null,
    status            text        not null default 'open',
    currency          text        not null,
    amount_minor      bigint      not null,
    created_at        timestamptz not null,
    -- end of the Checkout Session
    expires_at        timestamptz not null,
    success_url       text        not null,
    cancel_url        text        not null,
    stripe_session_id text,
    checkout_url      text,
    stripe_payment_intent_id text,
    card_brand        text,
    card_last4        text,
    ended_at          timestamptz,
    -- the reconciler asks Stripe about open payments; when it may ask again
    asked_at          timestamptz,
    constraint payment_pkey primary key (id),
    constraint payment_booking_fkey foreign key (booking_id) references booking (id),
    constraint payment_session_unique unique (stripe_session_id),
    constraint payment_status_known check (status in ('open', 'succeeded', 'expired', 'cancelled')),
    constraint payment_amount_positive check (amount_minor > 0)
);
-- Several payments in a booking's life, at most one open.
create unique index payment_one_open on payment (booking_id) where status = 'open';
create index payment_booking_idx on payment (booking_id);
create index payment_open_idx on payment (expires_at) where status = 'open';

create table refund (
    id               uuid        not null,
    payment_id       uuid        not null,
    booking_id       uuid        not null,
    status           text        not null default 'pending',
    reason           text        not null,
    currency         text        not null,
    amount_minor     bigint      not null,
    created_at       timestamptz not null,
    ended_at         timestamptz,
    stripe_refund_id text,
    failure          text,
    constraint refund_pkey primary key (id),
    constraint refund_payment_fkey foreign key (payment_id) references payment (id),
    constraint refund_booking_fkey foreign key (booking_id) references booking (id),
    constraint refund_stripe_unique unique (stripe_refund_id),
    constraint refund_status_known check (status in ('pending', 'succeeded', 'failed')),
    constraint refund_reason_known check (reason in ('late_payment', 'duplicate_payment', 'cancellation')),
    constraint refund_amount_positive check (amount_minor > 0)
);
-- Late or doubled money goes back once, whoever notices it.
create unique index refund_whole_payment_once on refund (payment_id) where reason in ('late_payment', 'duplicate_payment');
create index refund_booking_idx on refund (booking_id);

create table stripe_event (
    id          text        not null,
    kind        text        not null,
    received_at timestamptz not null,
    -- the bytes that were signed
    payload     bytea       not null,
    outcome     text        not null,
    constraint stripe_event_pkey primary key (id)
);

-- The middle ten digits of a 13-digit ticket number; gaps are fine, repeats are not.
create sequence ticket_document_number start with 2100000001 maxvalue 9999999999;

create table ticket (
    id                 uuid        not null,
    booking_id         uuid        not null,
    passenger_id       uuid        not null,
    validating_airline text        not null,
    -- accounting code and document number, 13 digits; the check digit is printed, not stored
    number             text        not null,
    status             text        not null default 'issued',
    issued_at          timestamptz not null,
    constraint ticket_pkey primary key (id),
    constraint ticket_booking_fkey foreign key (booking_id) references booking (id) on delete cascade,
    constraint ticket_passenger_fkey foreign key (passenger_id) references passenger (id) on delete cascade,
    constraint ticket_number_unique unique (number),
    constraint ticket_number_is_number check (number ~ '^[0-9]{13}$'),
    constraint ticket_status_known check (status in ('issued', 'exchanged', 'refunded', 'void'))
);
-- One ticket per passenger and validating airline while it is good.
create unique index ticket_one_issued on ticket (passenger_id, validating_airline) where status = 'issued';
create index ticket_booking_idx on ticket (booking_id);

create table ticket_coupon (
    ticket_id        uuid     not null,
    ordinal          smallint not null,
    booked_flight_id uuid     not null,
    status           text     not null default 'open',
    constraint ticket_coupon_pkey primary key (ticket_id, ordinal),
    constraint ticket_coupon_ticket_fkey foreign key (ticket_id) references ticket (id) on delete cascade,
    constraint ticket_coupon_flight_fkey foreign key (booked_flight_id) references booked_flight (id),
    constraint ticket_coupon_ordinal_at_most_four check (ordinal between 1 and 4),
    constraint ticket_coupon_status_known check (status in ('open', 'flown', 'exchanged', 'refunded', 'void'))
);
