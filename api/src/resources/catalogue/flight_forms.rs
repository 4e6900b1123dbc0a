//! What staff send about a dated flight.

use chrono::NaiveDateTime;
use flightdesk_core::Error;
use flightdesk_core::catalogue::{CabinPatch, FlightPatch};
use flightdesk_core::error::Violations;
use flightdesk_core::schedule::{CabinFares, SingleFlight};
use poem_openapi::Object;

use crate::app::App;
use crate::http::body::Rules;
use crate::openapi::raw::{FromRaw, Raw};

/// A flight that is flown once
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct CreateFlight {
    /// IATA code
    #[oai(validator(max_length = 2))]
    airline: String,
    /// One to four digits and at most one letter: `101`
    #[oai(validator(max_length = 5))]
    flight_number: String,
    /// IATA code
    #[oai(validator(max_length = 3))]
    origin: String,
    /// IATA code
    #[oai(validator(max_length = 3))]
    destination: String,
    /// By the clocks at the origin: `2026-12-20T08:30`
    #[oai(validator(max_length = 16))]
    departs_local: String,
    /// Minutes from gate to gate
    #[oai(validator(minimum(value = "1"), maximum(value = "1440")))]
    block_minutes: i32,
    /// IATA code of the aircraft type
    #[oai(validator(max_length = 3))]
    aircraft: String,
    /// Economy's base fare for one adult, in minor units of the sale currency
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000000000")))]
    base_fare_minor: i64,
}

/// What shall be different; what is left out stays, and a terminal that is `null` is nobody's to say any more
#[derive(Debug, Default, Object)]
#[oai(deny_unknown_fields)]
pub struct ChangeFlight {
    /// IATA code of another aircraft type: its seats are the capacities from then on, and who sat on a seat that it does
    /// not have is seated anew and told
    #[oai(validator(max_length = 3))]
    aircraft: Option<String>,
    /// Where it leaves
    #[oai(validator(max_length = 10))]
    departure_terminal: Option<String>,
    /// Where it lands
    #[oai(validator(max_length = 10))]
    arrival_terminal: Option<String>,
    /// Cabins that change; others stay
    #[oai(validator(max_items = 4))]
    cabins: Option<Vec<ChangeCabin>>,
}

/// What shall be different in a cabin
#[derive(Debug, Default, Object)]
#[oai(deny_unknown_fields)]
pub struct ChangeCabin {
    /// `economy`, `premium_economy`, `business` or `first`
    #[oai(validator(max_length = 20))]
    cabin: String,
    /// Seats that are on sale in all: at least those that are held and sold, at most those that the aircraft has
    #[oai(validator(minimum(value = "0"), maximum(value = "1000")))]
    capacity: Option<i32>,
    /// Base fare for one adult, in minor units of the sale currency. Offers that were made before keep their price
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000000000")))]
    base_fare_minor: Option<i64>,
}

impl FromRaw for CreateFlight {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            airline: raw.text("airline"),
            flight_number: raw.text("flight_number"),
            origin: raw.text("origin"),
            destination: raw.text("destination"),
            departs_local: raw.text("departs_local"),
            block_minutes: raw.integer("block_minutes").unwrap_or_default(),
            aircraft: raw.text("aircraft"),
            base_fare_minor: raw.integer("base_fare_minor").unwrap_or_default(),
        }
    }
}

impl CreateFlight {
    fn departs_local(&self) -> Result<NaiveDateTime, Error> {
        NaiveDateTime::parse_from_str(&self.departs_local, "%Y-%m-%dT%H:%M").map_err(|_| {
            let mut wrong = Violations::new();
            let message = "must be a local time such as 2026-12-20T08:30";
            wrong.add("departs_local", "format", message);
            wrong.into_error()
        })
    }

    /// The flight as core adds it. Errors: 422 naming `departs_local`.
    pub(super) fn single(self) -> Result<SingleFlight, Error> {
        Ok(SingleFlight {
            departs_local: self.departs_local()?,
            airline: self.airline,
            flight_number: self.flight_number,
            origin: self.origin,
            destination: self.destination,
            block_minutes: self.block_minutes,
            aircraft: self.aircraft,
            base_fare_minor: self.base_fare_minor,
            cabin_fares: CabinFares::default(),
        })
    }
}

impl Rules for CreateFlight {
    fn rules(self, _app: &App) -> Result<(), Error> {
        self.departs_local().map(drop)
    }
}

impl FromRaw for ChangeCabin {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            cabin: raw.text("cabin"),
            capacity: raw.integer("capacity"),
            base_fare_minor: raw.integer("base_fare_minor"),
        }
    }
}

impl FromRaw for ChangeFlight {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            aircraft: raw.optional_text("aircraft"),
            departure_terminal: raw.optional_text("departure_terminal"),
            arrival_terminal: raw.optional_text("arrival_terminal"),
            cabins: raw.list("cabins"),
        }
    }
}

impl ChangeFlight {
    /// What shall be different, with the members that the body says to be `null`.
    pub(super) fn patch(self, nulls: &[String]) -> FlightPatch {
        let terminal = |name: &str, value: Option<String>| {
            let is_null = nulls.iter().any(|null| null == name);
            (is_null || value.is_some()).then_some(value)
        };
        let cabins = self.cabins.unwrap_or_default().into_iter();
        let cabins = cabins.map(|cabin| CabinPatch {
            cabin: cabin.cabin,
            capacity: cabin.capacity,
            base_fare_minor: cabin.base_fare_minor,
        });
        FlightPatch {
            departure_terminal: terminal("departure_terminal", self.departure_terminal),
            arrival_terminal: terminal("arrival_terminal", self.arrival_terminal),
            aircraft: self.aircraft,
            cabins: cabins.collect(),
        }
    }
}

impl Rules for ChangeFlight {
    fn rules(self, _app: &App) -> Result<(), Error> {
        let mut wrong = Violations::new();
        self.patch(&[]).check(&mut wrong);
        wrong.into_result()
    }
}
