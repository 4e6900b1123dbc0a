-- Disputes: whoever paid says so to the bank, and the bank takes the money back. And what staff do about refunds that failed.

create table dispute (
    id                       uuid        not null,
    stripe_dispute_id        text        not null,
    -- Stripe's payment. Ours may not be paid yet as far as we know: webhooks come in any order
    stripe_payment_intent_id text        not null,
    payment_id               uuid,
    booking_id               uuid,
    -- Stripe's word
    status                   text        not null,
    -- Stripe's word, too: what the cardholder says
    reason                   text        not null,
    currency                 text        not null,
    amount_minor             bigint      not null,
    opened_at                timestamptz not null,
    -- until when evidence can be sent; none when the bank takes none
    evidence_due_by          timestamptz,
    closed_at                timestamptz,
    constraint dispute_pkey primary key (id),
    constraint dispute_stripe_unique unique (stripe_dispute_id),
    constraint dispute_payment_fkey foreign key (payment_id) references payment (id),
    constraint dispute_booking_fkey foreign key (booking_id) references booking (id),
    constraint dispute_matched_whole check ((payment_id is null) = (booking_id is null)),
    constraint dispute_status_known check (status in ('warning_needs_response', 'warning_under_review', 'warning_closed',
        'needs_response', 'under_review', 'won', 'lost', 'prevented')),
    constraint dispute_closed_when_it_ended
        check ((closed_at is not null) = (status in ('warning_closed', 'won', 'lost', 'prevented'))),
    constraint dispute_amount_positive check (amount_minor > 0),
    constraint dispute_currency_is_code check (currency ~ '^[A-Z]{3}$')
);
create index dispute_payment_idx on dispute (payment_id);
create index dispute_booking_idx on dispute (booking_id);
create index dispute_unmatched_idx on dispute (stripe_payment_intent_id) where payment_id is null;
create index dispute_open_idx on dispute (id) where closed_at is null;

-- A refund that failed stays as it is; whatever is paid in its place is a refund of its own.
alter table refund
    add column replaces_id  uuid,
    -- how staff paid it, when not through Stripe
    add column settled_by   text,
    add column settled_note text,
    add constraint refund_replaces_fkey foreign key (replaces_id) references refund (id),
    add constraint refund_settled_by_known check (settled_by in ('bank_transfer')),
    add constraint refund_settled_whole check (settled_by is null or (replaces_id is not null and settled_note is not null and status = 'succeeded'));
create unique index refund_replaced_once on refund (replaces_id) where replaces_id is not null;
create index refund_failed_idx on refund (id) where status = 'failed';

-- Once for its reason; what replaces it has the same reason.
create unique index refund_whole_at_first on refund (payment_id)
    where reason in ('late_payment', 'duplicate_payment', 'mismatched_payment') and replaces_id is null;
drop index refund_whole_once;
create unique index refund_cancellation_at_first on refund (cancellation_id, payment_id)
    where cancellation_id is not null and replaces_id is null;
drop index refund_cancellation_once;

-- `disputes` is money that banks hold over a dispute, and what was lost of it; `bank` the seller's own account at a bank.
alter table ledger_entry drop constraint ledger_entry_kind_known;
alter table ledger_entry add constraint ledger_entry_kind_known check (kind in ('sale', 'payment', 'late_payment', 'mismatched_payment',
    'refund', 'refund_paid', 'refund_returned', 'refund_failed', 'refund_settled', 'refund_by_dispute',
    'dispute_withdrawn', 'dispute_reinstated')) not valid;
alter table ledger_entry validate constraint ledger_entry_kind_known;
alter table ledger_entry drop constraint ledger_entry_debit_known;
alter table ledger_entry add constraint ledger_entry_debit_known check (debit ~
    '^(customer|stripe_clearing|refunds_payable|disputes|bank|base_fare|discount|seat|baggage|(tax|fee):.+)$') not valid;
alter table ledger_entry validate constraint ledger_entry_debit_known;
alter table ledger_entry drop constraint ledger_entry_credit_known;
alter table ledger_entry add constraint ledger_entry_credit_known check (credit ~
    '^(customer|stripe_clearing|refunds_payable|disputes|bank|base_fare|discount|seat|baggage|(tax|fee):.+)$') not valid;
alter table ledger_entry validate constraint ledger_entry_credit_known;

-- The disputes of the sandbox.
create table sandbox.dispute (
    id          text        not null,
    sequence    bigint      not null generated always as identity,
    charge_id   text        not null,
    amount      bigint      not null,
    status      text        not null,
    reason      text        not null,
    created_at  timestamptz not null,
    due_by      timestamptz not null,
    -- what was sent to the bank
    evidence    text,
    constraint dispute_pkey primary key (id),
    constraint dispute_charge_fkey foreign key (charge_id) references sandbox.charge (id),
    constraint dispute_amount_positive check (amount > 0),
    constraint dispute_status_known check (status in ('warning_needs_response', 'warning_under_review', 'warning_closed',
        'needs_response', 'under_review', 'won', 'lost'))
);
create index dispute_charge_idx on sandbox.dispute (charge_id);
