//! PostgreSQL's binary COPY format: a third of the text form's size and nothing to escape.
//! <https://www.postgresql.org/docs/15/sql-copy.html#id-1.9.3.55.9.4>

use chrono::{DateTime, NaiveDate, NaiveTime, Timelike, Utc};
use uuid::Uuid;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// PostgreSQL counts from 2000-01-01, in days since the Common Era and in microseconds since 1970.
const EPOCH_DAYS: i32 = 730_120;
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// Rows on their way into one table.
pub(super) struct Rows(Vec<u8>);

impl Rows {
    pub(super) fn new() -> Self {
        Self(SIGNATURE.to_vec())
    }

    pub(super) fn row(&mut self, fields: i16) -> &mut Self {
        self.0.extend_from_slice(&fields.to_be_bytes());
        self
    }

    fn field(&mut self, bytes: &[u8]) -> &mut Self {
        let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn uuid(&mut self, value: Uuid) -> &mut Self {
        self.field(value.as_bytes())
    }

    pub(super) fn text(&mut self, value: &str) -> &mut Self {
        self.field(value.as_bytes())
    }

    pub(super) fn integer(&mut self, value: i32) -> &mut Self {
        self.field(&value.to_be_bytes())
    }

    pub(super) fn bigint(&mut self, value: i64) -> &mut Self {
        self.field(&value.to_be_bytes())
    }

    pub(super) fn date(&mut self, value: NaiveDate) -> &mut Self {
        use chrono::Datelike;
        self.integer(value.num_days_from_ce() - EPOCH_DAYS)
    }

    pub(super) fn time(&mut self, value: NaiveTime) -> &mut Self {
        self.bigint(i64::from(value.num_seconds_from_midnight()) * 1_000_000)
    }

    pub(super) fn instant(&mut self, value: DateTime<Utc>) -> &mut Self {
        self.bigint(value.timestamp_micros() - EPOCH_MICROS)
    }

    /// The bytes to send, with the trailer.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&(-1_i16).to_be_bytes());
        self.0
    }
}
