//! The timetable: a pure function of the network, a seed and how many flights a day may have.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Timelike, Utc};
use uuid::Builder;

use super::curfew::Curfews;
use super::dice::Dice;
use super::model::{CabinFares, Schedule};
use super::network::{Aircraft, Network};
use super::routes::{LONG_HAUL_KM, Route};
use super::{fleet, routes};
use crate::{Result, zone};

const EVERY_DAY: u8 = 0b111_1111;
pub(super) const MINUTES_A_DAY: i64 = 24 * 60;
/// The hours of short flights, in minutes of the local day: 05:00 to 23:00.
const DAY_BEGINS: i64 = 5 * 60;
const DAY_ENDS: i64 = 23 * 60;

/// The schedules of a timetable with at most `per_day` departures on any weekday.
///
/// The same network and seed give the same schedules with the same ids, and a greater `per_day` only adds to them.
/// They are effective from `from` until `until`, which no id depends on.
pub fn plan(
    network: &Network,
    seed: u64,
    per_day: u32,
    (from, until): (NaiveDate, NaiveDate),
) -> Result<Vec<Schedule>> {
    let mut rotations = Vec::new();
    let mut numbers: HashMap<usize, u32> = HashMap::new();
    let routes = routes::all(network, seed)?;
    let mut slots_of = Slots::new(network, &routes)?;
    for route in routes {
        let number = numbers.entry(route.airline).or_insert(101);
        let slots = route.weekly.div_ceil(7);
        for slot in 0..slots {
            let rank = route.rank + f64::from(slot) * if route.rank < 0.0 { 0.01 } else { 6.0 };
            if let Some(legs) = rotation(&mut slots_of, &route, slot, *number, seed) {
                rotations.push((rank, legs));
            }
            *number += 2;
        }
    }
    // A stable sort: among equals the order of airlines and hubs decides.
    rotations.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut room = [per_day; 7];
    let mut schedules = Vec::new();
    for mut schedule in rotations.into_iter().flat_map(|(_, legs)| legs) {
        for (day, left) in room.iter_mut().enumerate() {
            let flies = schedule.weekdays & (1 << day) != 0;
            match (flies, left.checked_sub(1)) {
                (true, Some(less)) => *left = less,
                (true, None) => schedule.weekdays &= !(1 << day),
                (false, _) => {}
            }
        }
        if schedule.weekdays != 0 {
            schedule.effective_from = from;
            schedule.effective_until = until;
            schedules.push(schedule);
        }
    }
    Ok(schedules)
}

/// The minutes at which airlines may leave: no two flights of one airline leave a place at the same minute, and none
/// leaves or lands where that is forbidden at the hour, on any day of the year.
struct Slots<'a> {
    network: &'a Network,
    curfews: Curfews,
    /// Minutes from UTC in each week of a year, by airport: the two ends of a route change their clocks on other days.
    offsets: Vec<[i64; 53]>,
    /// Airline, airport, minute.
    taken: HashSet<(usize, usize, i64)>,
}

impl<'a> Slots<'a> {
    fn new(network: &'a Network, routes: &[Route]) -> Result<Self> {
        let fixed = routes
            .iter()
            .filter_map(|route| Some((route.airline, route.hub, fixed(route)?)));
        Ok(Self {
            network,
            curfews: Curfews::read()?,
            offsets: (network.airports.iter())
                .map(|airport| offsets(airport.zone))
                .collect(),
            taken: fixed.collect(),
        })
    }

    /// The first minute from a wish on, within the hours of the route, that is free and allowed; it is taken.
    fn take(&mut self, route: &Route, leg: (usize, usize), wish: i64, block: i64) -> Option<i64> {
        let (from, to) = leg;
        let mut candidates = (wish..wish + MINUTES_A_DAY).filter(|at| {
            let minute = at.rem_euclid(MINUTES_A_DAY);
            (route.km > LONG_HAUL_KM || (DAY_BEGINS..=DAY_ENDS).contains(&minute))
                && !self.taken.contains(&(route.airline, from, minute))
                && self.is_allowed(from, to, *at, block)
        });
        let at = candidates.next()?;
        let minute = at.rem_euclid(MINUTES_A_DAY);
        self.taken.insert((route.airline, from, minute));
        Some(at)
    }

