//! The flights of a schedule that was amended follow it, unless somebody has a seat on them.
//!
//! A flight with a held or sold seat keeps its time and its aircraft, and the report names it. Every other flight to
//! come moves with the schedule and keeps its id. On a day that is no longer flown it is cancelled, not deleted, and
//! comes back should the day be flown again. New base fares hold for every flight: bookings have theirs frozen.
//!
//! **A flight with passengers does not follow its schedule.** Held or sold seats keep time and aircraft, the report
//! names the flight, and the schedule stays `is_amended`, so that the next run looks again (a hold ends in
//! minutes). Everything else moves and keeps its id; a day no longer flown is `cancelled` and `off_schedule`, which
//! is how it can return without bringing back what staff cancelled. New base fares hold for every flight, because
//! bookings have theirs frozen.
//!
//! **A flight that leaves the schedule has no seats rather than no rows.** Its cabins' capacity is zero, and so is
//! that of a cabin the new aircraft lacks. A hold that waited for the cabin's row reads `flight.status` as it was
//! when it began, but PostgreSQL checks `held + sold <= capacity` on the row as it is now: nobody gets a seat on
//! it. Deleting the row would wait for holds that wait for us.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::AddAssign;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::materialise::{horizon, lock};
use super::model::{DatedFlight, Schedule};
use super::queries::{self, Ground};
use super::write;
use crate::Result;
use crate::clock::Clock;
use crate::ids::FlightId;

/// What became of the flights of amended schedules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Flights of days that were not flown before.
    pub added: u64,
    /// Flights with another time or aircraft, and those that came back.
    pub moved: u64,
    /// Flights of days that are no longer flown.
    pub cancelled: u64,
    /// Flights that stay as they were because of their passengers.
    pub kept: Vec<KeptFlight>,
}

impl AddAssign for Followed {
    fn add_assign(&mut self, more: Self) {
        self.added += more.added;
        self.moved += more.moved;
        self.cancelled += more.cancelled;
        self.kept.extend(more.kept);
    }
}

/// A flight with held or sold seats that does not follow its schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFlight {
    /// The flight.
    pub flight_id: FlightId,
    /// Airline and number: `AI 101`.
    pub designator: String,
    /// The local date at the origin.
    pub departure_date: NaiveDate,
    /// Seats that are held or sold.
    pub seats: i32,
    /// Whether the schedule still flies that day, at another time or with another aircraft.
    pub still_flown: bool,
}

struct FlightRow {
    id: Uuid,
    departure_date: NaiveDate,
    departs_at: DateTime<Utc>,
    arrives_at: DateTime<Utc>,
    aircraft: String,
    status: String,
    off_schedule: bool,
}

impl FlightRow {
    fn is_as(&self, wanted: &DatedFlight, aircraft: &str) -> bool {
        self.status == "scheduled"
            && (self.departs_at, self.arrives_at) == (wanted.departs_at, wanted.arrives_at)
            && self.aircraft == aircraft
    }
}

#[derive(Default)]
struct Cabin {
    capacity: i32,
    seats: i32,
    fare_minor: i64,
}

type Cabins = HashMap<Uuid, BTreeMap<String, Cabin>>;

/// Lets the flights of the next `days` days follow their schedule within the caller's transaction.
///
/// Locks the timetable, the schedule, then the cabins of its flights in the order that holds take them: nobody gets a
/// seat on a flight between the look at it and its change. While a flight is kept the schedule stays amended, so that
/// the next run looks at it again. [`crate::Error::NotFound`] when there is no such schedule.
pub(super) async fn follow(
    conn: &mut PgConnection,
    clock: &Clock,
    days: u32,
    id: Uuid,
) -> Result<Followed> {
    lock(conn).await?;
    let schedule = queries::lock(conn, id).await?;
    let ground = Ground::load(conn).await?;
    let zone = ground.zone(&schedule.origin)?;
    let now = clock.now();
    let (first, last) = horizon(now, days);
    let mut cabins = lock_cabins(conn, id, now).await?;
    let flights = flights(conn, id, first).await?;
    let there: HashSet<NaiveDate> = flights.iter().map(|row| row.departure_date).collect();

    let mut followed = Followed::default();
    let mut changes = Changes::default();
    for row in flights {
        let is_ours = row.status == "scheduled" || row.off_schedule;
        let wanted = schedule.on(row.departure_date, zone);
        // A time that has passed moves nobody.
        let too_late = wanted.is_some_and(|wanted| wanted.departs_at <= now);
        if row.departs_at <= now || !is_ours || too_late {
            continue;
        }
        let known = cabins.remove(&row.id).unwrap_or_default();
        let seats: i32 = known.values().map(|cabin| cabin.seats).sum();
        let follows = wanted.map_or(row.off_schedule, |wanted| {
            row.is_as(&wanted, &schedule.aircraft)
        });
        if follows || seats == 0 {
            match (wanted, follows) {
                (Some(wanted), false) => changes.moved.push((row.id, wanted)),
                (None, false) => changes.cancelled.push(row.id),
                (_, true) => {}
            }
            let aircraft = wanted.map(|_| schedule.aircraft.as_str());
            changes.cabins(&schedule, &ground, row.id, aircraft, &known);
        } else {
            changes.fares(&schedule, row.id, &known);
            followed.kept.push(KeptFlight {
                flight_id: FlightId(row.id),
                designator: format!("{} {}", schedule.airline, schedule.flight_number),
                departure_date: row.departure_date,
                seats,
                still_flown: wanted.is_some(),
            });
        }
    }
    followed.moved = changes.moved.len() as u64;
    followed.cancelled = changes.cancelled.len() as u64;
    changes.write(conn, &schedule).await?;
    let new_days = first
        .iter_days()
        .take_while(|date| *date <= last)
        .filter(|date| !there.contains(date));
    let new_days = new_days.map(|date| (&schedule, date));
    followed.added = write::flights(conn, &ground, new_days, now).await?;
    sqlx::query!(
        "update schedule set is_amended = $2 where id = $1 and is_amended <> $2",
        id,
        !followed.kept.is_empty(),
    )
    .execute(conn)
    .await?;
    Ok(followed)
}

