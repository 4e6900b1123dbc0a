//! Is it alive, and may it have traffic.
//!
//! **Readiness tells of the timetable, and does not wait for it.** A process that has just begun reads it without
//! being asked; until then `/health/ready` says `degraded`, searches wait up to ten seconds for it, and everything
//! else works.

use flightdesk_core::db_error;
use std::time::Duration;

use flightdesk_core::outbox::Queue;
use flightdesk_core::{Error, db, outbox, redis, zone};
use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};

use crate::app::App;
use crate::openapi::tags::Tag;

/// Liveness and readiness.
pub struct Health;

/// The longest any check may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// A worker that has not said anything for so long is taken for dead.
const WORKER_SILENCE: chrono::Duration = chrono::Duration::seconds(30);
/// A job that is due for so long waits for something that does not work.
const JOB_PATIENCE: chrono::Duration = chrono::Duration::seconds(60);

/// PostgreSQL's code for a table that does not exist.
const UNDEFINED_TABLE: &str = "42P01";

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
    /// `database`, `migrations`, `redis`, `worker`, `queues`, `timetable`, `time_zones`; `process` while it stops
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
    /// Checks the process only, not its dependencies: a database that is away is no reason to restart it.
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
        let (database, redis, worker, queues, timetable) = tokio::join!(
            database(app),
            redis(app),
            worker(app),
            queues(app),
            timetable(app)
        );
        let mut checks = database;
        checks.extend([redis, worker, queues, timetable, time_zones()]);
        if app.stopping.is_set() {
            let detail = Some("the process is about to stop: send requests to another");
            checks.push(check("process", Status::Down, detail));
        }
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
    let away = |why: String| {
        let detail = format!("PostgreSQL cannot be used: {why}");
        vec![check("database", Status::Down, Some(&detail))]
    };
    // The pool only says that no connection was free; who watches over it knows why none can be made.
    let trouble = || {
        app.background
            .trouble()
            .unwrap_or_else(|| "it does not answer".to_owned())
    };
    let asked = async {
        let is_writable = db::is_writable(&app.background).await?;
        Ok((is_writable, db::is_migrated(&app.background).await))
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok((true, migrated))) => vec![check("database", Status::Ok, None), migrations(migrated)],
        Ok(Ok((false, _))) => {
            away("it is read-only: a standby, or a primary that became one".to_owned())
        }
        Ok(Err(sqlx::Error::PoolTimedOut)) | Err(_) => away(trouble()),
        Ok(Err(error)) => away(db_error::explain(&error)),
    }
}

fn migrations(migrated: Result<bool, sqlx::Error>) -> Check {
    let detail = match migrated {
        Ok(true) => return check("migrations", Status::Ok, None),
        Ok(false) => "the schema is not this program's: run `manage migrate`".to_owned(),
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(UNDEFINED_TABLE) => {
            "there is no schema: run `manage migrate`".to_owned()
        }
        Err(error) => format!("the schema cannot be read: {}", db_error::explain(&error)),
    };
    check("migrations", Status::Down, Some(&detail))
}

/// Runs the script that limits requests, on the connection that limits and kept searches use.
async fn redis(app: &App) -> Check {
    let why = match tokio::time::timeout(PATIENCE, app.limits.probe()).await {
        Ok(Ok(())) => return check("redis", Status::Ok, None),
        Ok(Err(error)) => redis::explain(&error),
        Err(_) => "it does not answer".to_owned(),
    };
    let detail = format!(
        "Redis cannot be used: {why}. Jobs wait, searches are not kept, each process limits by itself"
    );
    check("redis", Status::Degraded, Some(&detail))
}

/// Whether a worker has a recent heartbeat and no due job waits too long. A worker sends heartbeats only while everything
/// that its jobs need works.
async fn worker(app: &App) -> Check {
    let asked = async {
        let mut conn = app.background.acquire().await?;
        let live = outbox::count_live(&mut conn, &app.clock, WORKER_SILENCE).await?;
        let mut longest = chrono::Duration::zero();
        for queue in Queue::ALL {
            longest = longest.max(outbox::lag(&mut conn, &app.clock, *queue).await?);
        }
        Ok::<_, Error>((live, longest))
    };
    let detail = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok((0, _))) => {
            "no worker is running, or none can process jobs; jobs are waiting".to_owned()
        }
        Ok(Ok((_, longest))) if longest > JOB_PATIENCE => {
            format!("a job has been due for {} seconds", longest.num_seconds())
        }
        Ok(Ok(_)) => return check("worker", Status::Ok, None),
        Ok(Err(_)) | Err(_) => "not known without the database".to_owned(),
    };
    check("worker", Status::Degraded, Some(&detail))
}

/// Queues that are paused because the back-end they need is away: what they hold is late, and not lost.
async fn queues(app: &App) -> Check {
    let outages = async {
        let mut conn = app.background.acquire().await?;
        outbox::outages(&mut conn).await
    };
    let Ok(Ok(away)) = tokio::time::timeout(PATIENCE, outages).await else {
        let unknown = "not known without the database";
        return check("queues", Status::Degraded, Some(unknown));
    };
    let told: Vec<_> = away.iter().map(ToString::to_string).collect();
    match told.as_slice() {
        [] => check("queues", Status::Ok, None),
        told => check("queues", Status::Degraded, Some(&told.join("; "))),
    }
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
