//! One connection for a command that may take its time.

use anyhow::Context;
use flightdesk_core::config::Settings;
use secrecy::ExposeSecret;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};

/// Connects without a statement timeout, or says where it tried to.
pub(crate) async fn database(settings: &Settings) -> anyhow::Result<PgConnection> {
    let options = options(settings)?;
    let place = format!(
        "{}:{}/{}",
        options.get_host(),
        options.get_port(),
        options.get_database().unwrap_or("")
    );
    options
        .connect()
        .await
        .with_context(|| format!("cannot connect to PostgreSQL at {place} (DATABASE_URL)"))
}

fn options(settings: &Settings) -> anyhow::Result<PgConnectOptions> {
    // The reason is left out: it may quote the address, and that holds a password.
    let options: PgConnectOptions = settings
        .database
        .database_url
        .expose_secret()
        .parse()
        .map_err(|_| {
            anyhow::anyhow!("DATABASE_URL is no postgres://user:password@host:port/database")
        })?;
    Ok(options
        .application_name("flightdesk manage")
        .options([("timezone", "UTC"), ("statement_timeout", "0")]))
}
