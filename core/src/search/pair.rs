//! The cheapest round trip of two directions that can be held as one booking: the return leaves a legal connection after
//! the departing direction lands, a fee per booking is charged once, and the sum can be paid at once.
//!
//! **The cheapest round trip is a pair that can be held.** Each frozen answer names the few itineraries that the
//! cheapest pair with any other direction is made of: per airport and country of departure those that nothing
//! cheaper beats in time (`search/pair.rs`). Calendar and search price pairs as the hold does: legal turn, fees per
//! booking once, payable at once.
//!
//! **`cheapest_total` is priced, not added up.** The head names the three cheapest itineraries of each direction;
//! they are priced with the page in the same statement, and joined as a hold joins them: fees of a booking once.

use crate::charge;
use std::collections::BTreeMap;

use super::catalogue::{Catalogue, Index};
use super::timetable::{Leg, Timetable};
use crate::flight::Flight;
use crate::money::{Currency, Money};
use crate::offer::Quote;

/// How many itineraries of one kind a direction keeps for pairs: the cheapest, and the one that leaves most time.
const KEPT: usize = 16;

/// An itinerary as far as the other direction cares.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    /// Where the first flight leaves and lands.
    pub first: (Index, Index),
    /// Where the last flight leaves and lands.
    pub last: (Index, Index),
    /// Seconds since 1970.
    pub departs: i64,
    /// Seconds since 1970.
    pub arrives: i64,
    /// Minor units.
    pub total: i64,
}

impl Way {
    pub(super) fn of_legs(legs: &[&Leg], total: i64) -> Option<Self> {
        let (first, last) = (legs.first()?, legs.last()?);
        Some(Self {
            first: (first.origin, first.destination),
            last: (last.origin, last.destination),
            departs: i64::from(first.departs),
            arrives: i64::from(last.arrives),
            total,
        })
    }

    fn of_quote(catalogue: &Catalogue, quote: &Quote) -> Option<Self> {
        let (first, last) = (quote.flights.first()?, quote.flights.last()?);
        let ends = |flight: &Flight| {
            let origin = catalogue.airport(&flight.origin.iata)?;
            Some((origin, catalogue.airport(&flight.destination.iata)?))
        };
        Some(Self {
            first: ends(first)?,
            last: ends(last)?,
            departs: first.departs_at.timestamp(),
            arrives: last.arrives_at.timestamp(),
            total: quote.price.total().minor(),
        })
    }
}

impl Timetable {
    /// The least that a quote of each direction costs in one booking; `None` where no two can be held together.
    pub fn cheapest_pair(
        &self,
        currency: Currency,
        departing: &[&Quote],
        returning: &[&Quote],
    ) -> Option<Money> {
        let ways = |quotes: &[&Quote]| -> Vec<(Way, usize)> {
            let ways = quotes
                .iter()
                .enumerate()
                .map(|(index, quote)| Some((Way::of_quote(&self.catalogue, quote)?, index)));
            ways.flatten().collect()
        };
        let (there, back) = (ways(departing), ways(returning));
        let fees = |quote: &&Quote| quote.price.fees().minor();
        let saved = returning.iter().map(fees).max().unwrap_or_default();
        let joined = |one: usize, other: usize| {
            let (one, other) = (&departing[one].price, &returning[other].price);
            one.total_with(other).minor()
        };
        cheapest(&self.catalogue, currency, &there, &back, saved, joined)
            .map(|minor| Money::new(minor, currency))
    }
}

/// The least `joined` total of two ways that can be held together. No total is lower than the sum of both by more than
/// `saved`.
pub(super) fn cheapest<T: Copy>(
    catalogue: &Catalogue,
    currency: Currency,
    there: &[(Way, T)],
    back: &[(Way, T)],
    saved: i64,
    joined: impl Fn(T, T) -> i64,
) -> Option<i64> {
    let most = most(currency);
    let mut back: Vec<&(Way, T)> = back.iter().collect();
    back.sort_by_key(|(way, _)| way.total);
    let mut best: Option<i64> = None;
    for (out, one) in there {
        for (home, other) in &back {
            if best.is_some_and(|best| out.total + home.total - saved >= best) {
                break;
            }
            let total = joined(*one, *other);
            if total <= most
                && best.is_none_or(|best| total < best)
                && can_turn(catalogue, out, home)
            {
                best = Some(total);
            }
        }
    }
    best
}

/// The most that can be paid at once, in minor units.
pub(super) fn most(currency: Currency) -> i64 {
    charge::limits(currency).map_or(i64::MAX, |limits| limits.maximum.minor())
}

/// Whether the return leaves late enough after the departing direction lands; the same rule as the hold's.
fn can_turn(catalogue: &Catalogue, there: &Way, back: &Way) -> bool {
    let (landing, leaving) = (there.last, back.first);
    let at = |airport: Index, (from, to): (Index, Index)| {
        let iata = catalogue.at(airport).iata.as_str();
        (iata, catalogue.is_domestic(from, to))
    };
    let turn = catalogue.connection_times.turn(
        catalogue.same_area(landing.1, leaving.0),
        at(landing.1, landing),
        at(leaving.0, leaving),
        back.departs - there.arrives,
    );
    turn.is_ok()
}

