-- A second proof beside the password: codes of an authenticator app, and codes on paper for when it is lost.

create table second_factor (
    account_id   uuid        not null,
    -- with SECRET_KEY it makes the secret that the app has; by itself it is worth nothing
    salt         bytea       not null,
    created_at   timestamptz not null,
    -- when its owner showed a first code: until then log-ins do not ask for one
    confirmed_at timestamptz,
    -- the step of the last code that was taken: none is taken twice
    last_step    bigint      not null default 0,
    constraint second_factor_pkey primary key (account_id),
    constraint second_factor_account_fkey foreign key (account_id) references account (id) on delete cascade,
    constraint second_factor_salt_is_long check (octet_length(salt) = 32)
);

create table recovery_code (
    code_hash  bytea       not null,
    account_id uuid        not null,
    used_at    timestamptz,
    constraint recovery_code_pkey primary key (account_id, code_hash),
    constraint recovery_code_factor_fkey foreign key (account_id) references second_factor (account_id) on delete cascade,
    constraint recovery_code_hash_is_sha256 check (octet_length(code_hash) = 32)
);
