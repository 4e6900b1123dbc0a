//! The transitions of a job row. Whoever lost a race finds no row in the state it wants, and does nothing.

use chrono::{DateTime, Duration, Utc};
use sqlx::PgConnection;

use super::backoff;
use super::model::{Kind, Queue};
use super::outage::{self, Backend, MOST_BEGUN, PROBE_LEASE, is_away};
use super::redact::redact;
use crate::ids::{AccountId, JobId};
use crate::telemetry::Context;
use crate::{Clock, Error, Result};

/// How long a pushed job may lie in Redis before the relay takes it for lost and pushes it again. A job that merely
/// waits behind others may be pushed twice: the second push finds it started.
pub const QUEUED_LEASE: Duration = Duration::seconds(15);
/// How long a worker owns a job without a sign of life; it extends the lease three times as often.
pub const RUNNING_LEASE: Duration = Duration::seconds(15);
/// Rows that one transaction brings back or deletes at most.
const BATCH: i64 = 500;

/// A row the relay has taken: what it pushes.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The job.
    pub job_id: JobId,
    /// The attempt this push stands for; the first is 1.
    pub attempt: i32,
    /// Which push of the row this is: it differs each time, where a lapsed lease leaves the attempt the same.
    pub push: i64,
    /// Which job it is.
    pub kind: Kind,
    /// The request that promised it.
    pub context: Context,
}

/// The right to run one attempt of a job, for as long as it is extended and nobody else got it.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The job.
    pub job_id: JobId,
    /// Which attempt this is; the first is 1.
    pub attempt: i32,
    /// The account that caused the job; the jobs it promises in turn carry it on.
    pub account_id: Option<AccountId>,
    kind: Kind,
    is_probe: bool,
    fence: i64,
}

impl Lease {
    /// Whether somebody may have run the job before, be it in an attempt that failed or in one that did not count. True
    /// too when a push was lost; never false when something was done.
    pub fn is_repeated(&self) -> bool {
        // Claimed and started once makes two.
        self.attempt > 1 || self.fence > 2
    }
}

/// A job that is this worker's to run.
#[derive(Clone, Debug)]
pub struct Started {
    /// The right to run it.
    pub lease: Lease,
    /// Which job it is.
    pub kind: Kind,
    /// The payload as it was promised.
    pub payload: serde_json::Value,
    /// The request that promised it.
    pub context: Context,
}

/// What a failure leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is tried again at this instant.
    RetryAt(DateTime<Utc>),
    /// What it needs was not there yet: it is tried again at this instant, and this was no attempt.
    PutOffUntil(DateTime<Utc>),
    /// Its back-end is away: it is tried again when that is back, and this was no attempt.
    WaitsFor(Backend),
    /// It is not tried again by itself; staff see it with its error.
    Dead,
}

/// A job that died because its last worker did.
#[derive(Clone, Debug)]
pub struct DeadJob {
    /// The job.
    pub job_id: JobId,
    /// Which job it is, by its name.
    pub kind: String,
    /// The payload as it was promised.
    pub payload: serde_json::Value,
}

/// What [`requeue_lapsed`] found.
#[derive(Clone, Debug, Default)]
pub struct Lapsed {
    /// Pushed, but never started: Redis lost them, or their turn did not come.
    pub unstarted: u64,
    /// Started by workers that went silent; they wait for their next attempt.
    pub abandoned: u64,
    /// Started by workers that went silent, on their last attempt.
    pub dead: Vec<DeadJob>,
}

/// What a relay finds when it looks for due rows.
#[derive(Clone, Debug, Default)]
pub struct Due {
    /// What it has taken and must push.
    pub claimed: Vec<Claimed>,
    /// When the next row becomes due, as far as it is known.
    pub next_at: Option<DateTime<Utc>>,
}

/// Takes up to `room` due rows of a queue, those due longest first, and marks them queued.
///
/// Two relays never take the same row, and do not wait for each other. Kinds that this program does not know are
/// left to one that does, so that a rolling deployment loses nothing. Of a queue that is paused it takes one row when a
/// probe is due.
pub async fn claim(
    conn: &mut PgConnection,
    clock: &Clock,
    queue: Queue,
    room: i64,
) -> Result<Vec<Claimed>> {
    Ok(take_due(conn, clock, queue, room).await?.claimed)
}

