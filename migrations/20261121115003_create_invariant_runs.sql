-- What the nightly check of the whole database found; a night has one.
create table invariant_run (
    night      date        not null,
    checked_at timestamptz not null,
    -- [{name, violations, examples}]
    findings   jsonb       not null,
    constraint invariant_run_pkey primary key (night)
);
