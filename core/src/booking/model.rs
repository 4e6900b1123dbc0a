//! What a booking is, as its owner reads it.

use chrono::{DateTime, NaiveDate, Utc};

use super::disruption::{OpenDisruption, ToldDisruption};
use super::passengers::{Gender, NewPassenger, TravelDocument};
use super::pending::PendingChange;
use super::source::SourceWish;
use crate::baggage::BookedBag;
use crate::coupon::BookedCoupon;
use crate::document::Document;
use crate::flight::Flight;
use crate::ids::{BookingId, BookingRef, FlightId, PassengerId, PaymentId};
use crate::inventory::Seat;
use crate::money::Money;
use crate::payment::stripe::Card;
use crate::payment::{Dispute, Mismatch};
use crate::reference::Airline;
use crate::trade::{
    BookingStatus, Cabin, Direction, FareConditions, LatePayment, PassengerType, Price,
    SeatPreference,
};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct NewBooking {
    /// Which seats.
    pub source: SourceWish,
    /// Who flies.
    pub passengers: Vec<NewPassenger>,
    /// Whom to write to.
    pub contact: Contact,
    /// A coupon's code, if any; case does not matter.
    pub coupon: Option<String>,
}

/// Whom to write to about a booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// E-mail address, kept as [`crate::email::EmailAddress`] has it.
    pub email: String,
    /// With its country code; kept in E.164: `+919876543210`.
    pub phone: String,
}

/// One direction of a booking.
#[derive(Clone, Debug)]
pub struct BookedDirection {
    /// Which.
    pub direction: Direction,
    /// `booked` or `cancelled`.
    pub status: String,
    /// When it was cancelled.
    pub cancelled_at: Option<DateTime<Utc>>,
    /// Whose ticket it is.
    pub validating_airline: Airline,
    /// In which cabin.
    pub cabin: Cabin,
    /// What the fare includes and allows, frozen when it was booked.
    pub conditions: FareConditions,
    /// The flights, in order.
    pub flights: Vec<Flight>,
}

/// A seat of a passenger on one flight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedSeat {
    /// The flight.
    pub flight_id: FlightId,
    /// Which seat.
    pub seat: Seat,
    /// Why this one: a [`crate::seat::Reason`], or `aircraft_change`.
    pub reason: String,
}

/// A passenger of a booking.
#[derive(Clone, Debug)]
pub struct BookedPassenger {
    /// The person, told apart from everybody else by it.
    pub id: PassengerId,
    /// Derived from the date of birth.
    pub passenger_type: PassengerType,
    /// `MR`, `MS`, …
    pub title: String,
    /// As written; `None` for people who have one name.
    pub first_name: Option<String>,
    /// As written.
    pub middle_name: Option<String>,
    /// As written.
    pub last_name: String,
    /// As in the passport.
    pub gender: Gender,
    /// Date of birth.
    pub date_of_birth: NaiveDate,
    /// An infant's adult.
    pub adult_id: Option<PassengerId>,
    /// What they would like.
    pub seat_preference: Option<SeatPreference>,
    /// The seats they have.
    pub seats: Vec<BookedSeat>,
    /// Extra checked baggage, by direction.
    pub baggage: Vec<BookedBag>,
    /// The directions that they do not fly any more, and since when; the others of the party may.
    pub cancelled: Vec<(Direction, DateTime<Utc>)>,
    /// The directions whose first flight they were not aboard.
    pub no_shows: Vec<Direction>,
    /// Whether the traveller has corrected the names before.
    pub is_corrected: bool,
    /// IATA codes of special service requests.
    pub special_requests: Vec<String>,
    /// What they travel with, if they said.
    pub travel_document: Option<TravelDocument>,
    /// E-ticket numbers with check digit, one a validating airline.
    pub ticket_numbers: Vec<String>,
}

/// How a booking's payment stands.
#[derive(Clone, Debug)]
pub struct PaymentSummary {
    /// `none`, `open`, `succeeded`, `expired`, `cancelled`, `mismatched`: of the newest payment.
    pub status: String,
    /// Of the newest payment.
    pub id: Option<PaymentId>,
    /// The card that it was made with, once it succeeded.
    pub card: Option<Card>,
    /// The page to pay on, while there is one.
    pub checkout_url: Option<String>,
    /// Until when the payment that is open can be paid, of the booking or of a change.
    pub open_until: Option<DateTime<Utc>>,
    /// What came in.
    pub amount_paid: Money,
    /// What went back, or is on its way.
    pub amount_refunded: Money,
    /// Money that was not what was asked for and goes back; usually none came.
    pub mismatches: Vec<Mismatch>,
    /// What banks took back of it or asked about; usually nothing.
    pub disputes: Vec<Dispute>,
}

/// A booking with everything on it.
#[derive(Clone, Debug)]
pub struct Booking {
    /// Its key inside.
    pub id: BookingId,
    /// Its name outside.
    pub reference: BookingRef,
    /// Where it stands.
    pub status: BookingStatus,
    /// When it was booked.
    pub created_at: DateTime<Utc>,
    /// The deadline to pay.
    pub payment_due_at: DateTime<Utc>,
    /// When its first flight leaves.
    pub first_departs_at: DateTime<Utc>,
    /// When it was paid and ticketed.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// One or two.
    pub directions: Vec<BookedDirection>,
    /// In the order they were given.
    pub passengers: Vec<BookedPassenger>,
    /// Whom to write to.
    pub contact: Contact,
    /// What it costs.
    pub price: Price,
    /// The coupon that is in the price.
    pub coupon: Option<BookedCoupon>,
    /// How its payment stands.
    pub payment: PaymentSummary,
    /// How late money was settled, if any came.
    pub late_payment: Option<LatePayment>,
    /// The booking that its passengers were taken out of, when some of a party have changed their flights.
    pub split_from: Option<BookingRef>,
    /// The bookings of those who were taken out of it, in the order in which they were.
    pub split_into: Vec<BookingRef>,
    /// Its documents.
    pub documents: Vec<Document>,
    /// Other seats or flights that wait for their difference to be paid.
    pub change: Option<PendingChange>,
    /// What the airline has done to one of its flights, while its owner may choose; of several the one to be answered first.
    pub disruption: Option<OpenDisruption>,
    /// Everything that the airline has done to its flights and that gives its owner something to choose or to give back.
    pub(super) told: Vec<ToldDisruption>,
}
