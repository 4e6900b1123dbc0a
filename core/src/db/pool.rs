//! A pool whose connections can all be replaced while it is in use.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Row};
use tokio::sync::watch;

use super::options;
use crate::config;

/// A connection that nobody has used for so long is asked whether it lives before it is used again.
const PING_AFTER: Duration = Duration::from_secs(1);
/// The longest a live connection takes to answer that; longer, and it is thrown away.
const PING: Duration = Duration::from_secs(1);
/// How long connections that come back are asked within [`PING`] after somebody was given up.
const DOUBT: Duration = Duration::from_secs(5);
/// One reads the timetable, which may take seconds; one is for the rest of what is kept in memory, one for readiness.
const BACKGROUND_CONNECTIONS: u32 = 3;
/// What nobody needs for a minute is closed.
const BACKGROUND_IDLE: Duration = Duration::from_mins(1);
/// The longest a pool that was replaced may take to close what it still has.
const FAREWELL: Duration = Duration::from_mins(2);

/// The connections of a process: an [`sqlx::PgPool`] that [`Pool::renew`] replaces by another. Clones share it.
///
/// sqlx asks each connection that comes back whether it lives, and waits for the answer for ever. A connection that falls
/// silent meanwhile takes its place in the pool with it, and no hook can reach it: so the whole pool is replaced.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    /// The pools one after the other; the last is in use. A closed one is small, and renewals are rare.
    first: Link,
    renewals: watch::Sender<u64>,
    settings: Option<(config::Database, String)>,
    state: Arc<State>,
}

/// A session as the server knows it; a process id alone is used again.
pub(super) struct Session {
    pub(super) pid: i32,
    pub(super) started: String,
}

/// A pool that may be gone.
pub(super) struct WeakPool(Weak<Inner>);

impl WeakPool {
    pub(super) fn upgrade(&self) -> Option<Pool> {
        self.0.upgrade().map(Pool)
    }
}

struct Link {
    pool: PgPool,
    next: OnceLock<Box<Link>>,
}

/// What the pool's hooks know.
#[derive(Default)]
struct State {
    /// Milliseconds since `START` until which connections that come back are in doubt.
    doubt_until: AtomicU64,
    /// The sessions that were opened since the last renewal.
    sessions: Mutex<Vec<Session>>,
    /// Why the last connection was not made.
    trouble: Mutex<Option<String>>,
    /// Whether connections are given each other's sessions.
    shares_sessions: AtomicBool,
}

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fn since_start() -> u64 {
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&**self).finish()
    }
}

/// The pool in use. Ask anew each time: a clone that is kept misses the renewal.
impl Deref for Pool {
    type Target = PgPool;

    fn deref(&self) -> &PgPool {
        &self.last().pool
    }
}

impl From<PgPool> for Pool {
    /// A pool that somebody else has made, and that is renewed with the same options.
    fn from(pool: PgPool) -> Self {
        Self::with(pool, None, Arc::default())
    }
}

impl Pool {
    pub(super) fn open(
        settings: &config::Database,
        application: &str,
    ) -> Result<Self, sqlx::Error> {
        let state = Arc::<State>::default();
        let pool = make(settings, application, &state)?;
        let settings = Some((settings.clone(), application.to_owned()));
        Ok(Self::with(pool, settings, state))
    }

    pub(super) fn background(&self) -> Self {
        let made = self.0.settings.as_ref().map(|(settings, application)| {
            let mut settings = settings.clone();
            settings.database_max_connections = BACKGROUND_CONNECTIONS;
            Self::open(&settings, application)
        });
        if let Some(Ok(pool)) = made {
            return pool;
        }
        // Of a pool that somebody else has made.
        let options = self.options();
        let mut pool = PgPoolOptions::new()
            .max_connections(BACKGROUND_CONNECTIONS)
            .acquire_timeout(options.get_acquire_timeout())
            .idle_timeout(BACKGROUND_IDLE);
        if options.get_max_lifetime().is_some() {
            pool = pool.max_lifetime(options.get_max_lifetime());
        }
        let pool = pool.connect_lazy_with((*self.connect_options()).clone());
        // Whoever made the other closes it, and wants the database to himself then.
        let (closing, mine) = (self.close_event(), pool.clone());
        tokio::spawn(async move {
            closing.await;
            mine.close().await;
        });
        pool.into()
    }

    fn with(pool: PgPool, settings: Option<(config::Database, String)>, state: Arc<State>) -> Self {
        let next = OnceLock::new();
        Self(Arc::new(Inner {
            first: Link { pool, next },
            renewals: watch::Sender::new(0),
            settings,
            state,
        }))
    }

    fn last(&self) -> &Link {
        let mut link = &self.0.first;
        while let Some(next) = link.next.get() {
            link = next;
        }
        link
    }

