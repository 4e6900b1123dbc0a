//! What staff see of every job, whoever caused it, and how they bring a dead one back.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::model::{JobStatus, Kind, Queue};
use crate::audit::{self, Act};
use crate::error::Refusal;
use crate::ids::{BookingId, JobId};
use crate::{Clock, Error, Result};

/// Which jobs staff want to see. What is not said is any.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Where they stand; without it all that are not done.
    pub status: Option<JobStatus>,
    /// Which job they are.
    pub kind: Option<Kind>,
    /// The reference of the booking they are about.
    pub booking_ref: Option<String>,
    /// This one alone, wherever it stands.
    pub id: Option<JobId>,
    /// The job after which the list goes on.
    pub after: Option<JobId>,
    /// How many at most.
    pub limit: i64,
}

/// A job as staff see it.
#[derive(Clone, Debug)]
pub struct StaffJob {
    /// The job.
    pub id: JobId,
    /// Which job it is: `render_document`.
    pub kind: String,
    /// The queue it waits in.
    pub queue: String,
    /// Where it stands.
    pub status: JobStatus,
    /// The booking it is about, if it is about one.
    pub booking_ref: Option<String>,
    /// Attempts begun so far.
    pub attempts: i32,
    /// Attempts it may have.
    pub max_attempts: i32,
    /// The back-end that it found away and waits for.
    pub waits_for: Option<String>,
    /// When it was promised.
    pub created_at: DateTime<Utc>,
    /// When it is tried next, or was due.
    pub run_after: DateTime<Utc>,
    /// When it was done or declared dead.
    pub finished_at: Option<DateTime<Utc>>,
    /// What went wrong last.
    pub last_error: Option<String>,
}

/// Jobs, the oldest promise first. Reads every job that is kept when it looks for those of one booking.
pub async fn list_for_staff(conn: &mut PgConnection, filter: &JobFilter) -> Result<Vec<StaffJob>> {
    Ok(sqlx::query_as!(
        StaffJob,
        r#"
        select o.id as "id: JobId", o.kind, o.queue, o.status as "status: JobStatus", b.booking_ref as "booking_ref?", o.attempts,
               o.max_attempts, o.waits_for, o.created_at, o.run_after, o.finished_at, o.last_error
        from outbox o
        left join booking b on b.id = coalesce(
            (o.payload ->> 'booking_id')::uuid,
            (select booking_id from document where id = (o.payload ->> 'document_id')::uuid),
            (select booking_id from payment where id = (o.payload ->> 'payment_id')::uuid),
            (select booking_id from refund where id = (o.payload ->> 'refund_id')::uuid))
        where (o.status = $1 or ($1::text is null and (o.status <> 'done' or $6::uuid is not null)))
          and ($2::text is null or o.kind = $2)
          and ($3::text is null or b.booking_ref = $3)
          and ($4::uuid is null or o.id > $4)
          and ($6::uuid is null or o.id = $6)
        order by o.id
        limit $5
        "#,
        filter.status.map(JobStatus::as_str),
        filter.kind.map(Kind::as_str),
        filter.booking_ref,
        filter.after.map(|after| after.0),
        filter.limit,
        filter.id.map(|id| id.0),
    )
    .fetch_all(conn)
    .await?)
}

/// The jobs of a booking, of its documents, payments and refunds, the oldest promise first: each with the name of its mail, if
/// it sends one. Those that are done are forgotten after some days.
pub async fn list_of_booking(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Vec<(Option<String>, StaffJob)>> {
    // `outbox_subject_idx` is the index of this expression.
    let rows = sqlx::query!(
        r#"
        select o.id as "id: JobId", o.kind, o.queue, o.status as "status: JobStatus", b.booking_ref, o.attempts,
               o.max_attempts, o.waits_for, o.created_at, o.run_after, o.finished_at, o.last_error,
               case jsonb_typeof(o.payload -> 'mail')
                   when 'string' then o.payload ->> 'mail'
                   when 'object' then (select min(name) from jsonb_object_keys(o.payload -> 'mail') as name)
               end as mail
        from booking b
        join outbox o on coalesce(o.payload ->> 'booking_id', o.payload ->> 'document_id', o.payload ->> 'payment_id', o.payload ->> 'refund_id')
            = any(array(
                select b.id::text
                union all select id::text from document where booking_id = b.id
                union all select id::text from payment where booking_id = b.id
                union all select id::text from refund where booking_id = b.id))
        where b.id = $1
        order by o.id
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    let jobs = rows.into_iter().map(|row| {
        let job = StaffJob {
            id: row.id,
            kind: row.kind,
            queue: row.queue,
            status: row.status,
            booking_ref: Some(row.booking_ref),
            attempts: row.attempts,
            max_attempts: row.max_attempts,
            waits_for: row.waits_for,
            created_at: row.created_at,
            run_after: row.run_after,
            finished_at: row.finished_at,
            last_error: row.last_error,
        };
        (row.mail, job)
    });
    Ok(jobs.collect())
}

/// What the job was to do is still owed to somebody, and nothing else does it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "a refund or a document waits for this job and nothing else makes it: bring the job back instead"
)]
pub struct JobOwed;

impl Refusal for JobOwed {
    fn code(&self) -> &'static str {
        "job_owed"
    }
}

