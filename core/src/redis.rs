//! The connections to Redis, made in one place for api and worker.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    Client, Cmd, ConnectionAddr, IntoConnectionInfo, Pipeline, RedisError, RedisFuture,
    RedisResult, TlsCertificates, Value,
};
use secrecy::ExposeSecret;

use crate::config;

/// The oldest that a silent connection gets before the operating system gives it up.
const USER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a server that only refuses to write is kept, before another connection is tried.
const REFUSED_FOR: Duration = Duration::from_secs(1);

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A connection to Redis that is made when it is first used, shared by its clones, and made anew when it breaks, falls
/// silent, or leads to a server that has become a read-only replica.
///
/// redis' own [`ConnectionManager`] reconnects when a connection is closed, but keeps one that does not answer.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    client: Client,
    config: ConnectionManagerConfig,
    current: RwLock<Current>,
    /// Whether somebody finds out whether the connection is silent.
    is_probed: AtomicBool,
    /// Milliseconds since `START`; 0 before the first answer.
    answered_at: AtomicU64,
}

struct Current {
    manager: ConnectionManager,
    generation: u64,
    since: Instant,
}

/// Why no connection can be made with these settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// The address cannot be read. It may hold a password, so it is not quoted.
    #[error("REDIS_URL is not an address like redis://user:password@host:6379 or rediss://…")]
    Address,
    /// The certificates cannot be read.
    #[error("REDIS_CA_FILE {}: {why}", file.display())]
    Authority {
        /// `REDIS_CA_FILE`
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is nothing to check certificates of.
    #[error(
        "REDIS_CA_FILE and REDIS_TLS_INSECURE are for rediss:// addresses: REDIS_URL has no TLS"
    )]
    NoTls,
    /// The client refuses.
    #[error("REDIS_URL: {0}")]
    Client(#[from] RedisError),
}

impl Redis {
    /// The connection of these settings. Making it, and each answer, takes no longer than `patience`.
    ///
    /// Call it within a Tokio runtime.
    pub fn new(settings: &config::Redis, patience: Duration) -> Result<Self, SettingError> {
        let client = client(settings)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(patience))
            .set_response_timeout(Some(patience))
            .set_number_of_retries(1)
            .set_max_delay(Duration::from_secs(1));
        let manager = ConnectionManager::new_lazy_with_config(client.clone(), config.clone())?;
        Ok(Self(Arc::new(Inner {
            client,
            config,
            current: RwLock::new(Current {
                manager,
                generation: 0,
                since: Instant::now(),
            }),
            is_probed: AtomicBool::new(false),
            answered_at: AtomicU64::new(0),
        })))
    }

    /// How long ago Redis last answered; `None` when it never has.
    pub fn answered_ago(&self) -> Option<Duration> {
        let at = self.0.answered_at.load(Ordering::Relaxed);
        (at > 0).then(|| Duration::from_millis(since_start().saturating_sub(at)))
    }

    fn ask(&self) -> Question {
        let current = self
            .0
            .current
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        Question {
            redis: self.clone(),
            manager: current.manager.clone(),
            generation: current.generation,
            is_answered: false,
        }
    }

    /// Makes a new connection, unless that was done since `generation`, or less than `age` ago.
    fn replace(&self, generation: u64, age: Duration) {
        let inner = &self.0;
        let mut current = inner
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if current.generation != generation || current.since.elapsed() < age {
            return;
        }
        let made =
            ConnectionManager::new_lazy_with_config(inner.client.clone(), inner.config.clone());
        if let Ok(manager) = made {
            *current = Current {
                manager,
                generation: generation + 1,
                since: Instant::now(),
            };
        }
    }

    /// Asks a connection that somebody has not waited for whether it answers, within the patience of the settings.
    async fn probe(self, mut manager: ConnectionManager, generation: u64) {
        let answer = manager.send_packed_command(&redis::cmd("PING")).await;
        self.heard(&answer, generation);
        self.0.is_probed.store(false, Ordering::Release);
    }

    fn heard<T>(&self, answer: &RedisResult<T>, generation: u64) {
        match answer {
            Err(error) if error.is_timeout() => self.replace(generation, Duration::ZERO),
            Err(error) if error.is_io_error() => {}
            Err(error) if error.code() == Some("READONLY") => self.replace(generation, REFUSED_FOR),
            Ok(_) | Err(_) => self
                .0
                .answered_at
                .store(since_start().max(1), Ordering::Relaxed),
        }
    }
}

