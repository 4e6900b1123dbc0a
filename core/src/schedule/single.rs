//! A flight that is flown once, as a person types it in.

use chrono::{Datelike, NaiveDateTime};
use sqlx::PgConnection;
use uuid::Uuid;

use super::amend::check;
use super::model::{CabinFares, Schedule};
use super::queries::Ground;
use super::{materialise, write};
use crate::clock::Clock;
use crate::error::Violations;
use crate::ids::FlightId;
use crate::zone::NotAnInstant;
use crate::{Result, zone};

/// One flight on one date, as a person types it in.
#[derive(Clone, Debug)]
pub struct SingleFlight {
    /// IATA code of the airline.
    pub airline: String,
    /// One to four digits and, rarely, a letter, without the airline: `101`.
    pub flight_number: String,
    /// IATA code of the airport it leaves.
    pub origin: String,
    /// IATA code of the airport it goes to.
    pub destination: String,
    /// By the clocks at the origin.
    pub departs_local: NaiveDateTime,
    /// Minutes from gate to gate.
    pub block_minutes: i32,
    /// IATA code of the aircraft type.
    pub aircraft: String,
    /// Economy's base fare for one adult, in minor units of the sale currency.
    pub base_fare_minor: i64,
    /// Base fares of cabins that are not economy's × the cabin's factor.
    pub cabin_fares: CabinFares,
}

/// Adds a flight that is flown once, with a schedule of that one day.
///
/// Errors: [`crate::Error::Invalid`] with every wrong field; a local time that the clocks skip or show twice is refused
/// (rules.md "Time"), because whoever typed it meant something that only they know.
pub async fn add_single(
    conn: &mut PgConnection,
    clock: &Clock,
    flight: &SingleFlight,
) -> Result<FlightId> {
    materialise::lock(conn).await?;
    let date = flight.departs_local.date();
    let schedule = Schedule {
        id: Uuid::now_v7(),
        airline: flight.airline.clone(),
        flight_number: flight.flight_number.clone(),
        origin: flight.origin.clone(),
        destination: flight.destination.clone(),
        weekdays: 1 << date.weekday().num_days_from_monday(),
        departs_local: flight.departs_local.time(),
        block_minutes: flight.block_minutes,
        aircraft: flight.aircraft.clone(),
        effective_from: date,
        effective_until: date,
        base_fare_minor: flight.base_fare_minor,
        cabin_fares: flight.cabin_fares,
        fare_varies: false,
    };
    let ground = Ground::load(conn).await?;
    let mut wrong = Violations::new();
    check(&mut wrong, &ground, &schedule);
    check_identity(conn, &mut wrong, &ground, &schedule).await?;
    check_time(clock, &mut wrong, &ground, flight);
    wrong.into_result()?;
    insert(conn, &schedule).await?;
    write::flights(
        conn,
        &ground,
        std::iter::once((&schedule, date)),
        clock.now(),
    )
    .await?;
    let id = sqlx::query_scalar!(
        r#"select id as "id: FlightId" from flight where schedule_id = $1"#,
        schedule.id
    )
    .fetch_one(conn)
    .await?;
    Ok(id)
}

pub(super) async fn check_identity(
    conn: &mut PgConnection,
    wrong: &mut Violations,
    ground: &Ground,
    schedule: &Schedule,
) -> Result<()> {
    for (field, iata) in [
        ("origin", &schedule.origin),
        ("destination", &schedule.destination),
    ] {
        if ground.zone(iata).is_err() {
            wrong.add(field, "unknown_airport", format!("{iata:?} is no airport"));
        }
    }
    if schedule.origin == schedule.destination {
        wrong.add(
            "destination",
            "same_as_origin",
            "the destination is the origin",
        );
    }
    let digits = (schedule.flight_number).trim_end_matches(|last: char| last.is_ascii_uppercase());
    let suffix = schedule.flight_number.len() - digits.len();
    let is_number =
        (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || suffix > 1 {
        let message = "one to four digits and at most one letter, such as 101 or 101A";
        wrong.add("flight_number", "format", message);
    }
    let known = sqlx::query!(
        r#"
        select exists (select from airline where iata = $1) as "airline!",
            exists (select from flight where airline = $1 and flight_number = $2 and origin = $3 and departure_date = $4
                and status <> 'cancelled') as "number_taken!"
        "#,
        schedule.airline,
        schedule.flight_number,
        schedule.origin,
        schedule.effective_from,
    )
    .fetch_one(conn)
    .await?;
    if !known.airline {
        let message = format!("{:?} is no airline", schedule.airline);
        wrong.add("airline", "unknown", message);
    }
    if known.number_taken {
        let message = "the airline has a flight of this number from there on this day";
        wrong.add("flight_number", "taken", message);
    }
    Ok(())
}

fn check_time(clock: &Clock, wrong: &mut Violations, ground: &Ground, flight: &SingleFlight) {
    let Ok(zone) = ground.zone(&flight.origin) else {
        return;
    };
    match zone::departs_at(flight.departs_local, zone) {
        Ok(departs_at) if departs_at <= clock.now() => {
            wrong.add("departs_local", "in_the_past", "the flight would have left");
        }
        Ok(_) => {}
        Err(problem) => {
            let code = match problem {
                NotAnInstant::Skipped { .. } => "skipped_by_dst",
                NotAnInstant::Doubled { .. } => "doubled_by_dst",
            };
            wrong.add("departs_local", code, problem.to_string());
        }
    }
}

/// Adds a schedule; its flights are made when schedules are next materialised.
pub(super) async fn insert(conn: &mut PgConnection, schedule: &Schedule) -> Result<()> {
    sqlx::query!(
        "
        insert into schedule (id, airline, flight_number, origin, destination, weekdays, departs_local, block_minutes,
            aircraft, effective_from, effective_until, base_fare_minor, premium_economy_fare_minor, business_fare_minor,
            first_fare_minor, fare_varies)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        ",
        schedule.id,
        schedule.airline,
        schedule.flight_number,
        schedule.origin,
        schedule.destination,
        i16::from(schedule.weekdays),
        schedule.departs_local,
        schedule.block_minutes,
        schedule.aircraft,
        schedule.effective_from,
        schedule.effective_until,
        schedule.base_fare_minor,
        schedule.cabin_fares.premium_economy,
        schedule.cabin_fares.business,
        schedule.cabin_fares.first,
        schedule.fare_varies,
    )
    .execute(conn)
    .await?;
    Ok(())
}
