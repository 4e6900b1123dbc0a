//! The timetable in memory: routes and times only. Seats, prices and status are PostgreSQL's.
//!
//! **Search walks a timetable in memory; what is sold is asked of PostgreSQL.** A route is the same tomorrow, a
//! seat is not. Journeys of up to three flights are found among 40 bytes a flight (kept by the day of departure in
//! UTC, then by route and time, so that a connection is a binary search), by airports first: metro areas, detours
//! and `via` rule most out before a flight is looked at. Then one statement asks for fares, seats and status of
//! every flight that is part of some journey. A timetable that is two seconds old may miss a new flight; it cannot
//! sell a cancelled or full one. In SQL alone, on the same index and 1,053,000 flights, Delhi to New York on one
//! day takes 30 ms with one stop and 374 ms with two, for one client and before metro areas, partners, minimum
//! times and prices; with the timetable the 50 busiest pairs of hubs take a median of 14 ms and a p99 of 30 ms with
//! sixteen clients, all of that and the HTTP answer included. A direct search with all of it in SQL makes 5,633/s
//! in pgbench, over HTTP with the timetable 3,316/s. `MEASUREMENTS.md` has today's numbers.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, Days, NaiveDate, Utc};
use uuid::Uuid;

use super::catalogue::{Catalogue, Index};

/// Seconds of a day; the timetable is kept by the day of departure in UTC.
pub(super) const DAY: u32 = 24 * 60 * 60;

/// A flight in 40 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leg {
    pub id: Uuid,
    /// Seconds since 1970.
    pub departs: u32,
    /// Seconds since 1970.
    pub arrives: u32,
    /// [`number_code`] of the flight number.
    pub number: u32,
    pub origin: Index,
    pub destination: Index,
    pub airline: Index,
    /// Local date at the origin, in days since 1970.
    pub date: u16,
    /// Local minute of the day at the origin.
    pub departs_local: u16,
    /// Local minute of the day at the destination.
    pub arrives_local: u16,
}

impl Leg {
    fn key(&self) -> (Index, Index, u32, Uuid) {
        (self.origin, self.destination, self.departs, self.id)
    }
}

/// A flight number as a number: its digits, and its letter. Numbers of another shape are never asked for.
pub(super) fn number_code(number: &str) -> u32 {
    let digits = number.trim_end_matches(|last: char| last.is_ascii_alphabetic());
    let letter = match &number.as_bytes()[digits.len()..] {
        [] => 0,
        [letter] => u32::from(letter.to_ascii_uppercase() - b'A') + 1,
        _ => return u32::MAX,
    };
    match digits.parse::<u32>() {
        Ok(value) if digits.len() <= 6 => value * 27 + letter,
        _ => u32::MAX,
    }
}

/// Days since 1970, from 0 to 65,535 (the year 2149).
pub(super) fn day_number(date: NaiveDate) -> u16 {
    let days = (date - NaiveDate::default()).num_days();
    u16::try_from(days.max(0)).unwrap_or(u16::MAX)
}

/// Seconds since 1970, from 0 to the year 2106.
pub(super) fn seconds(instant: DateTime<Utc>) -> u32 {
    u32::try_from(instant.timestamp().max(0)).unwrap_or(u32::MAX)
}

/// The flights that leave on one day, by route, then departure.
#[derive(Debug, Default)]
pub(super) struct Day {
    legs: Box<[Leg]>,
    // Of a departure, local.
    last_date: Option<u16>,
    // Where each route's flights begin.
    routes: Box<[((Index, Index), u32)]>,
}

impl Day {
    fn new(mut legs: Vec<Leg>) -> Self {
        legs.sort_unstable_by_key(Leg::key);
        let mut routes: Vec<((Index, Index), u32)> = Vec::new();
        for (leg, position) in legs.iter().zip(0..) {
            let route = (leg.origin, leg.destination);
            if routes.last().is_none_or(|(last, _)| *last != route) {
                routes.push((route, position));
            }
        }
        // Copies of the exact size: an allocator may leave a vector that shrinks where it is.
        Self {
            last_date: legs.iter().map(|leg| leg.date).max(),
            legs: legs.as_slice().into(),
            routes: routes.as_slice().into(),
        }
    }

    fn route(&self, origin: Index, destination: Index) -> &[Leg] {
        let route = (origin, destination);
        let Ok(at) = self
            .routes
            .binary_search_by_key(&route, |(route, _)| *route)
        else {
            return &[];
        };
        let start = self.routes[at].1 as usize;
        let end = self.routes.get(at + 1);
        &self.legs[start..end.map_or(self.legs.len(), |(_, next)| *next as usize)]
    }
}

/// Flights as they are read, by the day of departure: a million of them in one vector would take the memory of the
/// timetable once more, and twice while it grows.
#[derive(Debug, Default)]
pub(super) struct LegsByDay(BTreeMap<u32, Vec<Leg>>);

impl Extend<Leg> for LegsByDay {
    fn extend<T: IntoIterator<Item = Leg>>(&mut self, legs: T) {
        for leg in legs {
            self.0.entry(leg.departs / DAY).or_default().push(leg);
        }
    }
}

