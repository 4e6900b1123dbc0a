//! Bookings as staff find and see them.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use flightdesk_core::booking::{
    self, BookingProblem, Dossier, SearchWords, StaffBooking, StaffFilter, StaffMail, StaffPayment,
};
use flightdesk_core::booking_event;
use flightdesk_core::error::{Error, Violations};
use flightdesk_core::ids::{AccountId, BookingId};
use flightdesk_core::trade::BookingStatus;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};
use serde_json::Value;
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::answer::{Created, Resource, member_path};
use crate::http::idempotency::Once;
use crate::http::page::{Page, PageRequest};
use crate::openapi::raw::Raw;
use crate::openapi::tags::Tag;
use crate::resources::admin_jobs::AdminJobView;
use crate::resources::booking_events::BookingEventView;
use crate::resources::bookings::{BookingStatusView, BookingView, reference};
use crate::resources::documents::DocumentView;
use crate::resources::refunds::RefundView;
use crate::views::{Instant, MoneyView};

/// The most events that are shown with a booking; `GET /v1/bookings/{booking_ref}/events` pages through more.
const MOST_EVENTS: i64 = 500;

/// Bookings for staff.
pub struct AdminBookings;

/// What staff have to look after
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "BookingProblem", rename_all = "snake_case")]
pub enum BookingProblemView {
    /// A refund failed, and nothing went in its place
    FailedRefund,
    /// A bank asks about a payment, or has taken it back and decides
    OpenDispute,
    /// A payment stays open although its page has ended
    StuckPayment,
    /// A document could not be made
    FailedDocument,
}

/// A booking of any account, in short
#[derive(Debug, Object)]
#[oai(rename = "BookingSummary")]
pub struct BookingSummaryView {
    booking_ref: String,
    account_id: Uuid,
    status: BookingStatusView,
    created_at: Instant,
    /// When its first flight leaves
    first_departs_at: Instant,
    /// In the order of travel: `AI 101 DEL-BOM 2026-12-20`
    flights: Vec<String>,
    /// First, middle and last names
    passengers: Vec<String>,
    contact_email: String,
    contact_phone: String,
    /// What it costs
    total: MoneyView,
    /// What came in
    paid: MoneyView,
    /// What went back, or is on its way
    refunded: MoneyView,
    /// What has to be looked after; usually nothing
    problems: Vec<BookingProblemView>,
}

/// A payment as staff see it
#[derive(Debug, Object)]
#[oai(rename = "AdminPayment", skip_serializing_if_is_none)]
pub struct AdminPaymentView {
    id: Uuid,
    /// `open`, `succeeded`, `expired`, `cancelled` or `mismatched`
    status: String,
    amount: MoneyView,
    created_at: Instant,
    /// When its page ends, or ended
    expires_at: Instant,
    /// When it succeeded or ended
    ended_at: Option<Instant>,
    /// What the payment provider calls it, to find it in the dashboard
    stripe_id: Option<String>,
}

/// A mail about a booking
#[derive(Debug, Object)]
#[oai(rename = "AdminMail")]
pub struct AdminMailView {
    /// Which mail: `booking_confirmed`, `tickets_changed`, …
    mail: String,
    /// The job that sends it; `done` when it was sent, or was not true any more
    job: AdminJobView,
}

/// Everything about a booking of any account
#[derive(Debug, Object)]
#[oai(rename = "AdminBooking")]
pub struct AdminBookingView {
    booking_ref: String,
    account_id: Uuid,
    account_email: String,
    /// What has to be looked after; usually nothing
    problems: Vec<BookingProblemView>,
    /// The booking as its owner sees it
    booking: BookingView,
    /// Everything that has happened to it, oldest first
    timeline: Vec<BookingEventView>,
    /// Oldest first
    payments: Vec<AdminPaymentView>,
    /// Oldest first
    refunds: Vec<RefundView>,
    /// Oldest first
    documents: Vec<DocumentView>,
    /// Oldest first; those whose jobs are forgotten are not among them
    mails: Vec<AdminMailView>,
    /// Jobs that are no mails, oldest first; forgotten some days after they are done
    jobs: Vec<AdminJobView>,
}

/// That the documents of a booking are mailed again
#[derive(Debug, Object)]
#[oai(rename = "DocumentResend")]
pub struct DocumentResendView {
    id: Uuid,
    booking_ref: String,
    /// Which go with the mail
    document_ids: Vec<Uuid>,
}

