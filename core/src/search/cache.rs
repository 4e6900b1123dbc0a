//! Keeps the timetable of a process up to date: all of it once, then what changed.
//!
//! Each flight carries the transaction that wrote it last. A reader remembers the oldest transaction that was still
//! running when it read (`pg_snapshot_xmin`) and asks next time for everything written by that or a later one: a
//! transaction that commits late is read late, never missed.
//!
//! **The timetable reads what changed, exactly.** `flight.changed_in` holds the transaction that wrote what the
//! timetable knows of a flight; a reader remembers the oldest transaction that was running when it read
//! (`pg_snapshot_xmin`) and next asks for everything from that one on. A version number or a time would miss what
//! commits late. Days without a change are shared between the old timetable and the new.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use futures::TryStreamExt;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::catalogue::Catalogue;
use super::timetable::{Leg, LegsByDay, Timetable, day_number, number_code, seconds};
use crate::clock::Clock;
use crate::fresh::Fresh;
use crate::{Error, Result, db, zone};

/// Changes of flights are seen this long after they were committed, or a little later under load.
const EVERY: Duration = Duration::seconds(2);

/// The timetable of this process, about two seconds old; cheap to clone, the clones share it.
#[derive(Clone, Debug)]
pub struct TimetableCache(Fresh<Known>);

#[derive(Clone, Debug)]
struct Known {
    timetable: Arc<Timetable>,
    // Everything before this transaction is in the timetable.
    mark: u64,
}

impl Default for TimetableCache {
    fn default() -> Self {
        Self::new(EVERY)
    }
}

impl TimetableCache {
    /// A cache that reads what changed when it last did `every` ago; with zero it does so each time it is asked.
    pub fn new(every: Duration) -> Self {
        Self(Fresh::new(every, every * 5))
    }

    /// Whether it was read before: then [`TimetableCache::get`] waits for nobody.
    pub fn is_read(&self) -> bool {
        self.0.known().is_some()
    }

    /// The timetable. For who has no connection: the first call reads all future flights over `background` and whoever
    /// comes meanwhile waits for it; later ones are answered at once and have it refreshed, unless nobody has asked for
    /// a while.
    pub async fn get(&self, background: &PgPool, clock: &Clock) -> Result<Arc<Timetable>> {
        let read = || {
            let (pool, clock, known) = (background.clone(), clock.clone(), self.0.known());
            async move { Box::pin(db::while_open(&pool, read(&pool, &clock, known))).await }
        };
        Ok(self.0.get(clock, read).await?.timetable.clone())
    }
}

async fn read(pool: &PgPool, clock: &Clock, known: Option<Arc<Known>>) -> Result<Known> {
    let mut tx = pool.begin().await?;
    // A plan for this mark, not for any: few flights changed, and the first reading may take its time.
    for setting in [
        "set transaction isolation level repeatable read read only",
        "set local plan_cache_mode = 'force_custom_plan'",
        "set local statement_timeout = 0",
    ] {
        sqlx::query(setting).execute(&mut *tx).await?;
    }
    let next = refreshed(&mut tx, known.as_deref().cloned(), clock).await?;
    tx.commit().await?;
    Ok(next)
}

