//! What is done with rows whose worker or relay went silent, and with those that have been done for long.
//!
//! **Rows with a unique key are never trimmed.** They are the proof that `put_once` needs; periodic jobs do not use
//! it.

use chrono::Duration;
use sqlx::PgConnection;

use super::backoff;
use crate::ids::JobId;
use crate::{Clock, Result};

/// Rows that one transaction brings back or deletes at most.
const BATCH: i64 = 500;

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