impl Resource for DocumentResendView {
    fn path(answer: &Value) -> String {
        member_path("/v1/admin/bookings", &answer["booking_ref"])
    }
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Operations")]
impl AdminBookings {
    /// Find bookings of every account
    ///
    /// Newest first. `q` is a reference, a name, the contact's e-mail address or telephone number, or a ticket number; a name
    /// is compared without case, accents and punctuation, `Rao*` begins with it, and first and last names may be in either order.
    /// Each other filter leaves fewer. Needs the scope `admin`.
    #[oai(
        path = "/bookings",
        method = "get",
        operation_id = "find_bookings_of_everybody"
    )]
    #[expect(clippy::too_many_arguments, reason = "a parameter of the query each")]
    async fn list(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Admin>,
        /// What the traveller says: a reference, a name, an e-mail address, a telephone or ticket number
        #[oai(validator(max_length = 200))]
        Query(q): Query<Option<String>>,
        /// With this flight on `departure_date`: `AI 101`
        #[oai(validator(max_length = 10))]
        Query(flight_number): Query<Option<String>>,
        /// Local date on which `flight_number` leaves
        Query(departure_date): Query<Option<NaiveDate>>,
        /// In this state
        Query(status): Query<Option<BookingStatusView>>,
        /// Of this account
        Query(account_id): Query<Option<Uuid>>,
        /// Booked on this day of UTC or later
        Query(booked_from): Query<Option<NaiveDate>>,
        /// Booked on this day of UTC or earlier
        Query(booked_until): Query<Option<NaiveDate>>,
        /// Entries of a page, 1 to 100
        Query(limit): Query<Option<u32>>,
        /// `next_cursor` of the page before, with all other parameters as they were
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<Page<BookingSummaryView>>, ApiError> {
        let mut conn = app.db.acquire().await?;
        access.principal(&mut conn, app).await?;
        let page = PageRequest::parse(limit, cursor.as_deref())?;
        let next_day = booked_until.and_then(|day| day.succ_opt());
        let filter = StaffFilter {
            words: q.as_deref().map(SearchWords::parse).transpose()?,
            flight: flight(flight_number.as_deref(), departure_date)?,
            status: status.map(BookingStatus::from),
            account_id: account_id.map(AccountId),
            booked_from: booked_from.map(midnight),
            booked_until: next_day.map(midnight),
        };
        let before = page.after::<BookingId>();
        let rows = page.rows().into();
        let found = booking::search_for_staff(&mut conn, &app.clock, &filter, before, rows).await?;
        Ok(Json(page.page(found, |booking| booking.id.0)))
    }

    /// Everything about a booking
    ///
    /// Of any account: the booking as its owner sees it, its timeline, its money, its documents, its mails and its jobs. Needs the
    /// scope `admin`.
    #[oai(
        path = "/bookings/:booking_ref",
        method = "get",
        operation_id = "get_booking_of_anybody"
    )]
    async fn get(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Admin>,
        Path(booking_ref): Path<String>,
    ) -> Result<Json<AdminBookingView>, ApiError> {
        let mut conn = app.db.acquire().await?;
        access.principal(&mut conn, app).await?;
        let reference = reference(&booking_ref)?;
        let dossier = booking::get_for_staff(&mut conn, &app.clock, &reference).await?;
        let whose = dossier.summary.account_id;
        let events = booking_event::list(&mut conn, whose, &reference, None, MOST_EVENTS).await?;
        let timeline = events.into_iter().map(BookingEventView::from).collect();
        Ok(Json(AdminBookingView::new(app, dossier, timeline)))
    }

    /// Mail the documents of a booking again
    ///
    /// The tickets and invoices as they are now, to the contact of the booking: whatever its account, as soon as all of them are
    /// ready. At most three times in 24 hours: 409 `resent_enough`. Needs the scope `admin`.
    #[oai(
        path = "/bookings/:booking_ref/documents/resends",
        method = "post",
        operation_id = "resend_documents"
    )]
    async fn resend(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Admin>,
        Path(booking_ref): Path<String>,
        #[oai(name = "Idempotency-Key")] once: Once,
    ) -> Result<Created<DocumentResendView>, ApiError> {
        let principal = access.look_up(app).await?;
        let reference = reference(&booking_ref)?;
        once.run(app, &principal, [0; 32], async |tx| {
            let resent = booking::resend_documents(tx, &app.clock, &reference).await?;
            Ok(DocumentResendView {
                id: resent.id,
                booking_ref: reference.to_string(),
                document_ids: resent.document_ids.into_iter().map(|id| id.0).collect(),
            })
        })
        .await
    }
}

