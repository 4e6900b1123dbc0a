//! The api process.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use clap::Parser;
use flightdesk_api::{App, LimitSettings};
use flightdesk_core::config::Settings;
use flightdesk_core::{Clock, telemetry};
use poem::Server;
use poem::listener::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Serves the HTTP API of Flightdesk.
///
/// Every setting is a flag and an environment variable. Without any it serves on 127.0.0.1:8000 and takes test
/// payments in its own sandbox; with FLIGHTDESK_ENV=production it refuses every default that is not fit for that.
#[derive(Parser)]
#[expect(clippy::doc_markdown, reason = "clap prints the docstring as help")]
#[command(name = "api", version)]
struct Arguments {
    /// Address to listen on
    #[arg(long, env = "HOST", default_value = "127.0.0.1")]
    host: IpAddr,

    /// Port to listen on
    #[arg(long, env = "PORT", default_value_t = 8000)]
    port: u16,

    /// Seconds that requests under way may take after SIGTERM or SIGINT
    #[arg(long, env = "SHUTDOWN_SECONDS", default_value_t = 25)]
    shutdown_seconds: u64,

    /// Address for Prometheus to read metrics from, `127.0.0.1:9463`; without it there is none
    #[arg(long, env = "API_METRICS_ADDR")]
    metrics_addr: Option<SocketAddr>,

    #[command(flatten)]
    settings: Settings,

    #[command(flatten)]
    limits: LimitSettings,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    telemetry::init("api");
    let refusals = arguments.settings.refusals();
    if !refusals.is_empty() {
        anyhow::bail!(
            "these settings are not fit for production:\n  {}",
            refusals.join("\n  ")
        );
    }
    if let Some(addr) = arguments.metrics_addr {
        flightdesk_api::metrics::serve(addr)?;
    }
    let app = App::new(arguments.settings, arguments.limits, Clock::system())?;
    let endpoint = flightdesk_api::app(app.clone())?;
    // Read while nobody waits for it; a search that comes sooner waits, and an error is told by /health/ready.
    let early = app.clone();
    tokio::spawn(async move { early.timetable().await.is_ok() });
    let deliveries = app
        .sandbox
        .as_ref()
        .map(flightdesk_api::sandbox::Sandbox::spawn_background);
    let listener = TcpListener::bind((arguments.host.to_string(), arguments.port));
    tracing::info!("serving on http://{}:{}", arguments.host, arguments.port);
    Server::new(listener)
        .idle_timeout(Duration::from_secs(75))
        .run_with_graceful_shutdown(
            endpoint,
            stopped()?,
            Some(Duration::from_secs(arguments.shutdown_seconds)),
        )
        .await?;
    if let Some(deliveries) = deliveries {
        deliveries.abort();
    }
    app.db.close().await;
    Ok(())
}

/// Comes back when the process is told to stop.
fn stopped() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: requests under way are answered first");
    })
}
