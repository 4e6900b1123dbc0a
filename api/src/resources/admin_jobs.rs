//! Jobs as staff see them: those of every account, and how a dead one comes back.

use flightdesk_core::ids::JobId;
use flightdesk_core::outbox::{self, JobFilter, JobStatus, Kind, StaffJob};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::page::{Page, PageRequest};
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
            JobKindView::SendSms => Self::SendSms,
            JobKindView::CreateRefund => Self::CreateRefund,
            JobKindView::ExpireCheckout => Self::ExpireCheckout,
            JobKindView::ReconcilePayment => Self::ReconcilePayment,
            JobKindView::MaterialiseFlights => Self::MaterialiseFlights,
            JobKindView::NotifyDisrupted => Self::NotifyDisrupted,
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
