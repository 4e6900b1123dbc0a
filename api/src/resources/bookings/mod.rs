//! Bookings: named passengers on held seats, to be paid by a deadline.

mod forms;
mod patch;
mod views;

use chrono::NaiveDate;
use flightdesk_core::booking::{self, BookingFilter};
use flightdesk_core::error::FieldError;
use flightdesk_core::ids::{BookingId, BookingRef};
use flightdesk_core::trade::BookingStatus;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;

pub use forms::{ContactView, CreateBooking, PassengerForm};
pub use patch::PatchBooking;
pub use views::{BookingStatusView, BookingView};

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::answer::{Created, Done};
use crate::http::body::Checked;
use crate::http::idempotency::Once;
use crate::http::page::{Page, PageRequest};
use crate::openapi::raw::Raw;
use crate::openapi::tags::Tag;

/// Bookings.
pub struct Bookings;

#[OpenApi(prefix_path = "/v1", tag = "Tag::Bookings")]
impl Bookings {
    /// Book
    ///
    /// Books held seats, or offers in one step: of one or two directions, all seats or none. The seats stay held until
    /// `payment_due_at`; what costs nothing is confirmed at once. Who is on a flight in another live booking of the account is refused: 409 `duplicate_passenger`
    /// with that booking's `booking_ref`.
    #[oai(path = "/bookings", method = "post", operation_id = "create_booking")]
    async fn create(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        #[oai(name = "Idempotency-Key")] once: Once,
        body: Checked<CreateBooking>,
    ) -> Result<Created<BookingView>, ApiError> {
        let principal = access.look_up(app).await?;
        let (tariff, _) = app.catalogue().await?;
        once.run(app, &principal, body.digest(), async |tx| {
            let (shop, new) = (app.shop(&tariff), body.into_inner().into());
            let booking = booking::create(tx, shop, principal.account_id, &new).await?;
            Ok((booking, app).into())
        })
        .await
    }

    /// List the account's bookings
    ///
    /// Newest first. Each filter leaves fewer; a day includes all of it.
    #[oai(path = "/bookings", method = "get", operation_id = "list_bookings")]
    #[expect(clippy::too_many_arguments, reason = "a parameter each")]
    async fn list(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        /// Entries of a page
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<Option<u32>>,
        /// `next_cursor` of the page before, with all other parameters as they were
        Query(cursor): Query<Option<String>>,
        /// In this state
        Query(status): Query<Option<BookingStatusView>>,
        /// With this reference
        Query(booking_ref): Query<Option<String>>,
        /// With this address of the contact; case does not matter
        #[oai(validator(min_length = 3, max_length = 254))]
        Query(email): Query<Option<String>>,
        /// Booked on this day of UTC or later
        Query(booked_from): Query<Option<NaiveDate>>,
        /// Booked on this day of UTC or earlier
        Query(booked_until): Query<Option<NaiveDate>>,
        /// Whose first flight leaves on this local date or later
        Query(departing_from): Query<Option<NaiveDate>>,
        /// Whose first flight leaves on this local date or earlier
        Query(departing_until): Query<Option<NaiveDate>>,
    ) -> Result<Json<Page<BookingView>>, ApiError> {
        let mut conn = app.db.acquire().await?;
        let principal = access.principal(&mut conn, app).await?;
        let (page, reference) = check_list(limit, cursor.as_deref(), booking_ref.as_deref())?;
        let filter = BookingFilter {
            status: status.map(BookingStatus::from),
            reference,
            email,
            booked_from,
            booked_until,
            departing_from,
            departing_until,
        };
        let before = page.after::<BookingId>();
        let bookings = booking::list(
            &mut conn,
            principal.account_id,
            &filter,
            before,
            page.rows().into(),
        )
        .await?;
        let bookings = bookings.into_iter().map(|booking| (booking, app));
        Ok(Json(
            page.page(bookings.collect(), |(booking, _)| booking.id.0),
        ))
    }

    /// A booking
    ///
    /// As it is now: its deadline, its payment, its documents, and what can be done with it.
    #[oai(
        path = "/bookings/:booking_ref",
        method = "get",
        operation_id = "get_booking"
    )]
    async fn get(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        Path(booking_ref): Path<String>,
    ) -> Result<Json<BookingView>, ApiError> {
        let mut conn = app.db.acquire().await?;
        let principal = access.principal(&mut conn, app).await?;
        let reference = reference(&booking_ref)?;
        let booking = booking::get(&mut conn, principal.account_id, &reference).await?;
        Ok(Json((booking, app).into()))
    }

    /// Change a booking that is not paid, or the contact of a paid one
    ///
    /// All of it or nothing: other flights, other people, contact, seats, coupon. Seats are given back and taken in the
    /// same step, the deadline stays. The price is made anew: when it is not `expected_total` or, without that, the
    /// price before, the answer is 409 `price_changed` with the new `price`. An open checkout of another price is closed.
    /// Once it is paid, `contact` alone may change, at any time; both addresses are told. Names are corrected by
    /// `POST /v1/bookings/{booking_ref}/name-corrections`.
    #[oai(
        path = "/bookings/:booking_ref",
        method = "patch",
        operation_id = "patch_booking"
    )]
    async fn patch(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        Path(booking_ref): Path<String>,
        #[oai(name = "Idempotency-Key")] once: Once,
        body: Checked<PatchBooking>,
    ) -> Result<Done<BookingView>, ApiError> {
        let principal = access.look_up(app).await?;
        let reference = reference(&booking_ref)?;
        let account_id = principal.account_id;
        let (tariff, _) = app.catalogue().await?;
        once.run(app, &principal, body.digest(), async |tx| {
            let (shop, patch) = (app.shop(&tariff), body.into());
            let booking = booking::patch(tx, shop, account_id, &reference, &patch).await?;
            Ok((booking, app).into())
        })
        .await
    }
}

/// Checks the readable parameters of a list of bookings whose query does not fit its schema. Errors: 422.
pub fn check_query(query: Raw<'_>) -> Result<(), ApiError> {
    let (cursor, reference) = (
        query.optional_text("cursor"),
        query.optional_text("booking_ref"),
    );
    let limit = query.integer("limit");
    check_list(limit, cursor.as_deref(), reference.as_deref()).map(drop)
}

/// The page and the reference that a list of bookings is asked for. Errors: 422 with every wrong parameter.
fn check_list(
    limit: Option<u32>,
    cursor: Option<&str>,
    reference: Option<&str>,
) -> Result<(PageRequest, Option<BookingRef>), ApiError> {
    let page = PageRequest::parse(limit, cursor);
    both(page, reference.map(parse_filter).transpose())
}

fn parse_filter(raw: &str) -> Result<BookingRef, ApiError> {
    BookingRef::parse(raw).ok_or_else(|| {
        ApiError::invalid(vec![FieldError {
            field: "booking_ref".to_owned(),
            code: "format",
            message: "must be a booking reference of six characters, such as E89LWL".to_owned(),
        }])
    })
}

/// Both, or what is wrong with either.
fn both<A, B>(a: Result<A, ApiError>, b: Result<B, ApiError>) -> Result<(A, B), ApiError> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(a), Err(b)) => Err(a.and(b)),
        (Err(problem), _) | (_, Err(problem)) => Err(problem),
    }
}

/// Reads a reference of a path. Malformed references are 404.
pub fn reference(raw: &str) -> Result<BookingRef, ApiError> {
    BookingRef::parse(raw).ok_or_else(|| ApiError::not_found("there is no such booking"))
}
