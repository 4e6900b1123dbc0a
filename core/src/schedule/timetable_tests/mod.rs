mod amend;
mod materialise;
mod rezone;
mod single;

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, TimeZone, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::*;
use crate::clock::Clock;
use crate::ids::FlightId;
use crate::{Error, fixtures, zone};

const EVERY_DAY: u8 = 0b111_1111;
const SUNDAY: u8 = 1 << 6;

// A Monday.
fn november() -> Clock {
    Clock::manual(Utc.with_ymd_and_hms(2026, 11, 23, 12, 0, 0).unwrap())
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn time(text: &str) -> NaiveTime {
    text.parse().unwrap()
}

async fn add(conn: &mut PgConnection, change: impl FnOnce(&mut Schedule)) -> Schedule {
    let mut schedule = Schedule {
        id: Uuid::now_v7(),
        airline: "AI".to_owned(),
        flight_number: "10".to_owned(),
        origin: "DEL".to_owned(),
        destination: "BOM".to_owned(),
        weekdays: EVERY_DAY,
        departs_local: time("08:00:00"),
        block_minutes: 130,
        aircraft: "320".to_owned(),
        effective_from: date("2026-11-25"),
        effective_until: date("2027-12-31"),
        base_fare_minor: 500_000,
        cabin_fares: CabinFares::default(),
        fare_varies: false,
    };
    change(&mut schedule);
    super::single::insert(conn, &schedule).await.unwrap();
    schedule
}

#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
struct Row {
    id: Uuid,
    departure_date: NaiveDate,
    departs_at: DateTime<Utc>,
    arrives_at: DateTime<Utc>,
    aircraft: String,
    status: String,
}

async fn flights(conn: &mut PgConnection, schedule: Uuid) -> Vec<Row> {
    sqlx::query_as(
        "select id, departure_date, departs_at, arrives_at, aircraft, status from flight where schedule_id = $1 order by departure_date",
    )
    .bind(schedule)
    .fetch_all(conn)
    .await
    .unwrap()
}

async fn cabins(conn: &mut PgConnection, flight: Uuid) -> Vec<(String, i32, i64)> {
    sqlx::query_as(
        "select cabin, capacity, base_fare_minor from flight_cabin where flight_id = $1 order by cabin",
    )
    .bind(flight)
    .fetch_all(conn)
    .await
    .unwrap()
}

async fn execute(conn: &mut PgConnection, sql: &'static str, id: Uuid) {
    sqlx::query(sql).bind(id).execute(conn).await.unwrap();
}

async fn run(conn: &mut PgConnection, clock: &Clock, days: u32) -> Materialised {
    materialise(conn, clock, days, None, |_| ()).await.unwrap()
}

async fn book(conn: &mut PgConnection, flight: &Row) -> Uuid {
    let id = Uuid::now_v7();
    for statement in [
        "insert into account (id, email, first_name, last_name, password_hash, created_at) values ($1, 'a@example.com', 'A', 'V', '!', now())",
        "insert into hold (id, account_id, status, created_at, expires_at, adults, children, infants, currency, total_minor, offers)
         values ($1, $1, 'booked', now(), now(), 1, 0, 0, 'INR', 1, '[]')",
        "insert into booking (id, booking_ref, account_id, hold_id, status, created_at, payment_due_at, currency, total_minor, contact_email, contact_phone, first_departs_at)
         select $1, 'ABCDEF', $1, $1, 'confirmed', now(), now(), 'INR', 1, 'a@example.com', '+911', departs_at from flight where id = $2",
        "insert into direction (id, booking_id, ordinal, name, validating_airline, cabin, fare_family, conditions)
         values ($1, $1, 0, 'departing', 'AI', 'economy', 'standard', '{}')",
        "insert into booked_flight (id, booking_id, direction_id, ordinal, flight_id, cabin, seats) values ($1, $1, $1, 0, $2, 'economy', 1)",
    ] {
        let query = sqlx::query(statement).bind(id);
        let query = if statement.contains("$2") { query.bind(flight.id) } else { query };
        query.execute(&mut *conn).await.unwrap();
    }
    id
}