impl FromIterator<Leg> for LegsByDay {
    fn from_iter<T: IntoIterator<Item = Leg>>(legs: T) -> Self {
        let mut by_day = Self::default();
        by_day.extend(legs);
        by_day
    }
}

/// Routes and times of every future flight, as they were seconds ago.
#[derive(Debug, Default)]
pub struct Timetable {
    pub(super) catalogue: Arc<Catalogue>,
    days: BTreeMap<u32, Arc<Day>>,
    // By airport: where one can fly from it, and to it from where, on some day.
    reaches: Vec<Vec<Index>>,
    reached_from: Vec<Vec<Index>>,
}

impl Timetable {
    /// This timetable without what has left by `now` and without the flights of `changed`, and with what was `added`.
    pub(super) fn with(
        &self,
        catalogue: Arc<Catalogue>,
        changed: &HashSet<Uuid>,
        LegsByDay(mut added): LegsByDay,
        now: u32,
    ) -> Self {
        let mut days = BTreeMap::new();
        for (day, known) in self.days.range(now / DAY..) {
            let more = added.remove(day);
            let stale = |leg: &Leg| changed.contains(&leg.id);
            let touched = !changed.is_empty() && known.legs.iter().any(stale);
            if more.is_none() && !touched {
                days.insert(*day, known.clone());
                continue;
            }
            let kept = known.legs.iter().filter(|leg| !stale(leg)).copied();
            days.insert(
                *day,
                Arc::new(Day::new(kept.chain(more.into_iter().flatten()).collect())),
            );
        }
        for (day, legs) in added {
            days.insert(day, Arc::new(Day::new(legs)));
        }
        let (reaches, reached_from) = network(&days, catalogue.airports.len());
        Self {
            catalogue,
            days,
            reaches,
            reached_from,
        }
    }

    /// Which version of the catalogue it knows.
    pub fn catalogue_version(&self) -> i64 {
        self.catalogue.version
    }

    /// How many flights it has.
    pub fn len(&self) -> usize {
        self.days.values().map(|day| day.legs.len()).sum()
    }

    /// The last local date on which a flight leaves; none without flights.
    pub fn last_date(&self) -> Option<NaiveDate> {
        let last = self.days.values().filter_map(|day| day.last_date).max()?;
        Some(NaiveDate::default() + Days::new(u64::from(last)))
    }

    /// Whether it has no flight.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory that its flights and routes take.
    pub fn bytes(&self) -> usize {
        let day = |day: &Arc<Day>| {
            size_of_val::<[Leg]>(&day.legs) + size_of_val::<[((Index, Index), u32)]>(&day.routes)
        };
        self.days.values().map(day).sum()
    }

    /// Where one can fly from an airport without a stop, on some day.
    pub(super) fn reaches(&self, origin: Index) -> &[Index] {
        self.reaches
            .get(usize::from(origin))
            .map_or(&[], Vec::as_slice)
    }

    /// From where one can fly to an airport without a stop, on some day.
    pub(super) fn reached_from(&self, destination: Index) -> &[Index] {
        let from = self.reached_from.get(usize::from(destination));
        from.map_or(&[], Vec::as_slice)
    }

    /// The flights of a route that leave within a range of instants, in order of departure.
    pub(super) fn route(
        &self,
        origin: Index,
        destination: Index,
        departs: Range<u32>,
    ) -> impl Iterator<Item = &Leg> {
        let days = self.days.range(departs.start / DAY..=departs.end / DAY);
        days.flat_map(move |(_, day)| {
            let legs = day.route(origin, destination);
            let first = legs.partition_point(|leg| leg.departs < departs.start);
            let end = legs.partition_point(|leg| leg.departs < departs.end);
            legs[first.min(end)..end].iter()
        })
    }
}

type Neighbours = Vec<Vec<Index>>;

fn network(days: &BTreeMap<u32, Arc<Day>>, airports: usize) -> (Neighbours, Neighbours) {
    let mut routes: Vec<(Index, Index)> = (days.values())
        .flat_map(|day| day.routes.iter().map(|(route, _)| *route))
        .collect();
    routes.sort_unstable();
    routes.dedup();
    let (mut to, mut from) = (vec![Vec::new(); airports], vec![Vec::new(); airports]);
    for (origin, destination) in routes {
        to[usize::from(origin)].push(destination);
        from[usize::from(destination)].push(origin);
    }
    (to, from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flight_takes_forty_bytes() {
        assert_eq!(size_of::<Leg>(), 40);
    }

    #[test]
    fn flight_numbers_differ_by_digits_and_letter() {
        assert_eq!(number_code("101"), number_code("0101"));
        assert_ne!(number_code("101"), number_code("101A"));
        assert_ne!(number_code("101A"), number_code("101B"));
        assert_eq!(number_code("1O1"), u32::MAX);
        assert_eq!(number_code("é1"), u32::MAX);
        assert_eq!(number_code(""), u32::MAX);
    }
}