/// The few of many ways, by their place, that the cheapest pair with any other direction is made of: as the departing
/// one nothing that costs no more lands earlier at the same airport, as the returning one nothing leaves later.
pub(super) fn candidates(catalogue: &Catalogue, ways: &[Way]) -> Vec<usize> {
    let country = |way: &Way| catalogue.at(way.first.0).country.as_str();
    let as_departing = |way: &Way| {
        let is_domestic = catalogue.is_domestic(way.last.0, way.last.1);
        ((country(way), way.last.1, is_domestic), way.arrives)
    };
    let as_returning = |way: &Way| {
        let is_domestic = catalogue.is_domestic(way.first.0, way.first.1);
        ((country(way), way.first.0, is_domestic), -way.departs)
    };
    let mut order: Vec<usize> = (0..ways.len()).collect();
    order.sort_by_key(|index| ways[*index].total);
    let mut chosen = frontier(&order, |index| as_departing(&ways[index]));
    chosen.extend(frontier(&order, |index| as_returning(&ways[index])));
    chosen.sort_by_key(|index| (ways[*index].total, *index));
    chosen.dedup();
    chosen
}

/// Of each kind those that nothing before them in the order beats, the first [`KEPT`] and the last.
fn frontier<K: Ord>(order: &[usize], of: impl Fn(usize) -> (K, i64)) -> Vec<usize> {
    let mut kinds: BTreeMap<K, (i64, Vec<usize>)> = BTreeMap::new();
    for index in order {
        let (kind, time) = of(*index);
        let (best, kept) = kinds.entry(kind).or_insert((i64::MAX, Vec::new()));
        if time < *best {
            *best = time;
            kept.truncate(KEPT);
            kept.push(*index);
        }
    }
    kinds.into_values().flat_map(|(_, kept)| kept).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// London has two airports; two of the places are in one country.
    fn catalogue() -> Catalogue {
        Catalogue::of(&[
            ("LHR", "GB", "LON"),
            ("LGW", "GB", "LON"),
            ("DEL", "IN", "DEL"),
            ("BOM", "IN", "BOM"),
            ("DXB", "AE", "DXB"),
        ])
    }

    /// From somewhere to London, or back; the last or first flight comes from, or goes to, anywhere.
    fn way(is_back: bool) -> impl Strategy<Value = Way> {
        (
            0_u16..2,
            2_u16..5,
            2_u16..5,
            0_i64..60,
            1_i64..20,
            1_i64..40,
        )
            .prop_map(move |(london, other, over, departs, lasts, total)| {
                let (first, last) = if is_back {
                    ((london, over), (over, other))
                } else {
                    ((other, over), (over, london))
                };
                let (departs, lasts) = (departs * 1_200, lasts * 1_200);
                Way {
                    first,
                    last,
                    departs,
                    arrives: departs + lasts,
                    total: total * 100,
                }
            })
    }

    /// A fee per booking that India has, and one that the others have.
    fn joined(catalogue: &Catalogue, there: Way, back: Way) -> i64 {
        let has_fee = |way: Way| catalogue.at(way.first.0).country == "IN";
        let is_twice = has_fee(there) == has_fee(back);
        there.total + back.total - if is_twice { 300 } else { 0 }
    }

    proptest! {
        #[test]
        fn the_candidates_make_the_cheapest_legal_pair(
            there in prop::collection::vec(way(false), 1..16), back in prop::collection::vec(way(true), 1..16),
        ) {
            let catalogue = catalogue();
            let all = |ways: &[Way]| -> Vec<(Way, Way)> { ways.iter().map(|way| (*way, *way)).collect() };
            let some = |ways: &[Way]| -> Vec<(Way, Way)> {
                let chosen = candidates(&catalogue, ways);
                chosen.into_iter().map(|index| (ways[index], ways[index])).collect()
            };
            let best = |there: &[(Way, Way)], back: &[(Way, Way)]| {
                let joined = |one, other| joined(&catalogue, one, other);
                cheapest(&catalogue, Currency::INR, there, back, 300, joined)
            };
            let pairs = there.iter().flat_map(|out| back.iter().map(move |home| (*out, *home)));
            let legal = pairs.filter(|(out, home)| can_turn(&catalogue, out, home));
            let expected = legal.map(|(out, home)| joined(&catalogue, out, home)).min();
            prop_assert_eq!(best(&all(&there), &all(&back)), expected);
            prop_assert_eq!(best(&some(&there), &some(&back)), expected);
        }
    }

    #[test]
    fn what_cannot_be_paid_at_once_is_no_pair() {
        let catalogue = catalogue();
        let way = |first, last, departs, total| Way {
            first,
            last,
            departs,
            arrives: departs + 3_600,
            total,
        };
        let there = [(way((2, 0), (2, 0), 0, 600_000_000), ())];
        let back = |total| [(way((0, 2), (0, 2), 90_000, total), ())];
        let best = |total: i64| {
            let sum = |(), ()| 600_000_000 + total;
            cheapest(&catalogue, Currency::INR, &there, &back(total), 0, sum)
        };
        assert_eq!(
            [399_999_999, 400_000_000].map(best),
            [Some(999_999_999), None]
        );
    }
}
