//! Changing a schedule.

use chrono::{NaiveDate, NaiveTime};
use sqlx::PgConnection;
use uuid::Uuid;

use super::follow::{self, Followed};
use super::model::{CabinFares, Schedule};
use super::queries::{self, Ground};
use crate::Result;
use crate::clock::Clock;
use crate::error::Violations;

/// What shall be different; `None` leaves it as it is. Airline, number and route are what a schedule is.
#[derive(Clone, Debug, Default)]
pub struct Amendment {
    /// The local weekdays it leaves on; bit 0 is Monday.
    pub weekdays: Option<u8>,
    /// When it leaves, by the clocks at the origin.
    pub departs_local: Option<NaiveTime>,
    /// Minutes from gate to gate.
    pub block_minutes: Option<i32>,
    /// IATA code of the aircraft type.
    pub aircraft: Option<String>,
    /// The first local date it may leave on.
    pub effective_from: Option<NaiveDate>,
    /// The last local date it may leave on.
    pub effective_until: Option<NaiveDate>,
    /// Economy's base fare for one adult, in minor units of the sale currency.
    pub base_fare_minor: Option<i64>,
    /// Base fares of cabins that are not economy's × the cabin's factor.
    pub cabin_fares: Option<CabinFares>,
}

/// Changes a schedule and lets its flights of the next `days` days follow, all or nothing by the caller's commit.
///
/// The answer names the flights that stay as they were because somebody has a seat on them. Errors:
/// [`crate::Error::Invalid`] with every wrong field, [`crate::Error::NotFound`].
pub async fn amend(
    conn: &mut PgConnection,
    clock: &Clock,
    days: u32,
    id: Uuid,
    amendment: &Amendment,
) -> Result<Followed> {
    super::materialise::lock(conn).await?;
    let before = queries::lock(conn, id).await?;
    let after = Schedule {
        weekdays: amendment.weekdays.unwrap_or(before.weekdays),
        departs_local: amendment.departs_local.unwrap_or(before.departs_local),
        block_minutes: amendment.block_minutes.unwrap_or(before.block_minutes),
        aircraft: (amendment.aircraft.clone()).unwrap_or_else(|| before.aircraft.clone()),
        effective_from: amendment.effective_from.unwrap_or(before.effective_from),
        effective_until: amendment.effective_until.unwrap_or(before.effective_until),
        base_fare_minor: amendment.base_fare_minor.unwrap_or(before.base_fare_minor),
        cabin_fares: amendment.cabin_fares.unwrap_or(before.cabin_fares),
        ..before.clone()
    };
    let mut wrong = Violations::new();
    check(&mut wrong, &Ground::load(conn).await?, &after);
    wrong.into_result()?;
    // Older flights have no local time of their own: theirs was the schedule's.
    sqlx::query!(
        "update flight set departs_local = $2 where schedule_id = $1 and departs_local is null and departs_at > $3",
        id,
        before.departs_local,
        clock.now(),
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "
        update schedule set weekdays = $2, departs_local = $3, block_minutes = $4, aircraft = $5, effective_from = $6,
            effective_until = $7, base_fare_minor = $8, premium_economy_fare_minor = $9, business_fare_minor = $10,
            first_fare_minor = $11, is_amended = true
        where id = $1
        ",
        id,
        i16::from(after.weekdays),
        after.departs_local,
        after.block_minutes,
        after.aircraft,
        after.effective_from,
        after.effective_until,
        after.base_fare_minor,
        after.cabin_fares.premium_economy,
        after.cabin_fares.business,
        after.cabin_fares.first,
    )
    .execute(&mut *conn)
    .await?;
    follow::follow(conn, clock, days, id).await
}

/// Notes what is wrong with the pattern of a schedule.
pub(super) fn check(wrong: &mut Violations, ground: &Ground, schedule: &Schedule) {
    if !(1..=0b111_1111).contains(&schedule.weekdays) {
        wrong.add(
            "weekdays",
            "unknown",
            "at least one day from Monday to Sunday",
        );
    }
    if !(1..=1440).contains(&schedule.block_minutes) {
        wrong.add("block_minutes", "out_of_range", "from 1 to 1440 minutes");
    }
    if schedule.effective_from > schedule.effective_until {
        wrong.add(
            "effective_until",
            "before_start",
            "it ends before it begins",
        );
    }
    if ground.cabins(&schedule.aircraft).is_empty() {
        let message = format!("{:?} is no aircraft type with seats", schedule.aircraft);
        wrong.add("aircraft", "unknown", message);
    }
    let fares = [
        ("base_fare", Some(schedule.base_fare_minor)),
        ("premium_economy_fare", schedule.cabin_fares.premium_economy),
        ("business_fare", schedule.cabin_fares.business),
        ("first_fare", schedule.cabin_fares.first),
    ];
    for (field, fare) in fares {
        if fare.is_some_and(|fare| fare <= 0) {
            wrong.add(field, "not_positive", "a fare is more than zero");
        }
    }
}