async fn lock_cabins(
    conn: &mut PgConnection,
    schedule: Uuid,
    now: DateTime<Utc>,
) -> Result<Cabins> {
    let rows = sqlx::query!(
        r#"
        select flight_id, cabin, capacity, held + sold as "seats!", base_fare_minor from flight_cabin
        where flight_id in (select id from flight where schedule_id = $1 and departs_at > $2)
        order by flight_id, cabin collate "C" for no key update
        "#,
        schedule,
        now,
    )
    .fetch_all(conn)
    .await?;
    let mut cabins = Cabins::new();
    for row in rows {
        let cabin = Cabin {
            capacity: row.capacity,
            seats: row.seats,
            fare_minor: row.base_fare_minor,
        };
        cabins
            .entry(row.flight_id)
            .or_default()
            .insert(row.cabin, cabin);
    }
    Ok(cabins)
}

async fn flights(
    conn: &mut PgConnection,
    schedule: Uuid,
    first: NaiveDate,
) -> Result<Vec<FlightRow>> {
    let rows = sqlx::query_as!(
        FlightRow,
        "
        select id, departure_date, departs_at, arrives_at, aircraft, status, off_schedule
        from flight where schedule_id = $1 and departure_date >= $2 order by departure_date
        ",
        schedule,
        first,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

#[derive(Default)]
struct Changes {
    moved: Vec<(Uuid, DatedFlight)>,
    cancelled: Vec<Uuid>,
    cabin_rows: Vec<(Uuid, String, i32, i64)>,
}

impl Changes {
    // The cabins of an aircraft, or none: what the flight had beyond them has no seats any more. A row that somebody's
    // expired hold names cannot go, and a hold that waits for it must find it full.
    fn cabins(
        &mut self,
        schedule: &Schedule,
        ground: &Ground,
        flight: Uuid,
        aircraft: Option<&str>,
        known: &BTreeMap<String, Cabin>,
    ) {
        let layout = aircraft.map_or(&[][..], |aircraft| ground.cabins(aircraft));
        for (cabin, capacity) in layout {
            let Some(fare) = schedule.cabin_fare_minor(FlightId(flight), cabin) else {
                continue;
            };
            let same = known
                .get(cabin)
                .is_some_and(|row| (row.capacity, row.fare_minor) == (*capacity, fare));
            if !same {
                self.cabin_rows
                    .push((flight, cabin.clone(), *capacity, fare));
            }
        }
        for (cabin, row) in known {
            if row.capacity > 0 && !layout.iter().any(|(name, _)| name == cabin) {
                self.cabin_rows
                    .push((flight, cabin.clone(), 0, row.fare_minor));
            }
        }
    }

    fn fares(&mut self, schedule: &Schedule, flight: Uuid, known: &BTreeMap<String, Cabin>) {
        for (cabin, row) in known {
            let fare = schedule.cabin_fare_minor(FlightId(flight), cabin);
            if let Some(fare) = fare.filter(|fare| *fare != row.fare_minor) {
                self.cabin_rows
                    .push((flight, cabin.clone(), row.capacity, fare));
            }
        }
    }

    async fn write(self, conn: &mut PgConnection, schedule: &Schedule) -> Result<()> {
        let (ids, dated): (Vec<Uuid>, Vec<DatedFlight>) = self.moved.into_iter().unzip();
        sqlx::query!(
            "
            update flight set departs_at = moved.departs_at, arrives_at = moved.arrives_at, departs_local = $4, aircraft = $5,
                departs_days_later = 0, status = 'scheduled', off_schedule = false
            from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) as moved (id, departs_at, arrives_at)
            where flight.id = moved.id
            ",
            &ids,
            &dated.iter().map(|flight| flight.departs_at).collect::<Vec<_>>(),
            &dated.iter().map(|flight| flight.arrives_at).collect::<Vec<_>>(),
            schedule.departs_local,
            schedule.aircraft,
        )
        .execute(&mut *conn)
        .await?;
        sqlx::query!(
            "update flight set status = 'cancelled', off_schedule = true where id = any($1)",
            &self.cancelled,
        )
        .execute(&mut *conn)
        .await?;
        let rows = self.cabin_rows;
        sqlx::query!(
            "
            insert into flight_cabin as kept (flight_id, cabin, capacity, base_fare_minor)
            select * from unnest($1::uuid[], $2::text[], $3::integer[], $4::bigint[])
            on conflict on constraint flight_cabin_pkey do update set
                capacity = excluded.capacity, base_fare_minor = excluded.base_fare_minor
            ",
            &rows.iter().map(|row| row.0).collect::<Vec<_>>(),
            &rows.iter().map(|row| row.1.clone()).collect::<Vec<_>>(),
            &rows.iter().map(|row| row.2).collect::<Vec<_>>(),
            &rows.iter().map(|row| row.3).collect::<Vec<_>>(),
        )
        .execute(conn)
        .await?;
        Ok(())
    }
}
