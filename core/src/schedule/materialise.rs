//! Schedules become flights: the daily job's work, and `manage materialise`'s.
//!
//! Every step is a short transaction that takes the timetable's lock first and reads what it needs under it. So two
//! runs at once share the work, one that was killed is finished by the next, and a second run finds nothing to do.
//!
//! **The day's run is promised with the day in its key.** `materialise_flights:{UTC date}:{zone release}` is unique
//! in the outbox, so any number of workers tick and one job runs; a release with newer zone data gets a run of its
//! own that day.

use chrono::{DateTime, Days, NaiveDate, Utc};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::follow::{self, Followed};
use super::queries::{self, Ground};
use super::rezone::{self, Rezoned};
use super::write;
use crate::Result;
use crate::clock::Clock;
use crate::outbox::{self, MaterialiseFlights};
use crate::zone;

/// A transaction ends after so many flights or so many days: a COPY and a commit cost the same for
/// one flight and for many.
const BATCH: usize = 2_000;
const BATCH_DAYS: usize = 10;
/// Beyond this PostgreSQL shall not wait for autovacuum to learn how large the tables are.
const MANY: u64 = 10_000;

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Days that are complete.
    pub days_done: u32,
    /// Days there are.
    pub days: u32,
    /// Flights so far, written or found.
    pub flights: u64,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Materialised {
    /// Flights that were written.
    pub added: u64,
    /// Flights that were there already.
    pub found: u64,
    /// What became of the flights of amended schedules.
    pub amended: Followed,
    /// What newer zone data changed; `None` when the release is the one in use.
    pub rezoned: Option<Rezoned>,
}

/// Makes the flights of the next `days` days: of all schedules, or of those of `only`.
///
/// Before that, instants are computed again if the zone data is newer than theirs, and the flights of amended
/// schedules follow them. It commits by itself, some days at a time, so it may be killed at any moment and run twice at once.
/// Errors: [`crate::Error::Catalogue`] when the zone data of this program is older than the database's.
pub async fn materialise(
    conn: &mut PgConnection,
    clock: &Clock,
    days: u32,
    only: Option<&[Uuid]>,
    progress: impl FnMut(Progress),
) -> Result<Materialised> {
    let rezoned = rezone::ensure(conn, clock).await?;
    let mut amended = Followed::default();
    for schedule in queries::list_amended(conn, only).await? {
        let mut tx = conn.begin().await?;
        amended += follow::follow(&mut tx, clock, days, schedule).await?;
        tx.commit().await?;
    }
    let (added, found) = fill_days(conn, clock, horizon(clock.now(), days), only, progress).await?;
    Ok(Materialised {
        added,
        found,
        amended,
        rezoned,
    })
}

/// The local dates that a horizon has: where it is still yesterday, yesterday's flights are to come.
pub(super) fn horizon(now: DateTime<Utc>, days: u32) -> (NaiveDate, NaiveDate) {
    let today = now.date_naive();
    (
        today - Days::new(1),
        today + Days::new(u64::from(days.max(1))),
    )
}

/// Makes the flights that are missing on each day of a range; answers how many were written and how many were there.
pub(super) async fn fill_days(
    conn: &mut PgConnection,
    clock: &Clock,
    (first, last): (NaiveDate, NaiveDate),
    only: Option<&[Uuid]>,
    mut progress: impl FnMut(Progress),
) -> Result<(u64, u64)> {
    let ground = Ground::load(conn).await?;
    let days = u32::try_from((last - first).num_days() + 1).unwrap_or_default();
    let (mut added, mut found) = (0, 0);
    let mut dates = first
        .iter_days()
        .take_while(|date| *date <= last)
        .zip(1..)
        .peekable();
    while dates.peek().is_some() {
        let mut tx = conn.begin().await?;
        lock(&mut tx).await?;
        let (mut missing, mut days_done) = (Vec::new(), 0);
        for (date, day) in dates.by_ref().take(BATCH_DAYS) {
            let (schedules, there) = queries::list_missing(&mut tx, date, only).await?;
            missing.extend(schedules.into_iter().map(|schedule| (schedule, date)));
            found += there;
            days_done = day;
            if missing.len() > BATCH {
                break;
            }
        }
        let flights = missing.iter().map(|(schedule, date)| (schedule, *date));
        added += write::flights(&mut tx, &ground, flights, clock.now()).await?;
        tx.commit().await?;
        progress(Progress {
            days_done,
            days,
            flights: added + found,
        });
    }
    if added > MANY {
        sqlx::query("analyze schedule, flight, flight_cabin")
            .execute(conn)
            .await?;
    }
    Ok((added, found))
}

/// Makes this transaction the only one that changes the timetable, until it ends.
pub(crate) async fn lock(conn: &mut PgConnection) -> Result<()> {
    // The number is "flights" in a phone's keys.
    sqlx::query("select pg_advisory_xact_lock(3544487)")
        .execute(conn)
        .await?;
    Ok(())
}

/// Promises the day's run, once a day however many processes ask, and once more when newer zone data comes.
pub async fn promise(conn: &mut PgConnection, clock: &Clock, days: u32) -> Result<()> {
    let key = format!(
        "materialise_flights:{}:{}",
        clock.now().date_naive(),
        zone::release()
    );
    outbox::put_once(conn, clock, None, &key, &MaterialiseFlights { days }).await?;
    Ok(())
}