    fn is_allowed(&self, from: usize, to: usize, departs: i64, block: i64) -> bool {
        let [origin, destination] = [from, to].map(|at| self.network.airports[at].iata.as_str());
        if self.curfews.bar_departure(origin, departs) {
            return false;
        }
        let mut weeks = self.offsets[from].iter().zip(&self.offsets[to]);
        !self.curfews.has(destination)
            || !weeks.any(|(here, there)| {
                let lands = departs + block + there - here;
                self.curfews.bar_landing(destination, lands)
            })
    }
}

// The minute of a route that exists for the sake of its hour.
fn fixed(route: &Route) -> Option<i64> {
    let text = route.departs.as_deref()?;
    Some(text.parse().map_or(DAY_BEGINS, minutes))
}

// To the destination and back with one aircraft; `None` when no type of the airline reaches that far, or no hour is allowed.
fn rotation(
    slots_of: &mut Slots<'_>,
    route: &Route,
    slot: u32,
    number: u32,
    seed: u64,
) -> Option<[Schedule; 2]> {
    let network = slots_of.network;
    let airline = &network.airlines[route.airline];
    let (hub, spoke) = (&network.airports[route.hub], &network.airports[route.spoke]);
    let aircraft = fleet::choose(network, airline, route.km, spoke.is_large, seed)?;
    let code = number.to_string();
    let mut dice = Dice::new(
        seed,
        &["time", &airline.iata, &hub.iata, &spoke.iata, &code],
    );
    let there = block_minutes(aircraft, route.km, hub.lon, spoke.lon);
    let back = block_minutes(aircraft, route.km, spoke.lon, hub.lon);
    let departs = if let (Some(fixed), 0) = (fixed(route), slot) {
        fixed
    } else {
        let wish = departure(route, slot, &mut dice);
        let at = slots_of.take(route, (route.hub, route.spoke), wish, there)?;
        at.rem_euclid(MINUTES_A_DAY)
    };
    let is_long = route.km > LONG_HAUL_KM;
    let turnaround = if is_long { 90 } else { 40 } + i64::from(dice.below(10)) * 5;
    let lands = departs + there + offset_minutes(spoke.zone) - offset_minutes(hub.zone);
    let wish = within_the_day(lands + turnaround, is_long, &mut dice);
    let returns = slots_of.take(route, (route.spoke, route.hub), wish, back)?;
    let weekdays = weekdays(route.weekly, slot, dice.below(7));
    let leg = |number: u32, from: usize, to: usize, departs: i64, block: i64, weekdays| {
        let (from, to) = (&network.airports[from], &network.airports[to]);
        Schedule {
            id: schedule_id(seed, &airline.iata, &from.iata, &to.iata, number),
            airline: airline.iata.clone(),
            flight_number: number.to_string(),
            origin: from.iata.clone(),
            destination: to.iata.clone(),
            weekdays,
            departs_local: time_of(departs),
            block_minutes: i32::try_from(block).unwrap_or(i32::MAX),
            aircraft: aircraft.iata.clone(),
            effective_from: NaiveDate::MIN,
            effective_until: NaiveDate::MIN,
            base_fare_minor: base_fare_minor(route.km),
            cabin_fares: CabinFares::default(),
            fare_varies: true,
        }
    };
    let days_later = returns.div_euclid(MINUTES_A_DAY);
    Some([
        leg(number, route.hub, route.spoke, departs, there, weekdays),
        leg(
            number + 1,
            route.spoke,
            route.hub,
            returns,
            back,
            rotate(weekdays, days_later),
        ),
    ])
}

// Short flights are spread over the day, long ones leave at any hour.
fn departure(route: &Route, slot: u32, dice: &mut Dice) -> i64 {
    let slots = route.weekly.div_ceil(7).max(1);
    let (first, span) = if route.km > LONG_HAUL_KM {
        (0, MINUTES_A_DAY)
    } else {
        (DAY_BEGINS, DAY_ENDS - DAY_BEGINS)
    };
    let step = span / i64::from(slots);
    let within = i64::from(dice.below(1000)) * step / 1000;
    five(first + i64::from(slot) * step + within)
}

