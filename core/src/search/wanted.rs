//! A query in the timetable's numbers: which flights and connections a journey may be made of.
//!
//! **Fare families are three, search sells `standard` unless asked** or unless `refundable` or `checked_bag` need
//! another. Light and flex are data like any other.
//!
//! **A filter never makes the fare family lesser.** Asked for refundable or with a bag, search sells `standard`
//! where that is so, though a cheaper family might do; else the cheapest one that does. A family is refundable when
//! some tier of its cancellation charges less than the base fare.

use super::catalogue::{Catalogue, Index};
use super::model::DirectionQuery;
use super::timetable::{Leg, day_number};

/// What is searched for, ready to be compared with flights.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub origins: Vec<Index>,
    pub destinations: Vec<Index>,
    pub date: u16,
    /// The first instant at which a flight may leave, in seconds since 1970.
    pub earliest: u32,
    pub max_stops: u8,
    /// Seconds of a layover, the least and the most.
    pub layover: (u32, u32),
    // By the airline's number.
    sold: Vec<bool>,
    // By the airport's number, with whether anything was asked for.
    via: Option<Vec<bool>>,
    avoid: Vec<bool>,
}

impl Wanted {
    pub fn new(catalogue: &Catalogue, query: &DirectionQuery, earliest: u32) -> Self {
        let filters = &query.filters;
        let airports = |codes: &[String]| -> Vec<Index> {
            codes
                .iter()
                .filter_map(|code| catalogue.airport(code))
                .collect()
        };
        let marked = |codes: &[String]| {
            let mut marks = vec![false; catalogue.airports.len()];
            for airport in airports(codes) {
                marks[usize::from(airport)] = true;
            }
            marks
        };
        let seconds =
            |minutes: i64| u32::try_from(minutes.saturating_mul(60)).unwrap_or(u32::MAX / 4);
        let longest = catalogue.connection_times.longest_minutes();
        let most = filters.max_layover.unwrap_or(longest).min(longest);
        Self {
            origins: airports(&query.origins),
            destinations: airports(&query.destinations),
            date: day_number(query.date),
            earliest,
            max_stops: filters.max_stops.min(2),
            layover: (filters.min_layover.map_or(0, seconds), seconds(most)),
            sold: (catalogue.airlines.iter())
                .map(|airline| airline.is_sold)
                .collect(),
            via: (!filters.via.is_empty()).then(|| marked(&filters.via)),
            avoid: marked(&filters.avoid),
        }
    }

    /// Whether an itinerary may begin with the flight.
    pub fn may_begin(&self, leg: &Leg) -> bool {
        leg.date == self.date && leg.departs >= self.earliest && self.may_fly(leg)
    }

    /// Whether an itinerary may contain the flight: whether its airline is sold.
    pub fn may_fly(&self, leg: &Leg) -> bool {
        self.sold[usize::from(leg.airline)]
    }

    /// Whether a connection may be made from one airport to the other, which may be the same.
    pub fn may_change(&self, lands: Index, leaves: Index) -> bool {
        !self.avoid[usize::from(lands)] && !self.avoid[usize::from(leaves)]
    }

    /// Whether one of the airports of the connections is one that was asked for.
    pub fn goes_via(&self, connections: &[Index]) -> bool {
        self.via
            .as_ref()
            .is_none_or(|via| connections.iter().any(|airport| via[usize::from(*airport)]))
    }
}
