//! When airports are closed for noise: fixtures/curfews.csv, in local time.

use std::collections::HashMap;

use chrono::NaiveTime;

use super::plan::{MINUTES_A_DAY, minutes};
use crate::{Error, Result};

// Airport, no departures from and until, no landings from and until; empty where there is no such hour.
const CURFEWS: &str = include_str!("../../../fixtures/curfews.csv");

/// From a minute of the day on and before another, which may be the next day's.
type Closed = Option<(i64, i64)>;

/// Every airport that is closed at some hours.
#[derive(Debug)]
pub(super) struct Curfews(HashMap<&'static str, [Closed; 2]>);

impl Curfews {
    pub fn read() -> Result<Self> {
        let unreadable = |line: &str| Error::Catalogue(format!("curfews.csv: {line:?}"));
        let time = |text: &str| text.parse::<NaiveTime>().map(minutes);
        let closed = |from: &str, until: &str| -> std::result::Result<Closed, _> {
            match (from, until) {
                ("", "") => Ok(None),
                _ => time(from).and_then(|from| Ok(Some((from, time(until)?)))),
            }
        };
        let row = |line: &'static str| {
            let cells: Vec<&str> = line.split(',').collect();
            let [airport, leaves, leaves_again, lands, lands_again] = cells[..] else {
                return Err(unreadable(line));
            };
            let hours = [
                closed(leaves, leaves_again).map_err(|_| unreadable(line))?,
                closed(lands, lands_again).map_err(|_| unreadable(line))?,
            ];
            Ok((airport, hours))
        };
        let rows: Result<_> = CURFEWS.lines().skip(1).map(row).collect();
        Ok(Self(rows?))
    }

    /// Whether nothing leaves an airport at a local minute.
    pub fn bar_departure(&self, airport: &str, minute: i64) -> bool {
        self.bar(airport, 0, minute)
    }

    /// Whether nothing lands at an airport at a local minute.
    pub fn bar_landing(&self, airport: &str, minute: i64) -> bool {
        self.bar(airport, 1, minute)
    }

    /// Whether an airport is closed at some hour.
    pub fn has(&self, airport: &str) -> bool {
        self.0.contains_key(airport)
    }

    fn bar(&self, airport: &str, movement: usize, minute: i64) -> bool {
        let minute = minute.rem_euclid(MINUTES_A_DAY);
        let hours = self.0.get(airport).and_then(|hours| hours[movement]);
        hours.is_some_and(|(from, until)| {
            if from < until {
                (from..until).contains(&minute)
            } else {
                minute >= from || minute < until
            }
        })
    }
}
