//! The transitions of a job row. Whoever lost a race finds no row in the state it wants, and does nothing.

use chrono::{DateTime, Duration, Utc};
use sqlx::PgConnection;

use super::backoff;
use super::model::{Kind, Queue};
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
    fence: i64,
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

/// Takes up to `room` due rows of a queue, those due longest first, and marks them queued.
///
/// Two relays never take the same row, and do not wait for each other. Kinds that this program does not know are
/// left to one that does, so that a rolling deployment loses nothing.
pub async fn claim(
    conn: &mut PgConnection,
    clock: &Clock,
    queue: Queue,
    room: i64,
) -> Result<Vec<Claimed>> {
    let now = clock.now();
    let rows = sqlx::query!(
        r#"
        with due as (
            select id from outbox
            where queue = $1 and status = 'waiting' and run_after <= $2 and kind = any($3)
            order by run_after, id
            limit greatest($4::bigint, 0)
            for update skip locked
        )
        update outbox set status = 'queued', fence = fence + 1, lease_until = $5
        from due
        where outbox.id = due.id
        returning outbox.id as "id: JobId", attempts + 1 as "attempt!", fence, kind, request_id, trace_parent, run_after
        "#,
        queue.as_str(),
        now,
        &known_kinds(),
        room,
        now + QUEUED_LEASE,
    )
    .fetch_all(conn)
    .await?;
    let mut claimed: Vec<_> = rows
        .into_iter()
        .filter_map(|row| {
            let claimed = Claimed {
                job_id: row.id,
                attempt: row.attempt,
                push: row.fence,
                kind: Kind::parse(&row.kind)?,
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
    Ok(claimed.into_iter().map(|(_, claimed)| claimed).collect())
}

/// Gives back rows that could not be pushed; no attempt is used up. A row that was started nevertheless stays so.
pub async fn unclaim(conn: &mut PgConnection, claimed: &[Claimed]) -> Result<()> {
    let ids: Vec<_> = claimed.iter().map(|claimed| claimed.job_id.0).collect();
    let pushes: Vec<_> = claimed.iter().map(|claimed| claimed.push).collect();
    sqlx::query!(
        r#"
        update outbox set status = 'waiting', lease_until = null
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
/// failed had not.
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
        returning kind, payload, account_id as "account_id: AccountId", fence, request_id, trace_parent
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
        Some(Started {
            lease: Lease {
                job_id,
                attempt,
                account_id: row.account_id,
                fence: row.fence,
            },
            kind: Kind::parse(&row.kind)?,
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
    let now = clock.now();
    let retry_at = now + backoff::after(lease.attempt);
    let dead = sqlx::query_scalar!(
        r#"
        update outbox
        set status = case when $5 and attempts < max_attempts then 'waiting' else 'dead' end,
            run_after = case when $5 and attempts < max_attempts then $4 else run_after end,
            finished_at = case when $5 and attempts < max_attempts then null else $3::timestamptz end,
            lease_until = null,
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

/// Brings back up to 500 jobs whose lease lapsed, in the caller's transaction. What was only pushed is due at once; what was started has used up
/// that attempt, and waits as after a failure or is dead.
pub async fn requeue_lapsed(conn: &mut PgConnection, clock: &Clock) -> Result<Lapsed> {
    let now = clock.now();
    let unstarted = sqlx::query!(
        r#"
        update outbox set status = 'waiting', lease_until = null
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
        .map(|row| now + backoff::after(row.attempts))
        .collect();
    let rows = sqlx::query!(
        r#"
        update outbox
        set status = case when attempts < max_attempts then 'waiting' else 'dead' end,
            run_after = case when attempts < max_attempts then silent.retry_at else run_after end,
            finished_at = case when attempts < max_attempts then null else $3::timestamptz end,
            lease_until = null,
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

/// Gives a dead job as many attempts again as its kind has, starting now; [`Error::NotFound`] when no dead job has
/// that id.
pub async fn retry_dead(conn: &mut PgConnection, clock: &Clock, job_id: JobId) -> Result<()> {
    let kind = sqlx::query_scalar!(
        "select kind from outbox where id = $1 and status = 'dead' for update",
        job_id.0
    )
    .fetch_optional(&mut *conn)
    .await?
    .as_deref()
    .and_then(Kind::parse)
    .ok_or(Error::NotFound("dead job"))?;
    sqlx::query!(
        r#"
        update outbox
        set status = 'waiting', run_after = $2, finished_at = null, max_attempts = attempts + $3
        where id = $1
        "#,
        job_id.0,
        clock.now(),
        kind.max_attempts(),
    )
    .execute(conn)
    .await?;
    Ok(())
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
