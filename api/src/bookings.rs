//! Bookings: named passengers on held seats, to be paid by a deadline.

use flightdesk_core::account::Scope;
use flightdesk_core::booking::{
    self, BookedDirection, BookedPassenger, BookedSeat, Booking, BookingRef, Contact, NewBooking,
    NewPassenger, NewTravelDocument, PaymentSummary, SourceWish, TravelDocument,
};
use flightdesk_core::document::Document;
use flightdesk_core::error::Error;
use flightdesk_core::ids::{BookingId, HoldId};
use flightdesk_core::payment::Mismatch;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Any;
use poem_openapi::{Object, OpenApi};
use serde_json::Value;
use uuid::Uuid;

use crate::answer::{Created, Done};
use crate::app::App;
use crate::auth::Caller;
use crate::baggage::{BagView, ExtraBaggageView};
use crate::body::{Checked, Rules};
use crate::booking_changes::PatchBooking;
use crate::coupons::BookedCouponView;
use crate::error::ApiError;
use crate::holds::SeatWishView;
use crate::idempotency::{Begun, Once};
use crate::itinerary::{AirlineView, BaggageView, FlightView, PriceView};
use crate::optional::Optional;
use crate::page::{Page, PageRequest};
use crate::seats::SeatChangeView;
use crate::tags::Tag;
use crate::views::{Instant, MoneyView};

/// Bookings.
pub struct Bookings;

/// A booking to make: of a hold, or of offers that are held in the same step
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct CreateBooking {
    /// An open hold; instead of `offers`
    hold_id: Option<Uuid>,
    /// `offer_id` of a search's offer, for a round trip two, outbound first; instead of `hold_id`
    #[oai(validator(min_items = 1, max_items = 2))]
    offers: Option<Vec<String>>,
    /// With `offers`: whether the return may leave from or end at another place
    open_jaw: Option<bool>,
    /// Exact seats, with `offers`; a hold has its own
    #[oai(validator(max_items = 60))]
    seats: Option<Vec<SeatWishView>>,
    #[oai(validator(min_items = 1, max_items = 20))]
    passengers: Vec<PassengerForm>,
    contact: ContactView,
    /// A coupon's code; case does not matter
    #[oai(validator(min_length = 1, max_length = 64))]
    coupon: Option<String>,
}

/// A passenger to book
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct PassengerForm {
    /// `mr`, `ms`, `mrs`, `mx`, `dr`, `mstr` or `miss`
    title: String,
    /// 1-20 Latin letters as in the passport; accents are kept
    first_name: String,
    middle_name: Option<String>,
    last_name: String,
    /// `male`, `female` or `other`
    gender: String,
    /// `1990-05-17`; says whether they are adult, child or infant on the day of the last flight
    date_of_birth: String,
    /// For an infant: index of the passenger of 18 or more whose lap it sits on
    adult_index: Option<u32>,
    /// `window`, `middle` or `aisle`
    seat_preference: Option<String>,
    /// Extra checked baggage, one weight a direction; none for infants
    #[oai(validator(max_items = 2))]
    baggage: Option<Vec<BagView>>,
    /// IATA codes: a meal such as `VGML`, a wheelchair such as `WCHR`
    #[oai(validator(max_items = 8))]
    special_requests: Option<Vec<String>>,
    travel_document: Option<TravelDocumentView>,
}

/// A passport or identity card
#[derive(Debug, Object)]
#[oai(rename = "TravelDocument", deny_unknown_fields)]
pub struct TravelDocumentView {
    /// `passport` or `national_id`
    #[oai(rename = "type")]
    kind: String,
    /// 5-20 letters and digits, as printed
    #[oai(validator(max_length = 20))]
    number: String,
    /// The country that issued it, ISO 3166: `IN`
    country: String,
    /// The last day it is good: `2030-05-17`
    expires_on: String,
}

impl From<TravelDocumentView> for NewTravelDocument {
    fn from(document: TravelDocumentView) -> Self {
        Self {
            kind: document.kind,
            number: document.number,
            country: document.country,
            expires_on: document.expires_on,
        }
    }
}

