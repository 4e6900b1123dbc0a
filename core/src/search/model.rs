//! The words of a search: what is asked for in one direction, and what is found.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::FlightId;
use crate::trade::{Cabin, Party};

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
    /// The other cabins, each with the fare family that the same question would be answered with there.
    pub other_cabins: Vec<(Cabin, String)>,
    /// What an itinerary must be like.
    pub filters: Filters,
    /// The order of the answer.
    pub sort: Sort,
}

impl DirectionQuery {
    /// Every cabin with its fare family, the one that was asked for first.
    pub fn families(&self) -> impl Iterator<Item = (Cabin, &str)> {
        let others = self.other_cabins.iter();
        std::iter::once((self.cabin, self.family.as_str()))
            .chain(others.map(|(cabin, family)| (*cabin, family.as_str())))
    }
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
    /// How many there are besides that cost more than can be paid at once.
    #[serde(default)]
    pub unpayable: u32,
    /// Places of those that the cheapest round trip with any other direction is made of, cheapest first.
    #[serde(default)]
    pub for_pairs: Vec<usize>,
    /// What each option of a filter would give.
    pub facets: Facets,
    /// The last local date on which any flight leaves; none while there is no flight at all.
    pub sales_horizon: Option<NaiveDate>,
}

/// More than these are not kept: nobody reads them, and somebody would pay for them.
pub const MOST_ITINERARIES: usize = 2_000;

/// What each option of a filter would give, with all other filters as they are. Options that give nothing are left
/// out, and stops beyond `max_stops`: those were not looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facets {
    /// By the one airline of all flights, most first. What several airlines fly together is given by none of them alone.
    pub airlines: Vec<Facet<NamedAirline>>,
    /// By the number of connections at most.
    pub stops: Vec<Facet<u8>>,
    /// By cabin.
    pub cabins: Vec<Facet<Cabin>>,
    /// By the time band of the departure: `early`, `morning`, `afternoon`, `evening`, `night`.
    pub time_bands: Vec<Facet<String>>,
    /// By price: the lowest and the highest total of each band, in minor units, ascending.
    pub prices: Vec<Facet<(i64, i64)>>,
}

/// One option of a filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facet<T> {
    /// The option.
    pub value: T,
    /// How many itineraries choosing it gives: at most [`MOST_ITINERARIES`], as an answer has.
    pub count: u64,
    /// The party's lowest total among them, in minor units.
    pub lowest_minor: i64,
}

/// An airline with its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedAirline {
    /// IATA code.
    pub iata: String,
    /// Name.
    pub name: String,
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
    /// Local date on which the returning direction leaves, for a round trip.
    pub return_date: Option<NaiveDate>,
    /// The party's lowest total in minor units; none where nothing can be bought.
    pub lowest_minor: Option<i64>,
}
