//! The generator: writes a planned timetable, and the flights of a horizon as [`materialise`](super::materialise()) does.

use chrono::Days;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::materialise::Progress;
use super::model::Schedule;
use super::network::Network;
use super::{materialise, plan, rezone};
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

/// Fills the horizon that begins tomorrow (UTC) with flights; what is there already stays as it is.
///
/// It commits by itself, some days at a time. Give it a connection of its own without a statement timeout.
pub async fn fill(
    conn: &mut PgConnection,
    clock: &Clock,
    horizon: Horizon,
    progress: impl FnMut(Progress),
) -> Result<Filled> {
    rezone::ensure(conn, clock).await?;
    let first = clock.now().date_naive() + Days::new(1);
    let last = first + Days::new(u64::from(horizon.days.max(1)) - 1);
    let network = Network::load(conn).await?;
    let planned =
        blocking(move || plan(&network, horizon.seed, horizon.per_day, (first, last))).await??;
    let ours = upsert(conn, &planned).await?;
    let (added, kept) =
        materialise::fill_days(conn, clock, (first, last), Some(&ours), progress).await?;
    Ok(Filled {
        schedules: planned.len(),
        numbers_in_use: planned.len() - ours.len(),
        added,
        kept,
    })
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Error::Internal("the generator stopped before it was done".to_owned()))
}

// Writes the timetable and answers which of it is in the database now.
async fn upsert(conn: &mut PgConnection, schedules: &[Schedule]) -> Result<Vec<Uuid>> {
    fn column<T>(schedules: &[Schedule], field: impl Fn(&Schedule) -> T) -> Vec<T> {
        schedules.iter().map(field).collect()
    }
    let ids = column(schedules, |row| row.id);
    let mut tx = conn.begin().await?;
    materialise::lock(&mut tx).await?;
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
    Ok(ours)
}
