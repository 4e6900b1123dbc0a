//! Which journeys are shown, and in which order (rules.md "Search").
//!
//! **What dominates is decided in one pass, for each validating airline, before the filters.** Sorted by airline,
//! total, stops, departure and arrival, whatever dominates a journey comes before it; a tree of earliest arrivals
//! by departure answers for each whether something did. Direct flights are never dropped. `via`, `avoid` and the
//! layovers ask for another kind of journey: the walk leaves out what they rule out. Every other filter comes after
//! dominance, so that it never adds an itinerary; a narrow search therefore walks as far as a broad one,
//! `max_stops` aside: a journey with more stops dominates none with fewer.

use std::cmp::Reverse;

use chrono::DateTime;
use uuid::Uuid;

use super::journeys::{Journey, Journeys};
use super::model::{DirectionQuery, Itinerary, Sort};
use super::prices::Cost;
use crate::config::Sales;
use crate::ids::FlightId;

/// A journey with the party's total.
#[derive(Clone, Copy, Debug)]
pub(super) struct Priced {
    pub journey: Journey,
    pub total: i64,
}

/// The journeys whose every flight has a cost; `None` stands for a flight that cannot be boarded.
pub(super) fn priced(journeys: &Journeys<'_>, costs: &[Option<Cost>]) -> Vec<Priced> {
    let total = |journey: &Journey| {
        journey
            .places()
            .enumerate()
            .try_fold(0, |sum, (at, place)| {
                let cost = costs[place]?;
                Some(sum + if at == 0 { cost.first } else { cost.later })
            })
    };
    let priced = journeys.found.iter().filter_map(|journey| {
        Some(Priced {
            journey: *journey,
            total: total(journey)?,
        })
    });
    priced.collect()
}

/// Leaves the direct flights, and of the connections those that nothing of the same validating airline dominates: no
/// other has no more stops, leaves no earlier, lands no later, costs no more and is better in one of these.
///
/// A traveller who wants a direct flight, or another airline, has a reason that these four do not show.
pub(super) fn undominated(mut all: Vec<Priced>) -> Vec<Priced> {
    // In this order whatever dominates a journey comes before it.
    let rank = |one: &Priced| {
        let journey = &one.journey;
        (
            journey.airline,
            one.total,
            journey.stops,
            Reverse(journey.departs),
            journey.arrives,
        )
    };
    all.sort_unstable_by_key(rank);
    let mut kept = Vec::with_capacity(all.len());
    for of_airline in all.chunk_by(|one, next| one.journey.airline == next.journey.airline) {
        let mut departures: Vec<u32> = of_airline.iter().map(|one| one.journey.departs).collect();
        departures.sort_unstable();
        departures.dedup();
        let mut soonest = Soonest::new(departures.len());
        for equals in of_airline.chunk_by(|one, next| rank(one) == rank(next)) {
            let journey = equals[0].journey;
            // Counted from the latest departure.
            let later = departures.len() - departures.partition_point(|at| *at <= journey.departs);
            if journey.stops == 0 || soonest.before(later, journey.stops) > journey.arrives {
                kept.extend_from_slice(equals);
            }
            soonest.note(later, journey.stops, journey.arrives);
        }
    }
    kept
}

// The earliest landing of everything seen so far, by stops and departure: a Fenwick tree of minima.
struct Soonest([Vec<u32>; 3]);

impl Soonest {
    fn new(departures: usize) -> Self {
        Self(std::array::from_fn(|_| vec![u32::MAX; departures + 1]))
    }

    // Among those with at most so many stops that leave no earlier.
    fn before(&self, later: usize, stops: u8) -> u32 {
        let levels = self.0.iter().take(usize::from(stops) + 1);
        let least = |tree: &Vec<u32>| {
            let (mut at, mut least) = (later + 1, u32::MAX);
            while at > 0 {
                least = least.min(tree[at]);
                at &= at - 1;
            }
            least
        };
        levels.map(least).min().unwrap_or(u32::MAX)
    }

    fn note(&mut self, later: usize, stops: u8, arrives: u32) {
        let tree = &mut self.0[usize::from(stops)];
        let mut at = later + 1;
        while at < tree.len() {
            tree[at] = tree[at].min(arrives);
            at += at & at.wrapping_neg();
        }
    }
}

/// Sorts; what ties is in the order of departure, then of flight ids.
pub(super) fn sort(
    found: &mut [Priced],
    journeys: &Journeys<'_>,
    query: &DirectionQuery,
    sales: &Sales,
) {
    let ids = |one: &Priced| {
        let mut ids = [Uuid::nil(); 3];
        for (slot, place) in ids.iter_mut().zip(one.journey.places()) {
            *slot = journeys.legs[place].id;
        }
        ids
    };
    found.sort_by_cached_key(|one| {
        let journey = one.journey;
        let key = match query.sort {
            Sort::Price => one.total,
            Sort::Duration => i64::from(journey.arrives - journey.departs),
            Sort::Departure => 0,
            Sort::Arrival => i64::from(journey.arrives),
            Sort::Best => weighed(one, query, sales),
        };
        (key, journey.departs, ids(one))
    });
}

// Money, and time and stops as if they were money.
fn weighed(one: &Priced, query: &DirectionQuery, sales: &Sales) -> i64 {
    let minutes = i64::from((one.journey.arrives - one.journey.departs) / 60);
    let each = minutes * i64::from(sales.best_minute_minor)
        + i64::from(one.journey.stops) * i64::from(sales.best_stop_minor);
    one.total + each * i64::from(query.party.seated())
}

/// As the answer shows it.
pub(super) fn itinerary(one: &Priced, journeys: &Journeys<'_>) -> Itinerary {
    let instant =
        |seconds: u32| DateTime::from_timestamp(i64::from(seconds), 0).unwrap_or_default();
    Itinerary {
        flights: (one.journey.places())
            .map(|place| FlightId(journeys.legs[place].id))
            .collect(),
        departs_at: instant(one.journey.departs),
        arrives_at: instant(one.journey.arrives),
        total_minor: one.total,
    }
}
