//! What a flight is.

use std::sync::Arc;

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};

use crate::ids::FlightId;
use crate::reference::{Airline, Airport};
use crate::trade::Cabin;
use crate::zone;

/// Whether a flight flies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum FlightStatus {
    /// It will.
    Scheduled,
    /// It will not.
    Cancelled,
    /// It did.
    Departed,
}

impl FlightStatus {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Cancelled => "cancelled",
            Self::Departed => "departed",
        }
    }
}

/// A dated flight. Instants are UTC; local times exist with an airport's zone alone (invariant 8).
#[derive(Clone, Debug, PartialEq)]
pub struct Flight {
    /// The flight.
    pub id: FlightId,
    /// Operating airline.
    pub airline: Arc<Airline>,
    /// Digits and, rarely, a suffix: `101`.
    pub flight_number: String,
    /// Name of the aircraft type.
    pub aircraft: Arc<str>,
    /// Where from.
    pub origin: Arc<Airport>,
    /// Where to.
    pub destination: Arc<Airport>,
    /// Local date at the origin.
    pub departure_date: NaiveDate,
    /// Departure.
    pub departs_at: DateTime<Utc>,
    /// Arrival.
    pub arrives_at: DateTime<Utc>,
    /// Whether it flies.
    pub status: FlightStatus,
}

impl Flight {
    /// Departure in the origin's local time.
    pub fn departs_local(&self) -> DateTime<FixedOffset> {
        zone::local(self.departs_at, self.origin.time_zone)
    }

    /// Arrival in the destination's local time.
    pub fn arrives_local(&self) -> DateTime<FixedOffset> {
        zone::local(self.arrives_at, self.destination.time_zone)
    }

    /// Calendar days from the local departure date to the local arrival date: +1 overnight, −1 over the date line.
    pub fn arrival_day_offset(&self) -> i64 {
        (self.arrives_local().date_naive() - self.departs_local().date_naive()).num_days()
    }

    /// Minutes from departure to arrival, between instants.
    pub fn duration_minutes(&self) -> i64 {
        (self.arrives_at - self.departs_at).num_minutes()
    }
}

/// The seats of one cabin of one flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CabinSeats {
    /// The flight.
    pub flight_id: FlightId,
    /// The cabin.
    pub cabin: Cabin,
    /// All of them.
    pub capacity: i32,
    /// In holds and unpaid bookings.
    pub held: i32,
    /// Sold.
    pub sold: i32,
    /// Base fare for one adult in minor units, before any factor.
    pub base_fare_minor: i64,
}

impl CabinSeats {
    /// Seats that can be held now.
    pub fn left(self) -> i32 {
        self.capacity - self.held - self.sold
    }
}

/// A flight with all its cabins.
#[derive(Clone, Debug)]
pub struct FlightDetails {
    /// The flight.
    pub flight: Flight,
    /// Its cabins, cheapest first.
    pub cabins: Vec<CabinSeats>,
}