/// One question that waits for its answer. Whoever gives it up leaves a doubt behind.
struct Question {
    redis: Redis,
    manager: ConnectionManager,
    generation: u64,
    is_answered: bool,
}

impl Question {
    fn heard<T>(mut self, answer: RedisResult<T>) -> RedisResult<T> {
        self.is_answered = true;
        self.redis.heard(&answer, self.generation);
        answer
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        if self.is_answered || self.redis.0.is_probed.swap(true, Ordering::Acquire) {
            return;
        }
        let probe = self
            .redis
            .clone()
            .probe(self.manager.clone(), self.generation);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(probe)),
            Err(_) => self.redis.0.is_probed.store(false, Ordering::Release),
        }
    }
}

impl ConnectionLike for Redis {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        let mut question = self.ask();
        Box::pin(async move {
            let answer = question.manager.send_packed_command(cmd).await;
            question.heard(answer)
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        let mut question = self.ask();
        Box::pin(async move {
            let answer = question
                .manager
                .send_packed_commands(pipeline, offset, count)
                .await;
            question.heard(answer)
        })
    }

    fn get_db(&self) -> i64 {
        self.0.client.get_connection_info().redis_settings().db()
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client would tell the password.
        f.debug_struct("Redis").finish_non_exhaustive()
    }
}

/// The client of these settings, with keepalive and user timeout on its sockets.
pub fn client(settings: &config::Redis) -> Result<Client, SettingError> {
    let url = settings.redis_url.expose_secret();
    let info = url
        .into_connection_info()
        .map_err(|_| SettingError::Address)?;
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(10))
        .with_interval(Duration::from_secs(5))
        .with_retries(3);
    let tcp = TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(keepalive)
        .set_user_timeout(USER_TIMEOUT);
    let mut addr = info.addr().clone();
    let ConnectionAddr::TcpTls { insecure, .. } = &mut addr else {
        if settings.redis_ca_file.is_some() || settings.redis_tls_insecure {
            return Err(SettingError::NoTls);
        }
        return Ok(Client::open(info.set_tcp_settings(tcp))?);
    };
    *insecure |= settings.redis_tls_insecure;
    let info = info.set_addr(addr).set_tcp_settings(tcp);
    let Some(file) = &settings.redis_ca_file else {
        return Ok(Client::open(info)?);
    };
    let wrong = |why: String| SettingError::Authority {
        file: file.clone(),
        why,
    };
    let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    // The parser passes over what is no certificate.
    if !String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
        return Err(wrong("it holds no certificate in PEM".to_owned()));
    }
    let certificates = TlsCertificates {
        client_tls: None,
        root_cert: Some(pem),
    };
    Client::build_with_tls(info, certificates).map_err(|error| wrong(error.to_string()))
}

/// What is the matter with Redis, as a clause for operators: no address, no password.
pub fn explain(error: &RedisError) -> String {
    match error.code() {
        Some("NOPERM") => "its user may not run our scripts or touch our keys".to_owned(),
        Some("NOAUTH" | "WRONGPASS") => "it refuses the user or the password".to_owned(),
        Some("OOM") => "its memory is full".to_owned(),
        Some("READONLY") => "it is a read-only replica".to_owned(),
        Some("MISCONF") => "it cannot save to its disk and refuses to write".to_owned(),
        Some("LOADING") => "it is loading its data".to_owned(),
        Some("BUSY") => "it is busy with a script".to_owned(),
        Some("CROSSSLOT" | "MOVED" | "ASK" | "CLUSTERDOWN") => {
            "it is a cluster: use one server, or put braces round REDIS_PREFIX and QUEUE_PREFIX and a proxy in front"
                .to_owned()
        }
        Some(code) => format!("it refuses our scripts ({code})"),
        None if error.kind() == redis::ErrorKind::AuthenticationFailed => {
            "it refuses the user or the password".to_owned()
        }
        None if error.is_timeout() => "it does not answer".to_owned(),
        None if error.to_string().contains("certificate") => {
            "its certificate is not trusted; REDIS_CA_FILE names the authority that is".to_owned()
        }
        None => format!("it cannot be reached ({})", error.category()),
    }
}

fn since_start() -> u64 {
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
}
