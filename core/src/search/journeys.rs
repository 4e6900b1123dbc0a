//! Every legal sequence of flights: by airports first, then by the flights between them.
//!
//! Only what is illegal is left out here, and what `via`, `avoid` and the layovers rule out. Every other filter comes
//! after dominance (`filter.rs`), as do seats and prices.

use std::collections::HashMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::catalogue::{Catalogue, Index};
use super::timetable::{DAY, Leg, Timetable};
use super::wanted::Wanted;

/// More journeys than this are not looked at; the answer says that it is not complete.
const MOST_JOURNEYS: usize = 400_000;
/// Nor does anybody wait longer than this for them.
const LONGEST: Duration = Duration::from_secs(2);
/// A flight is in the air for a day at most (`schedule_block_minutes_positive`).
const LONGEST_FLIGHT: u32 = DAY;

/// One to three flights, by their place in [`Journeys::legs`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Journey {
    legs: [u32; 3],
    /// The validating airline: the first flight's.
    pub airline: Index,
    pub stops: u8,
    pub departs: u32,
    pub arrives: u32,
}

impl Journey {
    /// Places of its flights.
    pub fn places(&self) -> impl Iterator<Item = usize> + '_ {
        self.legs[..=usize::from(self.stops)]
            .iter()
            .map(|place| *place as usize)
    }
}

/// The journeys of a query.
#[derive(Debug)]
pub(super) struct Journeys<'a> {
    pub legs: Vec<&'a Leg>,
    pub found: Vec<Journey>,
    pub complete: bool,
}

impl<'a> Journeys<'a> {
    /// The flights of a journey, in order.
    pub fn of<'j>(&'j self, journey: &'j Journey) -> impl Iterator<Item = &'a Leg> + Clone + 'j {
        let places = journey.legs[..=usize::from(journey.stops)].iter();
        places.map(|place| self.legs[*place as usize])
    }

    /// Its first flight and its last.
    pub fn ends(&self, journey: &Journey) -> [&'a Leg; 2] {
        let places = [journey.legs[0], journey.legs[usize::from(journey.stops)]];
        places.map(|place| self.legs[place as usize])
    }
}

/// All journeys of a query.
pub(super) fn journeys<'a>(timetable: &'a Timetable, wanted: &Wanted) -> Journeys<'a> {
    let mut walk = Walk {
        timetable,
        catalogue: &timetable.catalogue,
        wanted,
        firsts: HashMap::new(),
        laters: HashMap::new(),
        landings: (u32::MAX, 0),
        until: Instant::now() + LONGEST,
        out: Journeys {
            legs: Vec::new(),
            found: Vec::new(),
            complete: true,
        },
    };
    walk.all();
    walk.out
}

// Places of flights in `Journeys::legs`, in order of departure.
type Places = Range<usize>;

struct Walk<'a, 'w> {
    timetable: &'a Timetable,
    catalogue: &'a Catalogue,
    wanted: &'w Wanted,
    firsts: HashMap<(Index, Index), Places>,
    laters: HashMap<(Index, Index), Places>,
    // The first and the last landing of a first flight.
    landings: (u32, u32),
    until: Instant,
    out: Journeys<'a>,
}

// A connection on the way: where one lands and where one leaves.
#[derive(Clone, Copy)]
struct Change {
    lands: Index,
    leaves: Index,
}

impl Walk<'_, '_> {
    fn all(&mut self) {
        let ends: Vec<(Index, Index)> = (self.wanted.origins.iter())
            .flat_map(|from| self.wanted.destinations.iter().map(move |to| (*from, *to)))
            .filter(|(from, to)| !self.catalogue.same_area(*from, *to))
            .collect();
        for (from, to) in &ends {
            self.direct(*from, *to);
        }
        if self.wanted.max_stops == 0 {
            return;
        }
        self.read_firsts();
        for (from, to) in &ends {
            self.one_stop(*from, *to);
        }
        if self.wanted.max_stops == 1 {
            return;
        }
        for (from, to) in &ends {
            self.two_stops(*from, *to);
        }
    }

    fn direct(&mut self, from: Index, to: Index) {
        if !self.wanted.goes_via(&[]) {
            return;
        }
        for place in self.first(from, to) {
            self.found(&[place]);
        }
    }

