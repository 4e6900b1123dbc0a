//! One attempt of a job by a worker: begun, kept alive, finished together with its effect. How else it may end is in
//! `setback.rs`.

use chrono::Duration;
use sqlx::PgConnection;

use super::claim::known_kinds;
use super::model::Kind;
use super::outage;
use crate::ids::{AccountId, JobId};
use crate::telemetry::Context;
use crate::{Clock, Error, Result};

/// How long a worker owns a job without a sign of life; it extends the lease three times as often.
pub const RUNNING_LEASE: Duration = Duration::seconds(15);

/// The right to run one attempt of a job, for as long as it is extended and nobody else got it.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The job.
    pub job_id: JobId,
    /// Which attempt this is; the first is 1.
    pub attempt: i32,
    /// The account that caused the job; the jobs it promises in turn carry it on.
    pub account_id: Option<AccountId>,
    pub(super) kind: Kind,
    pub(super) is_probe: bool,
    pub(super) fence: i64,
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

pub(super) fn held(lease: &Lease, rows: u64) -> Result<()> {
    if rows == 1 {
        Ok(())
    } else {
        Err(Error::LeaseLost(lease.job_id))
    }
}
