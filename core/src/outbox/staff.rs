//! What staff see of every job, whoever caused it, and how they bring a dead one back.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::model::{JobStatus, Kind};
use crate::ids::JobId;
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

/// Gives a dead job as many attempts again as its kind has, starting now, and answers it as it is then. The document that
/// it was to make is on its way again.
///
/// [`Error::NotFound`] when no dead job has that id.
pub async fn retry_dead(conn: &mut PgConnection, clock: &Clock, job_id: JobId) -> Result<StaffJob> {
    // What this program does not know it cannot run either.
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
    let one = JobFilter {
        id: Some(job_id),
        limit: 1,
        ..JobFilter::default()
    };
    let found = list_for_staff(conn, &one).await?;
    found.into_iter().next().ok_or(Error::NotFound("dead job"))
}
