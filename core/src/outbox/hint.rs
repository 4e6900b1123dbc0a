//! A hint to idle workers that a job may have been promised.

use sqlx::PgConnection;

use crate::Result;

/// The channel of PostgreSQL on which workers listen.
pub const HINTS: &str = "flightdesk_jobs";

/// Tells idle workers to look for jobs now.
///
/// Call it after the commit, and never within the transaction that promises a job: a transaction that notifies takes one
/// lock over all databases of the server when it commits, and bookings would pass one after the other.
pub async fn hint(conn: &mut PgConnection) -> Result<()> {
    sqlx::query!("select pg_notify($1, '')", HINTS)
        .fetch_one(conn)
        .await?;
    Ok(())
}
