//! Is it alive, and may it have traffic.

use std::time::Duration;

use flightdesk_core::{db, outbox, zone};
use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};

use crate::app::App;
use crate::tags::Tag;

/// Liveness and readiness.
pub struct Health;

/// The longest any check may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// A worker that has not said anything for so long is taken for dead.
const WORKER_SILENCE: chrono::Duration = chrono::Duration::seconds(30);

/// How the service is
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "HealthStatus", rename_all = "snake_case")]
pub enum Status {
    /// All is well
    Ok,
    /// It serves; something that can be done later waits
    Degraded,
    /// It cannot serve
    Down,
}

/// What was found
#[derive(Debug, Object)]
#[oai(rename = "Health")]
pub struct Report {
    status: Status,
    checks: Vec<Check>,
}

/// One thing that was looked at
#[derive(Debug, Object)]
#[oai(rename = "HealthCheck", skip_serializing_if_is_none)]
pub struct Check {
    /// `database`, `migrations`, `redis`, `worker`, `timetable`, `time_zones`
    name: String,
    status: Status,
    /// What was found, for people
    detail: Option<String>,
}

/// Whether it may have traffic
#[derive(ApiResponse)]
pub enum Readiness {
    /// It serves
    #[oai(status = 200)]
    Ready(Json<Report>),
    /// It cannot serve
    #[oai(status = 503)]
    Down(Json<Report>),
}

#[OpenApi(prefix_path = "/health", tag = "Tag::Operations")]
impl Health {
    /// The process runs
    ///
    /// Asks nobody: a database that is away is no reason to restart it.
    #[oai(path = "/live", method = "get", operation_id = "health_live")]
    #[expect(clippy::unused_async, reason = "operations are async")]
    async fn live(&self) -> Json<Report> {
        Json(Report {
            status: Status::Ok,
            checks: Vec::new(),
        })
    }

    /// The process may have traffic
    ///
    /// Without Redis or a worker bookings go on and jobs wait, and until the timetable is read searches do: that is
    /// `degraded`, and 200.
    #[oai(path = "/ready", method = "get", operation_id = "health_ready")]
    async fn ready(&self, Data(app): Data<&App>) -> Readiness {
        let (database, redis, worker, timetable) =
            tokio::join!(database(app), redis(app), worker(app), timetable(app));
        let mut checks = database;
        checks.extend([redis, worker, timetable, time_zones()]);
        let status = checks
            .iter()
            .map(|check| check.status)
            .max_by_key(|status| *status as u8);
        let status = status.unwrap_or(Status::Ok);
        let report = Json(Report { status, checks });
        match status {
            Status::Ok | Status::Degraded => Readiness::Ready(report),
            Status::Down => Readiness::Down(report),
        }
    }
}

fn check(name: &str, status: Status, detail: Option<&str>) -> Check {
    Check {
        name: name.to_owned(),
        status,
        detail: detail.map(str::to_owned),
    }
}

async fn database(app: &App) -> Vec<Check> {
    match tokio::time::timeout(PATIENCE, db::is_migrated(&app.db)).await {
        Ok(Ok(true)) => vec![
            check("database", Status::Ok, None),
            check("migrations", Status::Ok, None),
        ],
        Ok(Ok(false)) => vec![
            check("database", Status::Ok, None),
            check(
                "migrations",
                Status::Down,
                Some("the schema is not this program's: run `manage migrate`"),
            ),
        ],
        Ok(Err(sqlx::Error::Database(_))) => vec![
            check("database", Status::Ok, None),
            check(
                "migrations",
                Status::Down,
                Some("there is no schema: run `manage migrate`"),
            ),
        ],
        Ok(Err(_)) | Err(_) => vec![check(
            "database",
            Status::Down,
            Some("PostgreSQL does not answer"),
        )],
    }
}

async fn redis(app: &App) -> Check {
    let mut redis = app.redis.clone();
    let ping = redis::cmd("PING");
    match tokio::time::timeout(PATIENCE, ping.query_async::<String>(&mut redis)).await {
        Ok(Ok(_)) => check("redis", Status::Ok, None),
        Ok(Err(_)) | Err(_) => check(
            "redis",
            Status::Degraded,
            Some("Redis does not answer: jobs wait, nobody is limited"),
        ),
    }
}

async fn worker(app: &App) -> Check {
    let living = async {
        let mut conn = app.db.acquire().await?;
        outbox::living(&mut conn, &app.clock, WORKER_SILENCE).await
    };
    let (status, detail) = match tokio::time::timeout(PATIENCE, living).await {
        Ok(Ok(0)) => (Status::Degraded, Some("no worker lives: jobs wait")),
        Ok(Ok(_)) => (Status::Ok, None),
        Ok(Err(_)) | Err(_) => (Status::Degraded, Some("not known without the database")),
    };
    check("worker", status, detail)
}

/// Asking for the timetable has it read, so that the first search need not wait.
async fn timetable(app: &App) -> Check {
    let (status, detail) = match tokio::time::timeout(PATIENCE, app.timetable()).await {
        Ok(Ok(_)) => (Status::Ok, None),
        Ok(Err(_)) => (Status::Degraded, Some("not known without the database")),
        Err(_) => (Status::Degraded, Some("is being read: searches wait")),
    };
    check("timetable", status, detail)
}

/// Offsets come from the release that the program was built with; a build without it may sell no flight.
fn time_zones() -> Check {
    let release = zone::release();
    let status = if release == "unknown" {
        Status::Down
    } else {
        Status::Ok
    };
    check("time_zones", status, Some(release))
}
