-- Where an account is told of what happens to its bookings, and what became of telling it.

create table webhook_endpoint (
    id              uuid        not null,
    account_id      uuid        not null,
    url             text        not null,
    description     text,
    -- types of events; none of them: all
    events          text[]      not null default '{}',
    status          text        not null default 'enabled',
    -- why we disabled it; null when its owner did
    disabled_reason text,
    disabled_at     timestamptz,
    -- since when every delivery has failed
    failing_since   timestamptz,
    created_at      timestamptz not null,
    constraint webhook_endpoint_pkey primary key (id),
    constraint webhook_endpoint_account_fkey foreign key (account_id) references account (id),
    constraint webhook_endpoint_status_known check (status in ('enabled', 'disabled')),
    constraint webhook_endpoint_reason_known check (disabled_reason in ('failing', 'gone')),
    constraint webhook_endpoint_disabled_is_dated check ((status = 'disabled') = (disabled_at is not null)),
    constraint webhook_endpoint_reason_of_disabled check (disabled_reason is null or status = 'disabled')
);
create index webhook_endpoint_account_idx on webhook_endpoint (account_id, id);

-- The secret itself is nowhere: it is derived from the deployment's own and from these ids.
create table webhook_secret (
    id          uuid        not null,
    endpoint_id uuid        not null,
    created_at  timestamptz not null,
    -- of one that was rotated away: until when deliveries are signed with it too
    valid_until timestamptz,
    constraint webhook_secret_pkey primary key (id),
    constraint webhook_secret_endpoint_fkey foreign key (endpoint_id) references webhook_endpoint (id) on delete cascade
);
create unique index webhook_secret_one_current on webhook_secret (endpoint_id) where valid_until is null;
create index webhook_secret_endpoint_idx on webhook_secret (endpoint_id);

create table webhook_delivery (
    id               uuid        not null,
    -- the order in which they were promised
    position         bigint      not null generated always as identity,
    -- No key of the endpoint: a booking promises deliveries in its transaction, and checking it would lock the row that
    -- every failure of a delivery changes.
    endpoint_id      uuid        not null,
    -- the header `webhook-id`: a row of booking_event, or of nothing when it is a test
    event_id         uuid        not null,
    event_type       text        not null,
    created_at       timestamptz not null,
    status           text        not null default 'pending',
    -- since it was promised, or asked for again
    attempts         integer     not null default 0,
    next_attempt_at  timestamptz,
    -- what makes the next attempt, once that is promised
    job_id           uuid,
    -- the last attempt
    attempted_at     timestamptz,
    request_headers  jsonb,
    request_body     text,
    response_status  smallint,
    response_body    text,
    duration_ms      integer,
    error            text,
    constraint webhook_delivery_pkey primary key (id),
    constraint webhook_delivery_once unique (endpoint_id, event_id),
    constraint webhook_delivery_status_known check (status in ('pending', 'delivered', 'failed')),
    constraint webhook_delivery_pending_is_due check ((status = 'pending') = (next_attempt_at is not null)),
    constraint webhook_delivery_job_of_pending check (job_id is null or status = 'pending'),
    constraint webhook_delivery_attempts_not_negative check (attempts >= 0)
);
create unique index webhook_delivery_position on webhook_delivery (endpoint_id, position);
create index webhook_delivery_due_idx on webhook_delivery (endpoint_id, next_attempt_at, position) where status = 'pending' and job_id is null;
create index webhook_delivery_under_way_idx on webhook_delivery (endpoint_id) where job_id is not null;
create index webhook_delivery_created_idx on webhook_delivery (created_at);
