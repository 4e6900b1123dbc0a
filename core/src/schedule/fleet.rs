//! Which aircraft an airline sends on a route: one of those that it has.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::dice::Dice;
use super::network::{Aircraft, Airline, Network};

// Airline and the types of its fleet.
const FLEETS: &str = include_str!("../../../fixtures/fleets.csv");

static BY_AIRLINE: LazyLock<BTreeMap<&str, Vec<&str>>> = LazyLock::new(|| {
    let rows = FLEETS
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(','));
    rows.map(|(airline, types)| (airline, types.split(' ').collect()))
        .collect()
});

const REGIONAL: &[&str] = &[
    "AT7", "CR9", "DH4", "E70", "E75", "E90", "E95", "295", "221",
];
const NARROW: &[&str] = &[
    "223", "319", "320", "32N", "321", "32Q", "738", "739", "73G", "73H", "752", "7M8", "7M9",
];
/// Range that is left for wind, holding and an alternate.
const RESERVE: f64 = 1.1;

/// The farthest an airline flies, in kilometres.
pub(super) fn reach_km(network: &Network, airline: &Airline) -> f64 {
    let ranges = fleet(network, airline).map(|aircraft| aircraft.range_km / RESERVE);
    ranges.fold(0.0, f64::max).min(14_000.0)
}

/// The types of an airline's fleet that are in the catalogue; an airline of unknown fleet has all of them.
pub(super) fn fleet<'a>(
    network: &'a Network,
    airline: &Airline,
) -> impl Iterator<Item = &'a Aircraft> {
    let types = BY_AIRLINE.get(airline.iata.as_str());
    let has = move |aircraft: &&Aircraft| {
        types.is_none_or(|types| types.contains(&aircraft.iata.as_str()))
    };
    network.aircraft.iter().filter(has)
}

/// A type of the airline's fleet that reaches `km` with reserve and suits the route; `None` when it has none.
pub(super) fn choose<'a>(
    network: &'a Network,
    airline: &Airline,
    km: f64,
    to_large: bool,
    seed: u64,
) -> Option<&'a Aircraft> {
    let reaching = fleet(network, airline).filter(|aircraft| aircraft.range_km >= km * RESERVE);
    // The first size that the airline has is taken: small ones to small places, large ones far away.
    let [regional, narrow, wide] = match km {
        ..700.0 if !to_large => [0, 1, 2],
        ..4500.0 => [1, 0, 2],
        _ => [2, 1, 0],
    };
    let size = |aircraft: &Aircraft| match aircraft.iata.as_str() {
        iata if REGIONAL.contains(&iata) => regional,
        iata if NARROW.contains(&iata) => narrow,
        _ => wide,
    };
    let mut sized: Vec<(u8, &Aircraft)> = reaching
        .map(|aircraft| (size(aircraft), aircraft))
        .collect();
    sized.sort_by_key(|(size, _)| *size);
    let best = sized.first()?.0;
    sized.retain(|(size, _)| *size == best);
    let mut dice = Dice::new(seed, &["type", &airline.iata, &km.to_bits().to_string()]);
    let nth = dice.below(u32::try_from(sized.len()).unwrap_or(1));
    sized.get(nth as usize).map(|(_, aircraft)| *aircraft)
}