impl From<TravelDocument> for TravelDocumentView {
    fn from(document: TravelDocument) -> Self {
        Self {
            kind: document.kind,
            number: document.number,
            country: document.country,
            expires_on: document.expires_on.to_string(),
        }
    }
}

impl From<PassengerForm> for NewPassenger {
    fn from(form: PassengerForm) -> Self {
        Self {
            title: form.title,
            first_name: form.first_name,
            middle_name: form.middle_name,
            last_name: form.last_name,
            gender: form.gender,
            date_of_birth: form.date_of_birth,
            adult_index: form.adult_index,
            seat_preference: form.seat_preference,
            baggage: form.baggage.into_iter().flatten().map(Into::into).collect(),
            special_requests: form.special_requests.unwrap_or_default(),
            travel_document: form.travel_document.map(NewTravelDocument::from),
        }
    }
}

/// Whom to write to
#[derive(Debug, Object)]
#[oai(rename = "Contact", deny_unknown_fields)]
pub struct ContactView {
    #[oai(validator(max_length = 254))]
    email: String,
    /// E.164: `+919876543210`
    #[oai(validator(max_length = 16))]
    phone: String,
}

impl From<ContactView> for Contact {
    fn from(contact: ContactView) -> Self {
        Self {
            email: contact.email,
            phone: contact.phone,
        }
    }
}

impl From<CreateBooking> for NewBooking {
    fn from(body: CreateBooking) -> Self {
        let seats = body.seats.into_iter().flatten();
        Self {
            source: SourceWish {
                hold_id: body.hold_id.map(HoldId),
                offers: body.offers,
                open_jaw: body.open_jaw,
                seats: seats.map(Into::into).collect(),
            },
            coupon: body.coupon,
            passengers: body
                .passengers
                .into_iter()
                .map(NewPassenger::from)
                .collect(),
            contact: body.contact.into(),
        }
    }
}

impl Rules for CreateBooking {
    fn rules(self, app: &App) -> Result<(), Error> {
        NewBooking::from(self).rules(&app.clock)
    }
}

/// A cancellation; it takes no fields
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct CancelBooking {}

impl Rules for CancelBooking {}

/// A booking
#[derive(Debug, Object)]
#[oai(rename = "Booking", skip_serializing_if_is_none)]
pub struct BookingView {
    /// Six characters; the booking's name everywhere
    booking_ref: String,
    /// `pending_payment`, `confirmed`, `partially_cancelled`, `cancelled` or `expired`
    status: String,
    created_at: Instant,
    /// The deadline to pay
    payment_due_at: Instant,
    confirmed_at: Option<Instant>,
    directions: Vec<DirectionView>,
    passengers: Vec<PassengerView>,
    contact: ContactView,
    price: PriceView,
    /// The coupon that is in the price
    coupon: Option<BookedCouponView>,
    payment: PaymentView,
    documents: Vec<BookedDocumentView>,
    /// What can be done now: `pay`, `change`, `cancel`, `change_seats`
    available_actions: Vec<String>,
    /// Only when money came after the deadline
    late_payment: Option<LatePaymentView>,
    /// Only while other seats wait for their difference to be paid
    seat_change: Option<SeatChangeView>,
}

/// One direction of a booking
#[derive(Debug, Object)]
#[oai(rename = "BookedDirection")]
pub struct DirectionView {
    /// `departing` or `returning`
    direction: String,
    /// `booked` or `cancelled`
    status: String,
    /// Whose ticket it is
    validating_airline: AirlineView,
    cabin: String,
    fare_family: String,
    baggage: BaggageView,
    /// What more costs, frozen when it was booked
    extra_baggage: ExtraBaggageView,
    /// What changing and cancelling costs, frozen when it was booked
    conditions: Any<Value>,
    flights: Vec<FlightView>,
}

