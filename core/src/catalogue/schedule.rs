//! Schedules: flights that repeat. Their flights follow a change at once, but those that somebody has a seat on.

use chrono::{NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::{Builder, Uuid};

use super::refusal::InUse;
use super::version::Expected;
use super::{Changed, document, lock, note, record};
use crate::clock::Clock;
use crate::error::Violations;
use crate::schedule::{self, Amendment, CabinFares, Followed};
use crate::{Error, Result};

/// What one is called in problems and the audit.
const NOUN: &str = "schedule";

/// A flight that repeats, as `loaddata` and staff write it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Schedule {
    /// The schedule.
    pub id: Uuid,
    /// IATA code of the airline.
    pub airline: String,
    /// Without the airline: `101`.
    pub flight_number: String,
    /// IATA code.
    pub origin: String,
    /// IATA code.
    pub destination: String,
    /// `135` is Monday, Wednesday, Friday, as the trade writes it; local days at the origin.
    pub weekdays: String,
    /// When it leaves, by the clocks at the origin: `08:30`.
    pub departs_local: String,
    /// Minutes from gate to gate.
    pub block_minutes: i32,
    /// IATA code of the aircraft type.
    pub aircraft: String,
    /// The first local date.
    pub effective_from: NaiveDate,
    /// The last local date.
    pub effective_until: NaiveDate,
    /// Economy's base fare for one adult, in minor units of the sale currency.
    pub base_fare_minor: i64,
    /// Premium economy's; economy's × the cabin's factor when absent, as of the two below.
    pub premium_economy_fare_minor: Option<i64>,
    /// Business's.
    pub business_fare_minor: Option<i64>,
    /// First's.
    pub first_fare_minor: Option<i64>,
}

impl Schedule {
    /// Checks what can be told without asking the database. Errors: [`Error::Invalid`] with every wrong field.
    pub fn check_texts(&self) -> Result<()> {
        let mut wrong = Violations::new();
        read_days(&mut wrong, &self.weekdays);
        read_time(&mut wrong, &self.departs_local);
        wrong.into_result()
    }

    /// Its id in files: what a schedule is, and no change of a file changes.
    pub fn named_id(&self) -> Uuid {
        let name = format!(
            "{} {} {} {}",
            self.airline, self.flight_number, self.origin, self.destination
        );
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&Sha256::digest(name)[..16]);
        Builder::from_custom_bytes(bytes).into_uuid()
    }
}

/// What shall be different; `None` leaves it as it is. A fare that is `Some(None)` is economy's × the cabin's factor.
#[derive(Clone, Debug, Default)]
pub struct SchedulePatch {
    /// `135`.
    pub weekdays: Option<String>,
    /// `08:30`.
    pub departs_local: Option<String>,
    /// Minutes from gate to gate.
    pub block_minutes: Option<i32>,
    /// IATA code of the aircraft type.
    pub aircraft: Option<String>,
    /// The first local date.
    pub effective_from: Option<NaiveDate>,
    /// The last local date.
    pub effective_until: Option<NaiveDate>,
    /// Economy's base fare.
    pub base_fare_minor: Option<i64>,
    /// Premium economy's.
    pub premium_economy_fare_minor: Option<Option<i64>>,
    /// Business's.
    pub business_fare_minor: Option<Option<i64>>,
    /// First's.
    pub first_fare_minor: Option<Option<i64>>,
}

/// The days of `135`, bit 0 is Monday.
pub fn weekdays(raw: &str) -> Option<u8> {
    let days = raw.chars().try_fold(0, |days, digit| match digit {
        '1'..='7' => Some(days | 1 << (u32::from(digit) - u32::from('1'))),
        _ => None,
    });
    days.filter(|days| *days != 0)
}

fn days_text(days: i16) -> String {
    let flown = (0..7).filter(|day| days & (1 << day) != 0);
    flown.map(|day| char::from(b'1' + day)).collect()
}

fn read_days(wrong: &mut Violations, raw: &str) -> Option<u8> {
    let days = weekdays(raw);
    if days.is_none() {
        let message =
            "must be digits from 1 to 7, Monday to Sunday: 135 is Monday, Wednesday, Friday";
        wrong.add("weekdays", "format", message);
    }
    days
}

fn read_time(wrong: &mut Violations, raw: &str) -> Option<NaiveTime> {
    let time = NaiveTime::parse_from_str(raw, "%H:%M").ok();
    let time = time.filter(|time| time.format("%H:%M").to_string() == raw);
    if time.is_none() {
        let message = "must be a time of day such as 08:30";
        wrong.add("departs_local", "format", message);
    }
    time
}

/// Writes schedules that were checked: how many were new or different. The flights of those that differ follow when
/// schedules are next materialised.
pub async fn write_schedules(conn: &mut PgConnection, schedules: &[Schedule]) -> Result<u64> {
    #[derive(Serialize)]
    struct Row<'a> {
        #[serde(flatten)]
        schedule: &'a Schedule,
        days: u8,
    }
    let rows = schedules.iter().map(|schedule| Row {
        days: weekdays(&schedule.weekdays).unwrap_or_default(),
        schedule,
    });
    let written = sqlx::query!(
        "
        insert into schedule as kept (id, airline, flight_number, origin, destination, weekdays, departs_local, block_minutes,
            aircraft, effective_from, effective_until, base_fare_minor, premium_economy_fare_minor, business_fare_minor,
            first_fare_minor, fare_varies)
        select id, airline, flight_number, origin, destination, days, departs_local, block_minutes, aircraft, effective_from,
            effective_until, base_fare_minor, premium_economy_fare_minor, business_fare_minor, first_fare_minor, false
        from jsonb_to_recordset($1) as row (id uuid, airline text, flight_number text, origin text, destination text,
            days smallint, departs_local time, block_minutes integer, aircraft text, effective_from date,
            effective_until date, base_fare_minor bigint, premium_economy_fare_minor bigint, business_fare_minor bigint,
            first_fare_minor bigint)
        on conflict on constraint schedule_pkey do update set
            weekdays = excluded.weekdays, departs_local = excluded.departs_local,
            block_minutes = excluded.block_minutes, aircraft = excluded.aircraft, effective_from = excluded.effective_from,
            effective_until = excluded.effective_until, base_fare_minor = excluded.base_fare_minor,
            premium_economy_fare_minor = excluded.premium_economy_fare_minor, business_fare_minor = excluded.business_fare_minor,
            first_fare_minor = excluded.first_fare_minor, is_amended = true
        where (kept.weekdays, kept.departs_local, kept.block_minutes, kept.aircraft, kept.effective_from,
               kept.effective_until, kept.base_fare_minor, kept.premium_economy_fare_minor, kept.business_fare_minor,
               kept.first_fare_minor)
            is distinct from
              (excluded.weekdays, excluded.departs_local, excluded.block_minutes, excluded.aircraft,
               excluded.effective_from, excluded.effective_until, excluded.base_fare_minor,
               excluded.premium_economy_fare_minor, excluded.business_fare_minor, excluded.first_fare_minor)
        ",
        document(&rows.collect::<Vec<_>>())?,
    )
    .execute(conn)
    .await?;
    Ok(written.rows_affected())
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weekdays_read_as_the_trade_writes_them() {
        assert_eq!(weekdays("135"), Some(0b1_0101));
        assert_eq!(days_text(0b1_0101), "135");
        assert_eq!(days_text(0b111_1111), "1234567");
        for wrong in ["", "0", "8", "Mon"] {
            assert_eq!(weekdays(wrong), None, "{wrong}");
        }
    }
}
