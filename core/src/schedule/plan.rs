//! The timetable: a pure function of the network, a seed and how many flights a day may have.

use std::collections::HashMap;

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Timelike, Utc};
use uuid::Builder;

use super::dice::Dice;
use super::model::{CabinFares, Schedule};
use super::network::{Aircraft, Network};
use super::routes::{LONG_HAUL_KM, Route};
use super::{fleet, routes};
use crate::{Result, zone};

const EVERY_DAY: u8 = 0b111_1111;
const MINUTES_A_DAY: i64 = 24 * 60;
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
    for route in routes::all(network, seed)? {
        let number = numbers.entry(route.airline).or_insert(101);
        let slots = route.weekly.div_ceil(7);
        for slot in 0..slots {
            let rank = route.rank + f64::from(slot) * if route.rank < 0.0 { 0.01 } else { 6.0 };
            if let Some(legs) = rotation(network, &route, slot, *number, seed) {
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

// There and back with one aircraft; `None` when no type reaches that far.
fn rotation(
    network: &Network,
    route: &Route,
    slot: u32,
    number: u32,
    seed: u64,
) -> Option<[Schedule; 2]> {
    let airline = &network.airlines[route.airline];
    let (hub, spoke) = (&network.airports[route.hub], &network.airports[route.spoke]);
    let aircraft = fleet::choose(network, airline, route.km, spoke.is_large, seed)?;
    let code = number.to_string();
    let mut dice = Dice::new(
        seed,
        &["time", &airline.iata, &hub.iata, &spoke.iata, &code],
    );
    let departs = route.departs.as_deref().map_or_else(
        || departure(route, slot, &mut dice),
        |text| text.parse().map_or(DAY_BEGINS, minutes),
    );
    let there = block_minutes(aircraft, route.km, hub.lon, spoke.lon);
    let back = block_minutes(aircraft, route.km, spoke.lon, hub.lon);
    let is_long = route.km > LONG_HAUL_KM;
    let turnaround = if is_long { 90 } else { 40 } + i64::from(dice.below(10)) * 5;
    let lands = departs + there + offset_minutes(spoke.zone) - offset_minutes(hub.zone);
    let returns = within_the_day(lands + turnaround, is_long, &mut dice);
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

fn five(minutes: i64) -> i64 {
    (minutes + 2).div_euclid(5) * 5
}

fn minutes(time: NaiveTime) -> i64 {
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