/// A passenger of a booking
#[derive(Debug, Object)]
#[oai(rename = "Passenger", skip_serializing_if_is_none)]
pub struct PassengerView {
    id: Uuid,
    /// `adult`, `child` or `infant`: derived from the date of birth
    #[oai(rename = "type")]
    kind: String,
    title: String,
    first_name: String,
    middle_name: Option<String>,
    last_name: String,
    gender: String,
    date_of_birth: String,
    /// Of an infant: whose lap it sits on
    adult_id: Option<Uuid>,
    seat_preference: Option<String>,
    seats: Vec<SeatView>,
    /// Extra checked baggage, beside what the fare includes
    baggage: Vec<BagView>,
    /// IATA codes: meals, wheelchairs
    special_requests: Vec<String>,
    travel_document: Option<TravelDocumentView>,
    /// The first of `ticket_numbers`; absent until paid
    ticket_number: Option<String>,
    /// With check digit, `125-2106312810 (3)`: one a validating airline, two consecutive ones for more than four flights
    ticket_numbers: Vec<String>,
}

/// A seat on one flight
#[derive(Debug, Object)]
#[oai(rename = "Seat")]
pub struct SeatView {
    flight_id: Uuid,
    /// Row and letter: `12A`
    seat: String,
    /// Why this one: `chosen`, `preference`, `together`, `assigned`, `separated` or `aircraft_change`
    reason: String,
}

/// How the payment stands
#[derive(Debug, Object)]
#[oai(rename = "PaymentSummary", skip_serializing_if_is_none)]
pub struct PaymentView {
    /// `none`, `open`, `succeeded`, `expired`, `cancelled` or `mismatched`
    status: String,
    /// The page to pay on
    checkout_url: Option<String>,
    amount_paid: MoneyView,
    amount_refunded: MoneyView,
    /// Only when money came that was not what was asked for: it goes back whole
    mismatches: Option<Vec<MismatchView>>,
}

/// Money that was not what was asked for
#[derive(Debug, Object)]
#[oai(rename = "MismatchedPayment")]
pub struct MismatchView {
    received: MoneyView,
    /// Of the refund of all of it: `pending`, `succeeded` or `failed`
    refund_status: String,
}

/// A document of a booking, in short
#[derive(Debug, Object)]
#[oai(rename = "BookedDocument", skip_serializing_if_is_none)]
pub struct BookedDocumentView {
    id: Uuid,
    /// `ticket`, `invoice` or `refund_receipt`
    kind: String,
    /// Of a ticket: the airline whose ticket it is
    airline: Option<String>,
    /// `queued`, `rendering`, `ready` or `failed`
    status: String,
    revision: i32,
}