async fn refreshed(conn: &mut PgConnection, known: Option<Known>, clock: &Clock) -> Result<Known> {
    let Mark { mark, version } = mark(conn).await?;
    // A database that was restored counts its transactions anew: nothing of the old count can be trusted.
    let known = known.filter(|known| known.mark <= mark);
    let since = known.as_ref().map(|known| known.mark);
    let old = known.map_or_else(Arc::default, |known| known.timetable);
    let mut catalogue = old.catalogue.clone();
    if since.is_none() || catalogue.version != version {
        let mut read = catalogue.load(conn).await?;
        read.version = version;
        catalogue = Arc::new(read);
    }
    let now = clock.now();
    let (gone, legs) = match since {
        None => (HashSet::new(), all(conn, &catalogue, now).await?),
        Some(since) => {
            let rows = changed(conn, since).await?;
            let unknown = |row: &Row| leg(&catalogue, row).is_none();
            if rows.iter().any(unknown) {
                catalogue = Arc::new(catalogue.load(conn).await?);
            }
            let flying = rows.iter().filter(|row| row.flies && row.departs_at > now);
            let legs = flying.filter_map(|row| leg(&catalogue, row)).collect();
            (rows.iter().map(|row| row.id).collect(), legs)
        }
    };
    let timetable = tokio::task::spawn_blocking(move || {
        Arc::new(old.with(catalogue, &gone, legs, seconds(now)))
    })
    .await
    .map_err(|_| Error::Internal("reading the timetable stopped".to_owned()))?;
    Ok(Known { timetable, mark })
}

struct Row {
    id: Uuid,
    airline: String,
    flight_number: String,
    origin: String,
    destination: String,
    departure_date: NaiveDate,
    departs_at: DateTime<Utc>,
    arrives_at: DateTime<Utc>,
    flies: bool,
}

fn leg(catalogue: &Catalogue, row: &Row) -> Option<Leg> {
    let (origin, destination) = (
        catalogue.airport(&row.origin)?,
        catalogue.airport(&row.destination)?,
    );
    let minute = |instant, airport| {
        use chrono::Timelike;
        let local = zone::local(instant, catalogue.at(airport).zone);
        u16::try_from(local.hour() * 60 + local.minute()).unwrap_or(u16::MAX)
    };
    Some(Leg {
        id: row.id,
        departs: seconds(row.departs_at),
        arrives: seconds(row.arrives_at),
        number: number_code(&row.flight_number),
        origin,
        destination,
        airline: catalogue.airline(&row.airline)?,
        date: day_number(row.departure_date),
        departs_local: minute(row.departs_at, origin),
        arrives_local: minute(row.arrives_at, destination),
    })
}

struct Mark {
    mark: u64,
    version: i64,
}

async fn mark(conn: &mut PgConnection) -> Result<Mark> {
    let row = sqlx::query!(
        r#"
        select pg_snapshot_xmin(pg_current_snapshot())::text as "mark!",
            coalesce((select version from catalogue_version), 0) as "version!"
        "#
    )
    .fetch_one(conn)
    .await?;
    let mark = row.mark.parse();
    let mark = mark.map_err(|_| Error::Internal(format!("{:?} is no transaction", row.mark)))?;
    Ok(Mark {
        mark,
        version: row.version,
    })
}

// A row at a time: a million of them at once would take more memory than the timetable.
async fn all(
    conn: &mut PgConnection,
    catalogue: &Catalogue,
    now: DateTime<Utc>,
) -> Result<LegsByDay> {
    let mut rows = sqlx::query_as!(
        Row,
        r#"
        select id, airline, flight_number, origin, destination, departure_date, departs_at, arrives_at, true as "flies!"
        from flight where departs_at > $1 and status = 'scheduled'
        "#,
        now,
    )
    .fetch(conn);
    let mut legs = LegsByDay::default();
    while let Some(row) = rows.try_next().await? {
        legs.extend(leg(catalogue, &row));
    }
    Ok(legs)
}

async fn changed(conn: &mut PgConnection, since: u64) -> Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select id, airline, flight_number, origin, destination, departure_date, departs_at, arrives_at,
               status = 'scheduled' as "flies!"
        from flight
        where changed_in >= $1::text::xid8
          -- A restored database has changes of transactions that it has not begun yet; they are no news.
          and changed_in < pg_snapshot_xmax(pg_current_snapshot())
        "#,
        since.to_string(),
    );
    Ok(rows.fetch_all(conn).await?)
}

/// The flights that [`changed`] finds.
#[cfg(test)]
pub(super) async fn changes(conn: &mut PgConnection, since: u64) -> Result<Vec<Uuid>> {
    let rows = changed(conn, since).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}
