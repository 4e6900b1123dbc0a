//! How long a change of planes must take (rules.md "Search"): search and hold ask the same function.
//!
//! **Two airports of a connection: the stricter counts.** An airport may have its own connection times (data).
//! Where one lands at one airport of a metro area and leaves from another, the longer of both applies, and never
//! less than the rule for a change of airports.

use std::collections::HashMap;

use serde::Deserialize;
use sqlx::PgConnection;

use crate::{Error, Result};

const KINDS: [&str; 6] = [
    "domestic_domestic",
    "domestic_international",
    "international_domestic",
    "international_international",
    AIRPORT_CHANGE,
    LONGEST,
];
const AIRPORT_CHANGE: &str = "airport_change";
const LONGEST: &str = "longest";

/// Why a return leaves too soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooSoon {
    /// The departing direction has not landed.
    BeforeLanding,
    /// There are fewer minutes than the connection needs.
    Hasty {
        /// How many there are.
        minutes: i64,
        /// How many are needed.
        least: i64,
    },
}

/// The rules of connections: the deployment's, and those of airports that differ.
#[derive(Clone, Debug, Default)]
pub struct ConnectionTimes {
    rule: [i64; KINDS.len()],
    own: HashMap<String, [Option<i64>; KINDS.len()]>,
}

/// A row of the table.
#[derive(Debug, Deserialize)]
pub(crate) struct ConnectionTime {
    airport: Option<String>,
    kind: String,
    minutes: i32,
}

impl ConnectionTimes {
    /// Reads the table. [`Error::Catalogue`] when a rule is missing.
    pub async fn load(conn: &mut PgConnection) -> Result<Self> {
        let rows = sqlx::query_as!(
            ConnectionTime,
            "select airport, kind, minutes from connection_time"
        )
        .fetch_all(conn)
        .await?;
        Self::of_rows(rows)
    }

    /// The rules of the table's rows. [`Error::Catalogue`] when one is missing.
    pub(crate) fn of_rows(rows: Vec<ConnectionTime>) -> Result<Self> {
        let mut rule = [None; KINDS.len()];
        let mut own: HashMap<String, [Option<i64>; KINDS.len()]> = HashMap::new();
        for row in rows {
            let place = match row.airport {
                None => &mut rule,
                Some(airport) => own.entry(airport).or_default(),
            };
            if let Some(kind) = KINDS.iter().position(|kind| *kind == row.kind) {
                place[kind] = Some(i64::from(row.minutes));
            }
        }
        let mut times = Self {
            own,
            ..Self::default()
        };
        for (kind, minutes) in rule.into_iter().enumerate() {
            times.rule[kind] = minutes.ok_or_else(|| {
                let kind = KINDS[kind];
                Error::Catalogue(format!(
                    "there is no connection time {kind}: run `manage loaddata`"
                ))
            })?;
        }
        Ok(times)
    }

    /// Least minutes between landing at one airport and leaving from another of its metro area, or the same.
    ///
    /// Of two airports the stricter counts; a change of airports takes at least as long as the rule for that.
    pub fn least_minutes(&self, lands: (&str, bool), leaves: (&str, bool)) -> i64 {
        let kind = match (lands.1, leaves.1) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        let stricter = |kind| self.of(lands.0, kind).max(self.of(leaves.0, kind));
        let least = stricter(kind);
        if lands.0 == leaves.0 {
            least
        } else {
            least.max(stricter(4))
        }
    }

    /// Whether the return may leave so many seconds after the departing direction lands. Elsewhere than where that lands
    /// (an open jaw) any time after it will do.
    pub fn turn(
        &self,
        is_one_place: bool,
        lands: (&str, bool),
        leaves: (&str, bool),
        seconds: i64,
    ) -> std::result::Result<(), TooSoon> {
        if seconds < 0 {
            return Err(TooSoon::BeforeLanding);
        }
        let (minutes, least) = (seconds / 60, self.least_minutes(lands, leaves));
        if is_one_place && minutes < least {
            return Err(TooSoon::Hasty { minutes, least });
        }
        Ok(())
    }

    /// The longest layover that is still a connection, in minutes.
    pub fn longest_minutes(&self) -> i64 {
        self.rule[5]
    }

    /// The rules without exceptions (rules.md "Search").
    #[cfg(test)]
    pub(crate) fn of_the_trade() -> Self {
        Self {
            rule: [30, 60, 90, 90, 180, 24 * 60],
            own: HashMap::new(),
        }
    }

    fn of(&self, airport: &str, kind: usize) -> i64 {
        let own = self.own.get(airport).and_then(|own| own[kind]);
        own.unwrap_or(self.rule[kind])
    }
}