/// How money that came after the deadline was settled
#[derive(Debug, Object)]
#[oai(rename = "LatePayment")]
pub struct LatePaymentView {
    /// `same_seats`, `other_seats` or `refunded`
    resolution: String,
}

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
        caller: Caller,
        #[oai(name = "Idempotency-Key")] once: Once,
        body: Checked<CreateBooking>,
    ) -> Result<Created<BookingView>, ApiError> {
        caller.require(Scope::Bookings)?;
        let mut tx = app.db.begin().await?;
        let first = match once.begin(&mut tx, app, &caller, body.digest()).await? {
            Begun::Replay(answer) => return Ok(answer),
            Begun::First(first) => first,
        };
        let tariff = app.tariff.get(&mut tx, &app.clock).await?;
        let (shop, new) = (app.shop(&tariff), body.into_inner().into());
        let booking = booking::create(&mut tx, shop, caller.account_id, &new).await?;
        let answer = first.answer(&mut tx, app, booking.into()).await?;
        tx.commit().await?;
        Ok(answer)
    }

    /// List the account's bookings
    ///
    /// Newest first.
    #[oai(path = "/bookings", method = "get", operation_id = "list_bookings")]
    async fn list(
        &self,
        Data(app): Data<&App>,
        caller: Caller,
        /// Entries of a page
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<Option<u32>>,
        /// `next_cursor` of the page before
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<Page<BookingView>>, ApiError> {
        caller.require(Scope::Bookings)?;
        let page = PageRequest::parse(limit, cursor.as_deref())?;
        let mut conn = app.db.acquire().await?;
        let before = page.after::<BookingId>();
        let bookings =
            booking::list(&mut conn, caller.account_id, before, i64::from(page.rows())).await?;
        Ok(Json(page.page(bookings, |booking| booking.id.0)))
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
        caller: Caller,
        Path(booking_ref): Path<String>,
    ) -> Result<Json<BookingView>, ApiError> {
        caller.require(Scope::Bookings)?;
        let reference = reference(&booking_ref)?;
        let mut conn = app.db.acquire().await?;
        Ok(Json(
            booking::get(&mut conn, caller.account_id, &reference)
                .await?
                .into(),
        ))
    }

    /// Change a booking that is not paid
    ///
    /// All of it or nothing: other flights, other people, contact, seats, coupon. Seats are given back and taken in the
    /// same step, the deadline stays. The price is made anew: when it is not `expected_total` or, without that, the
    /// price before, the answer is 409 `price_changed` with the new `price`. An open checkout of another price is closed.
    #[oai(
        path = "/bookings/:booking_ref",
        method = "patch",
        operation_id = "patch_booking"
    )]
    async fn patch(
        &self,
        Data(app): Data<&App>,
        caller: Caller,
        Path(booking_ref): Path<String>,
        #[oai(name = "Idempotency-Key")] once: Once,
        body: Checked<PatchBooking>,
    ) -> Result<Done<BookingView>, ApiError> {
        caller.require(Scope::Bookings)?;
        let reference = reference(&booking_ref)?;
        let mut tx = app.db.begin().await?;
        let first = match once.begin(&mut tx, app, &caller, body.digest()).await? {
            Begun::Replay(answer) => return Ok(answer),
            Begun::First(first) => first,
        };
        let tariff = app.tariff.get(&mut tx, &app.clock).await?;
        let (shop, patch) = (app.shop(&tariff), body.into());
        let booking = booking::patch(&mut tx, shop, caller.account_id, &reference, &patch).await?;
        let answer = first.answer(&mut tx, app, booking.into()).await?;
        tx.commit().await?;
        Ok(answer)
    }

    /// Cancel a booking that is not paid
    ///
    /// All of it: the body is an empty object or left out. Its seats are free at once, an open checkout page is closed. Doing it again changes nothing.
    #[oai(
        path = "/bookings/:booking_ref/cancellations",
        method = "post",
        operation_id = "cancel_booking"
    )]
    async fn cancel(
        &self,
        Data(app): Data<&App>,
        caller: Caller,
        Path(booking_ref): Path<String>,
        #[oai(name = "Idempotency-Key")] once: Once,
        _body: Optional<CancelBooking>,
    ) -> Result<Done<BookingView>, ApiError> {
        caller.require(Scope::Bookings)?;
        let reference = reference(&booking_ref)?;
        let mut tx = app.db.begin().await?;
        let first = match once.begin(&mut tx, app, &caller, [0; 32]).await? {
            Begun::Replay(answer) => return Ok(answer),
            Begun::First(first) => first,
        };
        booking::cancel_unpaid(&mut tx, &app.clock, caller.account_id, &reference).await?;
        let booking = booking::get(&mut tx, caller.account_id, &reference).await?;
        let answer = first.answer(&mut tx, app, booking.into()).await?;
        tx.commit().await?;
        Ok(answer)
    }
}

/// Reads a reference of a path. What is none does not exist.
pub fn reference(raw: &str) -> Result<BookingRef, ApiError> {
    BookingRef::parse(raw).ok_or_else(|| ApiError::not_found("there is no such booking"))
}

