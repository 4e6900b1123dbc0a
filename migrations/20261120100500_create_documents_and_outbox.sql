-- Documents, and the jobs that make them. A job is promised by its row here, in the transaction of its cause.

create table document (
    id          uuid        not null,
    account_id  uuid        not null,
    booking_id  uuid        not null,
    kind        text        not null,
    -- tickets: the validating airline whose document this is
    airline     text,
    status      text        not null default 'queued',
    revision    integer     not null default 1,
    created_at  timestamptz not null,
    ready_at    timestamptz,
    storage_key text,
    sha256      bytea,
    size_bytes  bigint,
    constraint document_pkey primary key (id),
    constraint document_account_fkey foreign key (account_id) references account (id),
    constraint document_booking_fkey foreign key (booking_id) references booking (id),
    constraint document_kind_known check (kind in ('ticket', 'invoice', 'refund_receipt')),
    constraint document_status_known check (status in ('queued', 'rendering', 'ready', 'failed')),
    constraint document_ready_is_stored check (status <> 'ready' or (storage_key is not null and sha256 is not null and ready_at is not null))
);
create unique index document_one_ticket_per_airline on document (booking_id, airline) where kind = 'ticket';
create index document_booking_idx on document (booking_id);

create table outbox (
    id           uuid        not null,
    kind         text        not null,
    queue        text        not null,
    payload      jsonb       not null,
    -- one promise for one fact: a second put with the same key is the first
    unique_key   text,
    account_id   uuid,
    request_id   text,
    trace_parent text,
    status       text        not null default 'waiting',
    attempts     integer     not null default 0,
    max_attempts integer     not null,
    created_at   timestamptz not null,
    run_after    timestamptz not null,
    -- queued: when the relay may push it again · running: when its worker is taken for dead
    lease_until  timestamptz,
    -- grows with each lease; a worker that lost its lease cannot finish the job
    fence        bigint      not null default 0,
    started_at   timestamptz,
    finished_at  timestamptz,
    last_error   text,
    constraint outbox_pkey primary key (id),
    constraint outbox_unique_key unique (unique_key),
    constraint outbox_account_fkey foreign key (account_id) references account (id) on delete set null,
    constraint outbox_status_known check (status in ('waiting', 'queued', 'running', 'done', 'dead')),
    constraint outbox_attempts_not_negative check (attempts >= 0 and max_attempts > 0)
);
create index outbox_waiting_idx on outbox (run_after) where status = 'waiting';
create index outbox_leased_idx on outbox (lease_until) where status in ('queued', 'running');
create index outbox_finished_idx on outbox (finished_at) where status = 'done';

-- What a worker process says of itself, so that "no worker lives" is a fact that can be read.
create table worker_heartbeat (
    name    text        not null,
    beat_at timestamptz not null,
    constraint worker_heartbeat_pkey primary key (name)
);
