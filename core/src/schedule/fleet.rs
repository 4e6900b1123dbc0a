//! Which aircraft an airline sends on a route.

use super::dice::Dice;
use super::network::{Aircraft, Airline, Network};

/// Airlines that fly one class on narrow-bodies only.
const LOW_COST: &[&str] = &[
    "5J", "6E", "AK", "BY", "EW", "F9", "FR", "FZ", "G9", "HV", "JQ", "JT", "LS", "NK", "PC", "SG",
    "TO", "U2", "VJ", "VY", "W6", "WN", "XY", "Y4",
];
/// One-class narrow-bodies.
const ONE_CLASS: &[&str] = &["32N", "32Q"];
/// North America flies a first class on its short routes, the rest of the world an economy with an empty middle seat.
const REGIONAL_AMERICA: &[&str] = &["CR9", "E75"];
const REGIONAL: &[&str] = &["AT7", "DH4", "E90", "E95"];
const NARROW_AMERICA: &[&str] = &["73G", "73H", "7M8", "7M9", "739", "223"];
const NARROW: &[&str] = &["319", "320", "321", "320", "321"];
const WIDE: &[&str] = &[
    "332", "333", "339", "788", "789", "359", "77W", "772", "781", "351",
];
/// Range that is left for wind, holding and an alternate.
const RESERVE: f64 = 1.1;

/// The farthest an airline flies, in kilometres.
pub(super) fn reach_km(airline: &Airline) -> f64 {
    if is_low_cost(airline) {
        5000.0
    } else {
        14_000.0
    }
}

fn is_low_cost(airline: &Airline) -> bool {
    LOW_COST.contains(&airline.iata.as_str())
}

/// A type that reaches `km` with reserve and suits the route; `None` when nothing the world builds does.
pub(super) fn choose<'a>(
    network: &'a Network,
    airline: &Airline,
    km: f64,
    to_large: bool,
    seed: u64,
) -> Option<&'a Aircraft> {
    let america = airline.country == "US";
    let preferred = if km < 5000.0 && is_low_cost(airline) {
        ONE_CLASS
    } else if km < 700.0 && !to_large {
        if america { REGIONAL_AMERICA } else { REGIONAL }
    } else if km < 4500.0 {
        if america { NARROW_AMERICA } else { NARROW }
    } else {
        WIDE
    };
    // Two or three types of a kind make a fleet, so an airline has the same ones on every route.
    let mut dice = Dice::new(seed, &["fleet", &airline.iata, preferred[0]]);
    let fleet: Vec<&str> = (0..3).map(|_| pick(preferred, &mut dice)).collect();
    let mut route = Dice::new(seed, &["type", &airline.iata, &km.to_bits().to_string()]);
    let first = pick(&fleet, &mut route);
    [first]
        .into_iter()
        .chain(fleet.iter().copied())
        .chain(preferred.iter().copied())
        .chain(WIDE.iter().copied())
        .filter_map(|iata| network.aircraft(iata))
        .chain(&network.aircraft)
        .find(|aircraft| aircraft.range_km >= km * RESERVE)
}

fn pick<'a>(from: &[&'a str], dice: &mut Dice) -> &'a str {
    let limit = u32::try_from(from.len()).unwrap_or(1);
    from[dice.below(limit) as usize % from.len()]
}