impl From<Booking> for BookingView {
    fn from(booking: Booking) -> Self {
        Self {
            available_actions: booking
                .available_actions()
                .iter()
                .map(|action| (*action).to_owned())
                .collect(),
            booking_ref: booking.reference.to_string(),
            status: booking.status.as_str().to_owned(),
            created_at: booking.created_at.into(),
            payment_due_at: booking.payment_due_at.into(),
            confirmed_at: booking.confirmed_at.map(Instant::from),
            directions: booking
                .directions
                .into_iter()
                .map(DirectionView::from)
                .collect(),
            passengers: booking
                .passengers
                .into_iter()
                .map(PassengerView::from)
                .collect(),
            contact: ContactView {
                email: booking.contact.email,
                phone: booking.contact.phone,
            },
            price: booking.price.into(),
            coupon: booking.coupon.map(BookedCouponView::from),
            payment: booking.payment.into(),
            documents: booking
                .documents
                .into_iter()
                .map(BookedDocumentView::from)
                .collect(),
            late_payment: booking.late_payment.map(|late| LatePaymentView {
                resolution: late.as_str().to_owned(),
            }),
            seat_change: booking.seat_change.map(SeatChangeView::from),
        }
    }
}

impl From<BookedDirection> for DirectionView {
    fn from(direction: BookedDirection) -> Self {
        Self {
            direction: direction.direction.as_str().to_owned(),
            status: direction.status,
            validating_airline: direction.validating_airline.into(),
            cabin: direction.cabin.as_str().to_owned(),
            fare_family: direction.conditions["fare_family"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            baggage: BaggageView::of(&direction.conditions),
            extra_baggage: ExtraBaggageView::of(&direction.conditions),
            conditions: Any(direction.conditions["conditions"].clone()),
            flights: direction
                .flights
                .into_iter()
                .map(FlightView::from)
                .collect(),
        }
    }
}

impl From<BookedPassenger> for PassengerView {
    fn from(passenger: BookedPassenger) -> Self {
        Self {
            id: passenger.id.0,
            kind: passenger.passenger_type.as_str().to_owned(),
            title: passenger.title,
            first_name: passenger.first_name,
            middle_name: passenger.middle_name,
            last_name: passenger.last_name,
            gender: passenger.gender.as_str().to_owned(),
            date_of_birth: passenger.date_of_birth.to_string(),
            adult_id: passenger.adult_id.map(|id| id.0),
            seat_preference: passenger
                .seat_preference
                .map(|wish| wish.as_str().to_owned()),
            seats: passenger.seats.into_iter().map(SeatView::from).collect(),
            baggage: passenger.baggage.into_iter().map(BagView::from).collect(),
            special_requests: passenger.special_requests,
            travel_document: passenger.travel_document.map(TravelDocumentView::from),
            ticket_number: passenger.ticket_numbers.first().cloned(),
            ticket_numbers: passenger.ticket_numbers,
        }
    }
}

impl From<BookedSeat> for SeatView {
    fn from(seat: BookedSeat) -> Self {
        Self {
            flight_id: seat.flight_id.0,
            seat: seat.seat.to_string(),
            reason: seat.reason,
        }
    }
}

impl From<PaymentSummary> for PaymentView {
    fn from(payment: PaymentSummary) -> Self {
        Self {
            status: payment.status,
            checkout_url: payment.checkout_url,
            amount_paid: payment.amount_paid.into(),
            amount_refunded: payment.amount_refunded.into(),
            mismatches: (!payment.mismatches.is_empty()).then(|| {
                payment
                    .mismatches
                    .into_iter()
                    .map(MismatchView::from)
                    .collect()
            }),
        }
    }
}

impl From<Mismatch> for MismatchView {
    fn from(mismatch: Mismatch) -> Self {
        Self {
            received: mismatch.received.into(),
            refund_status: mismatch.refund_status,
        }
    }
}

impl From<Document> for BookedDocumentView {
    fn from(document: Document) -> Self {
        Self {
            id: document.id.0,
            kind: document.kind.as_str().to_owned(),
            airline: document.airline,
            status: document.status.as_str().to_owned(),
            revision: document.revision,
        }
    }
}
