-- People log in: their sessions, the tokens that continue them, and the keys that sign access tokens.

-- An agent books for the customers of an agency, and may do what a traveller may.
alter table account drop constraint account_role_known;
alter table account add constraint account_role_known check (role in ('traveller', 'agent', 'staff', 'admin')) not valid;
alter table account validate constraint account_role_known;

-- One log-in of a person on one device: the family of all refresh tokens that follow from it.
create table session (
    id           uuid        not null,
    account_id   uuid        not null,
    -- what the browser or program calls itself
    user_agent   text,
    created_at   timestamptz not null,
    -- when its newest refresh token was made
    refreshed_at timestamptz not null,
    expires_at   timestamptz not null,
    ended_at     timestamptz,
    end_reason   text,
    constraint session_pkey primary key (id),
    constraint session_account_fkey foreign key (account_id) references account (id) on delete cascade,
    constraint session_end_has_reason check ((ended_at is null) = (end_reason is null)),
    constraint session_end_reason_known check (end_reason in ('logged_out', 'replaced', 'token_reused', 'password_changed'))
);
create index session_account_idx on session (account_id, id);
create index session_expires_idx on session (expires_at);

-- The newest tokens of a session have no `used_at`; the others are kept to recognise one that is used again.
create table refresh_token (
    token_hash bytea       not null,
    session_id uuid        not null,
    created_at timestamptz not null,
    used_at    timestamptz,
    constraint refresh_token_pkey primary key (token_hash),
    constraint refresh_token_session_fkey foreign key (session_id) references session (id) on delete cascade,
    constraint refresh_token_hash_is_sha256 check (octet_length(token_hash) = 32)
);
create index refresh_token_session_idx on refresh_token (session_id);

-- A key is derived from SECRET_KEY and this salt: neither of the two signs anything by itself.
create table signing_key (
    id         uuid        not null,
    salt       bytea       not null,
    created_at timestamptz not null,
    retired_at timestamptz,
    constraint signing_key_pkey primary key (id),
    constraint signing_key_salt_is_long check (octet_length(salt) = 32)
);
create unique index signing_key_one_current on signing_key ((true)) where retired_at is null;

-- Who changed a booking or cancelled a flight in a session had no API key.
alter table booking_event add column session_id uuid;
alter table disruption add column session_id uuid;
