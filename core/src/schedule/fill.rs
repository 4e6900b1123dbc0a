//! Makes the flights of a horizon: one COPY and one commit a day, so that an interrupted run goes on where it ended.

use std::collections::HashSet;

use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use sqlx::{Connection, PgConnection};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::copy::Rows;
use super::model::{CABINS, Schedule, cabin_fare_minor, day_permille};
use super::network::Network;
use super::plan;
use crate::clock::Clock;
use crate::{Error, Result};

/// What to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// Chooses the timetable.
    pub seed: u64,
    /// Days of departures, from tomorrow on.
    pub days: u32,
    /// Departures a day at most.
    pub per_day: u32,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// Schedules of the timetable.
    pub schedules: usize,
    /// Schedules left out because their flight number belongs to another schedule at that time.
    pub numbers_in_use: usize,
    /// Flights that were written.
    pub added: u64,
    /// Flights that were there already.
    pub kept: u64,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Days that are complete.
    pub days_done: u32,
    /// Days there are.
    pub days: u32,
    /// Flights so far, written or found.
    pub flights: u64,
}

/// Fills the horizon that begins tomorrow (UTC) with flights; what is there already stays as it is.
///
/// It commits by itself, day by day, and takes a lock that makes a second run wait for the first. Give it a
/// connection of its own without a statement timeout.
pub async fn fill(
    conn: &mut PgConnection,
    clock: &Clock,
    horizon: Horizon,
    mut progress: impl FnMut(Progress),
) -> Result<Filled> {
    // Held by the session: it ends with the connection, whatever happens. The number is "flights" in a phone's keys.
    sqlx::query("select pg_advisory_lock(3544487)")
        .execute(&mut *conn)
        .await?;
    let filled = fill_locked(conn, clock, horizon, &mut progress).await;
    sqlx::query("select pg_advisory_unlock(3544487)")
        .execute(&mut *conn)
        .await?;
    filled
}

async fn fill_locked(
    conn: &mut PgConnection,
    clock: &Clock,
    horizon: Horizon,
    progress: &mut impl FnMut(Progress),
) -> Result<Filled> {
    let first = clock.now().date_naive() + Days::new(1);
    let last = first + Days::new(u64::from(horizon.days.max(1)) - 1);
    let network = Network::load(conn).await?;
    let (network, planned) = blocking(move || {
        let planned = plan(&network, horizon.seed, horizon.per_day, (first, last));
        (network, planned)
    })
    .await?;
    let mut schedules = planned?;
    let mut filled = Filled {
        schedules: schedules.len(),
        ..Filled::default()
    };
    let ours = upsert(conn, &schedules).await?;
    schedules.retain(|schedule| ours.contains(&schedule.id));
    filled.numbers_in_use = filled.schedules - schedules.len();
    let existing = existing(conn, first, last).await?;

    // One day is made while the day before is being written.
    let (sender, mut receiver) = mpsc::channel(1);
    let now = clock.now();
    let maker = tokio::task::spawn_blocking(move || {
        let timetable = Timetable::new(&network, schedules);
        let mut dates = first.iter_days().take_while(|date| *date <= last);
        while let Some(date) = dates.next()
            && sender
                .blocking_send(timetable.day(date, now, &existing))
                .is_ok()
        {}
    });
    let mut days_done = 0;
    while let Some(day) = receiver.recv().await {
        filled.added += day.added;
        filled.kept += day.kept;
        if day.added > 0 {
            write(conn, day).await?;
        }
        days_done += 1;
        progress(Progress {
            days_done,
            days: horizon.days,
            flights: filled.added + filled.kept,
        });
    }
    maker.await.map_err(|_| stopped())?;
    if filled.added > 0 {
        // A search plans its joins by these numbers; autovacuum may come a minute late.
        sqlx::query("analyze schedule, flight, flight_cabin")
            .execute(&mut *conn)
            .await?;
    }
    Ok(filled)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| stopped())
}

fn stopped() -> Error {
    Error::Catalogue("the generator stopped before it was done".to_owned())
}

// Writes the timetable and answers which of it is in the database now.
async fn upsert(conn: &mut PgConnection, schedules: &[Schedule]) -> Result<HashSet<Uuid>> {
    fn column<T>(schedules: &[Schedule], field: impl Fn(&Schedule) -> T) -> Vec<T> {
        schedules.iter().map(field).collect()
    }
    let ids = column(schedules, |row| row.id);
    let mut tx = conn.begin().await?;
    sqlx::query!(
        r#"
        insert into schedule as kept (id, airline, flight_number, origin, destination, weekdays, departs_local,
            block_minutes, aircraft, effective_from, effective_until, base_fare_minor)
        select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::time[],
            $8::integer[], $9::text[], $10::date[], $11::date[], $12::bigint[])
            as planned (id, airline, flight_number, origin, destination, weekdays, departs_local,
                block_minutes, aircraft, effective_from, effective_until, base_fare_minor)
        where not exists (
            select from schedule as other
            where (other.airline, other.flight_number) = (planned.airline, planned.flight_number)
              and other.id <> planned.id
              and other.effective_from <= planned.effective_until and other.effective_until >= planned.effective_from)
        on conflict on constraint schedule_pkey do update set
            weekdays = kept.weekdays | excluded.weekdays,
            effective_from = least(kept.effective_from, excluded.effective_from),
            effective_until = greatest(kept.effective_until, excluded.effective_until)
        where (kept.weekdays | excluded.weekdays, least(kept.effective_from, excluded.effective_from),
               greatest(kept.effective_until, excluded.effective_until))
            is distinct from (kept.weekdays, kept.effective_from, kept.effective_until)
        "#,
        &ids,
        &column(schedules, |row| row.airline.clone()),
        &column(schedules, |row| row.flight_number.clone()),
        &column(schedules, |row| row.origin.clone()),
        &column(schedules, |row| row.destination.clone()),
        &column(schedules, |row| i16::from(row.weekdays)),
        &column(schedules, |row| row.departs_local),
        &column(schedules, |row| row.block_minutes),
        &column(schedules, |row| row.aircraft.clone()),
        &column(schedules, |row| row.effective_from),
        &column(schedules, |row| row.effective_until),
        &column(schedules, |row| row.base_fare_minor),
    )
    .execute(&mut *tx)
    .await?;
    let ours = sqlx::query_scalar!("select id from schedule where id = any($1)", &ids)
        .fetch_all(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(ours.into_iter().collect())
}

