-- Every movement of money on a booking. A row has a debit, a credit and one amount, so no row and no sum of rows can be
-- out of balance: nothing has to be checked when a transaction commits.
create table ledger_entry (
    id           uuid        not null,
    -- the order of posting
    position     bigint      not null generated always as identity,
    booking_id   uuid        not null,
    posted_at    timestamptz not null,
    kind         text        not null,
    -- the booking that was sold, the payment that came, the refund that moved
    reference    uuid        not null,
    ordinal      smallint    not null default 0,
    debit        text        not null,
    credit       text        not null,
    amount_minor bigint      not null,
    currency     text        not null,
    constraint ledger_entry_pkey primary key (id),
    constraint ledger_entry_position_unique unique (position),
    constraint ledger_entry_booking_fkey foreign key (booking_id) references booking (id),
    -- A fact that is heard twice is posted once.
    constraint ledger_entry_posted_once unique (kind, reference, ordinal),
    constraint ledger_entry_kind_known check (kind in ('sale', 'payment', 'late_payment', 'mismatched_payment', 'refund',
        'refund_paid', 'refund_returned', 'refund_failed')),
    constraint ledger_entry_debit_known check (debit ~ '^(customer|stripe_clearing|refunds_payable|base_fare|discount|seat|baggage|(tax|fee):.+)$'),
    constraint ledger_entry_credit_known check (credit ~ '^(customer|stripe_clearing|refunds_payable|base_fare|discount|seat|baggage|(tax|fee):.+)$'),
    constraint ledger_entry_moves_something check (debit <> credit and amount_minor > 0),
    constraint ledger_entry_currency_is_code check (currency ~ '^[A-Z]{3}$')
);
create index ledger_entry_booking_idx on ledger_entry (booking_id, position);
-- The money of a payment comes once, whatever it is called.
create unique index ledger_entry_money_once on ledger_entry (reference) where kind in ('payment', 'late_payment', 'mismatched_payment');

-- What is posted stays: a mistake is mended by another entry.
create function ledger_entry_stays() returns trigger language plpgsql as $$
begin
    raise exception 'ledger entries are never changed' using errcode = 'integrity_constraint_violation', constraint = 'ledger_entry_stays';
end
$$;
create trigger ledger_entry_stays before update or delete on ledger_entry for each row execute function ledger_entry_stays();

-- Both sides of every entry, debits positive: what an accountant sums.
create view ledger_line as
select id, position, booking_id, posted_at, kind, reference, debit as account, amount_minor, currency from ledger_entry
union all
select id, position, booking_id, posted_at, kind, reference, credit, -amount_minor, currency from ledger_entry;

-- Money of another amount or currency than was asked for: it came, and it goes back whole.
alter table payment drop constraint payment_status_known;
alter table payment add constraint payment_status_known check (status in ('open', 'succeeded', 'expired', 'cancelled', 'mismatched'));
create unique index payment_intent_once on payment (stripe_payment_intent_id) where stripe_payment_intent_id is not null;

-- `made_at_stripe` is what staff gave back in Stripe's dashboard; `remainder` what is left of a refund of ours after that.
alter table refund drop constraint refund_reason_known;
alter table refund add constraint refund_reason_known
    check (reason in ('late_payment', 'duplicate_payment', 'mismatched_payment', 'cancellation', 'made_at_stripe', 'remainder'));
create unique index refund_whole_once on refund (payment_id) where reason in ('late_payment', 'duplicate_payment', 'mismatched_payment');
drop index refund_whole_payment_once;
create index refund_payment_idx on refund (payment_id);
