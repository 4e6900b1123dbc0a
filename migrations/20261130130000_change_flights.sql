-- Other flights for a paid booking: quoted, then confirmed, and held until the difference is paid. What waited for its money
-- was a change of seats; now that is one kind of change.

alter table seat_change rename to booking_change;
alter table seat_change_item rename to booking_change_seat;
alter table booking_change_seat rename column seat_change_id to booking_change_id;
alter table payment rename column seat_change_id to booking_change_id;

alter table booking_change rename constraint seat_change_pkey to booking_change_pkey;
alter table booking_change rename constraint seat_change_booking_fkey to booking_change_booking_fkey;
alter table booking_change rename constraint seat_change_status_known to booking_change_status_known;
alter table booking_change_seat rename constraint seat_change_item_pkey to booking_change_seat_pkey;
alter table booking_change_seat rename constraint seat_change_item_change_fkey to booking_change_seat_change_fkey;
alter table booking_change_seat rename constraint seat_change_item_passenger_fkey to booking_change_seat_passenger_fkey;
alter table payment rename constraint payment_seat_change_fkey to payment_booking_change_fkey;
alter index seat_change_one_open rename to booking_change_one_open;
alter index seat_change_open_expiry_idx rename to booking_change_open_expiry_idx;
alter index payment_seat_change_idx rename to payment_booking_change_idx;

create table change_quote (
    id         uuid        not null,
    booking_id uuid        not null,
    -- the order in which a booking's quotes were made: only the newest can be confirmed
    position   bigint      generated always as identity,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    -- the itemised quote, in the form that its version says
    content    jsonb       not null,
    constraint change_quote_pkey primary key (id),
    constraint change_quote_booking_fkey foreign key (booking_id) references booking (id) on delete cascade
);
create index change_quote_booking_idx on change_quote (booking_id, position desc);

alter table booking_change add column kind text not null default 'seats';
alter table booking_change alter column kind drop default;
alter table booking_change add column change_quote_id uuid;
alter table booking_change add constraint booking_change_quote_fkey foreign key (change_quote_id) references change_quote (id);
-- However often a quote is confirmed, it is one change.
alter table booking_change add constraint booking_change_quote_once unique (change_quote_id);
alter table booking_change add constraint booking_change_kind_known check (
    (kind = 'seats' and change_quote_id is null) or (kind = 'flights' and change_quote_id is not null)) not valid;
alter table booking_change validate constraint booking_change_kind_known;
-- Only what is to pay waits; other flights may cost nothing or give something back.
alter table booking_change drop constraint seat_change_amount_positive;
alter table booking_change add constraint booking_change_amount_positive check (amount_minor > 0 or kind = 'flights') not valid;
alter table booking_change validate constraint booking_change_amount_positive;

-- What an open change of flights holds.
create table booking_change_flight (
    booking_change_id uuid    not null,
    flight_id         uuid    not null,
    cabin             text    not null,
    seats             integer not null,
    constraint booking_change_flight_pkey primary key (booking_change_id, flight_id),
    constraint booking_change_flight_change_fkey foreign key (booking_change_id) references booking_change (id) on delete cascade,
    constraint booking_change_flight_cabin_fkey foreign key (flight_id, cabin) references flight_cabin (flight_id, cabin),
    constraint booking_change_flight_seats_positive check (seats > 0)
);
create index booking_change_flight_flight_idx on booking_change_flight (flight_id);

-- The coupon of a flight that is not booked any more, because it was changed for another, names the flight itself.
alter table ticket_coupon add column flight_id uuid;
alter table ticket_coupon alter column booked_flight_id drop not null;
alter table ticket_coupon add constraint ticket_coupon_names_its_flight check (num_nonnulls(booked_flight_id, flight_id) = 1) not valid;
alter table ticket_coupon validate constraint ticket_coupon_names_its_flight;

alter table refund add column booking_change_id uuid;
alter table refund add constraint refund_booking_change_fkey foreign key (booking_change_id) references booking_change (id);
-- A change takes from a payment once; what replaces a refund that failed is of the same change.
create unique index refund_booking_change_once on refund (booking_change_id, payment_id)
    where booking_change_id is not null and replaces_id is null;
alter table refund drop constraint refund_reason_known;
alter table refund add constraint refund_reason_known check (reason in ('late_payment', 'duplicate_payment', 'mismatched_payment', 'seat_fees',
    'seat_swap', 'cancellation', 'change', 'made_at_stripe', 'remainder')) not valid;
alter table refund validate constraint refund_reason_known;
