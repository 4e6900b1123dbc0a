//! How an answer divides; each facet adds up to the number of itineraries.

use std::collections::BTreeMap;

use super::journeys::Journeys;
use super::model::{DirectionQuery, Facets};
use super::rank::Priced;
use super::timetable::Timetable;
use super::words::TIME_BANDS;

/// Bands of price at most.
const BANDS: i64 = 5;

pub(super) fn facets(
    timetable: &Timetable,
    journeys: &Journeys<'_>,
    found: &[Priced],
    query: &DirectionQuery,
) -> Facets {
    let mut airlines: BTreeMap<&str, u64> = BTreeMap::new();
    let mut stops: BTreeMap<u8, u64> = BTreeMap::new();
    let mut bands = [0; TIME_BANDS.len()];
    for one in found {
        let Some(first) = one
            .journey
            .places()
            .next()
            .map(|place| journeys.legs[place])
        else {
            continue;
        };
        let airline = &timetable.catalogue.airlines[usize::from(first.airline)];
        *airlines.entry(&airline.iata).or_default() += 1;
        *stops.entry(one.journey.stops).or_default() += 1;
        let band = TIME_BANDS
            .iter()
            .position(|(_, window)| window.contains(first.departs_local));
        bands[band.unwrap_or(0)] += 1;
    }
    let mut airlines: Vec<(String, u64)> = airlines
        .into_iter()
        .map(|(iata, count)| (iata.to_owned(), count))
        .collect();
    airlines.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let total = u64::try_from(found.len()).unwrap_or(u64::MAX);
    Facets {
        airlines,
        stops: stops.into_iter().collect(),
        cabins: (total > 0)
            .then_some((query.cabin, total))
            .into_iter()
            .collect(),
        time_bands: (TIME_BANDS.iter().zip(bands))
            .filter(|(_, count)| *count > 0)
            .map(|((name, _), count)| ((*name).to_owned(), count))
            .collect(),
        prices: price_bands(found),
    }
}

// Bands of one width from the lowest total to the highest, those that are not empty.
fn price_bands(found: &[Priced]) -> Vec<(i64, i64, u64)> {
    let totals = || found.iter().map(|one| one.total);
    let (Some(lowest), Some(highest)) = (totals().min(), totals().max()) else {
        return Vec::new();
    };
    let width = (highest - lowest) / BANDS + 1;
    let mut bands: BTreeMap<i64, u64> = BTreeMap::new();
    for total in totals() {
        *bands.entry((total - lowest) / width).or_default() += 1;
    }
    bands
        .into_iter()
        .map(|(band, count)| {
            let from = lowest + band * width;
            (from, from + width, count)
        })
        .collect()
}
