//! Reads: one job of an account, and what the metrics show.

use chrono::Duration;
use sqlx::PgConnection;

use super::model::{JobState, JobStatus, Queue};
use crate::ids::{AccountId, JobId};
use crate::{Clock, Error, Result};

/// The state of a job that the account caused; [`Error::NotFound`] for any other (invariant 10).
pub async fn find(
    conn: &mut PgConnection,
    account_id: AccountId,
    job_id: JobId,
) -> Result<JobState> {
    sqlx::query_as!(
        JobState,
        r#"
        select id as "id: JobId", kind, status as "status: JobStatus", attempts, max_attempts, created_at, run_after,
               finished_at, last_error
        from outbox
        where id = $1 and account_id = $2
        "#,
        job_id.0,
        account_id.0,
    )
    .fetch_optional(conn)
    .await?
    .ok_or(Error::NotFound("job"))
}

/// How many jobs of a queue stand where; done ones are not counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Depth {
    /// The queue's name.
    pub queue: String,
    /// Any status but done.
    pub status: JobStatus,
    /// Rows.
    pub jobs: i64,
}

/// The open and the dead jobs by queue and status; combinations without a job have no entry.
pub async fn depths(conn: &mut PgConnection) -> Result<Vec<Depth>> {
    Ok(sqlx::query_as!(
        Depth,
        r#"
        select queue, status as "status: JobStatus", count(*) as "jobs!"
        from outbox
        where status <> 'done'
        group by queue, status
        order by queue, status
        "#,
    )
    .fetch_all(conn)
    .await?)
}

/// How long the most overdue job of a queue has been waiting for the relay; zero when none is due.
pub async fn lag(conn: &mut PgConnection, clock: &Clock, queue: Queue) -> Result<Duration> {
    let now = clock.now();
    let oldest = sqlx::query_scalar!(
        r#"
        select run_after from outbox
        where queue = $1 and status = 'waiting' and run_after <= $2
        order by run_after limit 1
        "#,
        queue.as_str(),
        now,
    )
    .fetch_optional(conn)
    .await?;
    Ok(oldest.map_or_else(Duration::zero, |oldest| now - oldest))
}
