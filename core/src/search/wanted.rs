//! A query in the timetable's numbers, and what of it can be asked of one flight or one airport.

use super::catalogue::{Catalogue, Index};
use super::model::{DirectionQuery, Filters, Window};
use super::timetable::{Leg, day_number, number_code};

// Between the numbers that there are and the mark of those that are not.
const NO_NUMBER: u32 = u32::MAX - 1;

/// What is searched for, ready to be compared with flights.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub origins: Vec<Index>,
    pub destinations: Vec<Index>,
    pub date: u16,
    /// The first instant at which a flight may leave, in seconds since 1970.
    pub earliest: u32,
    pub max_stops: u8,
    /// Seconds.
    pub max_duration: u32,
    /// Seconds of a layover, the least and the most.
    pub layover: (u32, u32),
    departure_window: Option<Window>,
    arrival_window: Option<Window>,
    // By the airline's number.
    airlines: Vec<bool>,
    flight_number: Option<(Option<Index>, u32)>,
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
            max_duration: filters.max_duration.map_or(u32::MAX, seconds),
            layover: (filters.min_layover.map_or(0, seconds), seconds(most)),
            departure_window: filters.departure_window,
            arrival_window: filters.arrival_window,
            airlines: airlines(catalogue, filters),
            flight_number: filters.flight_number.as_ref().map(|(airline, number)| {
                let known = airline.as_ref().map(|code| catalogue.airline(code));
                // An airline that nobody knows has no flights.
                let number = if known == Some(None) {
                    NO_NUMBER
                } else {
                    number_code(number)
                };
                (known.flatten(), number)
            }),
            via: (!filters.via.is_empty()).then(|| marked(&filters.via)),
            avoid: marked(&filters.avoid),
        }
    }

    /// Whether an itinerary may begin with the flight.
    pub fn may_begin(&self, leg: &Leg) -> bool {
        leg.date == self.date
            && leg.departs >= self.earliest
            && self.may_fly(leg)
            && self
                .departure_window
                .is_none_or(|window| window.contains(leg.departs_local))
    }

    /// Whether an itinerary may contain the flight, as far as its airline goes.
    pub fn may_fly(&self, leg: &Leg) -> bool {
        self.airlines[usize::from(leg.airline)]
    }

    /// Whether an itinerary may end with the flight.
    pub fn may_end(&self, leg: &Leg) -> bool {
        self.arrival_window
            .is_none_or(|window| window.contains(leg.arrives_local))
    }

    /// Whether one of the flights has the number that was asked for.
    pub fn has_number(&self, legs: &[&Leg]) -> bool {
        self.flight_number.is_none_or(|(airline, number)| {
            legs.iter().any(|leg| {
                leg.number == number && airline.is_none_or(|airline| airline == leg.airline)
            })
        })
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

fn airlines(catalogue: &Catalogue, filters: &Filters) -> Vec<bool> {
    catalogue
        .airlines
        .iter()
        .map(|airline| {
            airline.is_sold
                && (filters.airlines.is_empty() || filters.airlines.contains(&airline.iata))
                && !filters.exclude_airlines.contains(&airline.iata)
        })
        .collect()
}