/// The same as [`claim`], and says when to look again. One statement as long as no back-end is away.
pub async fn take_due(
    conn: &mut PgConnection,
    clock: &Clock,
    queue: Queue,
    room: i64,
) -> Result<Due> {
    let now = clock.now();
    let rows = sqlx::query!(
        r#"
        with due as (
            select id from outbox
            where queue = $1 and status = 'waiting' and run_after <= $2 and kind = any($3)
              and not exists (select from backend_outage where backend_outage.queue = $1)
              and (waits_for is null or not exists (select from backend_outage where backend = waits_for))
            order by run_after, id
            limit greatest($4::bigint, 0)
            for update skip locked
        ), claimed as (
            update outbox set status = 'queued', fence = fence + 1, lease_until = $5, is_probe = false
            from due
            where outbox.id = due.id
            returning outbox.id, attempts + 1 as attempt, fence, kind, request_id, trace_parent, run_after
        )
        select claimed.id as "id?: JobId", attempt as "attempt?", fence as "fence?", kind as "kind?", request_id as "request_id?",
               trace_parent as "trace_parent?", run_after as "run_after?",
               exists (select from backend_outage) as "is_any_away!",
               (select min(run_after) from outbox where queue = $1 and status = 'waiting' and run_after > $2) as next_at
        from (values (true)) as one left join claimed on true
        "#,
        queue.as_str(),
        now,
        &known_kinds(),
        room,
        now + QUEUED_LEASE,
    )
    .fetch_all(&mut *conn)
    .await?;
    let is_any_away = rows.first().is_some_and(|row| row.is_any_away);
    let next_at = rows.first().and_then(|row| row.next_at);
    let mut claimed: Vec<_> = rows
        .into_iter()
        .filter_map(|row| {
            let claimed = Claimed {
                job_id: row.id?,
                attempt: row.attempt?,
                push: row.fence?,
                kind: Kind::parse(&row.kind?)?,
                context: Context {
                    request_id: row.request_id,
                    trace_parent: row.trace_parent,
                },
            };
            Some((row.run_after, claimed))
        })
        .collect();
    // `returning` keeps no order.
    claimed.sort_by_key(|(run_after, claimed)| (*run_after, claimed.job_id));
    let mut claimed: Vec<_> = claimed.into_iter().map(|(_, claimed)| claimed).collect();
    if is_any_away && room > 0 {
        claimed.extend(claim_probe(conn, clock, queue).await?);
    }
    Ok(Due { claimed, next_at })
}

/// Takes the row of a queue that waits longest for a back-end whose probe is due, and puts off the next probe.
async fn claim_probe(
    conn: &mut PgConnection,
    clock: &Clock,
    queue: Queue,
) -> Result<Option<Claimed>> {
    let now = clock.now();
    let row = sqlx::query!(
        r#"
        with outage as (
            select backend, backend_outage.queue from backend_outage
            where probe_at <= $2 and exists (
                select from outbox
                where outbox.queue = $1 and status = 'waiting' and run_after <= $2 and kind = any($3)
                  and (waits_for = backend or (backend_outage.queue = $1
                      and (waits_for is null or not exists (select from backend_outage other where other.backend = waits_for)))))
            order by probe_at
            limit 1
            for update skip locked
        ), due as (
            select outbox.id, outage.backend from outbox, outage
            where outbox.queue = $1 and status = 'waiting' and run_after <= $2 and kind = any($3)
              and (waits_for = outage.backend or (outage.queue = $1
                  and (waits_for is null or not exists (select from backend_outage other where other.backend = waits_for))))
            order by run_after, outbox.id
            limit 1
            for update of outbox skip locked
        ), put_off as (
            update backend_outage set probe_at = $5 where backend in (select backend from due)
        )
        update outbox set status = 'queued', fence = fence + 1, lease_until = $4, is_probe = true
        from due
        where outbox.id = due.id
        returning outbox.id as "id: JobId", attempts + 1 as "attempt!", fence, kind, request_id, trace_parent
        "#,
        queue.as_str(),
        now,
        &known_kinds(),
        now + QUEUED_LEASE,
        now + PROBE_LEASE,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.and_then(|row| {
        Some(Claimed {
            job_id: row.id,
            attempt: row.attempt,
            push: row.fence,
            kind: Kind::parse(&row.kind)?,
            context: Context {
                request_id: row.request_id,
                trace_parent: row.trace_parent,
            },
        })
    }))
}

