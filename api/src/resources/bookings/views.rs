//! What a booking says of itself.

use flightdesk_core::booking::{
    BookedDirection, BookedPassenger, BookedSeat, Booking, ChangeKind, PaymentSummary,
    PendingChange,
};
use flightdesk_core::document::Document;
use flightdesk_core::money::Money;
use flightdesk_core::payment::{Dispute, Mismatch};
use flightdesk_core::trade::{BookingStatus, DisputeStatus};
use poem_openapi::{Enum, Object};
use serde_json::Value;
use uuid::Uuid;

use super::forms::{ContactView, TravelDocumentView};
use crate::app::App;
use crate::http::answer::{Resource, member_path};
use crate::resources::coupons::BookedCouponView;
use crate::resources::disruptions::OpenDisruptionView;
use crate::views::baggage::{BagView, ExtraBaggageView};
use crate::views::conditions::FareConditionsView;
use crate::views::itinerary::{AirlineView, BaggageView, FlightView};
use crate::views::prices::PriceView;
use crate::views::{Instant, MoneyView};

/// A booking
#[derive(Debug, Object)]
#[oai(rename = "Booking", skip_serializing_if_is_none)]
pub struct BookingView {
    /// Six characters; the booking's name everywhere
    booking_ref: String,
    status: BookingStatusView,
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
    /// What can be done now: each of these works, and what is not among them is answered by a 409 that says why
    available_actions: Vec<String>,
    /// Only when money came after the deadline
    late_payment: Option<LatePaymentView>,
    /// Only while other seats wait for their difference to be paid
    seat_change: Option<PendingChangeView>,
    /// Only while other flights wait for their difference to be paid
    flight_change: Option<PendingChangeView>,
    /// Only while the airline has cancelled or moved a flight and something can be chosen: `GET …/disruption` says what
    disruption: Option<OpenDisruptionView>,
    /// Of a booking of passengers who changed their flights without the others of their party: the booking that they were in
    split_from: Option<String>,
    /// The bookings of passengers of this one who changed their flights without the others; absent where there are none
    split_into: Option<Vec<String>>,
}

/// The state of a booking
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "BookingStatus", rename_all = "snake_case")]
pub enum BookingStatusView {
    /// Its seats are held until `payment_due_at`
    PendingPayment,
    /// Paid, or free
    Confirmed,
    /// One direction or some passengers were cancelled
    PartiallyCancelled,
    /// All of it was cancelled
    Cancelled,
    /// It was not paid in time
    Expired,
}

impl From<BookingStatusView> for BookingStatus {
    fn from(status: BookingStatusView) -> Self {
        match status {
            BookingStatusView::PendingPayment => Self::PendingPayment,
            BookingStatusView::Confirmed => Self::Confirmed,
            BookingStatusView::PartiallyCancelled => Self::PartiallyCancelled,
            BookingStatusView::Cancelled => Self::Cancelled,
            BookingStatusView::Expired => Self::Expired,
        }
    }
}

impl From<BookingStatus> for BookingStatusView {
    fn from(status: BookingStatus) -> Self {
        match status {
            BookingStatus::PendingPayment => Self::PendingPayment,
            BookingStatus::Confirmed => Self::Confirmed,
            BookingStatus::PartiallyCancelled => Self::PartiallyCancelled,
            BookingStatus::Cancelled => Self::Cancelled,
            BookingStatus::Expired => Self::Expired,
        }
    }
}

/// One direction of a booking
#[derive(Debug, Object)]
#[oai(rename = "BookedDirection", skip_serializing_if_is_none)]
pub struct DirectionView {
    /// `departing` or `returning`
    direction: String,
    /// `booked` or `cancelled`
    status: String,
    /// When it was cancelled
    cancelled_at: Option<Instant>,
    /// Whose ticket it is
    validating_airline: AirlineView,
    cabin: String,
    fare_family: String,
    baggage: BaggageView,
    /// What more costs, frozen when it was booked
    extra_baggage: ExtraBaggageView,
    /// Frozen when it was booked
    conditions: FareConditionsView,
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
    /// Absent for people who have one name
    first_name: Option<String>,
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
    /// Whether they still fly in each direction
    directions: Vec<PassengerDirectionView>,
    /// IATA codes: meals, wheelchairs
    special_requests: Vec<String>,
    travel_document: Option<TravelDocumentView>,
    /// The first of `ticket_numbers`; absent until paid
    ticket_number: Option<String>,
    /// With check digit, `125-2106312810 (3)`: one a validating airline, two consecutive ones for more than four flights
    ticket_numbers: Vec<String>,
}

