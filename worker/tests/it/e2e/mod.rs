//! One traveller through the two real binaries, from the sign-up to the ticket in the inbox, and what may happen on
//! the way: Redis stops, a process is killed, a webhook is lost.

mod balanced;
mod buyers;
mod disputed;
mod faults;
mod journey;
#[cfg(feature = "fault-points")]
mod killed;
mod killed_cancelling;
#[cfg(feature = "fault-points")]
mod killed_changing;
#[cfg(feature = "fault-points")]
mod killed_disrupting;
mod readme;
mod silence;
#[cfg(feature = "fault-points")]
mod slow;
mod traveller;
mod verification;

use std::path::PathBuf;
use std::time::Duration;

use chrono::{Duration as Days, NaiveDate};
use flightdesk_core::Clock;
use flightdesk_core::fixtures::{AddFlight, add_flight, load_small};
use sqlx::PgPool;

use crate::support::Folder;
use crate::support::api::Api;
use crate::support::process::Worker;
use crate::support::redis::Redis;

/// What a step may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_mins(1);

/// Everything a deployment consists of, on a test's database.
struct Deployment {
    pool: PgPool,
    redis: Redis,
    api: Api,
    folder: Folder,
}

impl Deployment {
    /// Starts all but the worker, with one flight to sell, and one back a week later by another airline.
    async fn start(pool: &PgPool) -> Self {
        Self::start_with(pool, Redis::start(), &[]).await
    }

    /// The same with settings of the api's own.
    async fn start_with(pool: &PgPool, redis: Redis, own: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        let mut conn = pool.acquire().await.unwrap();
        load_small(&mut conn).await.unwrap();
        let flight = AddFlight {
            airline: "AI",
            number: "101",
            origin: "DEL",
            destination: "BOM",
            departs_local: in_a_month().and_hms_opt(8, 0, 0).unwrap(),
            block_minutes: 130,
            aircraft: "32N",
            base_fare_minor: 500_000,
        };
        add_flight(&mut conn, flight).await.unwrap();
        let back = AddFlight {
            airline: "6E",
            number: "202",
            origin: "BOM",
            destination: "DEL",
            departs_local: (in_a_month() + Days::days(7)).and_hms_opt(8, 0, 0).unwrap(),
            block_minutes: 130,
            aircraft: "32N",
            base_fare_minor: 400_000,
        };
        add_flight(&mut conn, back).await.unwrap();
        let documents = folder.path().join("documents");
        let settings = [
            ("REDIS_URL", redis.url()),
            ("DOCUMENTS_DIR", documents.to_str().unwrap().to_owned()),
        ];
        let settings = settings
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let api = Api::start(pool, &[&settings, own].concat()).await;
        Self {
            pool: pool.clone(),
            redis,
            api,
            folder,
        }
    }

    /// Starts a worker that shares its folders.
    fn worker(&self) -> Worker {
        self.worker_with(&[])
    }

    /// The same with settings of its own.
    fn worker_with(&self, own: &[(&str, &str)]) -> Worker {
        let (documents, mail) = (self.documents(), self.mail());
        let settings = [
            ("PUBLIC_URL", self.api.address.as_str()),
            ("DOCUMENTS_DIR", documents.to_str().unwrap()),
            ("MAIL_DIR", mail.to_str().unwrap()),
        ];
        Worker::start(&self.pool, &self.redis, &[&settings, own].concat())
    }

    fn documents(&self) -> PathBuf {
        self.folder.path().join("documents")
    }

    fn mail(&self) -> PathBuf {
        self.folder.path().join("mail")
    }

    /// Every confirmation in the box. A killed worker may leave a hidden half of one beside them.
    fn mails(&self) -> Vec<String> {
        files(&self.mail())
            .into_iter()
            .filter(|path| path.extension().is_some_and(|end| end == "eml"))
            .filter(|path| path.to_string_lossy().contains("/booking_confirmed."))
            .map(|path| std::fs::read_to_string(path).unwrap())
            .collect()
    }
}

/// The day the flight leaves: real processes live by the system's clock.
fn in_a_month() -> NaiveDate {
    (Clock::system().now() + Days::days(30)).date_naive()
}

/// Every finished file under a folder; what is half-written is hidden.
fn files(folder: &std::path::Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if !path
            .file_name()
            .unwrap()
            .as_encoded_bytes()
            .starts_with(b".")
        {
            found.push(path);
        }
    }
    found
}
