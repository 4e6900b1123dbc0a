//! What repeats, and what it becomes on a date.

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::ids::FlightId;
use crate::money::scale_half_even;
use crate::zone;

/// A flight that repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Its key; the generator derives it from what identifies the schedule.
    pub id: Uuid,
    /// IATA code of the airline.
    pub airline: String,
    /// Digits and, rarely, a suffix letter, without the airline: `101`.
    pub flight_number: String,
    /// IATA code of the airport it leaves.
    pub origin: String,
    /// IATA code of the airport it goes to.
    pub destination: String,
    /// The local weekdays it leaves on; bit 0 is Monday.
    pub weekdays: u8,
    /// When it leaves, by the clocks at the origin.
    pub departs_local: NaiveTime,
    /// Minutes from gate to gate.
    pub block_minutes: i32,
    /// IATA code of the aircraft type.
    pub aircraft: String,
    /// The first local date it may leave on.
    pub effective_from: NaiveDate,
    /// The last local date it may leave on.
    pub effective_until: NaiveDate,
    /// Economy's base fare for one adult before any factor, in minor units of the sale currency.
    pub base_fare_minor: i64,
    /// Base fares of cabins that are not economy's × the cabin's factor.
    pub cabin_fares: CabinFares,
    /// Whether fares differ from day to day, as the generator's do.
    pub fare_varies: bool,
}

/// Base fares that are a cabin's own, in minor units; `None` means economy's × the cabin's factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CabinFares {
    /// Premium economy.
    pub premium_economy: Option<i64>,
    /// Business.
    pub business: Option<i64>,
    /// First.
    pub first: Option<i64>,
}

/// A schedule on one date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatedFlight {
    /// UUID version 7 by the instant of departure. A flight that is in the database keeps the id it was made with.
    pub id: FlightId,
    /// The local date at the origin.
    pub departure_date: NaiveDate,
    /// The local time at the origin that the schedule asks for.
    pub departs_local: NaiveTime,
    /// When it leaves.
    pub departs_at: DateTime<Utc>,
    /// When it lands.
    pub arrives_at: DateTime<Utc>,
}

impl Schedule {
    /// The flight that leaves on a local date of the origin, whose zone is `zone`; `None` when none does that day.
    ///
    /// A departure in an hour that the clocks skip moves forward by the gap; one in a doubled hour takes the first.
    pub fn on(&self, date: NaiveDate, zone: Tz) -> Option<DatedFlight> {
        let flies = self.weekdays & (1 << date.weekday().num_days_from_monday()) != 0
            && (self.effective_from..=self.effective_until).contains(&date);
        if !flies {
            return None;
        }
        let departs_at = zone::materialise(date.and_time(self.departs_local), zone);
        Some(DatedFlight {
            id: flight_id(self.id, date, departs_at),
            departure_date: date,
            departs_local: self.departs_local,
            departs_at,
            arrives_at: departs_at + Duration::minutes(i64::from(self.block_minutes)),
        })
    }
}

impl Schedule {
    /// The base fare for one adult on a flight in one of [`CABINS`], in minor units; `None` for no such cabin.
    pub fn cabin_fare_minor(&self, flight: FlightId, cabin: &str) -> Option<i64> {
        let own = match cabin {
            "premium_economy" => self.cabin_fares.premium_economy,
            "business" => self.cabin_fares.business,
            "first" => self.cabin_fares.first,
            _ => None,
        };
        let (_, tenths) = CABINS.iter().find(|(name, _)| *name == cabin)?;
        let permille = if self.fare_varies {
            day_permille(flight)
        } else {
            1000
        };
        let fare = match own {
            Some(own) => cabin_fare_minor(own, 10, permille),
            None => cabin_fare_minor(self.base_fare_minor, *tenths, permille),
        };
        Some(if self.fare_varies { whole(fare) } else { fare })
    }
}

// Fares that vary end in two zeros of the minor unit: whole rupees.
fn whole(minor: i64) -> i64 {
    (minor + 50) / 100 * 100
}

fn flight_id(schedule: Uuid, date: NaiveDate, departs_at: DateTime<Utc>) -> FlightId {
    let digest = Sha256::new()
        .chain_update(schedule.as_bytes())
        .chain_update(date.num_days_from_ce().to_be_bytes())
        .finalize();
    let mut random = [0; 10];
    random.copy_from_slice(&digest[..10]);
    let millis = u64::try_from(departs_at.timestamp_millis()).unwrap_or_default();
    FlightId(Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}

/// The cabins from the back to the front, with what their base fare is in tenths of economy's.
pub const CABINS: [(&str, i64); 4] = [
    ("economy", 10),
    ("premium_economy", 16),
    ("business", 30),
    ("first", 50),
];

/// A cabin's base fare on a day, in minor units: economy's × the cabin's factor × `day_permille` ÷ 1000.
pub fn cabin_fare_minor(economy_minor: i64, tenths: i64, day_permille: i64) -> i64 {
    scale_half_even(
        economy_minor,
        i128::from(tenths) * i128::from(day_permille),
        10_000,
    )
    .unwrap_or(economy_minor)
}

/// How dear the day is for a flight, between 800 and 1300: a pure function of its id.
fn day_permille(flight: FlightId) -> i64 {
    let bytes = flight.0.into_bytes();
    800 + i64::from(u16::from_be_bytes([bytes[14], bytes[15]])) % 501
}
