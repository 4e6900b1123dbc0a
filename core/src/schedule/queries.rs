//! Reading schedules, and what their flights are made of.

use std::collections::HashMap;

use chrono::{Datelike, NaiveDate, NaiveTime};
use chrono_tz::Tz;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{CabinFares, Schedule};
use crate::{Error, Result, zone};

struct ScheduleRow {
    id: Uuid,
    airline: String,
    flight_number: String,
    origin: String,
    destination: String,
    weekdays: i16,
    departs_local: NaiveTime,
    block_minutes: i32,
    aircraft: String,
    effective_from: NaiveDate,
    effective_until: NaiveDate,
    base_fare_minor: i64,
    premium_economy_fare_minor: Option<i64>,
    business_fare_minor: Option<i64>,
    first_fare_minor: Option<i64>,
    fare_varies: bool,
}

impl From<ScheduleRow> for Schedule {
    fn from(row: ScheduleRow) -> Self {
        Self {
            id: row.id,
            airline: row.airline,
            flight_number: row.flight_number,
            origin: row.origin,
            destination: row.destination,
            // The constraint allows 1 to 127.
            weekdays: u8::try_from(row.weekdays).unwrap_or_default(),
            departs_local: row.departs_local,
            block_minutes: row.block_minutes,
            aircraft: row.aircraft,
            effective_from: row.effective_from,
            effective_until: row.effective_until,
            base_fare_minor: row.base_fare_minor,
            cabin_fares: CabinFares {
                premium_economy: row.premium_economy_fare_minor,
                business: row.business_fare_minor,
                first: row.first_fare_minor,
            },
            fare_varies: row.fare_varies,
        }
    }
}

/// The schedule, locked until the transaction ends. [`Error::NotFound`] when it does not exist.
pub(super) async fn lock(conn: &mut PgConnection, id: Uuid) -> Result<Schedule> {
    sqlx::query_as!(
        ScheduleRow,
        "
        select id, airline, flight_number, origin, destination, weekdays, departs_local, block_minutes, aircraft,
            effective_from, effective_until, base_fare_minor, premium_economy_fare_minor, business_fare_minor,
            first_fare_minor, fare_varies
        from schedule where id = $1 for no key update
        ",
        id,
    )
    .fetch_optional(conn)
    .await?
    .map(Schedule::from)
    .ok_or(Error::NotFound("schedule"))
}

/// The schedules that fly on a date and have no flight on it yet, with how many have one: all of them, or of those
/// of `only`.
pub(super) async fn list_missing(
    conn: &mut PgConnection,
    date: NaiveDate,
    only: Option<&[Uuid]>,
) -> Result<(Vec<Schedule>, u64)> {
    let rows = sqlx::query_as!(
        ScheduleRow,
        "
        select id, airline, flight_number, origin, destination, weekdays, departs_local, block_minutes, aircraft,
            effective_from, effective_until, base_fare_minor, premium_economy_fare_minor, business_fare_minor,
            first_fare_minor, fare_varies
        from schedule
        where effective_from <= $1 and effective_until >= $1 and weekdays & $2 <> 0 and ($3::uuid[] is null or id = any($3))
        ",
        date,
        1_i16 << date.weekday().num_days_from_monday(),
        only,
    )
    .fetch_all(&mut *conn)
    .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    // A statement of its own: joined, PostgreSQL reads all flights there are to find those of a day.
    let there: std::collections::HashSet<Uuid> = sqlx::query_scalar!(
        "select schedule_id from flight where schedule_id = any($1) and departure_date = $2",
        &ids,
        date,
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .collect();
    let missing = rows
        .into_iter()
        .filter(|row| !there.contains(&row.id))
        .map(Schedule::from);
    Ok((missing.collect(), there.len() as u64))
}

/// The schedules whose flights do not follow them yet.
pub(super) async fn list_amended(
    conn: &mut PgConnection,
    only: Option<&[Uuid]>,
) -> Result<Vec<Uuid>> {
    let ids = sqlx::query_scalar!(
        "select id from schedule where is_amended and ($1::uuid[] is null or id = any($1)) order by id",
        only,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// What flights are made of beside their schedules: the zone of every airport, the seats of every aircraft type.
#[derive(Debug)]
pub(super) struct Ground {
    zones: HashMap<String, Tz>,
    seats: HashMap<String, Vec<(String, i32)>>,
}

impl Ground {
    pub(super) async fn load(conn: &mut PgConnection) -> Result<Self> {
        let airports = sqlx::query!("select iata, time_zone from airport")
            .fetch_all(&mut *conn)
            .await?;
        let mut zones = HashMap::with_capacity(airports.len());
        for row in airports {
            let zone = zone::parse(&row.time_zone).ok_or_else(|| {
                Error::Catalogue(format!("{}: {:?} is no time zone", row.iata, row.time_zone))
            })?;
            zones.insert(row.iata, zone);
        }
        let cabins = sqlx::query!(
            r#"select aircraft, cabin, count(*)::integer as "seats!" from seat_layout group by aircraft, cabin order by cabin"#
        )
        .fetch_all(conn)
        .await?;
        let mut seats: HashMap<String, Vec<(String, i32)>> = HashMap::new();
        for row in cabins {
            seats
                .entry(row.aircraft)
                .or_default()
                .push((row.cabin, row.seats));
        }
        Ok(Self { zones, seats })
    }

    /// The zone of an airport.
    pub(super) fn zone(&self, iata: &str) -> Result<Tz> {
        let zone = self.zones.get(iata).copied();
        zone.ok_or_else(|| Error::Catalogue(format!("there is no airport {iata}")))
    }

    /// Cabins and seats of an aircraft type, in the order of the cabins' names; none when nobody knows its layout.
    pub(super) fn cabins(&self, aircraft: &str) -> &[(String, i32)] {
        self.seats.get(aircraft).map_or(&[], Vec::as_slice)
    }
}
