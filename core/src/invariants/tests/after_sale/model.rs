//! What a journey and its money should do after it was sold, without a database.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use crate::booking_lock::LockedBooking;
use crate::ids::{FlightId, PassengerId};
use crate::offer::Offer;
use crate::payment::Payment;
use crate::trade::{BookingStatus, DefaultChoice, Direction, LineKind};

/// A flight as it should be.
#[derive(Clone, Copy, Debug)]
pub struct FlightModel {
    pub id: FlightId,
    pub direction: Direction,
    pub departs_at: DateTime<Utc>,
    pub arrives_at: DateTime<Utc>,
    pub is_cancelled: bool,
    /// The newest time that it was moved.
    pub moved: Option<Moved>,
}

/// That a flight was moved.
#[derive(Clone, Copy, Debug)]
pub struct Moved {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    /// When it left and landed before.
    pub before: (DateTime<Utc>, DateTime<Utc>),
}

impl FlightModel {
    pub fn has_left(&self, now: DateTime<Utc>) -> bool {
        !self.is_cancelled && self.departs_at <= now
    }
}

/// What one passenger pays for one direction, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fare {
    pub base: i64,
    /// Taxes that are a percentage of it.
    pub percent: i64,
    /// Other taxes.
    pub fixed: i64,
}

impl Fare {
    pub fn of(offer: &Offer) -> Self {
        let sum = |is_wanted: fn(LineKind, bool) -> bool| -> i64 {
            let lines = offer.price.lines.iter();
            let lines = lines.filter(|line| is_wanted(line.kind, line.is_percentage));
            lines.map(|line| line.unit_minor).sum()
        };
        Self {
            base: sum(|kind, _| kind == LineKind::BaseFare),
            percent: sum(|kind, is_percentage| kind == LineKind::Tax && is_percentage),
            fixed: sum(|kind, is_percentage| kind == LineKind::Tax && !is_percentage),
        }
    }

    pub fn sum(self) -> i64 {
        self.base + self.percent + self.fixed
    }

    /// What comes back when some of the base fare is kept: the percentage of what comes back of it, half to even.
    pub fn back(self, charge: i64) -> i64 {
        let left = self.base - charge.min(self.base);
        let (whole, rest) = (
            self.percent * left / self.base,
            self.percent * left % self.base,
        );
        let is_up = 2 * rest > self.base || (2 * rest == self.base && whole % 2 == 1);
        left + whole + i64::from(is_up) + self.fixed
    }
}

/// What the fare `standard` keeps of a direction that leaves at an instant, for a cancellation or a change.
pub fn charge(now: DateTime<Utc>, departs_at: DateTime<Utc>) -> i64 {
    let ahead = departs_at - now;
    if ahead > Duration::hours(168) {
        0
    } else if ahead > Duration::hours(72) {
        300_000
    } else {
        350_000
    }
}

/// What a booking was told of a flight.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    pub id: Uuid,
    /// Which of the flights.
    pub flight: usize,
    pub is_cancelled: bool,
    /// When the flight left and landed as the booking knew it.
    pub before: (DateTime<Utc>, DateTime<Utc>),
    pub decide_by: DateTime<Utc>,
    pub default: DefaultChoice,
    pub state: ToldState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToldState {
    Open,
    Lapsed,
    /// Accepted, refunded, rebooked or superseded.
    Closed,
}

impl Told {
    pub fn is_open(&self) -> bool {
        self.state == ToldState::Open
    }

    pub fn can_be_answered(&self, now: DateTime<Utc>) -> bool {
        self.is_open() && self.decide_by > now
    }
}

/// One direction of a journey.
#[derive(Clone, Debug)]
pub struct Way {
    pub direction: Direction,
    /// Which of the flights.
    pub flight: usize,
    /// Who flies still.
    pub flying: Vec<PassengerId>,
    pub fare: Fare,
    /// Since when it has the flight.
    pub since: DateTime<Utc>,
    pub told: Vec<Told>,
    /// Who was not aboard.
    pub absent: HashSet<PassengerId>,
}

impl Way {
    /// Whether the airline does not fly it as it was booked, so that all of it can be given back.
    pub fn is_disrupted(&self, flights: &[FlightModel], now: DateTime<Utc>) -> bool {
        !flights[self.flight].has_left(now)
            && self.told.iter().any(|told| {
                let can_choose = told.is_open() && (told.decide_by > now || told.is_cancelled);
                let was_left = told.state == ToldState::Lapsed && told.is_cancelled;
                told.flight == self.flight && (can_choose || was_left)
            })
    }

    /// Whether it leaves in more than the two hours in which nothing can be cancelled or changed.
    pub fn is_early(&self, flights: &[FlightModel], now: DateTime<Utc>) -> bool {
        flights[self.flight].departs_at - now > Duration::hours(2)
    }

    pub fn close(&mut self) {
        for told in self.told.iter_mut().filter(|told| told.is_open()) {
            told.state = ToldState::Closed;
        }
    }
}

