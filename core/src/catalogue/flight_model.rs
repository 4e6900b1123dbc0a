//! What staff see and change of a dated flight.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::check;
use crate::error::Violations;
use crate::trade::Cabin;

/// The longest name of a terminal.
const LONGEST_TERMINAL: usize = 10;

/// A flight as staff see it. Seats that are held and sold are no part of its version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatedFlight {
    /// The flight.
    pub id: Uuid,
    /// The schedule that made it.
    pub schedule_id: Uuid,
    /// IATA code of the airline.
    pub airline: String,
    /// Without the airline: `101`.
    pub flight_number: String,
    /// IATA code.
    pub origin: String,
    /// IATA code.
    pub destination: String,
    /// The local date at the origin that it is known by.
    pub departure_date: NaiveDate,
    /// When it leaves.
    pub departs_at: DateTime<Utc>,
    /// When it lands.
    pub arrives_at: DateTime<Utc>,
    /// `scheduled`, `cancelled` or `departed`.
    pub status: String,
    /// IATA code of the aircraft type.
    pub aircraft: String,
    /// Where it leaves.
    pub departure_terminal: Option<String>,
    /// Where it lands.
    pub arrival_terminal: Option<String>,
    /// Its cabins, by name.
    pub cabins: Vec<FlightCabin>,
}

/// A cabin of a flight as staff see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlightCabin {
    /// The cabin.
    pub cabin: Cabin,
    /// Seats in all.
    pub capacity: i32,
    /// Base fare for one adult, in minor units of the sale currency.
    pub base_fare_minor: i64,
    /// In holds and unpaid bookings.
    #[serde(skip)]
    pub held: i32,
    /// Sold.
    #[serde(skip)]
    pub sold: i32,
}

/// Which flights are listed: all of it must fit.
#[derive(Clone, Debug, Default)]
pub struct FlightFilter {
    /// Of this airline.
    pub airline: Option<String>,
    /// Of this number, without the airline.
    pub flight_number: Option<String>,
    /// From this airport.
    pub origin: Option<String>,
    /// To this airport.
    pub destination: Option<String>,
    /// Known by this local date.
    pub departure_date: Option<NaiveDate>,
    /// Later in the list than this one.
    pub after: Option<Uuid>,
    /// So many at most.
    pub limit: i64,
}

/// What shall be different. `None` leaves it as it is; a terminal that is `Some(None)` is nobody's to say any more.
#[derive(Clone, Debug, Default)]
pub struct FlightPatch {
    /// Another aircraft type: its seats are the capacities, and who sat on a seat that it does not have is seated anew.
    pub aircraft: Option<String>,
    /// Where it leaves.
    pub departure_terminal: Option<Option<String>>,
    /// Where it lands.
    pub arrival_terminal: Option<Option<String>>,
    /// What becomes of cabins.
    pub cabins: Vec<CabinPatch>,
}

/// What shall be different in a cabin.
#[derive(Clone, Debug)]
pub struct CabinPatch {
    /// The cabin's name.
    pub cabin: String,
    /// Seats that are on sale in all: no more than the aircraft has there.
    pub capacity: Option<i32>,
    /// Base fare for one adult, in minor units of the sale currency.
    pub base_fare_minor: Option<i64>,
}

impl FlightPatch {
    /// Notes every wrong field that can be told without the flight.
    pub fn check(&self, wrong: &mut Violations) {
        let terminals = [
            ("departure_terminal", &self.departure_terminal),
            ("arrival_terminal", &self.arrival_terminal),
        ];
        for (field, terminal) in terminals {
            if let Some(Some(terminal)) = terminal {
                check::name(wrong, field, terminal, LONGEST_TERMINAL);
            }
        }
        for (index, cabin) in self.cabins.iter().enumerate() {
            let field = |name: &str| format!("cabins[{index}].{name}");
            check::cabin(wrong, &field("cabin"), &cabin.cabin);
            let before = &self.cabins[..index];
            if before.iter().any(|before| before.cabin == cabin.cabin) {
                let message = format!("is named before: {}", cabin.cabin);
                wrong.add(field("cabin"), "duplicate", message);
            }
            if let Some(fare) = cabin.base_fare_minor {
                check::amount(wrong, &field("base_fare_minor"), fare, 1);
            }
            if let Some(capacity) = cabin.capacity {
                check::range(wrong, &field("capacity"), capacity.into(), 0, 1_000);
            }
        }
    }
}

/// A cabin in words: `premium economy`.
pub(super) fn words(cabin: Cabin) -> String {
    cabin.as_str().replace('_', " ")
}
