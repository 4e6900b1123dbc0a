-- An outage of a back-end is no attempt of a job. While it lasts, the queue that needs the back-end is paused, and one
-- job after the other, ever more rarely, finds out whether it is back. All workers share what they know here.

create table backend_outage (
    backend       text        not null,
    -- the queue that is paused; a job of another queue that needs this back-end too says so in outbox.waits_for
    queue         text        not null,
    began_at      timestamptz not null,
    -- when the next job may find out
    probe_at      timestamptz not null,
    failed_probes integer     not null default 0,
    last_error    text        not null,
    constraint backend_outage_pkey primary key (backend),
    constraint backend_outage_probes_not_negative check (failed_probes >= 0)
);

alter table outbox
    -- the back-end that the job last found away
    add column waits_for     text,
    -- it was let through a paused queue to find out whether the back-end is back
    add column is_probe      boolean not null default false,
    -- how often it was put off without an attempt, because what it needs was not there yet
    add column postponements integer not null default 0,
    -- how often it was the first to find a back-end away: a job that always is, is what is wrong
    add column outages_begun integer not null default 0;

-- Questions to the payment provider that are under way: nobody asks twice.
create index outbox_live_payment_idx on outbox ((payload ->> 'payment_id'))
    where kind = 'reconcile_payment' and status in ('waiting', 'queued', 'running');
create index outbox_live_refund_idx on outbox ((payload ->> 'refund_id'))
    where kind = 'create_refund' and status in ('waiting', 'queued', 'running');
