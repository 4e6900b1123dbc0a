//! Who flies where, how often: the trunk routes by name, then each hub's best spokes.

use std::collections::HashSet;

use super::dice::Dice;
use super::fleet;
use super::network::{Airline, Network};
use crate::{Error, Result};

/// Spokes of one hub of one airline.
const SPOKES: usize = 90;
/// Hubs of one airline.
const HUBS: usize = 3;
/// Nobody flies shorter than this.
const SHORTEST_KM: f64 = 90.0;
/// Beyond this a route counts as long-haul.
pub(super) const LONG_HAUL_KM: f64 = 4000.0;
/// Where the timetable is thinned out last.
const HOME_COUNTRY: &str = "IN";

// airline, two airports, round trips a day and, for a few, a departure in the hours when clocks change.
const TRUNK_ROUTES: &str = include_str!("../../../fixtures/trunk_routes.csv");

/// Two airports that one airline flies between, both ways.
pub(super) struct Route {
    pub airline: usize,
    pub hub: usize,
    pub spoke: usize,
    pub km: f64,
    /// Round trips a week.
    pub weekly: u32,
    /// The lower, the longer it stays when a day has room for few flights; trunk routes are below zero.
    pub rank: f64,
    /// `HH:MM` when the route exists for the sake of its hour.
    pub departs: Option<String>,
}

pub(super) fn all(network: &Network, seed: u64) -> Result<Vec<Route>> {
    let mut routes = trunk(network)?;
    let mut served: HashSet<(usize, usize, usize)> = routes.iter().map(key).collect();
    for (index, airline) in network.airlines.iter().enumerate() {
        for hub in airline.hubs.iter().take(HUBS) {
            let spokes = spokes(network, airline, *hub, seed);
            for (position, (spoke, km)) in spokes.into_iter().enumerate() {
                let route = route(network, (index, *hub, spoke), km, position);
                if served.insert(key(&route)) {
                    routes.push(route);
                }
            }
        }
    }
    Ok(routes)
}

fn key(route: &Route) -> (usize, usize, usize) {
    let (low, high) = (route.hub.min(route.spoke), route.hub.max(route.spoke));
    (route.airline, low, high)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a position below 90 and at most 42 round trips a week"
)]
fn route(
    network: &Network,
    (airline, hub, spoke): (usize, usize, usize),
    km: f64,
    position: usize,
) -> Route {
    let daily = 6.0 / (1.0 + position as f64 / 12.0);
    let daily = if km > LONG_HAUL_KM {
        daily * 0.35
    } else {
        daily
    };
    let is_home = network.airlines[airline].country == HOME_COUNTRY;
    Route {
        airline,
        hub,
        spoke,
        km,
        weekly: ((daily * 7.0).round() as u32).max(1),
        rank: position as f64 * if is_home { 0.4 } else { 1.0 },
        departs: None,
    }
}

// The airports a hub serves, the most promising first.
fn spokes(network: &Network, airline: &Airline, hub: usize, seed: u64) -> Vec<(usize, f64)> {
    let home = &network.airports[hub];
    let reach = fleet::reach_km(network, airline);
    let mut candidates: Vec<(f64, usize, f64)> = Vec::new();
    for (index, airport) in network.airports.iter().enumerate() {
        let same_city = airport.metro.is_some() && airport.metro == home.metro;
        let km = network.distance_km(hub, index);
        if same_city || !(SHORTEST_KM..=reach).contains(&km) {
            continue;
        }
        let nearness = 1.0 + (km / 2200.0).powi(2);
        let bond = if airport.country == home.country {
            3.0
        } else {
            1.0
        };
        let taste = Dice::new(seed, &["spoke", &airline.iata, &home.iata, &airport.iata]).unit();
        candidates.push((airport.weight * bond / nearness * (0.5 + taste), index, km));
    }
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    candidates.truncate(SPOKES);
    candidates
        .into_iter()
        .map(|(_, index, km)| (index, km))
        .collect()
}

// Routes whose airline or airports are not loaded are left out.
fn trunk(network: &Network) -> Result<Vec<Route>> {
    let unreadable = |line: &str| Error::Catalogue(format!("trunk_routes.csv: {line:?}"));
    let mut routes = Vec::new();
    for line in TRUNK_ROUTES.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let [origin, destination, airline, daily, departs] = cells[..] else {
            return Err(unreadable(line));
        };
        let daily: u32 = daily.parse().map_err(|_| unreadable(line))?;
        let airline = network.airlines.iter().position(|row| row.iata == airline);
        let ends = (network.airport(origin), network.airport(destination));
        let (Some(airline), (Some(hub), Some(spoke))) = (airline, ends) else {
            continue;
        };
        routes.push(Route {
            airline,
            hub,
            spoke,
            km: network.distance_km(hub, spoke),
            weekly: daily * 7,
            rank: -1.0,
            departs: (!departs.is_empty()).then(|| departs.to_owned()),
        });
    }
    Ok(routes)
}
