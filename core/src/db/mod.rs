//! The connections to PostgreSQL and the migrations.
//!
//! **Sessions are set after they are made, not by start-up parameters.** `PgBouncer` refuses parameters that it
//! does not know. In transaction mode a `set` reaches one server connection only, so with `DIRECT_DATABASE_URL`,
//! which says that `DATABASE_URL` is a pooler, `manage migrate` makes the same settings defaults of the role in the
//! database. Locks are of transactions, never of sessions.

mod options;
mod pool;
mod pooler;
mod watch;

use std::time::{Duration, Instant};

use sqlx::PgPool;
use sqlx::migrate::Migrator;

use crate::config;
use crate::db_error::{MIXED_UP_STATEMENTS, explain};
use pooler::Session;

pub use options::{DirectError, direct, lost_settings, place, role, role_settings};
pub use pool::Pool;
pub use watch::watch;

/// All migrations, forward only.
pub static MIGRATOR: Migrator = sqlx::migrate!("../migrations");

/// The exit code of a process that has not reached PostgreSQL: `EX_UNAVAILABLE` of sysexits.h.
pub const UNREACHABLE: u8 = 69;

/// A pool that connects when it is first used. [`watch`] renews it when its connections fall silent.
///
/// Every connection has a statement timeout and an idle-in-transaction timeout; a request that finds no free
/// connection in time gets [`sqlx::Error::PoolTimedOut`].
pub fn pool(settings: &config::Database, application: &str) -> Result<Pool, sqlx::Error> {
    Pool::open(settings, application)
}

/// Connections for what a process does beside its requests: reading what it keeps in memory, readiness. A pool of its
/// own, to the same database, so that no number of requests can keep them.
pub fn background(requests: &Pool) -> Pool {
    requests.background()
}

/// Reads from a pool until it is closed, as it is when its connections have fallen silent.
pub async fn while_open<T, E: From<sqlx::Error>>(
    pool: &PgPool,
    read: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    pool.close_event().do_until(read).await?
}

/// Whether the database has exactly the migrations this program was built with.
pub async fn is_migrated(pool: &PgPool) -> Result<bool, sqlx::Error> {
    let applied: Option<i64> =
        sqlx::query_scalar("select max(version) from _sqlx_migrations where success")
            .fetch_one(pool)
            .await?;
    Ok(applied == MIGRATOR.iter().map(|migration| migration.version).max())
}

/// Whether the database takes changes: a standby does not, nor a primary that was told so.
pub async fn is_writable(pool: &PgPool) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select not current_setting('transaction_read_only')::boolean")
        .fetch_one(pool)
        .await
}

/// Waits until PostgreSQL gives a connection, as long as the settings say; the log says once what it waits for.
///
/// The error is a sentence that names the setting and the cause, at once for a pooler that mixes up prepared statements.
pub async fn wait_for(pool: &Pool, settings: &config::Database) -> Result<(), String> {
    let patience = Duration::from_secs(settings.database_start_seconds);
    let began = Instant::now();
    let place = place(settings).map_err(|error| error.to_string())?;
    let mut told = false;
    loop {
        let error = match reach(pool, settings).await {
            Ok(Session::Own) => return Ok(()),
            Ok(Session::Shared) => {
                pool.note_shared_sessions();
                return Ok(());
            }
            Ok(Session::MixedUp) => {
                let why = MIXED_UP_STATEMENTS;
                return Err(format!(
                    "cannot use PostgreSQL at {place} (DATABASE_URL): {why}"
                ));
            }
            Err(error) => error,
        };
        let why = pool.trouble().unwrap_or_else(|| explain(&error));
        let sentence = format!("cannot connect to PostgreSQL at {place} (DATABASE_URL): {why}");
        if began.elapsed() >= patience {
            return Err(sentence);
        }
        if !std::mem::replace(&mut told, true) {
            tracing::warn!("{sentence}; trying for {} seconds", patience.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Takes a connection of the pool, and finds out what its address leads to.
async fn reach(pool: &Pool, settings: &config::Database) -> Result<Session, sqlx::Error> {
    drop(pool.acquire().await?);
    pooler::find_out(settings, "flightdesk start").await
}
