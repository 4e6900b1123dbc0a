//! What the owner of a booking can do at an instant: what is named works, and what is not named is refused by a conflict that
//! says why.
//!
//! **Nothing is decided here.** Each operation has its rule where it is, and decides by locked rows; this reads the same rules
//! for a booking that was loaded.

use chrono::{DateTime, Duration, TimeDelta, Utc};

use super::change_seats::can_change_seats;
use super::correct_names;
use super::disruption::ToldDisruption;
use super::exchange::can_change;
use super::model::{BookedDirection, BookedPassenger, Booking};
use crate::config::Sales;
use crate::flight::{Flight, FlightStatus};
use crate::money::Money;
use crate::payment;
use crate::trade::BookingStatus;

impl Booking {
    /// What its owner can do at an instant, each of which would work then.
    pub fn available_actions(&self, now: DateTime<Utc>, sales: &Sales) -> Vec<&'static str> {
        match self.status {
            BookingStatus::PendingPayment if self.payment_due_at > now => {
                let total = self.price.total();
                let departs_at = Some(self.first_departs_at);
                let can_pay = self.can_be_paid(now, total, departs_at, Some(self.created_at));
                let pay = can_pay.then_some("pay");
                let others = ["change", "change_contact", "cancel"];
                pay.into_iter().chain(others).collect()
            }
            BookingStatus::PendingPayment => vec!["cancel"],
            BookingStatus::Confirmed | BookingStatus::PartiallyCancelled => {
                self.actions_once_paid(now, sales)
            }
            BookingStatus::Cancelled | BookingStatus::Expired => Vec::new(),
        }
    }

    fn actions_once_paid(&self, now: DateTime<Utc>, sales: &Sales) -> Vec<&'static str> {
        let mut told = self.told.iter();
        let all = [
            ("pay", self.can_change_be_paid(now)),
            (
                "change_seats",
                self.booked_flights()
                    .any(|flight| can_change_seats(now, flight)),
            ),
            ("change_flights", self.can_fly_otherwise(now, sales)),
            ("change_contact", true),
            ("correct_names", self.can_be_corrected(now, sales)),
            (
                "cancel",
                self.booked().any(|one| self.can_be_cancelled(one, now)),
            ),
            (
                "answer_disruption",
                told.any(|told| self.can_answer(told, now)),
            ),
        ];
        let able = all.into_iter().filter(|(_, is_able)| *is_able);
        able.map(|(action, _)| action).collect()
    }

    /// Whether what a change waits for can be paid, before the next flight of what is not flown yet.
    fn can_change_be_paid(&self, now: DateTime<Utc>) -> bool {
        let departures = self.booked_flights().map(|flight| flight.departs_at);
        let next = departures.filter(|at| *at > now).min();
        let change = self.change.as_ref();
        change.is_some_and(|change| self.can_be_paid(now, change.amount, next, None))
    }

    /// Whether a page to pay on is open, or one could be opened.
    fn can_be_paid(
        &self,
        now: DateTime<Utc>,
        amount: Money,
        departs_at: Option<DateTime<Utc>>,
        booked_at: Option<DateTime<Utc>>,
    ) -> bool {
        self.payment.open_until.is_some_and(|until| until > now)
            || departs_at.is_some_and(|first| payment::can_start(now, amount, first, booked_at))
    }

    /// Whether some direction can have other flights: by its fare, or because the airline does not fly as it was booked.
    fn can_fly_otherwise(&self, now: DateTime<Utc>, sales: &Sales) -> bool {
        let days = TimeDelta::days(i64::from(sales.disruption_rebook_days));
        self.booked().any(|one| {
            let departs_at = one.flights.first().map(|flight| flight.departs_at);
            departs_at.is_some_and(|departs_at| {
                let is_near = departs_at + days >= now + sales.sales_close();
                can_change(&one.conditions, now, departs_at)
                    || is_near && self.is_given_back(one, now)
            })
        })
    }

    fn can_be_corrected(&self, now: DateTime<Utc>, sales: &Sales) -> bool {
        now <= correct_names::ends_at(sales, self.created_at)
            && self.passengers.iter().any(|one| {
                let flying = self.booked().filter(|way| flies(one, way));
                let flights: Vec<_> = flying.flat_map(|way| &way.flights).collect();
                let is_ahead = flights.iter().any(|flight| flight.departs_at > now);
                is_ahead && !one.is_corrected && !flights.iter().any(|flight| has_left(flight, now))
            })
    }

    /// Whether somebody can be cancelled in a direction that is booked.
    fn can_be_cancelled(&self, direction: &BookedDirection, now: DateTime<Utc>) -> bool {
        let too_late = Duration::hours(i64::from(direction.conditions.rules.too_late_hours));
        let departs_at = direction.flights.first().map(|flight| flight.departs_at);
        let mut people = self.passengers.iter();
        departs_at.is_some_and(|at| at - now > too_late)
            || self.is_given_back(direction, now)
            || people
                .any(|one| flies(one, direction) && one.no_shows.contains(&direction.direction))
    }

    /// Whether the airline does not fly a direction as it was booked, so that all of it can be given back.
    fn is_given_back(&self, direction: &BookedDirection, now: DateTime<Utc>) -> bool {
        let mut own = self.told.iter();
        let is_told = own.any(|told| {
            let is_in_time = told.is_open && told.decide_by > now;
            told.direction == direction.direction
                && told.has_flight
                && (is_in_time || told.is_cancelled)
        });
        is_told && !has_begun(direction, now)
    }

    /// Whether something can be chosen of a disruption.
    fn can_answer(&self, told: &ToldDisruption, now: DateTime<Utc>) -> bool {
        let mut booked = self.booked();
        let is_ahead = booked.any(|one| one.direction == told.direction && !has_begun(one, now));
        let is_acceptable = !told.is_cancelled && !told.connection_broken;
        told.is_open && !told.is_superseded && told.decide_by > now && (is_ahead || is_acceptable)
    }

    /// The directions that somebody flies still.
    fn booked(&self) -> impl Iterator<Item = &BookedDirection> {
        self.directions.iter().filter(|one| one.status == "booked")
    }

    fn booked_flights(&self) -> impl Iterator<Item = &Flight> {
        self.booked().flat_map(|direction| &direction.flights)
    }
}

/// Whether a passenger has not been cancelled in a direction.
fn flies(passenger: &BookedPassenger, direction: &BookedDirection) -> bool {
    let mut cancelled = passenger.cancelled.iter();
    !cancelled.any(|(gone, _)| *gone == direction.direction)
}

fn has_left(flight: &Flight, now: DateTime<Utc>) -> bool {
    flight.departs_at <= now && flight.status != FlightStatus::Cancelled
}

fn has_begun(direction: &BookedDirection, now: DateTime<Utc>) -> bool {
    direction.flights.iter().any(|flight| has_left(flight, now))
}
