-- `seat_swap` is what was paid for a chosen seat that another aircraft does not have, or has in a cheaper class: it goes
-- back as often as aircraft are swapped, from whichever payment has enough left.
alter table refund drop constraint refund_reason_known;
alter table refund add constraint refund_reason_known
    check (reason in ('late_payment', 'duplicate_payment', 'mismatched_payment', 'seat_fees', 'seat_swap', 'cancellation',
                      'made_at_stripe', 'remainder')) not valid;
alter table refund validate constraint refund_reason_known;

-- What a swap of aircraft did to a passenger of a paid booking; mails tell it.
create table seat_move (
    id            uuid        not null,
    booking_id    uuid        not null,
    passenger_id  uuid        not null,
    flight_id     uuid        not null,
    moved_at      timestamptz not null,
    from_aircraft text        not null,
    to_aircraft   text        not null,
    from_seat     text        not null,
    -- none where no seat was free: at check-in
    to_seat       text,
    currency      text        not null,
    -- what goes back of the fee of the seat
    refund_minor  bigint      not null,
    constraint seat_move_pkey primary key (id),
    -- No key of the booking: checking it would wait for whoever has locked that booking and waits for the cabins in turn.
    constraint seat_move_passenger_fkey foreign key (passenger_id) references passenger (id) on delete cascade,
    constraint seat_move_refund_not_negative check (refund_minor >= 0)
);
create index seat_move_booking_idx on seat_move (booking_id, moved_at);