    // Knows all landings before anybody asks for later flights.
    fn read_firsts(&mut self) {
        for from in self.wanted.origins.clone() {
            for over in self.timetable.reaches(from) {
                let places = self.first(from, *over);
                for leg in &self.out.legs[places] {
                    let (soonest, latest) = self.landings;
                    self.landings = (soonest.min(leg.arrives), latest.max(leg.arrives));
                }
            }
        }
    }

    fn one_stop(&mut self, from: Index, to: Index) {
        let most = self.longest_way(from, to);
        for over in self.timetable.reaches(from) {
            if self.passes_ends(*over, from, to) {
                continue;
            }
            let firsts = self.first(from, *over);
            if firsts.is_empty() {
                continue;
            }
            for change in self.changes(*over) {
                let flown = self.km(from, change.lands) + self.km(change.leaves, to);
                if flown > most || !self.wanted.goes_via(&[change.lands, change.leaves]) {
                    continue;
                }
                let lasts = self.later(change.leaves, to);
                if lasts.is_empty() {
                    continue;
                }
                let least = self.least(from, change, to);
                for first in firsts.clone() {
                    for last in self.connecting(first, lasts.clone(), least) {
                        self.found(&[first, last]);
                    }
                }
                if self.is_spent() {
                    return;
                }
            }
        }
    }

    fn two_stops(&mut self, from: Index, to: Index) {
        let most = self.longest_way(from, to);
        let gates = self.gates(to);
        for over in self.timetable.reaches(from) {
            let firsts = self.first(from, *over);
            if firsts.is_empty() || self.passes_ends(*over, from, to) {
                continue;
            }
            for change in self.changes(*over) {
                let flown = self.km(from, change.lands);
                if flown + self.km(change.leaves, to) > most {
                    continue;
                }
                for middle in self.timetable.reaches(change.leaves) {
                    if !gates[usize::from(*middle)]
                        || self.passes_ends(*middle, from, to)
                        || self.catalogue.same_area(*middle, *over)
                    {
                        continue;
                    }
                    let flown = flown + self.km(change.leaves, *middle);
                    if flown + self.nearest(*middle, to) > most {
                        continue;
                    }
                    for second in self.changes(*middle) {
                        if flown + self.km(second.leaves, to) <= most {
                            self.join((from, to), firsts.clone(), change, second);
                        }
                        if self.is_spent() {
                            return;
                        }
                    }
                }
            }
        }
    }

    // All flights over two given connections.
    fn join(&mut self, (from, to): (Index, Index), firsts: Places, one: Change, two: Change) {
        let over = [one.lands, one.leaves, two.lands, two.leaves];
        if !self.wanted.goes_via(&over) {
            return;
        }
        let lasts = self.later(two.leaves, to);
        if lasts.is_empty() {
            return;
        }
        let middles = self.later(one.leaves, two.lands);
        let least = (
            self.least(from, one, two.lands),
            self.least(one.leaves, two, to),
        );
        for first in firsts {
            for middle in self.connecting(first, middles.clone(), least.0) {
                if !self.sells(first, middle) {
                    continue;
                }
                for last in self.connecting(middle, lasts.clone(), least.1) {
                    self.found(&[first, middle, last]);
                }
            }
        }
    }

    // Keeps a journey whose flights fit together in place and time.
    fn found(&mut self, places: &[usize]) {
        let Some(first) = places.first().map(|place| self.out.legs[*place]) else {
            return;
        };
        let mut flown = [first; 3];
        let mut journey = Journey {
            legs: [0; 3],
            airline: first.airline,
            stops: u8::try_from(places.len() - 1).unwrap_or(u8::MAX),
            departs: first.departs,
            arrives: first.arrives,
        };
        for (at, place) in places.iter().enumerate() {
            flown[at] = self.out.legs[*place];
            journey.legs[at] = u32::try_from(*place).unwrap_or(u32::MAX);
        }
        let flown = &flown[..places.len()];
        journey.arrives = flown[places.len() - 1].arrives;
        let sells = |leg: &&Leg| self.catalogue.sells(first.airline, leg.airline);
        if flown.iter().all(sells) {
            self.out.found.push(journey);
        }
    }

    fn is_spent(&mut self) -> bool {
        if self.out.found.len() > MOST_JOURNEYS || Instant::now() > self.until {
            self.out.complete = false;
        }
        !self.out.complete
    }

