//! Schedules: flights that repeat. Their flights follow a change at once, but those that somebody has a seat on.

use sqlx::PgConnection;
use uuid::Uuid;

use super::refusal::InUse;
use super::schedule_model::{Schedule, SchedulePatch, days_text, read_days, read_time};
use super::version::Expected;
use super::{Changed, document, lock, note, record};
use crate::clock::Clock;
use crate::error::Violations;
use crate::schedule::{self, Amendment, CabinFares, Followed};
use crate::{Error, Result};

/// What one is called in problems and the audit.
const NOUN: &str = "schedule";

/// The schedules of an airline, or all, after one and so many at most, in the order of their ids.
pub async fn list_schedules(
    conn: &mut PgConnection,
    airline: Option<&str>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Schedule>> {
    read(conn, None, airline, after, limit).await
}

/// A schedule. [`Error::NotFound`] when there is none.
pub async fn get_schedule(conn: &mut PgConnection, id: Uuid) -> Result<Schedule> {
    let found = read(conn, Some(id), None, None, 1).await?.pop();
    found.ok_or(Error::NotFound(NOUN))
}

async fn read(
    conn: &mut PgConnection,
    one: Option<Uuid>,
    airline: Option<&str>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Schedule>> {
    let rows = sqlx::query!(
        "
        select id, airline, flight_number, origin, destination, weekdays, departs_local, block_minutes, aircraft,
            effective_from, effective_until, base_fare_minor, premium_economy_fare_minor, business_fare_minor,
            first_fare_minor
        from schedule
        where ($1::uuid is null or id = $1) and ($2::text is null or airline = $2) and ($3::uuid is null or id > $3)
        order by id limit $4
        ",
        one,
        airline,
        after,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let schedule = rows.into_iter().map(|row| Schedule {
        id: row.id,
        airline: row.airline,
        flight_number: row.flight_number,
        origin: row.origin,
        destination: row.destination,
        weekdays: days_text(row.weekdays),
        departs_local: row.departs_local.format("%H:%M").to_string(),
        block_minutes: row.block_minutes,
        aircraft: row.aircraft,
        effective_from: row.effective_from,
        effective_until: row.effective_until,
        base_fare_minor: row.base_fare_minor,
        premium_economy_fare_minor: row.premium_economy_fare_minor,
        business_fare_minor: row.business_fare_minor,
        first_fare_minor: row.first_fare_minor,
    });
    Ok(schedule.collect())
}

/// Adds a schedule under an id of its own and makes its flights of the next `days` days.
///
/// Errors: [`Error::Invalid`] with every wrong field.
pub async fn create_schedule(
    conn: &mut PgConnection,
    clock: &Clock,
    days: u32,
    new: &Schedule,
) -> Result<(Schedule, Followed)> {
    lock(conn).await?;
    let mut wrong = Violations::new();
    let weekdays = read_days(&mut wrong, &new.weekdays);
    let departs_local = read_time(&mut wrong, &new.departs_local);
    let id = Uuid::now_v7();
    let schedule = schedule::Schedule {
        id,
        airline: new.airline.clone(),
        flight_number: new.flight_number.clone(),
        origin: new.origin.clone(),
        destination: new.destination.clone(),
        // What is wrong with these is noted already.
        weekdays: weekdays.unwrap_or(1),
        departs_local: departs_local.unwrap_or_default(),
        block_minutes: new.block_minutes,
        aircraft: new.aircraft.clone(),
        effective_from: new.effective_from,
        effective_until: new.effective_until,
        base_fare_minor: new.base_fare_minor,
        cabin_fares: CabinFares {
            premium_economy: new.premium_economy_fare_minor,
            business: new.business_fare_minor,
            first: new.first_fare_minor,
        },
        fare_varies: false,
    };
    let added = schedule::add(conn, clock, days, &schedule).await;
    let followed = wrong.note(added.map_err(name_fares))?;
    wrong.into_result()?;
    recorded(conn, clock, id, None, followed.unwrap_or_default()).await
}

/// Changes a schedule; its flights of the next `days` days follow, but those that somebody has a seat on.
///
/// Errors: [`Error::NotFound`], [`super::Outdated`], [`Error::Invalid`] with every wrong field.
pub async fn change_schedule(
    conn: &mut PgConnection,
    clock: &Clock,
    days: u32,
    id: Uuid,
    expected: &Expected,
    patch: &SchedulePatch,
) -> Result<(Schedule, Followed)> {
    let before = open(conn, id, expected).await?;
    let mut wrong = Violations::new();
    let weekdays = patch
        .weekdays
        .as_deref()
        .map(|raw| read_days(&mut wrong, raw));
    let departs_local = patch
        .departs_local
        .as_deref()
        .map(|raw| read_time(&mut wrong, raw));
    let amendment = Amendment {
        weekdays: weekdays.flatten(),
        departs_local: departs_local.flatten(),
        block_minutes: patch.block_minutes,
        aircraft: patch.aircraft.clone(),
        effective_from: patch.effective_from,
        effective_until: patch.effective_until,
        base_fare_minor: patch.base_fare_minor,
        cabin_fares: Some(CabinFares {
            premium_economy: (patch.premium_economy_fare_minor)
                .unwrap_or(before.premium_economy_fare_minor),
            business: patch
                .business_fare_minor
                .unwrap_or(before.business_fare_minor),
            first: patch.first_fare_minor.unwrap_or(before.first_fare_minor),
        }),
    };
    let amended = schedule::amend(conn, clock, days, id, &amendment).await;
    let followed = wrong.note(amended.map_err(name_fares))?;
    wrong.into_result()?;
    recorded(conn, clock, id, Some(&before), followed.unwrap_or_default()).await
}

/// Deletes a schedule that never had a flight.
///
/// Errors: [`Error::NotFound`], [`super::Outdated`], [`InUse`].
pub async fn delete_schedule(
    conn: &mut PgConnection,
    clock: &Clock,
    id: Uuid,
    expected: &Expected,
) -> Result<()> {
    let before = open(conn, id, expected).await?;
    let flights = sqlx::query_scalar!(
        r#"select count(*) as "flights!" from flight where schedule_id = $1"#,
        id
    )
    .fetch_one(&mut *conn)
    .await?;
    if flights > 0 {
        return Err(InUse {
            noun: NOUN,
            key: format!("{} {}", before.airline, before.flight_number),
            by: vec![(flights, "flights")],
            remedy: Some(
                "set `effective_until`, and later flights that nobody has a seat on are cancelled",
            ),
        }
        .into());
    }
    sqlx::query!("delete from schedule where id = $1", id)
        .execute(&mut *conn)
        .await?;
    let changed = Changed {
        noun: NOUN,
        key: &id.to_string(),
        before: Some(document(&before)?),
        after: None,
    };
    record(conn, clock, changed).await
}

/// The schedule as it is, until this transaction ends.
async fn open(conn: &mut PgConnection, id: Uuid, expected: &Expected) -> Result<Schedule> {
    lock(conn).await?;
    schedule::lock_timetable(conn).await?;
    let before = get_schedule(conn, id).await?;
    expected.check_as(NOUN, &before)?;
    Ok(before)
}

/// Fares have their unit in their names here.
fn name_fares(error: Error) -> Error {
    match error {
        Error::Invalid(mut fields) => {
            for wrong in &mut fields {
                if wrong.field.ends_with("_fare") {
                    wrong.field.push_str("_minor");
                }
            }
            Error::Invalid(fields)
        }
        error => error,
    }
}

async fn recorded(
    conn: &mut PgConnection,
    clock: &Clock,
    id: Uuid,
    before: Option<&Schedule>,
    followed: Followed,
) -> Result<(Schedule, Followed)> {
    note(conn).await?;
    let after = get_schedule(conn, id).await?;
    let changed = Changed {
        noun: NOUN,
        key: &id.to_string(),
        before: before.map(document).transpose()?,
        after: Some(document(&after)?),
    };
    record(conn, clock, changed).await?;
    Ok((after, followed))
}
