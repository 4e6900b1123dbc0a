//! What a schedule says, and its rows as `loaddata` writes them.

use chrono::{NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::{Builder, Uuid};

use super::document;
use crate::Result;
use crate::error::Violations;

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
    /// Checks what can be told without asking the database. Errors: [`crate::Error::Invalid`] with every wrong field.
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

pub(super) fn days_text(days: i16) -> String {
    let flown = (0..7).filter(|day| days & (1 << day) != 0);
    flown.map(|day| char::from(b'1' + day)).collect()
}

pub(super) fn read_days(wrong: &mut Violations, raw: &str) -> Option<u8> {
    let days = weekdays(raw);
    if days.is_none() {
        let message =
            "must be digits from 1 to 7, Monday to Sunday: 135 is Monday, Wednesday, Friday";
        wrong.add("weekdays", "format", message);
    }
    days
}

pub(super) fn read_time(wrong: &mut Violations, raw: &str) -> Option<NaiveTime> {
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
