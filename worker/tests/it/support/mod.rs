//! What the tests of the worker stand on: a Redis of their own, real worker processes, an SMTP server, bookings.

pub mod api;
pub mod balancers;
pub mod bookings;
pub mod process;
pub mod proxy;
pub mod redis;
pub mod smtp;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use flightdesk_core::Clock;
use flightdesk_core::outbox::JobStatus;
use flightdesk_core::payment::stripe::Stripe;
use flightdesk_core::storage::Storage;
use flightdesk_worker::settings::Cli;
use flightdesk_worker::{Ctx, Mailer, Texter, WebhookClient};
use sqlx::PgPool;

/// A context for jobs that run in this process: documents and mail in memory, the system's clock.
pub fn ctx(pool: &PgPool, clock: Clock) -> Ctx {
    let cli = Cli::parse_from(["worker"]);
    Ctx {
        db: pool.clone().into(),
        clock,
        storage: Storage::memory(),
        stripe: Stripe::new(&cli.settings).unwrap(),
        mail: Mailer::memory(),
        texter: Texter::memory(),
        webhooks: WebhookClient::new(&cli.settings),
        settings: Arc::new(cli.settings),
    }
}

/// A folder that is gone when the test is over.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("flightdesk-worker-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Names of the finished mails in it.
    pub fn mails(&self) -> Vec<String> {
        std::fs::read_dir(&self.0)
            .map(|entries| {
                entries
                    .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                    .filter(|name| !name.starts_with('.'))
                    .filter(|name| Path::new(name).extension().is_some_and(|end| end == "eml"))
                    .collect()
            })
            .unwrap_or_default()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// How many jobs stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub waiting: i64,
    pub queued: i64,
    pub running: i64,
    pub done: i64,
    pub dead: i64,
}

impl Tally {
    pub fn done(done: i64) -> Self {
        Self {
            done,
            ..Self::default()
        }
    }
}

pub async fn tally(pool: &PgPool) -> Tally {
    let rows = sqlx::query!(
        r#"select status as "status: JobStatus", count(*) as "jobs!" from outbox group by status"#
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let mut tally = Tally::default();
    for row in rows {
        *match row.status {
            JobStatus::Waiting => &mut tally.waiting,
            JobStatus::Queued => &mut tally.queued,
            JobStatus::Running => &mut tally.running,
            JobStatus::Done => &mut tally.done,
            JobStatus::Dead => &mut tally.dead,
        } = row.jobs;
    }
    tally
}

/// Waits until the jobs stand as expected, or fails with how they stand.
pub async fn until(pool: &PgPool, expected: Tally, within: Duration) {
    let began = Instant::now();
    loop {
        let now = tally(pool).await;
        if now == expected {
            return;
        }
        if began.elapsed() > within {
            let errors = sqlx::query_scalar!(
                "select distinct last_error from outbox where last_error is not null limit 5"
            )
            .fetch_all(pool)
            .await
            .unwrap();
            panic!(
                "after {within:?} the jobs stand at {now:?}, not {expected:?}; errors: {errors:?}"
            );
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until a condition holds, or fails with what was waited for.
pub async fn until_true(what: &str, within: Duration, condition: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !condition().await {
        assert!(
            began.elapsed() < within,
            "after {within:?} still not: {what}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
