//! Jobs as staff see them: those of every account, and how a dead one comes back.

use flightdesk_core::error::{Error, Violations};
use flightdesk_core::ids::JobId;
use flightdesk_core::outbox::{self, JobFilter, JobStatus, Kind, QueueState, StaffJob};
use flightdesk_core::text;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::body::{Checked, Rules};
use crate::http::page::{Page, PageRequest};
use crate::openapi::raw::{FromRaw, Raw};
use crate::openapi::tags::Tag;
use crate::resources::bookings::reference;
use crate::resources::jobs::JobStatusView;
use crate::views::Instant;

/// Jobs for staff.
pub struct AdminJobs;

/// What a job does
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "JobKind", rename_all = "snake_case")]
pub enum JobKindView {
    /// Makes a ticket or an invoice
    RenderDocument,
    /// Sends a mail
    SendMail,
    /// Sends the link that verifies an address
    SendVerification,
    /// Sends the link that sets a new password
    SendPasswordReset,
    /// Tells an account that a webhook endpoint of its own was disabled
    SendEndpointDisabled,
    /// Sends a text message
    SendSms,
    /// Asks the payment provider for a refund
    CreateRefund,
    /// Has the payment provider close a payment page
    ExpireCheckout,
    /// Asks the payment provider what became of a payment
    ReconcilePayment,
    /// Makes the flights of the days to come
    MaterialiseFlights,
    /// Tells the bookings of a flight that it is cancelled or moved
    NotifyDisrupted,
    /// Tells a webhook endpoint of an event
    DeliverWebhook,
}

/// A job of any account
#[derive(Debug, Object)]
#[oai(rename = "AdminJob")]
pub struct AdminJobView {
    id: Uuid,
    /// What it does: `render_document`, `send_mail`, `create_refund`, …
    kind: String,
    /// The queue it waits in: `documents`, `mail`, `payments`, `timetable` or `webhooks`
    queue: String,
    status: JobStatusView,
    /// The booking it is about, if it is about one
    booking_ref: Option<String>,
    /// Attempts begun so far; runs that found a back-end away do not count
    attempts: i32,
    /// Attempts it may have
    max_attempts: i32,
    /// The back-end that it found away and waits for: `storage`, `mail` or `payments`
    waits_for: Option<String>,
    created_at: Instant,
    /// When it is tried next, or was due
    run_after: Instant,
    /// When it was done or given up
    finished_at: Option<Instant>,
    /// What went wrong last, when something did
    last_error: Option<String>,
}

/// Why a dead job is dropped
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct DropJob {
    /// Why, in a sentence; kept with the job and in the audit log
    #[oai(validator(min_length = 3, max_length = 300))]
    reason: String,
}

impl FromRaw for DropJob {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            reason: raw.optional_text("reason").unwrap_or_default(),
        }
    }
}

impl DropJob {
    /// The reason as it is kept.
    fn check(&self) -> Result<String, Error> {
        text::one_line(&self.reason, 300).map_err(|(code, message)| {
            let mut wrong = Violations::new();
            // What is missing the schema says.
            if !self.reason.is_empty() {
                wrong.add("reason", code, message);
            }
            wrong.into_error()
        })
    }
}

impl Rules for DropJob {
    fn rules(self, _app: &App) -> Result<(), Error> {
        self.check().map(drop)
    }
}

/// How a queue stands
#[derive(Debug, Object)]
#[oai(rename = "Queue", skip_serializing_if_is_none)]
pub struct QueueView {
    /// `documents`, `mail`, `payments` or `timetable`
    queue: String,
    /// Promised, and not on their way yet
    waiting: i64,
    /// On their way to a worker
    queued: i64,
    /// Of a worker
    running: i64,
    /// Given up: they wait for staff
    dead: i64,
    /// Since when the most overdue of those that wait has been due
    oldest_due_at: Option<Instant>,
    /// When the oldest of the dead was given up
    oldest_dead_at: Option<Instant>,
    /// The back-end that its jobs found away and wait for: `storage`, `mail` or `payments`
    waits_for: Option<String>,
}

/// Every queue
#[derive(Debug, Object)]
pub struct QueueList {
    data: Vec<QueueView>,
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Operations")]
impl AdminJobs {
    /// List jobs of every account
    ///
    /// The oldest first; without `status` all that are not done. `dead` ones do nothing by themselves: they wait for
    /// `POST /v1/admin/jobs/{id}/retry`. Needs the scope `admin`.
    #[oai(path = "/jobs", method = "get", operation_id = "list_jobs")]
    #[expect(clippy::too_many_arguments, reason = "a parameter of the query each")]
    async fn list(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Admin>,
        /// Only jobs that stand so
        status: Query<Option<JobStatusView>>,
        /// Only jobs of this kind
        kind: Query<Option<JobKindView>>,
        /// Only jobs about this booking
        booking_ref: Query<Option<String>>,
        /// Jobs of a page, 1 to 100
        limit: Query<Option<u32>>,
        /// `next_cursor` of the page before
        cursor: Query<Option<String>>,
    ) -> Result<Json<Page<AdminJobView>>, ApiError> {
        let mut conn = app.db.acquire().await?;
        access.principal(&mut conn, app).await?;
        let page = PageRequest::parse(limit.0, cursor.0.as_deref())?;
        let filter = JobFilter {
            status: status.0.map(JobStatus::from),
            kind: kind.0.map(Kind::from),
            booking_ref: match &booking_ref.0 {
                Some(raw) => Some(reference(raw)?.to_string()),
                None => None,
            },
            id: None,
            after: page.after(),
            limit: i64::from(page.rows()),
        };
        let jobs = outbox::list_for_staff(&mut conn, &filter).await?;
        Ok(Json(page.page(jobs, |job| job.id.0)))
    }

