//! Another release of the zone data: local times stay, instants move.
//!
//! Governments change their clocks at a few weeks' notice, and a flight sold for 08:00 still leaves at 08:00. The
//! release that all instants were computed with stands in `zone_release`; it never goes back by itself, so that
//! during an upgrade an old process does not undo what a new one did.
//!
//! **Zone data never goes back by itself.** `zone_release` says what all instants were computed with. A program
//! with newer data computes them again (only rows that differ are written, and bookings' first departure follows),
//! one with older data refuses to make flights: during an upgrade both run side by side. A flight remembers its own
//! local time, so that one that was kept while its schedule moved keeps it here too.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::materialise::lock;
use super::queries::Ground;
use crate::clock::Clock;
use crate::{Error, Result, zone};

/// Flights of one transaction.
const BATCH: i64 = 5_000;

/// What another release changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rezoned {
    /// The release in use before; `None` when nobody knows.
    pub before: Option<String>,
    /// Flights to come that were looked at.
    pub flights: u64,
    /// Flights whose instants moved.
    pub moved: u64,
    /// Bookings whose first departure moved with them.
    pub bookings: u64,
}

/// Computes the instants of all flights to come again if the release in use is older than this program's.
pub(super) async fn ensure(conn: &mut PgConnection, clock: &Clock) -> Result<Option<Rezoned>> {
    let known = in_use(conn).await?;
    // `2026e` comes before `2026f`, and `2026z` before `2026za`.
    match known.as_deref().map(|known| known.cmp(zone::release())) {
        Some(Ordering::Equal) => Ok(None),
        Some(Ordering::Greater) => Err(Error::Catalogue(format!(
            "this program has the zone data {}, flights were computed with {}: use a newer program, or go back with `manage materialise --rezone`",
            zone::release(),
            known.unwrap_or_default(),
        ))),
        Some(Ordering::Less) | None => rezone(conn, clock).await.map(Some),
    }
}

async fn in_use(conn: &mut PgConnection) -> Result<Option<String>> {
    let release = sqlx::query_scalar!("select release from zone_release")
        .fetch_optional(conn)
        .await?;
    Ok(release)
}

struct FlightRow {
    id: Uuid,
    origin: String,
    departure_date: NaiveDate,
    departs_local: NaiveTime,
    departs_at: DateTime<Utc>,
    arrives_at: DateTime<Utc>,
}

/// Computes the instants of all flights to come with this program's zone data, whatever release was in use.
///
/// Departure moves to where its local time is now, arrival by as much; ids, dates and local times stay, and the first
/// departure of bookings follows. It commits by itself, 5,000 flights at a time; one that was killed begins anew.
pub async fn rezone(conn: &mut PgConnection, clock: &Clock) -> Result<Rezoned> {
    let mut rezoned = Rezoned {
        before: in_use(conn).await?,
        ..Rezoned::default()
    };
    let ground = Ground::load(conn).await?;
    let mut after = Uuid::nil();
    loop {
        let mut tx = conn.begin().await?;
        lock(&mut tx).await?;
        let rows = sqlx::query_as!(
            FlightRow,
            r#"
            select f.id, f.origin, f.departure_date + f.departs_days_later as "departure_date!", coalesce(f.departs_local, s.departs_local) as "departs_local!",
                f.departs_at, f.arrives_at
            from flight f join schedule s on s.id = f.schedule_id
            where f.id > $1 and f.departs_at > $2 and f.status <> 'departed'
            order by f.id limit $3
            "#,
            after,
            clock.now(),
            BATCH,
        )
        .fetch_all(&mut *tx)
        .await?;
        let Some(last) = rows.last() else {
            break;
        };
        after = last.id;
        rezoned.flights += rows.len() as u64;
        let moved = moved(&ground, rows)?;
        rezoned.moved += moved.len() as u64;
        if !moved.is_empty() {
            rezoned.bookings += write(&mut tx, moved).await?;
        }
        tx.commit().await?;
    }
    sqlx::query!(
        "
        insert into zone_release (release, adopted_at) values ($1, $2)
        on conflict on constraint zone_release_pkey do update set release = excluded.release, adopted_at = excluded.adopted_at
        ",
        zone::release(),
        clock.now(),
    )
    .execute(conn)
    .await?;
    Ok(rezoned)
}

fn moved(ground: &Ground, rows: Vec<FlightRow>) -> Result<Vec<FlightRow>> {
    let mut moved = Vec::new();
    for mut row in rows {
        let local = row.departure_date.and_time(row.departs_local);
        let departs_at = zone::materialise(local, ground.zone(&row.origin)?);
        if departs_at != row.departs_at {
            row.arrives_at += departs_at - row.departs_at;
            row.departs_at = departs_at;
            moved.push(row);
        }
    }
    Ok(moved)
}

// Bookings are locked before flights are touched, in the order of their ids (invariant 4).
async fn write(conn: &mut PgConnection, moved: Vec<FlightRow>) -> Result<u64> {
    let ids: Vec<Uuid> = moved.iter().map(|row| row.id).collect();
    let bookings = sqlx::query_scalar!(
        "
        select id from booking
        where id in (select booking_id from booked_flight where flight_id = any($1)) order by id for no key update
        ",
        &ids,
    )
    .fetch_all(&mut *conn)
    .await?;
    sqlx::query!(
        "
        update flight set departs_at = moved.departs_at, arrives_at = moved.arrives_at
        from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) as moved (id, departs_at, arrives_at)
        where flight.id = moved.id
        ",
        &ids,
        &moved.iter().map(|row| row.departs_at).collect::<Vec<_>>(),
        &moved.iter().map(|row| row.arrives_at).collect::<Vec<_>>(),
    )
    .execute(&mut *conn)
    .await?;
    let written = sqlx::query!(
        "
        update booking set first_departs_at = first.departs_at
        from (
            select booking_id, min(departs_at) as departs_at
            from booked_flight join flight on flight.id = flight_id
            where booking_id = any($1) group by booking_id
        ) as first
        where booking.id = first.booking_id and booking.first_departs_at <> first.departs_at
        ",
        &bookings,
    )
    .execute(conn)
    .await?;
    Ok(written.rows_affected())
}
