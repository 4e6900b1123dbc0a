//! Jobs: what became of the work a request caused.

use flightdesk_core::booking;
use flightdesk_core::ids::JobId;
use flightdesk_core::outbox::{self, JobState, JobStatus};
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::openapi::tags::Tag;
use crate::views::Instant;

/// Jobs.
pub struct Jobs;

/// Where a job stands
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "JobStatus", rename_all = "snake_case")]
pub enum JobStatusView {
    /// Promised; it runs when `run_after` has come
    Waiting,
    /// On its way to a worker
    Queued,
    /// A worker has it
    Running,
    /// Its effect is there
    Done,
    /// It was given up; our staff look at it
    Dead,
}

/// Work that a request caused and that is done after the answer
#[derive(Debug, Object)]
#[oai(rename = "Job")]
pub struct JobView {
    id: Uuid,
    /// What it does: `render_document`, `send_mail`, `create_refund`, …
    kind: String,
    status: JobStatusView,
    /// Attempts begun so far
    attempts: i32,
    /// Attempts it may have
    max_attempts: i32,
    created_at: Instant,
    /// When it is tried next, or was due
    run_after: Instant,
    /// When it was done or given up
    finished_at: Option<Instant>,
    /// What went wrong last, when something did
    last_error: Option<String>,
    /// How far it is; only of `notify_disrupted`
    #[oai(skip_serializing_if_is_none)]
    progress: Option<JobProgressView>,
}

/// How far a job is that does many things
#[derive(Debug, Object)]
#[oai(rename = "JobProgress")]
pub struct JobProgressView {
    /// How many are done
    done: i32,
    /// How many there are
    total: i32,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Jobs")]
impl Jobs {
    /// Get a job
    ///
    /// Finished jobs are forgotten after some days. One that tells many bookings says how many it has told.
    #[oai(path = "/jobs/:id", method = "get", operation_id = "get_job")]
    async fn get(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        /// The job's id
        id: Path<Uuid>,
    ) -> Result<Json<JobView>, ApiError> {
        let mut conn = app.db.acquire().await?;
        let principal = access.principal(&mut conn, app).await?;
        let job = outbox::find(&mut conn, principal.account_id, JobId(id.0)).await?;
        let progress = booking::disruption_progress(&mut conn, job.id).await?;
        Ok(Json(JobView {
            progress: progress.map(|(done, total)| JobProgressView { done, total }),
            ..job.into()
        }))
    }
}

impl From<JobStatus> for JobStatusView {
    fn from(status: JobStatus) -> Self {
        match status {
            JobStatus::Waiting => Self::Waiting,
            JobStatus::Queued => Self::Queued,
            JobStatus::Running => Self::Running,
            JobStatus::Done => Self::Done,
            JobStatus::Dead => Self::Dead,
        }
    }
}

impl From<JobState> for JobView {
    fn from(job: JobState) -> Self {
        Self {
            id: job.id.0,
            kind: job.kind,
            status: job.status.into(),
            attempts: job.attempts,
            max_attempts: job.max_attempts,
            created_at: job.created_at.into(),
            run_after: job.run_after.into(),
            finished_at: job.finished_at.map(Instant),
            last_error: job.last_error,
            progress: None,
        }
    }
}