/// Checks the readable parameters of a search whose query does not fit its schema. Errors: 422.
pub fn check_query(query: Raw<'_>) -> Result<(), ApiError> {
    let cursor = query.optional_text("cursor");
    PageRequest::parse(query.integer("limit"), cursor.as_deref())?;
    if let Some(q) = query.optional_text("q") {
        SearchWords::parse(&q)?;
    }
    Ok(())
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// Airline, number and date of a flight; the number and the date are given together.
fn flight(
    number: Option<&str>,
    date: Option<NaiveDate>,
) -> Result<Option<(String, String, NaiveDate)>, Error> {
    let mut wrong = Violations::new();
    let designator = number.map(|number| {
        let plain: String = number.chars().filter(|c| *c != ' ').collect();
        let upper = plain.to_ascii_uppercase();
        if upper.is_ascii() && (3..=7).contains(&upper.len()) {
            let (airline, number) = upper.split_at(2);
            (airline.to_owned(), number.to_owned())
        } else {
            let message = "must be an airline and a number, such as AI 101";
            wrong.add("flight_number", "format", message);
            (String::new(), String::new())
        }
    });
    match (&designator, date) {
        (Some(_), None) => wrong.add("departure_date", "required", "say on which day it leaves"),
        (None, Some(_)) => wrong.add("flight_number", "required", "say which flight it is"),
        _ => {}
    }
    wrong.into_result()?;
    let both = designator.zip(date);
    Ok(both.map(|((airline, number), date)| (airline, number, date)))
}

impl AdminBookingView {
    fn new(app: &App, dossier: Dossier, timeline: Vec<BookingEventView>) -> Self {
        let summary = dossier.summary;
        Self {
            booking_ref: summary.reference,
            account_id: summary.account_id.0,
            account_email: dossier.account_email,
            problems: problems(summary.problems),
            booking: (dossier.booking, app).into(),
            timeline,
            payments: dossier.payments.into_iter().map(Into::into).collect(),
            refunds: dossier.refunds.into_iter().map(Into::into).collect(),
            documents: dossier.documents.into_iter().map(Into::into).collect(),
            mails: dossier.mails.into_iter().map(Into::into).collect(),
            jobs: dossier.jobs.into_iter().map(Into::into).collect(),
        }
    }
}

fn problems(problems: Vec<BookingProblem>) -> Vec<BookingProblemView> {
    problems.into_iter().map(Into::into).collect()
}

impl From<BookingProblem> for BookingProblemView {
    fn from(problem: BookingProblem) -> Self {
        match problem {
            BookingProblem::FailedRefund => Self::FailedRefund,
            BookingProblem::OpenDispute => Self::OpenDispute,
            BookingProblem::StuckPayment => Self::StuckPayment,
            BookingProblem::FailedDocument => Self::FailedDocument,
        }
    }
}

impl From<StaffBooking> for BookingSummaryView {
    fn from(booking: StaffBooking) -> Self {
        Self {
            booking_ref: booking.reference,
            account_id: booking.account_id.0,
            status: booking.status.into(),
            created_at: booking.created_at.into(),
            first_departs_at: booking.first_departs_at.into(),
            flights: booking.flights,
            passengers: booking.passengers,
            contact_email: booking.contact_email,
            contact_phone: booking.contact_phone,
            total: booking.total.into(),
            paid: booking.paid.into(),
            refunded: booking.refunded.into(),
            problems: problems(booking.problems),
        }
    }
}

impl From<StaffPayment> for AdminPaymentView {
    fn from(payment: StaffPayment) -> Self {
        Self {
            id: payment.id.0,
            status: payment.status,
            amount: payment.amount.into(),
            created_at: payment.created_at.into(),
            expires_at: payment.expires_at.into(),
            ended_at: payment.ended_at.map(Instant),
            stripe_id: payment.stripe_id,
        }
    }
}

impl From<StaffMail> for AdminMailView {
    fn from(sent: StaffMail) -> Self {
        Self {
            mail: sent.mail,
            job: sent.job.into(),
        }
    }
}