    /// How the queues stand
    ///
    /// Of each queue how many jobs wait, are on their way, run, and were given up, and since when the oldest is due. Stuck payments and
    /// failed refunds are listed by `GET /v1/admin/money-issues`. Needs the scope `admin`.
    #[oai(path = "/queues", method = "get", operation_id = "list_queues")]
    async fn queues(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Admin>,
    ) -> Result<Json<QueueList>, ApiError> {
        let mut conn = app.db.acquire().await?;
        access.principal(&mut conn, app).await?;
        let states = outbox::queue_states(&mut conn, &app.clock).await?;
        let data = states.into_iter().map(QueueView::from).collect();
        Ok(Json(QueueList { data }))
    }

    /// Drop a dead job
    ///
    /// What it was to do will not be done, and it is no longer counted as dead; `reason` says why and is kept. 404 when there is no
    /// dead job of that id, 409 `job_owed` while a refund or a document waits for it. Needs the scope `admin`.
    #[oai(path = "/jobs/:id/drop", method = "post", operation_id = "drop_job")]
    async fn give_up(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Admin>,
        /// The job's id
        id: Path<Uuid>,
        body: Checked<DropJob>,
    ) -> Result<Json<AdminJobView>, ApiError> {
        access.look_up(app).await?;
        let reason = body.into_inner().check()?;
        let mut tx = app.db.begin().await?;
        let job = outbox::drop_dead(&mut tx, &app.clock, JobId(id.0), &reason).await?;
        tx.commit().await?;
        tracing::warn!(job_id = %job.id, kind = job.kind, "staff drop a dead job");
        Ok(Json(job.into()))
    }

    /// Bring a dead job back
    ///
    /// It gets as many attempts again as its kind has, beginning now, and the document that it was to make is `queued`
    /// again. 404 when there is no dead job of that id. Needs the scope `admin`.
    #[oai(path = "/jobs/:id/retry", method = "post", operation_id = "retry_job")]
    async fn retry(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Admin>,
        /// The job's id
        id: Path<Uuid>,
    ) -> Result<Json<AdminJobView>, ApiError> {
        access.look_up(app).await?;
        let mut tx = app.db.begin().await?;
        let job = outbox::retry_dead(&mut tx, &app.clock, JobId(id.0)).await?;
        tx.commit().await?;
        tracing::warn!(job_id = %job.id, kind = job.kind, "staff bring a dead job back");
        Ok(Json(job.into()))
    }
}

impl From<JobStatusView> for JobStatus {
    fn from(status: JobStatusView) -> Self {
        match status {
            JobStatusView::Waiting => Self::Waiting,
            JobStatusView::Queued => Self::Queued,
            JobStatusView::Running => Self::Running,
            JobStatusView::Done => Self::Done,
            JobStatusView::Dead => Self::Dead,
        }
    }
}

impl From<JobKindView> for Kind {
    fn from(kind: JobKindView) -> Self {
        match kind {
            JobKindView::RenderDocument => Self::RenderDocument,
            JobKindView::SendMail => Self::SendMail,
            JobKindView::SendVerification => Self::SendVerification,
            JobKindView::SendPasswordReset => Self::SendPasswordReset,
            JobKindView::SendEndpointDisabled => Self::SendEndpointDisabled,
            JobKindView::SendSms => Self::SendSms,
            JobKindView::CreateRefund => Self::CreateRefund,
            JobKindView::ExpireCheckout => Self::ExpireCheckout,
            JobKindView::ReconcilePayment => Self::ReconcilePayment,
            JobKindView::MaterialiseFlights => Self::MaterialiseFlights,
            JobKindView::NotifyDisrupted => Self::NotifyDisrupted,
            JobKindView::DeliverWebhook => Self::DeliverWebhook,
        }
    }
}

impl From<QueueState> for QueueView {
    fn from(state: QueueState) -> Self {
        Self {
            queue: state.queue.as_str().to_owned(),
            waiting: state.waiting,
            queued: state.queued,
            running: state.running,
            dead: state.dead,
            oldest_due_at: state.oldest_due_at.map(Instant),
            oldest_dead_at: state.oldest_dead_at.map(Instant),
            waits_for: state.waits_for,
        }
    }
}

impl From<StaffJob> for AdminJobView {
    fn from(job: StaffJob) -> Self {
        Self {
            id: job.id.0,
            kind: job.kind,
            queue: job.queue,
            status: job.status.into(),
            booking_ref: job.booking_ref,
            attempts: job.attempts,
            max_attempts: job.max_attempts,
            waits_for: job.waits_for,
            created_at: job.created_at.into(),
            run_after: job.run_after.into(),
            finished_at: job.finished_at.map(Instant),
            last_error: job.last_error,
        }
    }
}

#[cfg(test)]
mod tests {
    use flightdesk_core::outbox::Kind;
    use poem_openapi::types::ParseFromParameter;

    use super::JobKindView;

    #[test]
    fn staff_can_ask_for_every_kind_of_job() {
        for kind in Kind::ALL {
            let asked = JobKindView::parse_from_parameter(kind.as_str());
            assert_eq!(asked.ok().map(Kind::from), Some(*kind), "{}", kind.as_str());
        }
    }
}
