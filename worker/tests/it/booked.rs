//! A worker's context on a test's database, and the tools that read what it makes.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeZone, Utc};
use clap::Parser;
use flightdesk_core::config::Settings;
use flightdesk_core::ids::{AccountId, BookingId};
use flightdesk_core::outbox::{self, Lease, Queue, RenderDocument};
use flightdesk_core::payment::stripe::Stripe;
use flightdesk_core::storage::Storage;
use flightdesk_core::{Clock, document, ticket};
use flightdesk_worker::settings::Cli;
use flightdesk_worker::{Ctx, Mailer, Texter, WebhookClient};
use sqlx::PgPool;
use uuid::uuid;

/// The fixture's booking and its account.
pub const BOOKING: BookingId = BookingId(uuid!("00000000-0000-7000-8000-000000000401"));
pub const ACCOUNT: AccountId = AccountId(uuid!("00000000-0000-7000-8000-000000000001"));

/// The settings of a fresh machine.
pub fn settings() -> Settings {
    Cli::parse_from(["worker"]).settings
}

/// A context whose clock stands still, with mail in memory.
pub fn context(pool: PgPool, storage: Storage) -> Ctx {
    Ctx {
        db: pool.into(),
        clock: Clock::manual(Utc.with_ymd_and_hms(2026, 11, 20, 9, 7, 0).unwrap()),
        settings: Arc::new(settings()),
        storage,
        stripe: Stripe::new(&settings()).unwrap(),
        mail: Mailer::memory(),
        texter: Texter::memory(),
        webhooks: WebhookClient::new(&settings()),
    }
}

/// Tickets the fixture's booking: two documents on their way, Air India's first.
pub async fn ticketed(ctx: &Ctx) -> Vec<RenderDocument> {
    let mut tx = ctx.db.begin().await.unwrap();
    ticket::issue(&mut tx, &ctx.clock, BOOKING).await.unwrap();
    document::request_tickets(&mut tx, &ctx.clock, ACCOUNT, BOOKING)
        .await
        .unwrap();
    let documents = document::list_by_booking(&mut tx, ACCOUNT, "K7XQ3M")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    documents
        .into_iter()
        .map(|document| RenderDocument {
            document_id: document.id,
            revision: document.revision,
        })
        .collect()
}

/// Takes every document job that is due, as relay and queue would.
pub async fn take_jobs(ctx: &Ctx) -> Vec<(RenderDocument, Lease)> {
    let mut conn = ctx.db.acquire().await.unwrap();
    let mut taken = Vec::new();
    for claimed in outbox::claim(&mut conn, &ctx.clock, Queue::Documents, 100)
        .await
        .unwrap()
    {
        let started = outbox::start(&mut conn, &ctx.clock, claimed.job_id, claimed.attempt)
            .await
            .unwrap()
            .unwrap();
        taken.push((
            serde_json::from_value(started.payload).unwrap(),
            started.lease,
        ));
    }
    taken
}

/// A file of the test tools. Fails, and says what to do, when it is not there.
pub fn tool(path: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let tools = std::env::var_os("FLIGHTDESK_TOOLS")
        .map_or_else(|| root.join(".local/tools"), PathBuf::from);
    let file = tools.join(path);
    assert!(
        file.exists(),
        "{} is missing: run scripts/tools",
        file.display()
    );
    file
}

/// What a command prints; fails with what it complains about.
pub fn output(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; scripts/tools installs it"));
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{command:?}: {out}{err}");
    out
}

/// A folder that is gone with the test.
pub struct TempFolder(pub PathBuf);

impl TempFolder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("flightdesk-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A port of loopback on which nobody listens.
pub fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().port()
}

/// A server of the test tools on a loopback port of its own, ended with the test.
pub struct Server {
    pub port: u16,
    child: Child,
}

impl Server {
    /// Starts `command` with the arguments that `arguments` makes for a free port, and waits until it accepts.
    pub async fn start(command: Command, arguments: impl Fn(u16) -> Vec<String>) -> Self {
        Self::start_on(free_port(), command, arguments).await
    }

    /// The same on a port that somebody knows already.
    pub async fn start_on(
        port: u16,
        mut command: Command,
        arguments: impl Fn(u16) -> Vec<String>,
    ) -> Self {
        let child = command
            .args(arguments(port))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Self { port, child };
        while tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_err()
        {
            let ended = server.child.try_wait().unwrap();
            assert!(ended.is_none(), "{command:?} ended: {ended:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
