//! One dated flight: what staff change of it, and what they may not.
//!
//! Seats that are held or sold are never taken away here: a capacity stays above them, a flight with any is not deleted,
//! and a cancellation is a disruption, which tells the travellers.

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::flight_model::{DatedFlight, FlightCabin, FlightFilter, FlightPatch, words};
use super::refusal::{CapacityBelowSold, InUse};
use super::version::Expected;
use super::{Changed, document, lock, note, record};
use crate::booking::{self, FlightIsCancelled};
use crate::clock::Clock;
use crate::error::Violations;
use crate::ids::FlightId;
use crate::inventory::{self, CabinTerms};
use crate::trade::Cabin;
use crate::{Error, Result, flight, schedule};

/// What a flight is called in problems and the audit.
const NOUN: &str = "flight";
/// The flights of a filter in the order of their ids, which is that of departure.
pub async fn list_flights(
    conn: &mut PgConnection,
    filter: &FlightFilter,
) -> Result<Vec<DatedFlight>> {
    let ids = sqlx::query_scalar!(
        "
        select id from flight
        where ($1::text is null or airline = $1) and ($2::text is null or flight_number = $2)
          and ($3::text is null or origin = $3) and ($4::text is null or destination = $4)
          and ($5::date is null or departure_date = $5) and ($6::uuid is null or id > $6)
        order by id limit $7
        ",
        filter.airline,
        filter.flight_number,
        filter.origin,
        filter.destination,
        filter.departure_date,
        filter.after,
        filter.limit,
    )
    .fetch_all(&mut *conn)
    .await?;
    read(conn, &ids).await
}

/// A flight. [`Error::NotFound`] when there is none.
pub async fn get_flight(conn: &mut PgConnection, id: FlightId) -> Result<DatedFlight> {
    let found = read(conn, &[id.0]).await?.pop();
    found.ok_or(Error::NotFound(NOUN))
}