/// Forgets a dead job for good: what it was to do is not done. It is filed as done, with the reason in the place of what went
/// wrong, and answered as it is then.
///
/// [`Error::NotFound`] when no dead job has that id; [`JobOwed`] while a refund that Stripe was not asked for or a document waits for
/// it.
pub async fn drop_dead(
    conn: &mut PgConnection,
    clock: &Clock,
    job_id: JobId,
    reason: &str,
) -> Result<StaffJob> {
    let dead = sqlx::query!(
        r#"
        select kind, attempts, last_error,
               exists (select from refund r where r.id = (o.payload ->> 'refund_id')::uuid and r.status = 'pending' and r.stripe_refund_id is null)
               or exists (select from document d where d.id = (o.payload ->> 'document_id')::uuid and d.status in ('queued', 'rendering', 'failed')
                          and d.revision = (o.payload ->> 'revision')::int) as "is_owed!"
        from outbox o where id = $1 and status = 'dead' for update
        "#,
        job_id.0
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(Error::NotFound("dead job"))?;
    if dead.is_owed {
        return Err(JobOwed.into());
    }
    sqlx::query!(
        "update outbox set status = 'done', finished_at = $2, waits_for = null, last_error = $3 where id = $1",
        job_id.0,
        clock.now(),
        format!("dropped by staff: {reason}"),
    )
    .execute(&mut *conn)
    .await?;
    let dropped = Act {
        action: "job_dropped",
        object_kind: "job",
        object_id: job_id.to_string(),
        before: Some(json!({
            "status": "dead",
            "kind": dead.kind,
            "attempts": dead.attempts,
            "last_error": dead.last_error,
        })),
        after: Some(json!({ "status": "done", "reason": reason })),
    };
    audit::record(conn, clock, &dropped).await?;
    get(conn, job_id).await
}

/// A job, wherever it stands.
async fn get(conn: &mut PgConnection, job_id: JobId) -> Result<StaffJob> {
    let one = JobFilter {
        id: Some(job_id),
        limit: 1,
        ..JobFilter::default()
    };
    let found = list_for_staff(conn, &one).await?;
    found.into_iter().next().ok_or(Error::NotFound("job"))
}

/// How a queue stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueState {
    /// Which.
    pub queue: Queue,
    /// Promised, and not on its way yet.
    pub waiting: i64,
    /// On its way to a worker.
    pub queued: i64,
    /// Of a worker.
    pub running: i64,
    /// Given up.
    pub dead: i64,
    /// Since when the most overdue of those that wait has been due.
    pub oldest_due_at: Option<DateTime<Utc>>,
    /// When the oldest of the dead was given up.
    pub oldest_dead_at: Option<DateTime<Utc>>,
    /// The back-end that jobs of it found away and wait for.
    pub waits_for: Option<String>,
}

/// Every queue, also those without a job.
pub async fn queue_states(conn: &mut PgConnection, clock: &Clock) -> Result<Vec<QueueState>> {
    let rows = sqlx::query!(
        r#"
        select queue, count(*) filter (where status = 'waiting') as "waiting!", count(*) filter (where status = 'queued') as "queued!",
               count(*) filter (where status = 'running') as "running!", count(*) filter (where status = 'dead') as "dead!",
               min(run_after) filter (where status = 'waiting' and run_after <= $1) as oldest_due_at,
               min(finished_at) filter (where status = 'dead') as oldest_dead_at,
               min(waits_for) filter (where status = 'waiting') as waits_for
        from outbox where status <> 'done' group by queue
        "#,
        clock.now(),
    )
    .fetch_all(conn)
    .await?;
    let states = Queue::ALL.iter().map(|queue| {
        let row = rows.iter().find(|row| row.queue == queue.as_str());
        QueueState {
            queue: *queue,
            waiting: row.map_or(0, |row| row.waiting),
            queued: row.map_or(0, |row| row.queued),
            running: row.map_or(0, |row| row.running),
            dead: row.map_or(0, |row| row.dead),
            oldest_due_at: row.and_then(|row| row.oldest_due_at),
            oldest_dead_at: row.and_then(|row| row.oldest_dead_at),
            waits_for: row.and_then(|row| row.waits_for.clone()),
        }
    });
    Ok(states.collect())
}

/// Gives a dead job as many attempts again as its kind has, starting now, and answers it as it is then. The document that
/// it was to make is on its way again.
///
/// [`Error::NotFound`] when no dead job has that id.
pub async fn retry_dead(conn: &mut PgConnection, clock: &Clock, job_id: JobId) -> Result<StaffJob> {
    // What this program does not know it cannot run either.
    let dead = sqlx::query!(
        "select kind, attempts from outbox where id = $1 and status = 'dead' for update",
        job_id.0
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(Error::NotFound("dead job"))?;
    let kind = Kind::parse(&dead.kind).ok_or(Error::NotFound("dead job"))?;
    sqlx::query!(
        r#"
        update outbox
        set status = 'waiting', run_after = $2, finished_at = null, waits_for = null, max_attempts = attempts + $3,
            postponements = 0, outages_begun = 0
        where id = $1
        "#,
        job_id.0,
        clock.now(),
        kind.max_attempts(),
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        update document set status = 'queued'
        from outbox
        where outbox.id = $1 and outbox.kind = 'render_document' and document.id = (outbox.payload ->> 'document_id')::uuid
          and document.revision = (outbox.payload ->> 'revision')::int and document.status = 'failed'
        "#,
        job_id.0,
    )
    .execute(&mut *conn)
    .await?;
    let retried = Act {
        action: "job_retried",
        object_kind: "job",
        object_id: job_id.to_string(),
        before: Some(json!({ "status": "dead", "kind": kind.as_str(), "attempts": dead.attempts })),
        after: Some(json!({ "status": "waiting" })),
    };
    audit::record(conn, clock, &retried).await?;
    get(conn, job_id).await
}