// A short flight that would leave in the night waits for the morning.
fn within_the_day(departs: i64, is_long: bool, dice: &mut Dice) -> i64 {
    let minute = departs.rem_euclid(MINUTES_A_DAY);
    let departs = five(departs);
    if is_long || (DAY_BEGINS..=DAY_ENDS).contains(&minute) {
        return departs;
    }
    let midnight = if minute > DAY_ENDS {
        departs - minute + MINUTES_A_DAY
    } else {
        departs - minute
    };
    five(midnight + DAY_BEGINS + 30 + i64::from(dice.below(120)))
}

// 35 minutes on the ground and in the pattern, then cruise; with the wind eastward 4 % less, against it 4 % more.
#[expect(
    clippy::cast_possible_truncation,
    reason = "minutes of a flight that some aircraft can make"
)]
fn block_minutes(aircraft: &Aircraft, km: f64, from_lon: f64, to_lon: f64) -> i64 {
    let speed: f64 = if km < 1500.0 { 800.0 } else { 870.0 };
    let eastward = (to_lon - from_lon).rem_euclid(360.0) < 180.0;
    let wind = if eastward { 0.96 } else { 1.04 };
    let minutes = 35.0 + km / speed.min(aircraft.cruise_kmh) * 60.0 * wind;
    five(minutes.round() as i64).clamp(35, MINUTES_A_DAY)
}

// INR 900 + 8 · km^0.9, in whole rupees: 1,200 km are 5,600.
#[expect(
    clippy::cast_possible_truncation,
    reason = "half the earth's girth costs less than 60,000 rupees"
)]
fn base_fare_minor(km: f64) -> i64 {
    (900.0 + 8.0 * km.powf(0.9)).round() as i64 * 100
}

fn weekdays(weekly: u32, slot: u32, shift: u32) -> u8 {
    let left = weekly - slot * 7;
    if left >= 7 {
        return EVERY_DAY;
    }
    // As evenly as whole days allow: 3 of 7 are Monday, Wednesday, Friday, shifted.
    (0..left).fold(0, |days, nth| days | 1 << ((nth * 7 / left + shift) % 7))
}

fn rotate(weekdays: u8, days: i64) -> u8 {
    (0..7_i64)
        .filter(|day| weekdays & (1 << day) != 0)
        .fold(0, |moved, day| moved | 1 << (day + days).rem_euclid(7))
}

// A usual winter's day: turnarounds are planned by it, instants never are.
fn offset_minutes(zone: chrono_tz::Tz) -> i64 {
    let winter = DateTime::<Utc>::UNIX_EPOCH + Duration::days(365 * 57);
    i64::from(zone::local(winter, zone).offset().local_minus_utc()) / 60
}

// On the Thursdays of 2027: clocks change on weekends, and in a few countries on other days of a week that differs.
fn offsets(zone: chrono_tz::Tz) -> [i64; 53] {
    let winter = DateTime::<Utc>::UNIX_EPOCH + Duration::days(365 * 57 + 14 + 6);
    std::array::from_fn(|week| {
        let days = i64::try_from(week).unwrap_or_default() * 7;
        let local = zone::local(winter + Duration::days(days), zone);
        i64::from(local.offset().local_minus_utc()) / 60
    })
}

fn five(minutes: i64) -> i64 {
    (minutes + 2).div_euclid(5) * 5
}

pub(super) fn minutes(time: NaiveTime) -> i64 {
    i64::from(time.num_seconds_from_midnight()) / 60
}

fn time_of(minutes: i64) -> NaiveTime {
    let seconds = u32::try_from(minutes.rem_euclid(MINUTES_A_DAY) * 60).unwrap_or_default();
    NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0).unwrap_or_default()
}

fn schedule_id(
    seed: u64,
    airline: &str,
    origin: &str,
    destination: &str,
    number: u32,
) -> uuid::Uuid {
    let dice = Dice::new(
        seed,
        &[
            "schedule",
            airline,
            origin,
            destination,
            &number.to_string(),
        ],
    );
    Builder::from_custom_bytes(dice.bytes()).into_uuid()
}
