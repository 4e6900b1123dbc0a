//! One connection for a command that may take its time.

use flightdesk_core::config::Settings;
use flightdesk_core::db;
use sqlx::PgConnection;

/// Connects without a statement timeout and past any pooler, or says where it tried to.
pub(crate) async fn database(settings: &Settings) -> anyhow::Result<PgConnection> {
    Ok(db::direct(&settings.database, "flightdesk manage").await?)
}
