//! The words of a search: what is asked for in one direction, and what is found.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::fare::{Cabin, Party};
use crate::ids::FlightId;

/// One direction of a search, checked and in one canonical form: equal questions are equal values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DirectionQuery {
    /// Airports it may leave from, in alphabetical order.
    pub origins: Vec<String>,
    /// Airports it may end at, in alphabetical order.
    pub destinations: Vec<String>,
    /// Local date of departure at the origin.
    pub date: NaiveDate,
    /// Who travels.
    pub party: Party,
    /// Class of service.
    pub cabin: Cabin,
    /// Code of the fare family that is sold: the one asked for, else the cheapest that the filters allow.
    pub family: String,
    /// What an itinerary must be like.
    pub filters: Filters,
    /// The order of the answer.
    pub sort: Sort,
}

/// What an itinerary must be like; an empty list and `None` mean that anything goes. Lists are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Filters {
    /// Every flight is of one of these airlines (IATA codes).
    pub airlines: Vec<String>,
    /// No flight is of one of these airlines.
    pub exclude_airlines: Vec<String>,
    /// One of the flights has this number: airline if it was named, and number (`101`).
    pub flight_number: Option<(Option<String>, String)>,
    /// Connections at most, 0 to 2.
    pub max_stops: u8,
    /// Minutes from first departure to last arrival at most.
    pub max_duration: Option<i64>,
    /// Local time of the first departure, half-open.
    pub departure_window: Option<Window>,
    /// Local time of the last arrival, half-open.
    pub arrival_window: Option<Window>,
    /// The party's total at least, in minor units.
    pub min_price: Option<i64>,
    /// The party's total at most, in minor units.
    pub max_price: Option<i64>,
    /// Minutes of every layover at least.
    pub min_layover: Option<i64>,
    /// Minutes of every layover at most.
    pub max_layover: Option<i64>,
    /// A connection is made at one of these airports.
    pub via: Vec<String>,
    /// No connection is made at one of these airports.
    pub avoid: Vec<String>,
}

/// Local minutes of the day, from the first on and before the last: `05:00-11:00` is 300 to 660.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// The first minute inside.
    pub from: u16,
    /// The first minute outside; 1440 is midnight.
    pub until: u16,
}

/// The order of an answer; whatever ties is in the order of departure, then of flight ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// Cheapest first.
    #[default]
    Price,
    /// Shortest first, between instants.
    Duration,
    /// Earliest departure first.
    Departure,
    /// Earliest arrival first.
    Arrival,
    /// Price and time weighed against each other.
    Best,
}

/// One way to travel that the whole party could buy when it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Itinerary {
    /// One to three flights, in order.
    pub flights: Vec<FlightId>,
    /// First departure.
    pub departs_at: DateTime<Utc>,
    /// Last arrival.
    pub arrives_at: DateTime<Utc>,
    /// The party's total in minor units, as it was.
    pub total_minor: i64,
}

/// The answer to one direction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// At most [`MOST_ITINERARIES`], in the order that was asked for.
    pub itineraries: Vec<Itinerary>,
    /// Whether that is all there is.
    pub complete: bool,
    /// How they divide; each adds up to the number of itineraries.
    pub facets: Facets,
}

/// More than these are not kept: nobody reads them, and somebody would pay for them.
pub const MOST_ITINERARIES: usize = 2_000;

/// How many itineraries have what in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facets {
    /// By validating airline (IATA code), most first.
    pub airlines: Vec<(String, u64)>,
    /// By number of connections.
    pub stops: Vec<(u8, u64)>,
    /// By cabin: all are of the one that was asked for.
    pub cabins: Vec<(Cabin, u64)>,
    /// By the time band of the departure: `early`, `morning`, `afternoon`, `evening`, `night`.
    pub time_bands: Vec<(String, u64)>,
    /// By price: bands of the party's total in minor units, from the first on and before the second, ascending.
    pub prices: Vec<(i64, i64, u64)>,
}

/// What dropping one filter would give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relaxation {
    /// The parameter to leave out, by its name in the API.
    pub filter: String,
    /// How many itineraries there are without it.
    pub total: u64,
}

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarDay {
    /// Local date of departure at the origin.
    pub departure_date: NaiveDate,
    /// Local date of the way back, for a round trip.
    pub return_date: Option<NaiveDate>,
    /// The party's lowest total in minor units; none where nothing can be bought.
    pub lowest_minor: Option<i64>,
}
