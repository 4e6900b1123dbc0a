//! What a booking is, as its owner reads it.

use chrono::{DateTime, NaiveDate, Utc};

use super::cancel::can_cancel;
use super::change_seats::can_change_seats;
use super::disruption::OpenDisruption;
use super::exchange::can_change;
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
use crate::payment::{self, Dispute, Mismatch};
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
}

impl Booking {
    /// What its owner can do at an instant, each of which would work then.
    pub fn available_actions(&self, now: DateTime<Utc>) -> Vec<&'static str> {
        let mut actions = Vec::new();
        match self.status {
            BookingStatus::PendingPayment if self.payment_due_at > now => {
                if self.can_be_paid(now, self.price.total(), Some(self.created_at)) {
                    actions.push("pay");
                }
                actions.extend(["change", "cancel"]);
            }
            BookingStatus::PendingPayment => actions.push("cancel"),
            BookingStatus::Confirmed | BookingStatus::PartiallyCancelled => {
                if let Some(change) = &self.change
                    && self.can_be_paid(now, change.amount, None)
                {
                    actions.push("pay");
                }
                if self
                    .booked_flights()
                    .any(|flight| can_change_seats(now, flight.departs_at))
                {
                    actions.push("change_seats");
                }
                if can_change(now, &self.directions) {
                    actions.push("change_flights");
                }
                if can_cancel(now, &self.directions) {
                    actions.push("cancel");
                }
                if self.disruption.is_some_and(|open| open.decide_by > now) {
                    actions.push("answer_disruption");
                }
            }
            BookingStatus::Cancelled | BookingStatus::Expired => {}
        }
        actions
    }

    fn can_be_paid(
        &self,
        now: DateTime<Utc>,
        amount: Money,
        booked_at: Option<DateTime<Utc>>,
    ) -> bool {
        let flights = self
            .directions
            .iter()
            .flat_map(|direction| &direction.flights);
        // Of a booking that is flown in part, a change is about what is not flown.
        let departures = flights.map(|flight| flight.departs_at);
        let departures = departures.filter(|at| booked_at.is_some() || *at > now);
        self.payment.checkout_url.is_some()
            || departures
                .min()
                .is_some_and(|first| payment::can_start(now, amount, first, booked_at))
    }

    fn booked_flights(&self) -> impl Iterator<Item = &Flight> {
        let booked = self
            .directions
            .iter()
            .filter(|direction| direction.status == "booked");
        booked.flat_map(|direction| &direction.flights)
    }
}