    /// Puts a new pool in the place of this one, whose connections are silent: whoever asks from now on gets a new
    /// connection, whoever holds an old one is told by [`Pool::renewed`], and what comes back to the old pool is closed.
    pub fn renew(&self) {
        let last = self.last();
        let made = match &self.0.settings {
            Some((settings, application)) => make(settings, application, &self.0.state),
            None => Ok(last
                .pool
                .options()
                .clone()
                .connect_lazy_with((*last.pool.connect_options()).clone())),
        };
        let pool = match made {
            Ok(pool) => pool,
            Err(error) => {
                tracing::error!(%error, "silent connections could not be replaced");
                return;
            }
        };
        let next = OnceLock::new();
        if last.next.set(Box::new(Link { pool, next })).is_err() {
            // Another renewal came first.
            return;
        }
        self.0.renewals.send_modify(|count| *count += 1);
        let old = last.pool.clone();
        tokio::spawn(async move { tokio::time::timeout(FAREWELL, old.close()).await });
    }

    /// Comes back when the connections are renewed after this call: a statement that is being waited for will not be
    /// answered, and its transaction is lost.
    pub fn renewed(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut renewals = self.0.renewals.subscribe();
        async move {
            if renewals.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Runs `work` for as long as its connections answer and for `patience` at most; `None` when it was given up.
    pub async fn within<T>(&self, patience: Duration, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.renewed() => None,
            () = tokio::time::sleep(patience) => {
                self.doubt();
                None
            }
        }
    }

    /// Says that somebody was given up who may have waited for a statement: connections that come back within the next
    /// seconds must answer at once, or they are thrown away.
    pub fn doubt(&self) {
        let until = since_start() + u64::try_from(DOUBT.as_millis()).unwrap_or_default();
        self.0.state.doubt_until.fetch_max(until, Ordering::Relaxed);
    }

    /// Why the last attempt to make a connection failed, when none has succeeded since.
    pub fn trouble(&self) -> Option<String> {
        lock(&self.0.state.trouble).clone()
    }

    pub(super) fn note_trouble(&self, trouble: Option<String>) {
        *lock(&self.0.state.trouble) = trouble;
    }

    pub(super) fn note_shared_sessions(&self) {
        self.0.state.shares_sessions.store(true, Ordering::Relaxed);
    }

    /// How to get a session that nobody else has, for one who listens: past a pooler in transaction mode. `None` when
    /// there is no way past it: what is said to a listener there reaches whoever has the session next.
    pub fn session_options(&self) -> Option<PgConnectOptions> {
        let is_shared = self.0.state.shares_sessions.load(Ordering::Relaxed);
        match self.settings() {
            Some((settings, application)) if settings.direct_database_url.is_some() => {
                options::direct_options(settings, application).ok()
            }
            _ if is_shared => None,
            _ => Some((*self.connect_options()).clone()),
        }
    }

    pub(super) fn settings(&self) -> Option<(&config::Database, &str)> {
        let (settings, application) = self.0.settings.as_ref()?;
        Some((settings, application))
    }

    pub(super) fn downgrade(&self) -> WeakPool {
        WeakPool(Arc::downgrade(&self.0))
    }

    /// The sessions that were opened since the last renewal.
    pub(super) fn take_sessions(&self) -> Vec<Session> {
        std::mem::take(&mut *lock(&self.0.state.sessions))
    }
}

fn make(
    settings: &config::Database,
    application: &str,
    state: &Arc<State>,
) -> Result<PgPool, sqlx::Error> {
    let options = options::connect_options(settings, application)?;
    let session = options::session(settings.database_statement_timeout_ms);
    let (opened, released) = (state.clone(), state.clone());
    Ok(PgPoolOptions::new()
        .max_connections(settings.database_max_connections)
        .acquire_timeout(Duration::from_secs(settings.database_acquire_seconds))
        .after_connect(move |conn, _| {
            let (session, state) = (session.clone(), opened.clone());
            Box::pin(async move {
                let this = match set_up(conn, session).await {
                    Ok(this) => this,
                    Err(error) => {
                        *lock(&state.trouble) = Some(crate::db_error::explain(&error));
                        return Err(error);
                    }
                };
                *lock(&state.trouble) = None;
                let mut sessions = lock(&state.sessions);
                sessions.push(this);
                // Of sessions that ended long ago; their processes are others by now.
                let surplus = sessions.len().saturating_sub(1_000);
                sessions.drain(..surplus);
                Ok(())
            })
        })
        // A ping before every use doubles the round trips of a lookup by key. One that was used a moment ago lives.
        .test_before_acquire(false)
        .before_acquire(|conn, about| {
            Box::pin(async move {
                if about.idle_for >= PING_AFTER {
                    ping(conn).await?;
                }
                Ok(true)
            })
        })
        .after_release(move |conn, _| {
            let is_in_doubt = since_start() < released.doubt_until.load(Ordering::Relaxed);
            Box::pin(async move {
                if is_in_doubt {
                    ping(conn).await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options))
}

/// Sets a new session; which it is.
async fn set_up(conn: &mut PgConnection, session: String) -> Result<Session, sqlx::Error> {
    let statements = format!(
        "{session}; select pid, backend_start::text from pg_stat_activity where pid = pg_backend_pid()"
    );
    let row = sqlx::raw_sql(AssertSqlSafe(statements))
        .fetch_one(conn)
        .await?;
    Ok(Session {
        pid: row.try_get(0)?,
        started: row.try_get(1)?,
    })
}

/// Asks a connection whether it lives. One that does not answer in time is broken: the error closes it.
async fn ping(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    match tokio::time::timeout(PING, conn.ping()).await {
        Ok(answer) => answer,
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
