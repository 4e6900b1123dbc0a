//! The api's HTTP server: accepts connections within limits, ends those that stand still, and stops without cutting
//! off a request.
//!
//! poem's own server has no deadline for a head or a body, no limit of connections, and closes kept connections
//! although a request may have come in on them; this one drives the same hyper and hands poem every request.
//!
//! **The api has a server of its own around hyper.** poem's offers no deadline for a head or a body and no limit of
//! connections, and hyper closes an idle connection at shutdown although a request may lie unread in its socket.
//! `Watched` answers "nothing more will come" only to a read that found nothing, so a kept connection ends exactly
//! when nothing has come in on it.

mod admission;
mod connection;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use poem::Endpoint;
use poem::endpoint::{DynEndpoint, ToDynEndpoint};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use admission::{Held, Peer};

use admission::Admission;
use connection::Shared;

use crate::app::Stopping;

/// What a client may take of this process.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connections")]
pub struct ConnectionSettings {
    /// Connections at most, whoever they are of; beyond them only /health/ answers. Never more than the limit of open files less 128
    #[arg(long, env = "MAX_CONNECTIONS", default_value_t = 4_096)]
    pub max_connections: usize,

    /// Connections of one client address (of an IPv6 /64) at most; 0: no limit. Behind trusted proxies there is none: every connection is a proxy's
    #[arg(long, env = "MAX_CONNECTIONS_PER_ADDRESS", default_value_t = 512)]
    pub max_connections_per_address: usize,

    /// Seconds that a request's head may take, from its first byte; a new connection's from its beginning
    #[arg(long, env = "REQUEST_HEAD_SECONDS", default_value_t = 10)]
    pub request_head_seconds: u64,

    /// Seconds that a request's body may take, besides the time that its size gives it at the slowest rate
    #[arg(long, env = "REQUEST_BODY_SECONDS", default_value_t = 30)]
    pub request_body_seconds: u64,

    /// Bytes a second below which a body is too slow
    #[arg(long, env = "MIN_BODY_RATE", default_value_t = 1_024, value_parser = clap::value_parser!(u64).range(1..))]
    pub min_body_rate: u64,

    /// MiB of unfinished bodies that are kept in memory; one address may have a quarter of them
    #[arg(long, env = "MAX_UNFINISHED_BODIES_MIB", default_value_t = 64)]
    pub max_unfinished_bodies_mib: usize,

    /// Requests under way on one HTTP/2 connection at most
    #[arg(long, env = "MAX_HTTP2_STREAMS", default_value_t = 100)]
    pub max_http2_streams: u32,

    /// Seconds that a connection without a request is kept, and that a client may take to read the next bytes of an answer
    #[arg(long, env = "IDLE_SECONDS", default_value_t = 75)]
    pub idle_seconds: u64,
}

/// How far a process has come with stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
enum Phase {
    /// It serves.
    Serving,
    /// It says that it is not ready and closes connections behind their answers.
    Leaving,
    /// It takes no new connection, and closes those on which nothing has come in.
    Closing,
}

/// What open files are kept for beside connections of clients: PostgreSQL, Redis, logs, health.
const RESERVED_FILES: usize = 128;
/// How long accepting pauses when there is no descriptor for a new connection.
const NO_DESCRIPTOR: Duration = Duration::from_millis(100);

/// A server that has not begun.
pub struct Server {
    settings: ConnectionSettings,
    stopping: Stopping,
}

impl Server {
    /// With these settings; `stopping` is set as soon as it is told to stop.
    pub fn new(mut settings: ConnectionSettings, stopping: Stopping) -> Self {
        if let Some(files) = open_files() {
            let most = files.saturating_sub(RESERVED_FILES).max(1);
            settings.max_connections = settings.max_connections.min(most);
        }
        Self { settings, stopping }
    }

    /// Serves until `stop` comes back and every request is answered, for `grace` at most from then on. `stop` answers
    /// for how long new connections are still taken, so that balancers see that the process is not ready.
    pub async fn run<E>(
        self,
        listener: TcpListener,
        endpoint: E,
        grace: Duration,
        stop: impl Future<Output = Duration>,
    ) where
        E: Endpoint + 'static,
        E::Output: poem::IntoResponse,
    {
        if let Ok(address) = listener.local_addr() {
            tracing::info!(addr = %address, connections = self.settings.max_connections, "listening");
        }
        let (phase, watched) = watch::channel(Phase::Serving);
        let endpoint = poem::EndpointExt::map_to_response(endpoint);
        let endpoint: Arc<dyn DynEndpoint<Output = poem::Response>> =
            Arc::new(ToDynEndpoint(endpoint));
        let admission = Admission::new(&self.settings);
        let shared = Arc::new(Shared::new(self.settings, endpoint, watched));
        let mut accepting = Accepting {
            listener,
            admission,
            shared,
            tasks: JoinSet::new(),
        };

        let delay = accepting.until(stop).await;
        let deadline = tokio::time::Instant::now() + grace;
        self.stopping.set();
        phase.send_replace(Phase::Leaving);
        accepting.until(tokio::time::sleep(delay.min(grace))).await;
        let mut tasks = accepting.close();
        phase.send_replace(Phase::Closing);
        let all = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout_at(deadline, all).await.is_err() {
            tracing::warn!(
                left = tasks.len(),
                "requests were cut off: they took too long"
            );
        }
    }
}

struct Accepting {
    listener: TcpListener,
    admission: Admission,
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

impl Accepting {
    async fn until<T>(&mut self, end: impl Future<Output = T>) -> T {
        let mut end = std::pin::pin!(end);
        loop {
            tokio::select! {
                ended = &mut end => return ended,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, address)) => self.admit(stream, address),
                    Err(error) => {
                        // The client went away, or there is no descriptor: neither ends by asking at once again.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(NO_DESCRIPTOR).await;
                    }
                },
                Some(_) = self.tasks.join_next() => {}
            }
        }
    }

    fn admit(&mut self, stream: TcpStream, address: SocketAddr) {
        let Some(ticket) = self.admission.enter(address.ip()) else {
            tracing::debug!(%address, "a connection too many of its address was closed");
            return;
        };
        let shared = self.shared.clone();
        self.tasks.spawn(shared.serve(stream, address, ticket));
    }

    /// Takes what has connected already, and nothing more.
    fn close(mut self) -> JoinSet<()> {
        while let Some(Ok((stream, address))) =
            futures::FutureExt::now_or_never(self.listener.accept())
        {
            self.admit(stream, address);
        }
        self.tasks
    }
}

/// The process's limit of open files, where the system tells it.
fn open_files() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}