/// A passenger in one direction
#[derive(Debug, Object)]
#[oai(rename = "PassengerDirection", skip_serializing_if_is_none)]
pub struct PassengerDirectionView {
    /// `departing` or `returning`
    direction: String,
    /// `booked` or `cancelled`
    status: String,
    /// When it was cancelled
    cancelled_at: Option<Instant>,
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
    /// Of the newest payment; absent before the first
    payment_id: Option<Uuid>,
    /// What it was paid with; absent until it was, and where no card was needed
    card: Option<CardView>,
    /// The page to pay on
    checkout_url: Option<String>,
    amount_paid: MoneyView,
    amount_refunded: MoneyView,
    /// What was paid and does not go back: neither by a refund nor by a dispute that was lost
    amount_kept: MoneyView,
    /// Only when a payment arrived that was not the one asked for: it is refunded in full
    mismatches: Option<Vec<MismatchView>>,
    /// Only when a bank has asked about the money or taken it back, because whoever paid disputes the payment
    disputes: Option<Vec<DisputeView>>,
}

/// A payment that is disputed at the bank
#[derive(Debug, Object)]
#[oai(rename = "Dispute", skip_serializing_if_is_none)]
pub struct DisputeView {
    id: Uuid,
    /// The payment that it is of
    payment_id: Uuid,
    /// While it is open nothing of the payment is refunded, but for an inquiry; once it is lost the bank has given the money back
    status: DisputeStateView,
    /// What the cardholder says, in the payment provider's word: `fraudulent`, `product_not_received`, …
    reason: String,
    amount: MoneyView,
    opened_at: Instant,
    closed_at: Option<Instant>,
}

/// How a dispute stands
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "DisputeState", rename_all = "snake_case")]
pub enum DisputeStateView {
    /// The bank asks and has taken no money
    Inquiry,
    /// The bank has taken the money and decides
    Open,
    /// The bank returned the money to the seller
    Won,
    /// The bank gave the money to the cardholder
    Lost,
    /// It ended without the bank taking any money
    Closed,
}