async fn read(conn: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<DatedFlight>> {
    let flights = sqlx::query!(
        "
        select id, schedule_id, airline, flight_number, origin, destination, departure_date, departs_at, arrives_at, status,
            aircraft, departure_terminal, arrival_terminal
        from flight where id = any($1) order by id
        ",
        ids,
    )
    .fetch_all(&mut *conn)
    .await?;
    let cabins = sqlx::query!(
        r#"
        select flight_id, cabin as "cabin: Cabin", capacity, held, sold, base_fare_minor
        from flight_cabin where flight_id = any($1) order by flight_id, cabin collate "C"
        "#,
        ids,
    )
    .fetch_all(conn)
    .await?;
    let flights = flights.into_iter().map(|row| {
        let own = cabins.iter().filter(|cabin| cabin.flight_id == row.id);
        let cabins = own.map(|cabin| FlightCabin {
            cabin: cabin.cabin,
            capacity: cabin.capacity,
            base_fare_minor: cabin.base_fare_minor,
            held: cabin.held,
            sold: cabin.sold,
        });
        DatedFlight {
            id: row.id,
            schedule_id: row.schedule_id,
            airline: row.airline,
            flight_number: row.flight_number,
            origin: row.origin,
            destination: row.destination,
            departure_date: row.departure_date,
            departs_at: row.departs_at,
            arrives_at: row.arrives_at,
            status: row.status,
            aircraft: row.aircraft,
            departure_terminal: row.departure_terminal,
            arrival_terminal: row.arrival_terminal,
            cabins: cabins.collect(),
        }
    });
    Ok(flights.collect())
}

/// Adds a flight that is flown once, with a schedule of that one day. Errors as [`schedule::add_single`].
pub async fn create_flight(
    conn: &mut PgConnection,
    clock: &Clock,
    flight: &schedule::SingleFlight,
) -> Result<DatedFlight> {
    lock(conn).await?;
    let id = schedule::add_single(conn, clock, flight).await?;
    note(conn).await?;
    recorded(conn, clock, id, None).await
}

/// Changes a flight that is to come.
///
/// Errors: [`Error::NotFound`], [`super::Outdated`], [`Error::TooLate`] once it has left, [`FlightIsCancelled`],
/// [`Error::Invalid`] with every wrong field, [`CapacityBelowSold`] with the numbers.
pub async fn change_flight(
    conn: &mut PgConnection,
    clock: &Clock,
    id: FlightId,
    expected: &Expected,
    patch: &FlightPatch,
) -> Result<DatedFlight> {
    let before = open(conn, id, expected).await?;
    if before.status == "cancelled" {
        return Err(FlightIsCancelled.into());
    }
    if before.departs_at <= clock.now() || before.status != "scheduled" {
        return Err(Error::TooLate {
            action: "change the flight",
            ended_at: before.departs_at,
        });
    }
    let seats = check_patch(conn, &before, patch).await?;
    let aircraft = patch.aircraft.as_deref();
    if let Some(aircraft) = aircraft.filter(|aircraft| *aircraft != before.aircraft) {
        swap(conn, clock, id, aircraft, &seats).await?;
    }
    if !patch.cabins.is_empty() {
        inventory::lock_flight(conn, id).await?;
        let present = get_flight(conn, id).await?.cabins;
        let mut terms = Vec::new();
        for wish in &patch.cabins {
            let cabin = present
                .iter()
                .find(|cabin| cabin.cabin.as_str() == wish.cabin);
            let Some(cabin) = cabin else { continue };
            let capacity = wish.capacity.unwrap_or(cabin.capacity);
            CapacityBelowSold::refuse(cabin, capacity)?;
            terms.push(CabinTerms {
                cabin: cabin.cabin,
                capacity,
                base_fare_minor: wish.base_fare_minor.unwrap_or(cabin.base_fare_minor),
            });
        }
        inventory::set_terms(conn, id, &terms).await?;
    }
    let terminal = |wish: &Option<Option<String>>, present: &Option<String>| {
        wish.clone().unwrap_or_else(|| present.clone())
    };
    sqlx::query!(
        "update flight set departure_terminal = $2, arrival_terminal = $3 where id = $1",
        id.0,
        terminal(&patch.departure_terminal, &before.departure_terminal),
        terminal(&patch.arrival_terminal, &before.arrival_terminal),
    )
    .execute(&mut *conn)
    .await?;
    note(conn).await?;
    recorded(conn, clock, id, Some(&before)).await
}

/// Gives the flight another aircraft. It locks bookings before cabins, so that the numbers are known only when it is refused.
async fn swap(
    conn: &mut PgConnection,
    clock: &Clock,
    id: FlightId,
    aircraft: &str,
    seats: &[(Cabin, i32)],
) -> Result<()> {
    let mut attempt = conn.begin().await?;
    match booking::swap_aircraft(&mut attempt, clock, id, aircraft).await {
        Ok(_) => Ok(attempt.commit().await?),
        Err(Error::SoldOut { flight_id }) => {
            attempt.rollback().await?;
            inventory::lock_flight(conn, id).await?;
            for cabin in &get_flight(conn, id).await?.cabins {
                CapacityBelowSold::refuse(cabin, seats_of(seats, cabin.cabin))?;
            }
            // Somebody has given a seat back since.
            Err(Error::SoldOut { flight_id })
        }
        Err(error) => Err(error),
    }
}

/// Deletes a flight that nobody ever had a seat on, and its schedule of that one day.
///
/// Errors: [`Error::NotFound`], [`super::Outdated`], [`InUse`].
pub async fn delete_flight(
    conn: &mut PgConnection,
    clock: &Clock,
    id: FlightId,
    expected: &Expected,
) -> Result<()> {
    let before = open(conn, id, expected).await?;
    // Who wants a seat waits, and then finds no flight.
    inventory::lock_flight(conn, id).await?;
    let used = sqlx::query!(
        r#"
        select (select count(distinct booking_id) from booked_flight where flight_id = $1) as "bookings!",
            (select count(distinct hold_id) from hold_line where flight_id = $1) as "holds!",
            (select count(*) from disruption where flight_id = $1) as "disruptions!",
            (select count(*) from passenger_seat where flight_id = $1 and reason = 'blocked') as "blocked!",
            (select count(*) from schedule where id = $2 and effective_from <> effective_until) as "schedules!"
        "#,
        id.0,
        before.schedule_id,
    )
    .fetch_one(&mut *conn)
    .await?;
    let by = [
        (used.bookings, "bookings"),
        (used.holds, "holds"),
        (used.disruptions, "disruptions"),
        (used.blocked, "blocked seats"),
    ];
    let by: Vec<_> = by.into_iter().filter(|(count, _)| *count > 0).collect();
    let key = flight::label(
        &before.airline,
        &before.flight_number,
        before.departure_date,
    );
    let in_use = |by, remedy| InUse {
        noun: NOUN,
        key: key.clone(),
        by,
        remedy: Some(remedy),
    };
    if !by.is_empty() {
        let remedy =
            "cancel it with `POST /v1/admin/flights/{id}/disruptions`, which tells the travellers";
        return Err(in_use(by, remedy).into());
    }
    if used.schedules > 0 {
        let remedy = "it would be made again; cancel the flight, or change the schedule";
        return Err(in_use(vec![(1, "schedules of several days")], remedy).into());
    }
    sqlx::query!("delete from flight where id = $1", id.0)
        .execute(&mut *conn)
        .await?;
    sqlx::query!(
        "delete from schedule where id = $1 and not exists (select from flight where schedule_id = $1)",
        before.schedule_id,
    )
    .execute(&mut *conn)
    .await?;
    note(conn).await?;
    let changed = Changed {
        noun: NOUN,
        key: &id.to_string(),
        before: Some(document(&before)?),
        after: None,
    };
    record(conn, clock, changed).await
}

/// The flight as it is, of which nothing but its seats changes until this transaction ends.
async fn open(conn: &mut PgConnection, id: FlightId, expected: &Expected) -> Result<DatedFlight> {
    lock(conn).await?;
    schedule::lock_timetable(conn).await?;
    let before = get_flight(conn, id).await?;
    expected.check_as(NOUN, &before)?;
    Ok(before)
}

/// Checks what shall be different; returns how many seats each cabin of the aircraft has.
async fn check_patch(
    conn: &mut PgConnection,
    before: &DatedFlight,
    patch: &FlightPatch,
) -> Result<Vec<(Cabin, i32)>> {
    let mut wrong = Violations::new();
    patch.check(&mut wrong);
    let aircraft = patch.aircraft.as_ref().unwrap_or(&before.aircraft);
    let seats = sqlx::query!(
        r#"
        select cabin as "cabin: Cabin", count(*)::integer as "seats!" from seat_layout where aircraft = $1 group by cabin
        "#,
        aircraft,
    )
    .fetch_all(conn)
    .await?;
    let seats: Vec<(Cabin, i32)> = seats.iter().map(|row| (row.cabin, row.seats)).collect();
    if seats.is_empty() && patch.aircraft.is_some() {
        let message = format!("{aircraft:?} is no aircraft type with seats");
        wrong.add("aircraft", "unknown", message);
    }
    for (index, wish) in patch.cabins.iter().enumerate() {
        let Some(cabin) = Cabin::parse(&wish.cabin) else {
            continue;
        };
        if !before.cabins.iter().any(|known| known.cabin == cabin) {
            let message = format!("the flight has no {}", words(cabin));
            wrong.add(format!("cabins[{index}].cabin"), "unknown", message);
            continue;
        }
        let most = seats_of(&seats, cabin);
        if wish.capacity.is_some_and(|capacity| capacity > most) {
            let message = format!("must be {most} or less: so many seats the aircraft has there");
            wrong.add(format!("cabins[{index}].capacity"), "out_of_range", message);
        }
    }
    wrong.into_result()?;
    Ok(seats)
}

fn seats_of(seats: &[(Cabin, i32)], cabin: Cabin) -> i32 {
    let seats = seats.iter().find(|(of, _)| *of == cabin);
    seats.map_or(0, |(_, seats)| *seats)
}

async fn recorded(
    conn: &mut PgConnection,
    clock: &Clock,
    id: FlightId,
    before: Option<&DatedFlight>,
) -> Result<DatedFlight> {
    let after = get_flight(conn, id).await?;
    let changed = Changed {
        noun: NOUN,
        key: &id.to_string(),
        before: before.map(document).transpose()?,
        after: Some(document(&after)?),
    };
    record(conn, clock, changed).await?;
    Ok(after)
}
