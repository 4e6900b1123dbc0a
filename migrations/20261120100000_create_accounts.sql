-- People and programs: accounts, their API keys, and what makes a repeated POST one effect.

create table account (
    id            uuid        not null,
    email         text        not null,
    first_name    text        not null,
    last_name     text        not null,
    phone         text,
    role          text        not null default 'traveller',
    password_hash text        not null,
    created_at    timestamptz not null,
    constraint account_pkey primary key (id),
    constraint account_email_lower check (email = lower(email)),
    constraint account_role_known check (role in ('traveller', 'staff', 'admin'))
);
-- Sign-up answers "taken" by this name.
create unique index account_email_taken on account (email);

create table api_key (
    id           uuid        not null,
    account_id   uuid        not null,
    name         text        not null,
    prefix       text        not null,
    key_hash     bytea       not null,
    scopes       text[]      not null,
    created_at   timestamptz not null,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz,
    constraint api_key_pkey primary key (id),
    constraint api_key_account_fkey foreign key (account_id) references account (id) on delete cascade,
    constraint api_key_hash_unique unique (key_hash),
    constraint api_key_hash_is_sha256 check (octet_length(key_hash) = 32),
    constraint api_key_scopes_known check (scopes <@ array['search', 'bookings', 'admin'] and scopes <> '{}')
);
create index api_key_account_idx on api_key (account_id);

-- Written in the transaction of the effect it guards: a crash leaves neither.
create table idempotency_key (
    account_id   uuid        not null,
    key          text        not null,
    request_hash bytea       not null,
    status       smallint    not null,
    body         jsonb       not null,
    created_at   timestamptz not null,
    constraint idempotency_key_pkey primary key (account_id, key),
    constraint idempotency_key_account_fkey foreign key (account_id) references account (id) on delete cascade,
    constraint idempotency_key_stores_success check (status between 200 and 299)
);
create index idempotency_key_created_idx on idempotency_key (created_at);
