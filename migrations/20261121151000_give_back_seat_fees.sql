-- `seat_fees` is what was paid for chosen seats that could not be had when the booking was sold: it goes back at once,
-- and is no part of the price.
alter table refund drop constraint refund_reason_known;
alter table refund add constraint refund_reason_known
    check (reason in ('late_payment', 'duplicate_payment', 'mismatched_payment', 'seat_fees', 'cancellation', 'made_at_stripe', 'remainder')) not valid;
alter table refund validate constraint refund_reason_known;
create unique index refund_seat_fees_once on refund (payment_id) where reason = 'seat_fees';
