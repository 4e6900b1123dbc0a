//! How to connect, and what every session is set to.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions, PgConnection, PgPool};

use crate::config;

/// What every session is set to beside its statement timeout.
///
/// Not by start-up parameters: a pooler refuses those it does not know. A session is set after it was made; behind a
/// pooler in transaction mode that reaches one server connection only, so `manage migrate` also makes these the
/// defaults of the role in the database.
const SESSION_SETTINGS: &[(&str, &str)] = &[
    // No transaction here waits for anything but PostgreSQL. Whoever goes away inside one keeps its locks so long.
    ("idle_in_transaction_session_timeout", "10000"),
    ("default_transaction_isolation", "read committed"),
    // Planning the joins of a search takes longer than running them, and no statement here needs another plan
    // for other values: each connection plans it once.
    ("plan_cache_mode", "force_generic_plan"),
    // sqlx cannot set these options on its own end of the socket; with them the server's end finds out within half a
    // minute that the other is gone, and gives up what it has locked.
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "20000"),
];

/// More than there are statements: one that a connection has forgotten is prepared again, a round trip more each time.
const STATEMENTS: usize = 1_000;

/// The longest a direct connection may take to make.
const CONNECT: Duration = Duration::from_secs(10);

/// The options of `DATABASE_URL`. Its error quotes no address, which would hold a password.
pub(super) fn connect_options(
    settings: &config::Database,
    application: &str,
) -> Result<PgConnectOptions, sqlx::Error> {
    parse(
        &settings.database_url,
        settings,
        "DATABASE_URL",
        application,
    )
}

fn parse(
    url: &SecretString,
    settings: &config::Database,
    name: &str,
    application: &str,
) -> Result<PgConnectOptions, sqlx::Error> {
    let url = url.expose_secret();
    let mut options: PgConnectOptions = url.parse().map_err(|_| {
        sqlx::Error::Configuration(
            format!("{name} is not an address like postgres://user:password@host:port/database")
                .into(),
        )
    })?;
    if let Some(file) = &settings.database_ca_file {
        check_authority(file)?;
        options = options.ssl_root_cert(file);
        // An authority that nobody asks proves nothing: `prefer` and `require` take any certificate.
        if !url.contains("sslmode=") && !url.contains("ssl-mode=") {
            options = options.ssl_mode(PgSslMode::VerifyFull);
        }
    }
    // `?statement-cache-capacity=` of the address wins.
    if !url.contains("statement-cache-capacity=") {
        options = options.statement_cache_capacity(STATEMENTS);
    }
    Ok(options
        .application_name(application)
        // A pooler refuses this start-up parameter, and nothing here reads a float as text.
        .extra_float_digits(None))
}

/// Says which setting is wrong before a connection fails with a bare "no such file".
fn check_authority(file: &Path) -> Result<(), sqlx::Error> {
    let why = match std::fs::read_to_string(file) {
        Ok(text) if text.contains("BEGIN CERTIFICATE") => return Ok(()),
        Ok(_) => "has no certificate in PEM".to_owned(),
        Err(error) => format!("cannot be read: {error}"),
    };
    let message = format!("DATABASE_CA_FILE: {} {why}", file.display());
    Err(sqlx::Error::Configuration(message.into()))
}

/// Where `DATABASE_URL` leads, without user and password.
pub fn place(settings: &config::Database) -> Result<String, sqlx::Error> {
    Ok(place_of(&connect_options(settings, "")?))
}

fn place_of(options: &PgConnectOptions) -> String {
    format!(
        "{}:{}/{}",
        options.get_host(),
        options.get_port(),
        options.get_database().unwrap_or("")
    )
}

/// The role that `DATABASE_URL` names.
pub fn role(settings: &config::Database) -> Result<String, sqlx::Error> {
    Ok(connect_options(settings, "")?.get_username().to_owned())
}

/// What `manage migrate` makes the defaults of that role behind a pooler.
pub fn role_settings(settings: &config::Database) -> Vec<(&'static str, String)> {
    let timeout = settings.database_statement_timeout_ms.to_string();
    std::iter::once(("statement_timeout", timeout))
        .chain(
            SESSION_SETTINGS
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        )
        .collect()
}

/// What the session of a role would lack when nobody sets it, where a pooler gives out sessions; `None` when nothing, or
/// when there is no pooler.
pub async fn lost_settings(
    pool: &PgPool,
    settings: &config::Database,
) -> Result<Option<String>, sqlx::Error> {
    if settings.direct_database_url.is_none() {
        return Ok(None);
    }
    let defaults: Vec<String> = sqlx::query_scalar(
        "select unnest(setconfig) from pg_db_role_setting
         where setdatabase = (select oid from pg_database where datname = current_database())
           and setrole = (select oid from pg_roles where rolname = current_user)",
    )
    .fetch_all(pool)
    .await?;
    let lost: Vec<_> = role_settings(settings)
        .into_iter()
        .filter(|(name, value)| !defaults.contains(&format!("{name}={value}")))
        .map(|(name, _)| name)
        .collect();
    Ok((!lost.is_empty()).then(|| lost.join(", ")))
}

/// The statements that set a session, in one round trip.
pub(super) fn session(statement_timeout_ms: u32) -> String {
    let mut statements = format!("set statement_timeout = {statement_timeout_ms}");
    for (name, value) in SESSION_SETTINGS {
        // Writing to a string cannot fail.
        let _ = write!(statements, "; set {name} = '{value}'");
    }
    statements
}

/// Why a direct connection was not made.
#[derive(Debug, thiserror::Error)]
#[error("cannot connect to PostgreSQL at {place} ({setting}): {why}")]
pub struct DirectError {
    place: String,
    setting: &'static str,
    why: String,
}

/// The options of `DIRECT_DATABASE_URL`, else of `DATABASE_URL`.
pub(super) fn direct_options(
    settings: &config::Database,
    application: &str,
) -> Result<PgConnectOptions, sqlx::Error> {
    let (url, setting) = direct_url(settings);
    parse(url, settings, setting, application)
}

fn direct_url(settings: &config::Database) -> (&SecretString, &'static str) {
    match &settings.direct_database_url {
        Some(url) => (url, "DIRECT_DATABASE_URL"),
        None => (&settings.database_url, "DATABASE_URL"),
    }
}

/// One connection past any pooler, for a command that may take its time or needs a session: `DIRECT_DATABASE_URL`, else
/// `DATABASE_URL`. It has no statement timeout.
pub async fn direct(
    settings: &config::Database,
    application: &str,
) -> Result<PgConnection, DirectError> {
    let (_, setting) = direct_url(settings);
    let failed = |place: &str, why: String| DirectError {
        place: place.to_owned(),
        setting,
        why,
    };
    let options = direct_options(settings, application)
        .map_err(|error| failed("an unreadable address", error.to_string()))?;
    let place = place_of(&options);
    let connected = async {
        let mut conn = options.connect().await?;
        sqlx::raw_sql("set statement_timeout = 0")
            .execute(&mut conn)
            .await?;
        Ok(conn)
    };
    match tokio::time::timeout(CONNECT, connected).await {
        Ok(Ok(conn)) => Ok(conn),
        Ok(Err(error)) => Err(failed(&place, crate::db_error::explain(&error))),
        Err(_) => Err(failed(
            &place,
            format!("no answer in {} seconds", CONNECT.as_secs()),
        )),
    }
}