    fn sells(&self, first: usize, later: usize) -> bool {
        let legs = &self.out.legs;
        self.catalogue
            .sells(legs[first].airline, legs[later].airline)
    }

    // The flights among `places` that one reaches after the flight at `after`.
    fn connecting(&self, after: usize, places: Places, least: u32) -> Places {
        let lands = self.out.legs[after].arrives;
        let (shortest, longest) = self.wanted.layover;
        let (earliest, latest) = (lands + least.max(shortest), lands + longest);
        let legs = &self.out.legs[places.clone()];
        let start = legs.partition_point(|leg| leg.departs < earliest);
        let end = legs.partition_point(|leg| leg.departs <= latest);
        places.start + start..places.start + end.max(start)
    }

    // Flights of a route that a journey may begin with.
    fn first(&mut self, from: Index, to: Index) -> Places {
        if let Some(places) = self.firsts.get(&(from, to)) {
            return places.clone();
        }
        // A local date lies within a day before and after the same day in UTC.
        let midnight = u32::from(self.wanted.date).saturating_mul(DAY);
        let days = midnight.saturating_sub(DAY)..midnight.saturating_add(2 * DAY);
        let wanted = self.wanted;
        let legs = self.timetable.route(from, to, days);
        let places = keep(&mut self.out.legs, legs.filter(|leg| wanted.may_begin(leg)));
        self.firsts.insert((from, to), places.clone());
        places
    }

    // Flights of a route that a journey may go on with.
    fn later(&mut self, from: Index, to: Index) -> Places {
        if let Some(places) = self.laters.get(&(from, to)) {
            return places.clone();
        }
        let wanted = self.wanted;
        let (soonest, landed) = self.landings;
        let again = u32::from(wanted.max_stops) - 1;
        let latest = landed + wanted.layover.1 + again * (LONGEST_FLIGHT + wanted.layover.1);
        let legs = self.timetable.route(from, to, soonest..latest + 1);
        let places = keep(&mut self.out.legs, legs.filter(|leg| wanted.may_fly(leg)));
        self.laters.insert((from, to), places.clone());
        places
    }

    // By the airport's number: whether one can go on from its area to the destination.
    fn gates(&self, to: Index) -> Vec<bool> {
        let mut gates = vec![false; self.catalogue.airports.len()];
        for from in self.timetable.reached_from(to) {
            for neighbour in &self.catalogue.at(*from).neighbours {
                gates[usize::from(*neighbour)] = true;
            }
        }
        gates
    }

    // Every way to change planes after landing at an airport.
    fn changes(&self, lands: Index) -> Vec<Change> {
        let neighbours = &self.catalogue.at(lands).neighbours;
        neighbours
            .iter()
            .filter(|leaves| self.wanted.may_change(lands, **leaves))
            .map(|leaves| Change {
                lands,
                leaves: *leaves,
            })
            .collect()
    }

    // No metro area is passed twice.
    fn passes_ends(&self, over: Index, from: Index, to: Index) -> bool {
        self.catalogue.same_area(over, from) || self.catalogue.same_area(over, to)
    }

    fn least(&self, from: Index, change: Change, to: Index) -> u32 {
        let (lands, leaves) = (
            self.catalogue.at(change.lands),
            self.catalogue.at(change.leaves),
        );
        let minutes = self.catalogue.connection_times.least_minutes(
            (&lands.iata, self.catalogue.is_domestic(from, change.lands)),
            (&leaves.iata, self.catalogue.is_domestic(change.leaves, to)),
        );
        u32::try_from(minutes * 60).unwrap_or(u32::MAX / 4)
    }

    fn km(&self, from: Index, to: Index) -> f64 {
        self.catalogue.distance_km(from, to)
    }

    // From the nearest airport of an area.
    fn nearest(&self, area: Index, to: Index) -> f64 {
        let neighbours = self.catalogue.at(area).neighbours.iter();
        neighbours
            .map(|from| self.km(*from, to))
            .fold(f64::MAX, f64::min)
    }

    // More than this is a detour (rules.md "Search").
    fn longest_way(&self, from: Index, to: Index) -> f64 {
        let direct = self.km(from, to);
        (1.6 * direct).max(direct + 800.0)
    }
}

fn keep<'a>(legs: &mut Vec<&'a Leg>, more: impl Iterator<Item = &'a Leg>) -> Places {
    let start = legs.len();
    legs.extend(more);
    start..legs.len()
}
