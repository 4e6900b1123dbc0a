//! Writes flights and their cabins, by COPY.
//!
//! **Flights are made in one way, a few days a transaction, under one lock.** The daily job, `manage materialise`,
//! the generator and amendments all go through `schedule/write.rs`. Each transaction takes an advisory lock that
//! ends with it and reads the pattern under it: two runs share the work, a killed one is finished by the next, and
//! none makes a flight of a pattern that was amended meanwhile. The lock is not the session's, because a job may be
//! aborted at any `.await` and its connection goes back to the pool.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

use super::copy::Rows;
use super::model::{DatedFlight, Schedule};
use super::queries::Ground;
use crate::Result;

/// Makes flights of schedules on dates they fly, but for those that have left by `now`; answers how many.
pub(super) async fn flights(
    conn: &mut PgConnection,
    ground: &Ground,
    wanted: impl Iterator<Item = (&Schedule, NaiveDate)>,
    now: DateTime<Utc>,
) -> Result<u64> {
    let mut dated: Vec<(DatedFlight, &Schedule)> = Vec::new();
    for (schedule, date) in wanted {
        let flight = schedule.on(date, ground.zone(&schedule.origin)?);
        dated.extend(
            flight
                .filter(|flight| flight.departs_at > now)
                .map(|flight| (flight, schedule)),
        );
    }
    if dated.is_empty() {
        return Ok(0);
    }
    // Ids begin with the instant of departure: in this order the index only grows at its end.
    dated.sort_unstable_by_key(|(flight, _)| flight.id);
    let (mut flights, mut cabins) = (Rows::new(), Rows::new());
    for (flight, schedule) in &dated {
        flights
            .row(11)
            .uuid(flight.id.0)
            .uuid(schedule.id)
            .text(&schedule.airline)
            .text(&schedule.flight_number)
            .text(&schedule.origin)
            .text(&schedule.destination)
            .date(flight.departure_date)
            .instant(flight.departs_at)
            .instant(flight.arrives_at)
            .text(&schedule.aircraft)
            .time(flight.departs_local);
        for (cabin, seats) in ground.cabins(&schedule.aircraft) {
            if let Some(fare) = schedule.cabin_fare_minor(flight.id, cabin) {
                cabins
                    .row(4)
                    .uuid(flight.id.0)
                    .text(cabin)
                    .integer(*seats)
                    .bigint(fare);
            }
        }
    }
    copy(
        conn,
        "copy flight (id, schedule_id, airline, flight_number, origin, destination, departure_date, departs_at, arrives_at, aircraft, departs_local)
         from stdin (format binary)",
        flights,
    )
    .await?;
    copy(
        conn,
        "copy flight_cabin (flight_id, cabin, capacity, base_fare_minor) from stdin (format binary)",
        cabins,
    )
    .await?;
    Ok(dated.len() as u64)
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
