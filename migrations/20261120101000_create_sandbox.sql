-- What the Stripe sandbox remembers. Nothing outside this schema refers to it: `drop schema sandbox cascade` loses
-- no booking. A deployment with a Stripe key never writes here.

create schema sandbox;

create table sandbox.checkout_session (
    id                  text        not null,
    sequence            bigint      not null generated always as identity,
    status              text        not null default 'open',
    amount              bigint      not null,
    currency            text        not null,
    description         text        not null,
    created_at          timestamptz not null,
    expires_at          timestamptz not null,
    success_url         text        not null,
    cancel_url          text,
    customer_email      text,
    client_reference_id text,
    submit_type         text,
    locale              text,
    metadata            jsonb       not null,
    intent_metadata     jsonb       not null,
    intent_description  text,
    constraint checkout_session_pkey primary key (id),
    constraint checkout_session_sequence_unique unique (sequence),
    constraint checkout_session_status_known check (status in ('open', 'complete', 'expired'))
);
create index checkout_session_open_idx on sandbox.checkout_session (expires_at) where status = 'open';

create table sandbox.payment_intent (
    id                  text        not null,
    checkout_session_id text        not null,
    status              text        not null,
    amount              bigint      not null,
    currency            text        not null,
    description         text,
    metadata            jsonb       not null,
    created_at          timestamptz not null,
    canceled_at         timestamptz,
    constraint payment_intent_pkey primary key (id),
    constraint payment_intent_session_fkey foreign key (checkout_session_id) references sandbox.checkout_session (id),
    constraint payment_intent_session_unique unique (checkout_session_id),
    constraint payment_intent_status_known check (status in ('requires_payment_method', 'succeeded', 'canceled'))
);

create table sandbox.charge (
    id                text        not null,
    sequence          bigint      not null generated always as identity,
    payment_intent_id text        not null,
    amount            bigint      not null,
    amount_refunded   bigint      not null default 0,
    currency          text        not null,
    created_at        timestamptz not null,
    -- never more of a card than this
    brand             text        not null,
    last4             text        not null,
    failure_code      text,
    decline_code      text,
    failure_message   text,
    constraint charge_pkey primary key (id),
    constraint charge_intent_fkey foreign key (payment_intent_id) references sandbox.payment_intent (id),
    constraint charge_refunded_at_most_whole check (amount_refunded between 0 and amount),
    constraint charge_last4_is_four_digits check (last4 ~ '^[0-9]{4}$')
);
-- Two clicks pay once.
create unique index charge_succeeds_once on sandbox.charge (payment_intent_id) where failure_code is null;

create table sandbox.refund (
    id             text        not null,
    sequence       bigint      not null generated always as identity,
    charge_id      text        not null,
    amount         bigint      not null,
    status         text        not null,
    failure_reason text,
    reason         text,
    metadata       jsonb       not null,
    created_at     timestamptz not null,
    -- a pending refund turns into this at that time
    outcome        text,
    outcome_at     timestamptz,
    constraint refund_pkey primary key (id),
    constraint refund_charge_fkey foreign key (charge_id) references sandbox.charge (id),
    constraint refund_amount_positive check (amount > 0),
    constraint refund_status_known check (status in ('pending', 'succeeded', 'failed')),
    constraint refund_outcome_known check (outcome in ('succeeded', 'failed'))
);
create index refund_pending_idx on sandbox.refund (outcome_at) where status = 'pending';
create index refund_charge_idx on sandbox.refund (charge_id);

create table sandbox.event (
    id         text        not null,
    sequence   bigint      not null generated always as identity,
    kind       text        not null,
    created_at timestamptz not null,
    -- the object as it was
    object     jsonb       not null,
    previous   jsonb,
    request_id text,
    request_idempotency_key text,
    constraint event_pkey primary key (id),
    constraint event_sequence_unique unique (sequence)
);

create table sandbox.webhook_delivery (
    id           bigint      not null generated always as identity,
    event_id     text        not null,
    attempts     int         not null default 0,
    -- when it may be tried; while it is being tried, when somebody else may try it
    due_at       timestamptz not null,
    delivered_at timestamptz,
    given_up_at  timestamptz,
    last_answer  text,
    constraint webhook_delivery_pkey primary key (id),
    constraint webhook_delivery_event_fkey foreign key (event_id) references sandbox.event (id)
);
create index webhook_delivery_due_idx on sandbox.webhook_delivery (due_at, id) where delivered_at is null and given_up_at is null;
create index webhook_delivery_event_idx on sandbox.webhook_delivery (event_id);

create table sandbox.idempotency_key (
    key         text        not null,
    endpoint    text        not null,
    parameters  text        not null,
    status      int         not null,
    body        jsonb       not null,
    request_id  text        not null,
    created_at  timestamptz not null,
    constraint idempotency_key_pkey primary key (key)
);
create index idempotency_key_created_idx on sandbox.idempotency_key (created_at);

-- How the sandbox misbehaves on request: one row.
create table sandbox.behaviour (
    singleton            boolean not null default true,
    webhook_delay_ms     int     not null default 0,
    webhook_duplicate    boolean not null default false,
    webhook_shuffle      boolean not null default false,
    webhook_drop         boolean not null default false,
    refund_outcome       text    not null default 'succeed',
    refund_after_ms      int     not null default 0,
    fault_kind           text,
    fault_path           text,
    fault_times          int     not null default 0,
    fault_delay_ms       int     not null default 0,
    constraint behaviour_pkey primary key (singleton),
    constraint behaviour_one_row check (singleton),
    constraint behaviour_webhook_delay_not_negative check (webhook_delay_ms >= 0),
    constraint behaviour_refund_outcome_known check (refund_outcome in ('succeed', 'pending_then_succeed', 'pending_then_fail')),
    constraint behaviour_refund_after_not_negative check (refund_after_ms >= 0),
    constraint behaviour_fault_known check (fault_kind in ('api_error', 'rate_limit', 'lock_timeout', 'lost_answer', 'slow')),
    constraint behaviour_fault_times_not_negative check (fault_times >= 0),
    constraint behaviour_fault_delay_not_negative check (fault_delay_ms >= 0)
);
insert into sandbox.behaviour default values;
