//! Files for spreadsheets, page by page.
//!
//! **A file is read in pages that stand on keys.** Whoever writes it takes a connection for a page and gives it back before the
//! bytes leave, however slowly they are taken; memory holds one page. A row that changes meanwhile is as it was when its
//! page was read.

mod bookings;
mod flights;
mod ledger;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::csv::Cell;
use crate::Result;
use crate::ids::{BookingId, FlightId};

/// Rows of a page.
const ROWS: i64 = 500;

/// A file.
#[derive(Clone, Debug)]
pub enum Export {
    /// Bookings by the time at which they were made.
    Bookings {
        /// At this time or later.
        from: DateTime<Utc>,
        /// Before this time.
        until: DateTime<Utc>,
    },
    /// Flights by the local date on which they leave.
    Flights {
        /// On this day or later.
        from: NaiveDate,
        /// On this day or earlier.
        until: NaiveDate,
        /// Of this airline.
        airline: Option<String>,
    },
    /// How full flights are and what they earn, a row for each cabin and currency.
    Loads {
        /// On this day or later.
        from: NaiveDate,
        /// On this day or earlier.
        until: NaiveDate,
        /// Of this airline.
        airline: Option<String>,
    },
    /// Movements of money by the time at which they were posted.
    Ledger {
        /// At this time or later.
        from: DateTime<Utc>,
        /// Before this time.
        until: DateTime<Utc>,
    },
    /// Who is on a flight.
    Manifest {
        /// Which.
        flight_id: FlightId,
    },
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// With the first row, after the names of the columns.
    Start,
    /// After a booking.
    Booking(BookingId),
    /// After a flight.
    Flight(FlightId),
    /// After an entry of the ledger.
    Entry(i64),
}

/// A page of a file.
#[derive(Clone, Debug)]
pub struct ExportPage {
    /// Whole rows.
    pub bytes: Vec<u8>,
    /// Where the next page begins; `None` at the end of the file.
    pub next: Option<Position>,
}

impl Export {
    /// What it is called, as the file and in the audit log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Bookings { .. } => "bookings",
            Self::Flights { .. } => "flights",
            Self::Loads { .. } => "load",
            Self::Ledger { .. } => "ledger",
            Self::Manifest { .. } => "manifest",
        }
    }

    /// What was asked for, as the audit log keeps it.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Bookings { from, until } | Self::Ledger { from, until } => {
                json!({ "from": instant(*from), "until": instant(*until) })
            }
            Self::Flights {
                from,
                until,
                airline,
            }
            | Self::Loads {
                from,
                until,
                airline,
            } => json!({ "from": from, "until": until, "airline": airline }),
            Self::Manifest { flight_id } => json!({ "flight_id": flight_id }),
        }
    }

    /// The rows after a position.
    ///
    /// Errors: [`crate::Error::NotFound`] for the manifest of no flight.
    pub async fn page(&self, conn: &mut PgConnection, at: Position) -> Result<ExportPage> {
        match self {
            Self::Bookings { from, until } => bookings::page(conn, *from, *until, at).await,
            Self::Ledger { from, until } => ledger::page(conn, *from, *until, at).await,
            Self::Flights {
                from,
                until,
                airline,
            } => flights::page(conn, (*from, *until), airline.as_deref(), at).await,
            Self::Loads {
                from,
                until,
                airline,
            } => flights::loads(conn, (*from, *until), airline.as_deref(), at).await,
            Self::Manifest { flight_id } => flights::manifest(conn, *flight_id).await,
        }
    }
}

/// The names of the columns.
fn head(columns: &[&str]) -> Vec<Cell> {
    columns.iter().copied().map(Cell::text).collect()
}

/// The names of the columns, if the file begins here.
fn head_at(at: Position, columns: &[&str]) -> Option<Vec<Cell>> {
    (at == Position::Start).then(|| head(columns))
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Whether a page of so many rows is not the last.
fn has_more(rows: usize) -> bool {
    i64::try_from(rows).unwrap_or(i64::MAX) >= ROWS
}
