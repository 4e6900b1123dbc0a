-- Some of a paid booking in a booking of their own: they change their flights and the others do not.

create table booking_split (
    -- what came of it
    new_booking_id uuid        not null,
    -- what it was taken out of
    booking_id     uuid        not null,
    -- where the passengers were booked at first: a booking that came of a split may be split again
    origin_id      uuid        not null,
    split_at       timestamptz not null,
    currency       text        not null,
    -- what the passengers had cost until then, and paid
    total_minor    bigint      not null,
    constraint booking_split_pkey primary key (new_booking_id),
    constraint booking_split_new_booking_fkey foreign key (new_booking_id) references booking (id),
    constraint booking_split_booking_fkey foreign key (booking_id) references booking (id),
    constraint booking_split_origin_fkey foreign key (origin_id) references booking (id),
    constraint booking_split_into_another check (new_booking_id not in (booking_id, origin_id)),
    constraint booking_split_total_not_negative check (total_minor >= 0)
);
create index booking_split_booking_idx on booking_split (booking_id);
create index booking_split_origin_idx on booking_split (origin_id);

-- How much of which payment went along. The payment stays where it came: refunds of both are paid from it.
create table payment_split (
    new_booking_id uuid   not null,
    payment_id     uuid   not null,
    booking_id     uuid   not null,
    amount_minor   bigint not null,
    constraint payment_split_pkey primary key (new_booking_id, payment_id),
    constraint payment_split_split_fkey foreign key (new_booking_id) references booking_split (new_booking_id),
    constraint payment_split_payment_fkey foreign key (payment_id) references payment (id),
    constraint payment_split_booking_fkey foreign key (booking_id) references booking (id),
    constraint payment_split_amount_positive check (amount_minor > 0)
);
create index payment_split_booking_idx on payment_split (booking_id);
create index payment_split_payment_idx on payment_split (payment_id);

-- What of which payment is whose: the rows of a payment sum to it. A booking that was never split has its payments whole.
create view payment_share as
select id as payment_id, booking_id, status, currency, amount_minor from payment
union all
select p.id, s.new_booking_id, p.status, p.currency, s.amount_minor from payment_split s join payment p on p.id = s.payment_id
union all
select p.id, s.booking_id, p.status, p.currency, -s.amount_minor from payment_split s join payment p on p.id = s.payment_id;

alter table ledger_entry drop constraint ledger_entry_kind_known;
alter table ledger_entry add constraint ledger_entry_kind_known check (kind in ('sale', 'payment', 'late_payment', 'mismatched_payment',
    'refund', 'refund_paid', 'refund_returned', 'refund_failed', 'refund_settled', 'refund_by_dispute',
    'dispute_withdrawn', 'dispute_reinstated', 'sale_split', 'payment_split')) not valid;
alter table ledger_entry validate constraint ledger_entry_kind_known;
