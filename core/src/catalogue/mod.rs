//! What is sold and by which rules: the one place that writes it, for `manage loaddata` and for staff.
//!
//! A [`Noun`] is a kind of row with its parts: an airline with its hubs, an aircraft type with its seats. It says what is
//! wrong with itself, field by field, and has one statement a table that writes any number of them: `loaddata` calls it
//! with a whole file, staff with one row. [`create`], [`change`] and [`delete`] are the same for all of them.
//!
//! **A trait, where modules elsewhere are plain functions.** A dozen nouns differ in their columns and in nothing else:
//! who reads first, who may win, what is refused and what is recorded must not differ, so it is written once.
//!
//! **Writers go one after another.** Each takes [`lock`] before it reads. What staff saw is compared with what there is
//! under that lock, by the hash of the whole row with its parts: of two writers who saw the same, one is refused and loses
//! nothing. Nobody who sells waits for it.
//!
//! **Processes notice by a number.** Triggers count each change of what they keep in memory (`catalogue_version`); they
//! look at the number every two seconds, read again what they keep when it differs, and answer no search from an answer
//! that was made before.

mod aircraft;
mod airline;
mod airport;
mod bag_fee;
mod change;
mod check;
mod connection_time;
mod coupon;
mod fare_family;
mod flight;
mod flight_model;
mod interline;
mod metro_area;
mod refusal;
mod schedule;
mod schedule_model;
mod seat_fee;
mod steps;
mod tax;
mod version;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sqlx::PgConnection;

pub use aircraft::{Aircraft, SeatRow};
pub use airline::Airline;
pub use airport::Airport;
pub use bag_fee::BagFee;
pub use change::{change, create, delete, facts, get, list};
pub use connection_time::ConnectionTime;
pub use coupon::Coupon;
pub use fare_family::FareFamily;
pub use flight::{change_flight, create_flight, delete_flight, get_flight, list_flights};
pub use flight_model::{CabinPatch, DatedFlight, FlightCabin, FlightFilter, FlightPatch};
pub use interline::InterlineAgreement;
pub use metro_area::MetroArea;
pub use refusal::{AlreadyExists, CapacityBelowSold, InUse, Outdated};
pub use schedule::{
    change_schedule, create_schedule, delete_schedule, get_schedule, list_schedules,
};
pub use schedule_model::{Schedule, SchedulePatch, weekdays, write_schedules};
pub use seat_fee::SeatFee;
pub use steps::{LoadStep, PassengerFactor, write_load_steps, write_passenger_factors};
pub use tax::Tax;
pub use version::{Expected, Version};

use crate::audit::{self, Act};
use crate::clock::Clock;
use crate::error::Violations;
use crate::{Error, Result};

/// A kind of row of the catalogue, with its parts.
///
/// As JSON it is what staff read and write and what is hashed for its [`Version`]; absent members are empty.
pub trait Noun: Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What one is called: `airline`.
    const NAME: &'static str;

    /// The members that say which one it is. They never change.
    const KEY: &'static [&'static str];

    /// Which one it is, in a path: `AI`, `IN.GST.economy`.
    fn key(&self) -> String;

    /// Notes every wrong field that can be told without asking the database.
    fn check(&self, wrong: &mut Violations);

    /// Notes every field that names something which does not exist.
    fn check_known(
        &self,
        conn: &mut PgConnection,
        wrong: &mut Violations,
    ) -> impl Future<Output = Result<()>> + Send {
        let _ = (conn, wrong);
        async { Ok(()) }
    }

    /// Refuses a change that what was sold does not allow. `self` is what there is.
    fn allow(
        &self,
        conn: &mut PgConnection,
        clock: &Clock,
        after: &Self,
    ) -> impl Future<Output = Result<()>> + Send {
        let _ = (conn, clock, after);
        async { Ok(()) }
    }

    /// Reads those that are picked, in the order of their keys.
    fn read(
        conn: &mut PgConnection,
        pick: Pick<'_>,
    ) -> impl Future<Output = Result<Vec<Self>>> + Send;

    /// Writes rows that were checked, new ones and known ones: how many rows of tables were new, different or gone.
    fn write(conn: &mut PgConnection, rows: &[Self]) -> impl Future<Output = Result<u64>> + Send;

    /// What uses it, as numbers and plural nouns: while there is any it cannot be deleted.
    fn uses(
        &self,
        conn: &mut PgConnection,
    ) -> impl Future<Output = Result<Vec<(i64, &'static str)>>> + Send {
        let _ = conn;
        async { Ok(Vec::new()) }
    }

    /// Deletes it with its parts.
    fn delete(&self, conn: &mut PgConnection) -> impl Future<Output = Result<()>> + Send;

    /// What is known of each row beside itself and is no part of its version: how often a coupon was used.
    fn facts(
        conn: &mut PgConnection,
        rows: &[Self],
    ) -> impl Future<Output = Result<Vec<Map<String, Value>>>> + Send {
        let _ = conn;
        let none = rows.iter().map(|_| Map::new()).collect();
        async { Ok(none) }
    }
}

/// Which rows are read.
#[derive(Clone, Copy, Debug)]
pub enum Pick<'a> {
    /// The one of a key.
    One(&'a str),
    /// So many at most, after a key or from the first.
    After(Option<&'a str>, i64),
}

impl<'a> Pick<'a> {
    /// The key that is asked for, the key before the first, and how many at most: the arguments of every statement.
    fn arguments(self) -> (Option<&'a str>, Option<&'a str>, i64) {
        match self {
            Self::One(key) => (Some(key), None, 1),
            Self::After(after, limit) => (None, after, limit),
        }
    }
}

/// Makes this transaction the only one that writes the catalogue, until it ends.
pub async fn lock(conn: &mut PgConnection) -> Result<()> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('catalogue', 0))")
        .execute(conn)
        .await?;
    Ok(())
}

/// Counts a change that no trigger counts: processes read again what they keep in memory.
pub(crate) async fn note(conn: &mut PgConnection) -> Result<()> {
    sqlx::query!("update catalogue_version set version = version + 1")
        .execute(conn)
        .await?;
    Ok(())
}

/// A change of the catalogue.
#[derive(Clone, Debug)]
pub struct Changed<'a> {
    /// What it is called: `airline`.
    pub noun: &'static str,
    /// Which one.
    pub key: &'a str,
    /// As it was; `None` when it is new.
    pub before: Option<Value>,
    /// As it is; `None` when it was deleted.
    pub after: Option<Value>,
}

impl Changed<'_> {
    /// What was done, as a participle.
    pub const fn verb(&self) -> &'static str {
        match (&self.before, &self.after) {
            (None, _) => "created",
            (Some(_), Some(_)) => "changed",
            (Some(_), None) => "deleted",
        }
    }
}

/// Every change by staff comes by here, in the transaction that makes it, and is kept in the audit log.
pub(crate) async fn record(
    conn: &mut PgConnection,
    clock: &Clock,
    changed: Changed<'_>,
) -> Result<()> {
    let noun = changed.noun.replace(' ', "_");
    let act = Act {
        action: &format!("{noun}_{}", changed.verb()),
        object_kind: &noun,
        object_id: changed.key.to_owned(),
        before: changed.before,
        after: changed.after,
    };
    audit::record(conn, clock, &act).await
}

/// A row, or rows, as JSON.
fn document<T: Serialize + ?Sized>(rows: &T) -> Result<Value> {
    serde_json::to_value(rows)
        .map_err(|error| Error::Internal(format!("the catalogue does not serialise: {error}")))
}

#[cfg(test)]
mod tests;