async fn existing(
    conn: &mut PgConnection,
    first: NaiveDate,
    last: NaiveDate,
) -> Result<HashSet<Uuid>> {
    let ids = sqlx::query_scalar!(
        "select id from flight where departure_date between $1 and $2",
        first,
        last
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().collect())
}

async fn write(conn: &mut PgConnection, day: Day) -> Result<()> {
    let mut tx = conn.begin().await?;
    copy(
        &mut tx,
        "copy flight (id, schedule_id, airline, flight_number, origin, destination, departure_date, departs_at, arrives_at, aircraft)
         from stdin (format binary)",
        day.flights,
    )
    .await?;
    copy(
        &mut tx,
        "copy flight_cabin (flight_id, cabin, capacity, base_fare_minor) from stdin (format binary)",
        day.cabins,
    )
    .await?;
    tx.commit().await?;
    Ok(())
}

async fn copy(conn: &mut PgConnection, statement: &str, rows: Rows) -> Result<()> {
    let mut stream = conn.copy_in_raw(statement).await?;
    if let Err(error) = stream.send(rows.finish()).await {
        // Without this the connection would wait for more rows for ever; what it answers adds nothing.
        let _ = stream.abort("the rows could not be sent").await;
        return Err(error.into());
    }
    stream.finish().await?;
    Ok(())
}

struct Day {
    flights: Rows,
    cabins: Rows,
    added: u64,
    kept: u64,
}

// A cabin, its fare in tenths of economy's, its seats.
type CabinPlan = (&'static str, i64, i32);

// Schedules with what their flights need looked up once.
struct Timetable {
    rows: Vec<(Schedule, Tz, Vec<CabinPlan>)>,
}

impl Timetable {
    fn new(network: &Network, schedules: Vec<Schedule>) -> Self {
        let rows = schedules.into_iter().filter_map(|schedule| {
            let zone = network.airports[network.airport(&schedule.origin)?].zone;
            let seats = &network.aircraft(&schedule.aircraft)?.cabins;
            let cabins = CABINS
                .iter()
                .filter_map(|(cabin, tenths)| {
                    let (_, seats) = seats.iter().find(|(name, _)| name == cabin)?;
                    Some((*cabin, *tenths, *seats))
                })
                .collect();
            Some((schedule, zone, cabins))
        });
        Self {
            rows: rows.collect(),
        }
    }

    fn day(
        &self,
        date: NaiveDate,
        now: chrono::DateTime<chrono::Utc>,
        existing: &HashSet<Uuid>,
    ) -> Day {
        let mut day = Day {
            flights: Rows::new(),
            cabins: Rows::new(),
            added: 0,
            kept: 0,
        };
        let mut flights: Vec<_> = self
            .rows
            .iter()
            .filter_map(|row| Some((row.0.on(date, row.1)?, row)))
            // East of the date line tomorrow's first flights may have left already.
            .filter(|(flight, _)| flight.departs_at > now)
            .collect();
        // Ids begin with the instant of departure: in this order the index only grows at its end.
        flights.sort_unstable_by_key(|(flight, _)| flight.id);
        for (flight, (schedule, _, cabins)) in flights {
            if existing.contains(&flight.id.0) {
                day.kept += 1;
                continue;
            }
            day.added += 1;
            day.flights
                .row(10)
                .uuid(flight.id.0)
                .uuid(schedule.id)
                .text(&schedule.airline)
                .text(&schedule.flight_number)
                .text(&schedule.origin)
                .text(&schedule.destination)
                .date(flight.departure_date)
                .instant(flight.departs_at)
                .instant(flight.arrives_at)
                .text(&schedule.aircraft);
            let permille = day_permille(flight.id);
            for (cabin, tenths, seats) in cabins {
                let fare = cabin_fare_minor(schedule.base_fare_minor, *tenths, permille);
                day.cabins
                    .row(4)
                    .uuid(flight.id.0)
                    .text(cabin)
                    .integer(*seats)
                    .bigint(whole(fare));
            }
        }
        day
    }
}

// Fares end in two zeros of the minor unit: whole rupees.
fn whole(minor: i64) -> i64 {
    (minor + 50) / 100 * 100
}
