//! The api process.

use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{CommandFactory, Parser, error::ErrorKind};
use flightdesk_api::http::server::{ConnectionSettings, Server};
use flightdesk_api::{App, LimitSettings};
use flightdesk_core::config::Settings;
use flightdesk_core::{Clock, db, fare, production, telemetry};
use tokio::net::TcpSocket;
use tokio::signal::unix::{SignalKind, signal};

/// Connections that wait to be accepted at most.
const BACKLOG: u32 = 1024;
/// The longest that connections may take to close when the process ends.
const FAREWELL: Duration = Duration::from_secs(2);

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

    /// Seconds that requests under way may take after SIGTERM or SIGINT, SHUTDOWN_DELAY_SECONDS among them
    #[arg(long, env = "SHUTDOWN_SECONDS", default_value_t = 25)]
    shutdown_seconds: u64,

    /// Seconds after SIGTERM in which /health/ready says no and new connections are still taken: longer than a balancer needs to notice. SIGINT does not wait
    #[arg(long, env = "SHUTDOWN_DELAY_SECONDS", default_value_t = 5)]
    shutdown_delay_seconds: u64,

    /// Address for Prometheus to read metrics from, `127.0.0.1:9463`; without it there is none
    #[arg(long, env = "API_METRICS_ADDR")]
    metrics_addr: Option<SocketAddr>,

    #[command(flatten)]
    settings: Settings,

    #[command(flatten)]
    limits: LimitSettings,

    #[command(flatten)]
    connections: ConnectionSettings,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Arguments = production::parse();
    if let Err(error) = telemetry::init("api", &arguments.settings.logs) {
        eprintln!("api: RUST_LOG cannot be read: {error:#}");
        return ExitCode::FAILURE;
    }
    let refusals = arguments.settings.refusals();
    if !refusals.is_empty() {
        let refusals = refusals.join("\n  ");
        let text = format!("these settings are not fit for production:\n  {refusals}");
        Arguments::command()
            .error(ErrorKind::ValueValidation, text)
            .exit();
    }
    match run(arguments).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("api: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    if let Some(addr) = arguments.metrics_addr {
        flightdesk_api::metrics::serve(addr)
            .with_context(|| format!("cannot listen on {addr} (API_METRICS_ADDR)"))?;
    }
    let mut connections = arguments.connections;
    if arguments.limits.trusted_proxies > 0 {
        connections.max_connections_per_address = 0;
    }
    let app = App::new(arguments.settings, arguments.limits, Clock::system())?;
    // A port in use is found out at once, but nobody is taken in before PostgreSQL answers: until then connections are
    // refused, which balancers understand better than silence.
    let address = SocketAddr::new(arguments.host, arguments.port);
    let in_use = || format!("cannot listen on {address} (HOST, PORT)");
    let socket = bind(address).with_context(in_use)?;
    if let Err(why) = db::wait_for(&app.db, &app.settings.database).await {
        eprintln!("api: {why}");
        return Ok(ExitCode::from(db::UNREACHABLE));
    }
    let currency = app.settings.sales.sale_currency;
    let problems = fare::currency_problems_at_start(&app.db, currency).await;
    if !problems.is_empty() {
        anyhow::bail!(problems.join("\n  "));
    }
    let endpoint = flightdesk_api::app(app.clone())?;
    // Read while nobody waits for it; a search that comes sooner waits, and an error is told by /health/ready.
    let early = app.clone();
    tokio::spawn(async move { early.timetable().await.is_ok() });
    let deliveries = app
        .sandbox
        .as_ref()
        .map(flightdesk_api::sandbox::Sandbox::spawn_background);
    let listener = socket.listen(BACKLOG).with_context(in_use)?;
    tracing::info!("serving on http://{}", listener.local_addr()?);
    let grace = Duration::from_secs(arguments.shutdown_seconds);
    let delay = Duration::from_secs(arguments.shutdown_delay_seconds);
    Server::new(connections, app.stopping.clone())
        .run(listener, endpoint, grace, stopped(delay)?)
        .await;
    if let Some(deliveries) = deliveries {
        deliveries.abort();
    }
    // A silent connection is not waited for.
    let _ = tokio::time::timeout(FAREWELL, app.db.close()).await;
    Ok(ExitCode::SUCCESS)
}

/// Takes the address without listening on it yet.
fn bind(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // Connections that the process before has closed shall not keep the port from us.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Comes back when the process is told to stop, with how long new connections are still taken.
fn stopped(delay: Duration) -> anyhow::Result<impl Future<Output = Duration>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        let delay = tokio::select! {
            _ = terminate.recv() => delay,
            _ = interrupt.recv() => Duration::ZERO,
        };
        tracing::info!("stopping: requests under way are answered first");
        delay
    })
}