/// The card of a payment: never more of it than this
#[derive(Debug, Object)]
#[oai(rename = "Card")]
pub struct CardView {
    /// `visa`, `mastercard`, …: as the payment provider names it
    brand: String,
    /// The last four digits
    last4: String,
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
    /// `queued`, `rendering`, `ready`, `failed` or, of a ticket whose flights were cancelled, `void`
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

impl Resource for BookingView {
    fn path(answer: &Value) -> String {
        member_path("/v1/bookings", &answer["booking_ref"])
    }
}

/// A booking, and where somebody looks at it: what can be done depends on the hour and the policy of the sale.
impl From<(Booking, &App)> for BookingView {
    fn from((booking, app): (Booking, &App)) -> Self {
        let actions = booking.available_actions(app.clock.now(), &app.settings.sales);
        let actions = actions.into_iter();
        let waiting = |kind| {
            let change = booking.change.as_ref();
            let change = change.filter(|change: &&PendingChange| change.kind == kind);
            change.map(PendingChangeView::from)
        };
        let (seat_change, flight_change) =
            (waiting(ChangeKind::Seats), waiting(ChangeKind::Flights));
        Self {
            available_actions: actions.map(str::to_owned).collect(),
            booking_ref: booking.reference.to_string(),
            status: booking.status.into(),
            created_at: booking.created_at.into(),
            payment_due_at: booking.payment_due_at.into(),
            confirmed_at: booking.confirmed_at.map(Instant::from),
            passengers: booking
                .passengers
                .into_iter()
                .map(|passenger| PassengerView::new(passenger, &booking.directions))
                .collect(),
            directions: booking
                .directions
                .into_iter()
                .map(DirectionView::from)
                .collect(),
            contact: booking.contact.into(),
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
            seat_change,
            flight_change,
            disruption: booking.disruption.map(OpenDisruptionView::from),
            split_from: booking.split_from.map(|reference| reference.to_string()),
            split_into: (!booking.split_into.is_empty())
                .then(|| booking.split_into.iter().map(ToString::to_string).collect()),
        }
    }
}

impl From<BookedDirection> for DirectionView {
    fn from(direction: BookedDirection) -> Self {
        Self {
            direction: direction.direction.as_str().to_owned(),
            status: direction.status,
            cancelled_at: direction.cancelled_at.map(Instant::from),
            validating_airline: (&direction.validating_airline).into(),
            cabin: direction.cabin.as_str().to_owned(),
            baggage: (&direction.conditions).into(),
            extra_baggage: (&direction.conditions.extra_baggage).into(),
            conditions: (&direction.conditions).into(),
            fare_family: direction.conditions.fare_family,
            flights: direction
                .flights
                .into_iter()
                .map(FlightView::from)
                .collect(),
        }
    }
}

impl PassengerDirectionView {
    fn new(passenger: &BookedPassenger, direction: &BookedDirection) -> Self {
        let own = passenger.cancelled.iter();
        let own = own.filter(|(cancelled, _)| *cancelled == direction.direction);
        let cancelled_at = own.map(|(_, at)| *at).next().or(direction.cancelled_at);
        let status = if cancelled_at.is_some() {
            "cancelled"
        } else {
            "booked"
        };
        Self {
            direction: direction.direction.as_str().to_owned(),
            status: status.to_owned(),
            cancelled_at: cancelled_at.map(Instant::from),
        }
    }
}

impl PassengerView {
    fn new(passenger: BookedPassenger, directions: &[BookedDirection]) -> Self {
        let directions = directions.iter();
        Self {
            directions: directions
                .map(|direction| PassengerDirectionView::new(&passenger, direction))
                .collect(),
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
        let kept = amount_kept(&payment);
        Self {
            status: payment.status,
            payment_id: payment.id.map(|id| id.0),
            card: payment.card.map(|card| CardView {
                brand: card.brand,
                last4: card.last4,
            }),
            checkout_url: payment.checkout_url,
            amount_kept: kept.into(),
            amount_paid: payment.amount_paid.into(),
            amount_refunded: payment.amount_refunded.into(),
            mismatches: (!payment.mismatches.is_empty()).then(|| {
                payment
                    .mismatches
                    .into_iter()
                    .map(MismatchView::from)
                    .collect()
            }),
            disputes: (!payment.disputes.is_empty()).then(|| {
                payment
                    .disputes
                    .into_iter()
                    .map(DisputeView::from)
                    .collect()
            }),
        }
    }
}

fn amount_kept(payment: &PaymentSummary) -> Money {
    let currency = payment.amount_paid.currency();
    let is_lost =
        |one: &&Dispute| one.status == DisputeStatus::Lost && one.amount.currency() == currency;
    let lost = payment.disputes.iter().filter(is_lost);
    let lost: i64 = lost.map(|one| one.amount.minor()).sum();
    let kept = payment.amount_paid.minor() - payment.amount_refunded.minor() - lost;
    Money::new(kept, currency)
}

impl From<Dispute> for DisputeView {
    fn from(dispute: Dispute) -> Self {
        Self {
            id: dispute.id.0,
            payment_id: dispute.payment_id.0,
            status: dispute.status.into(),
            reason: dispute.reason,
            amount: dispute.amount.into(),
            opened_at: dispute.opened_at.into(),
            closed_at: dispute.closed_at.map(Instant::from),
        }
    }
}

impl From<DisputeStatus> for DisputeStateView {
    fn from(status: DisputeStatus) -> Self {
        match status {
            DisputeStatus::WarningNeedsResponse | DisputeStatus::WarningUnderReview => {
                Self::Inquiry
            }
            DisputeStatus::NeedsResponse | DisputeStatus::UnderReview => Self::Open,
            DisputeStatus::Won => Self::Won,
            DisputeStatus::Lost => Self::Lost,
            DisputeStatus::WarningClosed | DisputeStatus::Prevented => Self::Closed,
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

/// Seats or flights that wait for their difference to be paid
#[derive(Debug, Object)]
#[oai(rename = "PendingChange")]
pub struct PendingChangeView {
    /// The difference; `POST …/payment` opens a page to pay it on
    amount: MoneyView,
    /// When the held seats are released unless paid
    expires_at: Instant,
}

impl From<&PendingChange> for PendingChangeView {
    fn from(change: &PendingChange) -> Self {
        Self {
            amount: change.amount.into(),
            expires_at: change.expires_at.into(),
        }
    }
}
