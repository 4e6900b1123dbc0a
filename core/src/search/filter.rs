//! The filters that come after dominance: which of them a journey fails.
//!
//! A journey that fails one filter alone is what dropping that filter would add. So one look at each journey is enough
//! for the answer, for every facet and for every relaxation.
//!
//! **One look at each journey makes every facet.** What is left after dominance gets the set of filters that it
//! fails (`filter.rs`). Nothing failed: it is in the answer. One filter failed alone: it is what dropping that
//! filter would give, which is what a facet counts and what a relaxation needs. Only another cabin has other
//! prices: one statement reads all cabins, and dominance is decided for each. Stops beyond `max_stops` are in no
//! facet: nobody walked there, and a search of direct flights stays twenty times as fast as one with two stops. The
//! facet of an airline counts what `airlines` with it alone gives: journeys whose every flight is its own.

use super::catalogue::{Catalogue, Index};
use super::journeys::{Journey, Journeys};
use super::model::{DirectionQuery, Window};
use super::rank::Priced;
use super::timetable::{Leg, number_code};

// Between the numbers that there are and the mark of those that are not.
const NO_NUMBER: u32 = u32::MAX - 1;

/// A set of filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failed(u8);

impl Failed {
    pub const NONE: Self = Self(0);
    pub const AIRLINES: Self = Self(1);
    pub const EXCLUDE_AIRLINES: Self = Self(1 << 1);
    pub const FLIGHT_NUMBER: Self = Self(1 << 2);
    pub const MAX_DURATION: Self = Self(1 << 3);
    pub const DEPARTURE_WINDOW: Self = Self(1 << 4);
    pub const ARRIVAL_WINDOW: Self = Self(1 << 5);
    pub const MIN_PRICE: Self = Self(1 << 6);
    pub const MAX_PRICE: Self = Self(1 << 7);

    /// Each filter by its parameter.
    pub const NAMES: [(&'static str, Self); 8] = [
        ("airlines", Self::AIRLINES),
        ("exclude_airlines", Self::EXCLUDE_AIRLINES),
        ("flight_number", Self::FLIGHT_NUMBER),
        ("max_duration", Self::MAX_DURATION),
        ("departure_window", Self::DEPARTURE_WINDOW),
        ("arrival_window", Self::ARRIVAL_WINDOW),
        ("min_price", Self::MIN_PRICE),
        ("max_price", Self::MAX_PRICE),
    ];

    /// Whether there is nothing in it but what is in `others`.
    pub fn only(self, others: &[Self]) -> bool {
        let others = others.iter().fold(0, |all, other| all | other.0);
        self.0 & !others == 0
    }
}

/// The filters of a query in the timetable's numbers.
#[derive(Debug)]
pub(super) struct Filter {
    // By the airline's number; empty where none is asked for.
    airlines: Vec<bool>,
    excluded: Vec<bool>,
    flight_number: Option<(Option<Index>, u32)>,
    max_duration: Option<u32>,
    departure_window: Option<Window>,
    arrival_window: Option<Window>,
    min_price: Option<i64>,
    max_price: Option<i64>,
}

impl Filter {
    pub fn new(catalogue: &Catalogue, query: &DirectionQuery) -> Self {
        let filters = &query.filters;
        let marked = |codes: &[String]| -> Vec<bool> {
            if codes.is_empty() {
                return Vec::new();
            }
            let airlines = catalogue.airlines.iter();
            airlines
                .map(|airline| codes.contains(&airline.iata))
                .collect()
        };
        let number = |(airline, number): &(Option<String>, String)| {
            let known = airline.as_ref().map(|code| catalogue.airline(code));
            // An airline that is not in the catalogue has no flights.
            let number = if known == Some(None) {
                NO_NUMBER
            } else {
                number_code(number)
            };
            (known.flatten(), number)
        };
        Self {
            airlines: marked(&filters.airlines),
            excluded: marked(&filters.exclude_airlines),
            flight_number: filters.flight_number.as_ref().map(number),
            max_duration: (filters.max_duration)
                .map(|minutes| u32::try_from(minutes.saturating_mul(60)).unwrap_or(u32::MAX)),
            departure_window: filters.departure_window,
            arrival_window: filters.arrival_window,
            min_price: filters.min_price,
            max_price: filters.max_price,
        }
    }

    /// Whether no journey can fail.
    pub fn is_empty(&self) -> bool {
        self.airlines.is_empty()
            && self.excluded.is_empty()
            && self.flight_number.is_none()
            && self.max_duration.is_none()
            && self.departure_window.is_none()
            && self.arrival_window.is_none()
            && self.min_price.is_none()
            && self.max_price.is_none()
    }

    /// Which filters a journey fails.
    pub fn failed(&self, journeys: &Journeys<'_>, one: &Priced) -> Failed {
        let journey = &one.journey;
        let [first, last] = journeys.ends(journey);
        let mut legs = journeys.of(journey);
        let is_named = |leg: &Leg| {
            self.flight_number.is_none_or(|(airline, number)| {
                leg.number == number && airline.is_none_or(|airline| airline == leg.airline)
            })
        };
        let is_marked = |marks: &[bool], leg: &Leg| marks[usize::from(leg.airline)];
        let outside =
            |window: Option<Window>, minute| window.is_some_and(|window| !window.contains(minute));
        let lasts = journey.arrives - journey.departs;
        let fails = [
            (
                Failed::AIRLINES,
                !self.airlines.is_empty()
                    && legs.clone().any(|leg| !is_marked(&self.airlines, leg)),
            ),
            (
                Failed::EXCLUDE_AIRLINES,
                !self.excluded.is_empty() && legs.clone().any(|leg| is_marked(&self.excluded, leg)),
            ),
            (Failed::FLIGHT_NUMBER, !legs.any(is_named)),
            (
                Failed::MAX_DURATION,
                self.max_duration.is_some_and(|most| lasts > most),
            ),
            (
                Failed::DEPARTURE_WINDOW,
                outside(self.departure_window, first.departs_local),
            ),
            (
                Failed::ARRIVAL_WINDOW,
                outside(self.arrival_window, last.arrives_local),
            ),
            (
                Failed::MIN_PRICE,
                self.min_price.is_some_and(|least| one.total < least),
            ),
            (
                Failed::MAX_PRICE,
                self.max_price.is_some_and(|most| one.total > most),
            ),
        ];
        let failed = fails.iter().filter(|(_, fails)| *fails);
        Failed(failed.fold(0, |all, (filter, _)| all | filter.0))
    }
}

/// The airline of every flight of a journey, where it is one.
pub(super) fn sole_airline(journeys: &Journeys<'_>, journey: &Journey) -> Option<Index> {
    let airline = journey.airline;
    (journeys.of(journey))
        .all(|leg| leg.airline == airline)
        .then_some(airline)
}
