//! The connection pool and the migrations.

use std::time::Duration;

use secrecy::ExposeSecret;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgPool};

use crate::config;

/// A connection that nobody has used for so long is asked whether it lives before it is used again.
const PING_AFTER: Duration = Duration::from_secs(1);

/// All migrations, forward only.
pub static MIGRATOR: Migrator = sqlx::migrate!("../migrations");

/// A pool that connects when it is first used, so that a process starts while PostgreSQL is away.
///
/// Every connection has a statement timeout and an idle-in-transaction timeout; a request that finds no free
/// connection in time gets [`sqlx::Error::PoolTimedOut`].
pub fn pool(settings: &config::Database, application: &str) -> Result<PgPool, sqlx::Error> {
    let statement_timeout = settings.database_statement_timeout_ms.to_string();
    let options: PgConnectOptions = settings.database_url.expose_secret().parse()?;
    let options = options.application_name(application).options([
        ("statement_timeout", statement_timeout.as_str()),
        ("idle_in_transaction_session_timeout", "30000"),
        ("default_transaction_isolation", "read committed"),
        ("timezone", "UTC"),
        // Planning the joins of a search takes longer than running them, and no statement here needs another plan
        // for other values: each connection plans it once.
        ("plan_cache_mode", "force_generic_plan"),
    ]);
    Ok(PgPoolOptions::new()
        .max_connections(settings.database_max_connections)
        .acquire_timeout(Duration::from_secs(settings.database_acquire_seconds))
        // A ping before every use doubles the round trips of a lookup by key. One that was used a moment ago lives.
        .test_before_acquire(false)
        .before_acquire(|conn, about| {
            Box::pin(async move {
                if about.idle_for >= PING_AFTER {
                    conn.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options))
}

/// Whether the database has exactly the migrations this program was built with.
pub async fn is_migrated(pool: &PgPool) -> Result<bool, sqlx::Error> {
    let applied: Option<i64> =
        sqlx::query_scalar("select max(version) from _sqlx_migrations where success")
            .fetch_one(pool)
            .await?;
    Ok(applied == MIGRATOR.iter().map(|migration| migration.version).max())
}
