//! How an attempt ends that did not succeed: it failed, it was too early, or its back-end is away.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::attempt::{Lease, held};
use super::backoff;
use super::outage::{self, MOST_BEGUN, is_away};
use super::redact::redact;
use crate::backend::Backend;
use crate::{Clock, Error, Result};

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

/// Ends an attempt that failed: tried again after a growing wait, or dead when `retryable` is false or the attempts
/// are used up. The error is kept without addresses and secrets. [`Error::LeaseLost`] as for [`finish`](super::finish).
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
/// growing wait, for as long as it takes, and no attempt is used up. [`Error::LeaseLost`] as for [`finish`](super::finish).
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
/// attempt is used up. [`Error::LeaseLost`] as for [`finish`](super::finish).
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
