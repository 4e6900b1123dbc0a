//! What each option of a filter would give: all other filters stay as they are.

use std::collections::BTreeMap;

use super::catalogue::{Catalogue, Index};
use super::filter::{Failed, sole_airline};
use super::journeys::Journeys;
use super::model::{Facet, Facets, MOST_ITINERARIES, NamedAirline, Relaxation};
use super::rank::Priced;
use super::words::TIME_BANDS;

/// Bands of price at most.
const BANDS: i64 = 5;

/// A journey that nothing dominates, with the filters that it fails.
pub(super) type Judged = (Priced, Failed);

/// How many journeys an option gives, and the lowest total.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    count: u64,
    lowest: i64,
}

impl Tally {
    /// The tally of those that fail no filter.
    pub fn of(judged: &[Judged]) -> Self {
        let mut tally = Self::default();
        for (one, _) in judged.iter().filter(|(_, failed)| *failed == Failed::NONE) {
            tally.add(one.total);
        }
        tally
    }

    fn add(&mut self, total: i64) {
        self.lowest = if self.count == 0 {
            total
        } else {
            self.lowest.min(total)
        };
        self.count += 1;
    }

    /// As an option of a filter; none where it gives nothing.
    pub fn facet<T>(self, value: T) -> Option<Facet<T>> {
        (self.count > 0).then(|| Facet {
            value,
            count: shown(self.count),
            lowest_minor: self.lowest,
        })
    }
}

// An answer has no more.
fn shown(count: u64) -> u64 {
    count.min(MOST_ITINERARIES as u64)
}

/// Every facet but that of the cabins, which have prices of their own.
pub(super) fn facets(
    catalogue: &Catalogue,
    journeys: &Journeys<'_>,
    max_stops: u8,
    judged: &[Judged],
) -> Facets {
    let mut airlines: BTreeMap<Index, Tally> = BTreeMap::new();
    let mut stops = [Tally::default(); 3];
    let mut bands = [Tally::default(); TIME_BANDS.len()];
    let mut totals = Vec::new();
    for (one, failed) in judged {
        if failed.only(&[Failed::AIRLINES])
            && let Some(airline) = sole_airline(journeys, &one.journey)
        {
            airlines.entry(airline).or_default().add(one.total);
        }
        if failed.only(&[]) {
            for tally in stops.iter_mut().skip(usize::from(one.journey.stops)) {
                tally.add(one.total);
            }
        }
        if failed.only(&[Failed::DEPARTURE_WINDOW]) {
            let [first, _] = journeys.ends(&one.journey);
            let mut named = TIME_BANDS.iter().zip(&mut bands);
            if let Some((_, tally)) =
                named.find(|((_, window), _)| window.contains(first.departs_local))
            {
                tally.add(one.total);
            }
        }
        if failed.only(&[Failed::MIN_PRICE, Failed::MAX_PRICE]) {
            totals.push(one.total);
        }
    }
    let named = |airline: Index| {
        let airline = &catalogue.airlines[usize::from(airline)];
        NamedAirline {
            iata: airline.iata.clone(),
            name: airline.name.clone(),
        }
    };
    let mut airlines: Vec<Facet<NamedAirline>> = (airlines.into_iter())
        .filter_map(|(airline, tally)| tally.facet(named(airline)))
        .collect();
    airlines
        .sort_by(|one, other| (other.count, &one.value.iata).cmp(&(one.count, &other.value.iata)));
    Facets {
        airlines,
        stops: (0..=max_stops)
            .zip(stops)
            .filter_map(|(most, tally)| tally.facet(most))
            .collect(),
        cabins: Vec::new(),
        time_bands: (TIME_BANDS.iter().zip(bands))
            .filter_map(|((name, _), tally)| tally.facet((*name).to_owned()))
            .collect(),
        prices: price_bands(&totals),
    }
}

// Bands of one width from the lowest total to the highest, those that are not empty.
fn price_bands(totals: &[i64]) -> Vec<Facet<(i64, i64)>> {
    let (Some(lowest), Some(highest)) = (totals.iter().min(), totals.iter().max()) else {
        return Vec::new();
    };
    let width = (highest - lowest) / BANDS + 1;
    let mut bands: BTreeMap<i64, Tally> = BTreeMap::new();
    for total in totals {
        let band = bands.entry((total - lowest) / width).or_default();
        band.add(*total);
    }
    let bands = bands.into_iter().filter_map(|(band, tally)| {
        let from = lowest + band * width;
        tally.facet((from, from + width - 1))
    });
    bands.collect()
}

/// What dropping one of the filters that come after dominance would give; those that help.
pub(super) fn relaxations(judged: &[Judged]) -> Vec<Relaxation> {
    let dropped = Failed::NAMES.iter().map(|(filter, one)| {
        let without = judged.iter().filter(|(_, failed)| failed.only(&[*one]));
        Relaxation {
            filter: (*filter).to_owned(),
            total: shown(without.count() as u64),
        }
    });
    dropped.filter(|relaxation| relaxation.total > 0).collect()
}
