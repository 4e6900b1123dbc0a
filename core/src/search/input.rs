//! A search as its caller wrote it.

use crate::trade::Party;

/// Every parameter of a search, unread; [`super::check`] names every wrong one at once. Codes are read in any case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Search {
    /// IATA airport or metro code.
    pub origin: String,
    /// IATA airport or metro code.
    pub destination: String,
    /// `airport` where the origin's code is one of a metro area too and the airport is meant.
    pub origin_type: Option<String>,
    /// The same for the destination.
    pub destination_type: Option<String>,
    /// Local date at the origin, ISO 8601.
    pub departure_date: String,
    /// Local date at the destination on which the returning direction leaves, ISO 8601; without it the trip is one way.
    pub return_date: Option<String>,
    /// The party; infants travel on laps.
    pub party: Party,
    /// Class of service; economy unless said.
    pub cabin: Option<String>,
    /// Fare family; `standard` unless said or the other filters need another.
    pub fare_family: Option<String>,
    /// Every flight is of one of these airlines.
    pub airlines: Vec<String>,
    /// No flight is of one of these airlines.
    pub exclude_airlines: Vec<String>,
    /// One of the flights: `AI101`, `AI 101`, `101`.
    pub flight_number: Option<String>,
    /// Connections at most: 0, 1 or 2 (default).
    pub max_stops: Option<i64>,
    /// Minutes from first departure to last arrival at most.
    pub max_duration: Option<i64>,
    /// `05:00-11:00`, half-open, or `early`, `morning`, `afternoon`, `evening`, `night`.
    pub departure_window: Option<String>,
    /// The same for the last arrival.
    pub arrival_window: Option<String>,
    /// The departure window of the returning direction.
    pub return_departure_window: Option<String>,
    /// The arrival window of the returning direction.
    pub return_arrival_window: Option<String>,
    /// The party's total of a direction at least, a decimal in the currency of the sale.
    pub min_price: Option<String>,
    /// The party's total of a direction at most, a decimal in the currency of the sale.
    pub max_price: Option<String>,
    /// Minutes of every layover at least.
    pub min_layover: Option<i64>,
    /// Minutes of every layover at most.
    pub max_layover: Option<i64>,
    /// A connection is made at one of these airports or metro areas.
    pub via: Vec<String>,
    /// No connection is made at one of these airports or metro areas.
    pub avoid: Vec<String>,
    /// Whether cancelling must give something of the base fare back.
    pub refundable: Option<bool>,
    /// Whether the fare must include checked baggage.
    pub checked_bag: Option<bool>,
    /// `price` (default), `duration`, `departure`, `arrival` or `best`.
    pub sort: Option<String>,
}
