-- What the traveller chose outlives the claim: late money asks for the same seats again.
create table seat_choice (
    booking_id   uuid     not null,
    passenger_id uuid     not null,
    flight_id    uuid     not null,
    seat_row     smallint not null,
    letter       text     not null,
    constraint seat_choice_pkey primary key (passenger_id, flight_id),
    constraint seat_choice_booking_fkey foreign key (booking_id) references booking (id) on delete cascade,
    constraint seat_choice_passenger_fkey foreign key (passenger_id) references passenger (id) on delete cascade
);
create index seat_choice_booking_idx on seat_choice (booking_id);

-- The reconciler asks Stripe about refunds that stay pending; when it asked last.
alter table refund add column asked_at timestamptz;
create index refund_pending_idx on refund (created_at) where status = 'pending';

-- What an account holds unpaid is found from the account, not from everything that was ever held on the flight.
create index booking_account_pending_idx on booking (account_id) where status = 'pending_payment';
