//! Keeps the timetable of a process up to date: all of it once, then what changed.
//!
//! Each flight carries the transaction that wrote it last. A reader remembers the oldest transaction that was still
//! running when it read (`pg_snapshot_xmin`) and asks next time for everything written by that or a later one: a
//! transaction that commits late is read late, never missed.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, Utc};
use futures::TryStreamExt;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::catalogue::Catalogue;
use super::timetable::{Leg, Timetable, day_number, number_code, seconds};
use crate::clock::Clock;
use crate::{Error, Result, zone};

/// Changes of flights are seen this long after they were committed, or a little later under load.
const EVERY: Duration = Duration::from_secs(2);
/// Airlines, agreements and connection times change seldom.
const CATALOGUE_EVERY: Duration = Duration::from_secs(30);

/// The timetable of this process, about two seconds old at most; cheap to clone, the clones share it.
#[derive(Clone, Debug)]
pub struct TimetableCache {
    every: Duration,
    known: Arc<RwLock<Option<Known>>>,
    reading: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Clone, Debug)]
struct Known {
    timetable: Arc<Timetable>,
    // Everything before this transaction is in the timetable.
    mark: u64,
    read_at: Instant,
    catalogue_at: Instant,
}

impl Default for TimetableCache {
    fn default() -> Self {
        Self::new(EVERY)
    }
}

impl TimetableCache {
    /// A cache that reads what changed when it last did `every` ago; with zero it does so each time it is asked.
    pub fn new(every: Duration) -> Self {
        Self {
            every,
            known: Arc::default(),
            reading: Arc::default(),
        }
    }

    /// The timetable, where nothing is to be read for it.
    pub fn fresh(&self) -> Option<Arc<Timetable>> {
        let known = self.known()?;
        (known.read_at.elapsed() < self.every).then_some(known.timetable)
    }

    /// The timetable. The first call reads all future flights and whoever comes meanwhile waits for it; later ones
    /// are answered at once and refresh it in the background, unless nobody has asked for a while.
    pub async fn get(&self, pool: &PgPool, clock: &Clock) -> Result<Arc<Timetable>> {
        if let Some(timetable) = self.fresh() {
            return Ok(timetable);
        }
        match self.known() {
            Some(known) if known.read_at.elapsed() < self.every * 5 => {
                if let Ok(turn) = self.reading.clone().try_lock_owned() {
                    let (cache, pool, clock) = (self.clone(), pool.clone(), clock.clone());
                    tokio::spawn(async move {
                        let _turn = turn;
                        if let Err(error) = cache.read(&pool, &clock).await {
                            tracing::warn!(%error, "the timetable could not be refreshed");
                        }
                    });
                }
                return Ok(known.timetable);
            }
            Some(_) | None => {}
        }
        let asked = Instant::now();
        let _turn = self.reading.lock().await;
        match self.known() {
            Some(known) if known.read_at > asked => Ok(known.timetable),
            Some(_) | None => self.read(pool, clock).await,
        }
    }

    fn known(&self) -> Option<Known> {
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn read(&self, pool: &PgPool, clock: &Clock) -> Result<Arc<Timetable>> {
        let read_at = Instant::now();
        let known = self.known();
        let mut tx = pool.begin().await?;
        // A plan for this mark, not for any: few flights changed, and the first reading may take its time.
        for setting in [
            "set transaction isolation level repeatable read read only",
            "set local plan_cache_mode = 'force_custom_plan'",
            "set local statement_timeout = 0",
        ] {
            sqlx::query(setting).execute(&mut *tx).await?;
        }
        let next = refreshed(&mut tx, known, clock, read_at).await?;
        tx.commit().await?;
        let timetable = next.timetable.clone();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(next);
        Ok(timetable)
    }
}

async fn refreshed(
    conn: &mut PgConnection,
    known: Option<Known>,
    clock: &Clock,
    read_at: Instant,
) -> Result<Known> {
    let mark = mark(conn).await?;
    // A database that was restored counts its transactions anew: nothing of the old count can be trusted.
    let known = known.filter(|known| known.mark <= mark);
    let since = known.as_ref().map(|known| known.mark);
    let (old, mut catalogue_at) = match known {
        Some(known) => (known.timetable, known.catalogue_at),
        None => (Arc::default(), read_at),
    };
    let mut catalogue = old.catalogue.clone();
    let due = catalogue_at.elapsed() >= CATALOGUE_EVERY;
    if since.is_none() || due {
        catalogue = Arc::new(catalogue.load(conn).await?);
        catalogue_at = read_at;
    }
    let now = clock.now();
    let (gone, legs) = match since {
        None => (HashSet::new(), all(conn, &catalogue, now).await?),
        Some(since) => {
            let rows = changed(conn, since).await?;
            let unknown = |row: &Row| leg(&catalogue, row).is_none();
            if rows.iter().any(unknown) {
                catalogue = Arc::new(catalogue.load(conn).await?);
                catalogue_at = read_at;
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
    Ok(Known {
        timetable,
        mark,
        read_at,
        catalogue_at,
    })
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

async fn mark(conn: &mut PgConnection) -> Result<u64> {
    let text =
        sqlx::query_scalar!(r#"select pg_snapshot_xmin(pg_current_snapshot())::text as "mark!""#)
            .fetch_one(conn)
            .await?;
    text.parse()
        .map_err(|_| Error::Internal(format!("{text:?} is no transaction")))
}

// A row at a time: a million of them at once would take more memory than the timetable.
async fn all(
    conn: &mut PgConnection,
    catalogue: &Catalogue,
    now: DateTime<Utc>,
) -> Result<Vec<Leg>> {
    let mut rows = sqlx::query_as!(
        Row,
        r#"
        select id, airline, flight_number, origin, destination, departure_date, departs_at, arrives_at, true as "flies!"
        from flight where departs_at > $1 and status = 'scheduled'
        "#,
        now,
    )
    .fetch(conn);
    let mut legs = Vec::new();
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
        from flight where changed_in >= $1::text::xid8
        "#,
        since.to_string(),
    );
    Ok(rows.fetch_all(conn).await?)
}