/// A change that waits for its money, or did.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Which direction gets which flight at which fare.
    pub to: Vec<(Direction, usize, Fare)>,
    pub amount: i64,
    pub fees: HashMap<PassengerId, i64>,
    pub expires_at: DateTime<Utc>,
    pub is_open: bool,
}

/// A booking as it should be.
#[derive(Clone, Debug)]
pub struct Journey {
    pub booking: LockedBooking,
    /// The booking that it came of, or itself.
    pub party: usize,
    pub people: Vec<PassengerId>,
    pub ways: Vec<Way>,
    pub status: BookingStatus,
    /// What each of them has cost by now.
    pub costs: HashMap<PassengerId, i64>,
    /// What was charged once for the booking.
    pub fee: i64,
    /// Whether whatever was cancelled was cancelled because of the airline.
    pub by_airline_alone: bool,
    /// What cancellations and changes have promised back.
    pub owed_back: i64,
    pub changes: Vec<Waiting>,
}

impl Journey {
    pub fn total(&self) -> i64 {
        self.fee + self.people.iter().map(|who| self.costs[who]).sum::<i64>()
    }

    pub fn is_alive(&self) -> bool {
        matches!(
            self.status,
            BookingStatus::Confirmed | BookingStatus::PartiallyCancelled
        )
    }

    pub fn way(&self, direction: Direction) -> Option<&Way> {
        self.ways.iter().find(|way| way.direction == direction)
    }

    pub fn way_mut(&mut self, direction: Direction) -> &mut Way {
        let mut ways = self.ways.iter_mut();
        ways.find(|way| way.direction == direction).unwrap()
    }

    /// The directions in which somebody flies.
    pub fn live(&self) -> impl Iterator<Item = &Way> {
        self.ways.iter().filter(|way| !way.flying.is_empty())
    }

    pub fn waiting(&self) -> Option<usize> {
        self.changes.iter().position(|change| change.is_open)
    }

    pub fn drop_waiting(&mut self) {
        for change in &mut self.changes {
            change.is_open = false;
        }
    }

    /// Somebody flies a direction no more, and gets an amount back.
    pub fn leave(&mut self, direction: Direction, who: PassengerId, back: i64) {
        let way = self.way_mut(direction);
        way.flying.retain(|one| *one != who);
        if way.flying.is_empty() {
            way.close();
        }
        *self.costs.get_mut(&who).unwrap() -= back;
        self.owed_back += back;
        self.drop_waiting();
        self.status = if self.live().next().is_none() {
            BookingStatus::Cancelled
        } else {
            BookingStatus::PartiallyCancelled
        };
    }

    /// Everybody who flies a direction flies another flight, at another fare.
    pub fn fly(&mut self, change: &Waiting, now: DateTime<Utc>) {
        for (direction, flight, fare) in &change.to {
            let way = self.way_mut(*direction);
            let difference = fare.sum() - way.fare.sum();
            (way.flight, way.fare, way.since) = (*flight, *fare, now);
            way.close();
            for who in way.flying.clone() {
                *self.costs.get_mut(&who).unwrap() += difference;
            }
        }
        for (who, fee) in &change.fees {
            *self.costs.get_mut(who).unwrap() += fee;
        }
        if change.amount < 0 {
            self.owed_back -= change.amount;
        }
    }
}

/// A payment as it should be.
#[derive(Clone, Debug)]
pub struct Paid {
    pub opened: Payment,
    /// Whose booking it is of.
    pub journey: usize,
    /// Which of its changes it pays.
    pub change: Option<usize>,
    pub is_open: bool,
    pub came: bool,
    /// Whether all of it went back because it bought nothing.
    pub is_whole: bool,
    pub dispute: Option<Disputed>,
}

/// A dispute of a payment.
#[derive(Clone, Copy, Debug)]
pub struct Disputed {
    pub amount: i64,
    /// Whether it was lost, once it is decided.
    pub is_lost: Option<bool>,
}

/// What can be done about the terms of silence: until when, and what it means (rules.md, and the defaults of the settings).
pub fn terms(
    now: DateTime<Utc>,
    before: (DateTime<Utc>, DateTime<Utc>),
    after: Option<(DateTime<Utc>, DateTime<Utc>)>,
) -> (DateTime<Utc>, DefaultChoice) {
    let departs_at = after.map_or(before.0, |after| after.0.min(before.0));
    let latest = departs_at - Duration::hours(2);
    let hour = now + Duration::hours(1);
    let decide_by = (now + Duration::hours(72)).min(latest).max(hour);
    let silence = match after {
        None => DefaultChoice::Refund,
        Some(_) if latest < hour => DefaultChoice::Accept,
        Some(after) => {
            let moved = (after.0 - before.0).abs().max((after.1 - before.1).abs());
            if moved > Duration::hours(3) {
                DefaultChoice::Refund
            } else {
                DefaultChoice::Accept
            }
        }
    };
    (decide_by, silence)
}