/// Gives back rows that could not be pushed; no attempt is used up. A row that was started nevertheless stays so.
pub async fn unclaim(conn: &mut PgConnection, claimed: &[Claimed]) -> Result<()> {
    let ids: Vec<_> = claimed.iter().map(|claimed| claimed.job_id.0).collect();
    let pushes: Vec<_> = claimed.iter().map(|claimed| claimed.push).collect();
    sqlx::query!(
        r#"
        update outbox set status = 'waiting', lease_until = null, is_probe = false
        from unnest($1::uuid[], $2::bigint[]) as claimed (id, fence)
        where outbox.id = claimed.id and outbox.fence = claimed.fence and outbox.status = 'queued'
        "#,
        &ids,
        &pushes,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Begins an attempt of a job, or answers `None` when that attempt is not wanted: it runs or ran elsewhere, the job is
/// done or dead, or this program does not know its kind.
///
/// A row that waits is started too: its lease in the queue lapsed before its turn came, or a push that seemed to have
/// failed had not. What was pushed before its queue was paused is not started, unless it is the probe: its lease lapses,
/// and it waits.
pub async fn start(
    conn: &mut PgConnection,
    clock: &Clock,
    job_id: JobId,
    attempt: i32,
) -> Result<Option<Started>> {
    let now = clock.now();
    let row = sqlx::query!(
        r#"
        update outbox
        set status = 'running', attempts = attempts + 1, fence = fence + 1, lease_until = $4, started_at = $3
        where id = $1 and attempts + 1 = $2 and status in ('waiting', 'queued') and kind = any($5)
          and (is_probe or not exists (
              select from backend_outage
              where backend_outage.queue = outbox.queue or backend_outage.backend = outbox.waits_for))
        returning kind, payload, account_id as "account_id: AccountId", fence, is_probe, request_id, trace_parent
        "#,
        job_id.0,
        attempt,
        now,
        now + RUNNING_LEASE,
        &known_kinds(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.and_then(|row| {
        let kind = Kind::parse(&row.kind)?;
        Some(Started {
            lease: Lease {
                job_id,
                attempt,
                account_id: row.account_id,
                kind,
                is_probe: row.is_probe,
                fence: row.fence,
            },
            kind,
            payload: row.payload,
            context: Context {
                request_id: row.request_id,
                trace_parent: row.trace_parent,
            },
        })
    }))
}

/// Says that the job is still being worked on; [`Error::LeaseLost`] when it is somebody else's by now.
pub async fn extend(conn: &mut PgConnection, clock: &Clock, lease: &Lease) -> Result<()> {
    let extended = sqlx::query!(
        "update outbox set lease_until = $3 where id = $1 and fence = $2 and status = 'running'",
        lease.job_id.0,
        lease.fence,
        clock.now() + RUNNING_LEASE,
    )
    .execute(conn)
    .await?;
    held(lease, extended.rows_affected())
}

/// Marks the job done, in the transaction of its effect. [`Error::LeaseLost`] when the job is somebody else's by now:
/// the caller rolls back, so that the effect happens once.
pub async fn finish(conn: &mut PgConnection, clock: &Clock, lease: &Lease) -> Result<()> {
    if lease.is_probe {
        outage::found_nothing_out(conn, clock, lease.job_id).await?;
    }
    let finished = sqlx::query!(
        r#"
        update outbox set status = 'done', finished_at = $3, lease_until = null, last_error = null
        where id = $1 and fence = $2 and status = 'running'
        "#,
        lease.job_id.0,
        lease.fence,
        clock.now(),
    )
    .execute(conn)
    .await?;
    held(lease, finished.rows_affected())
}

/// Ends an attempt that failed: tried again after a growing wait, or dead when `retryable` is false or the attempts
/// are used up. The error is kept without addresses and secrets. [`Error::LeaseLost`] as for [`finish`].
pub async fn fail(
    conn: &mut PgConnection,
    clock: &Clock,
    lease: &Lease,
    error: &str,
    retryable: bool,
) -> Result<Verdict> {
    if lease.is_probe {
        outage::found_nothing_out(conn, clock, lease.job_id).await?;
    }
    let now = clock.now();
    let retry_at = now + backoff::after(lease.attempt, lease.kind.longest_wait());
    let dead = sqlx::query_scalar!(
        r#"
        update outbox
        set status = case when $5 and attempts < max_attempts then 'waiting' else 'dead' end,
            run_after = case when $5 and attempts < max_attempts then $4 else run_after end,
            finished_at = case when $5 and attempts < max_attempts then null else $3::timestamptz end,
            lease_until = null,
            is_probe = false,
            waits_for = null,
            last_error = $6
        where id = $1 and fence = $2 and status = 'running'
        returning status = 'dead' as "dead!"
        "#,
        lease.job_id.0,
        lease.fence,
        now,
        retry_at,
        retryable,
        redact(error),
    )
    .fetch_optional(conn)
    .await?;
    match dead {
        None => Err(Error::LeaseLost(lease.job_id)),
        Some(true) => Ok(Verdict::Dead),
        Some(false) => Ok(Verdict::RetryAt(retry_at)),
    }
}

/// Ends a run that found what it needs not there yet, such as a mail whose document is being made: tried again after a
/// growing wait, for as long as it takes, and no attempt is used up. [`Error::LeaseLost`] as for [`finish`].
pub async fn put_off(
    conn: &mut PgConnection,
    clock: &Clock,
    lease: &Lease,
    error: &str,
) -> Result<Verdict> {
    if lease.is_probe {
        outage::found_nothing_out(conn, clock, lease.job_id).await?;
    }
    let before = sqlx::query_scalar!(
        "select postponements from outbox where id = $1 and fence = $2 and status = 'running'",
        lease.job_id.0,
        lease.fence,
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(Error::LeaseLost(lease.job_id))?;
    let again_at = clock.now() + backoff::after(before.saturating_add(1), backoff::CAP);
    let put_off = sqlx::query!(
        r#"
        update outbox
        set status = 'waiting', attempts = greatest(attempts - 1, 0), postponements = postponements + 1, run_after = $3,
            lease_until = null, is_probe = false, waits_for = null, last_error = $4
        where id = $1 and fence = $2 and status = 'running'
        "#,
        lease.job_id.0,
        lease.fence,
        again_at,
        redact(error),
    )
    .execute(conn)
    .await?;
    held(lease, put_off.rows_affected())?;
    Ok(Verdict::PutOffUntil(again_at))
}

/// Ends a run that found its back-end away: the queue is paused, the job goes on when the back-end is back, and no
/// attempt is used up. [`Error::LeaseLost`] as for [`finish`].
///
/// A job that finds its back-end away again and again while it answers others is itself what is wrong: it fails as in
/// [`fail`].
pub async fn wait_for(
    conn: &mut PgConnection,
    clock: &Clock,
    lease: &Lease,
    backend: Backend,
    error: &str,
) -> Result<Verdict> {
    let outages_begun = sqlx::query_scalar!(
        "select outages_begun from outbox where id = $1 and fence = $2 and status = 'running'",
        lease.job_id.0,
        lease.fence,
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(Error::LeaseLost(lease.job_id))?;
    if outages_begun >= MOST_BEGUN && !is_away(conn, backend).await? {
        return fail(conn, clock, lease, error, true).await;
    }
    let has_begun = outage::note(conn, clock, backend, lease.is_probe, error).await?;
    let waits = sqlx::query!(
        r#"
        update outbox
        -- due now, behind those that have waited longer: the next probe is another job
        set status = 'waiting', attempts = greatest(attempts - 1, 0), run_after = $3, waits_for = $4, is_probe = false,
            outages_begun = outages_begun + $5::int, lease_until = null, last_error = $6
        where id = $1 and fence = $2 and status = 'running'
        "#,
        lease.job_id.0,
        lease.fence,
        clock.now(),
        backend.as_str(),
        i32::from(has_begun),
        redact(error),
    )
    .execute(conn)
    .await?;
    held(lease, waits.rows_affected())?;
    Ok(Verdict::WaitsFor(backend))
}

/// Makes a job that was put off due now: what it waited for is there. Changes nothing when no such job waits.
pub async fn hasten(conn: &mut PgConnection, clock: &Clock, unique_key: &str) -> Result<()> {
    sqlx::query!(
        "update outbox set run_after = $2 where unique_key = $1 and status = 'waiting' and run_after > $2",
        unique_key,
        clock.now(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Brings back up to 500 jobs whose lease lapsed, in the caller's transaction. What was only pushed is due at once; what was started has used up
/// that attempt, and waits as after a failure or is dead.
pub async fn requeue_lapsed(conn: &mut PgConnection, clock: &Clock) -> Result<Lapsed> {
    let now = clock.now();
    let unstarted = sqlx::query!(
        r#"
        update outbox set status = 'waiting', lease_until = null, is_probe = false
        where id in (
            select id from outbox where status = 'queued' and lease_until < $1 limit $2 for update skip locked
        )
        "#,
        now,
        BATCH,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();

    let silent = sqlx::query!(
        r#"
        select id as "id: JobId", attempts from outbox
        where status = 'running' and lease_until < $1 limit $2 for update skip locked
        "#,
        now,
        BATCH,
    )
    .fetch_all(&mut *conn)
    .await?;
    let ids: Vec<_> = silent.iter().map(|row| row.id.0).collect();
    let retries: Vec<_> = silent
        .iter()
        .map(|row| now + backoff::after(row.attempts, backoff::CAP))
        .collect();
    let rows = sqlx::query!(
        r#"
        update outbox
        set status = case when attempts < max_attempts then 'waiting' else 'dead' end,
            run_after = case when attempts < max_attempts then silent.retry_at else run_after end,
            finished_at = case when attempts < max_attempts then null else $3::timestamptz end,
            lease_until = null,
            is_probe = false,
            last_error = 'its worker went silent'
        from unnest($1::uuid[], $2::timestamptz[]) as silent (id, retry_at)
        where outbox.id = silent.id and outbox.status = 'running' and outbox.lease_until < $3
        returning outbox.id as "id: JobId", kind, payload, status = 'dead' as "dead!"
        "#,
        &ids,
        &retries,
        now,
    )
    .fetch_all(&mut *conn)
    .await?;
    let (dead, abandoned): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.dead);
    Ok(Lapsed {
        unstarted,
        abandoned: abandoned.len() as u64,
        dead: dead
            .into_iter()
            .map(|row| DeadJob {
                job_id: row.id,
                kind: row.kind,
                payload: row.payload,
            })
            .collect(),
    })
}

/// Deletes up to 500 jobs done longer than `kept` ago and returns how many: call again until it is none. Dead jobs
/// stay for staff, and keyed ones as the proof that `put_once` needs.
pub async fn trim(conn: &mut PgConnection, clock: &Clock, kept: Duration) -> Result<u64> {
    let deleted = sqlx::query!(
        r#"
        delete from outbox
        where id in (
            select id from outbox
            where status = 'done' and unique_key is null and finished_at < $1
            order by finished_at limit $2 for update skip locked
        )
        "#,
        clock.now() - kept,
        BATCH,
    )
    .execute(conn)
    .await?;
    Ok(deleted.rows_affected())
}

fn held(lease: &Lease, rows: u64) -> Result<()> {
    if rows == 1 {
        Ok(())
    } else {
        Err(Error::LeaseLost(lease.job_id))
    }
}

fn known_kinds() -> Vec<String> {
    Kind::ALL
        .iter()
        .map(|kind| kind.as_str().to_owned())
        .collect()
}
