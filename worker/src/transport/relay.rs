//! Moves due rows from the outbox to Redis, a few hundred at a time: with 8,000 tasks in one queue apalis-redis can no
//! longer fetch any. The rest waits where nothing can lose it.
//!
//! **An idle relay looks every two seconds, and hints make it look at once.** Looking every 100 ms made 45 commits
//! a second for nothing. `NOTIFY` within the transaction of a booking would let commits pass one at a time over the
//! whole server, so the api says it after the answer, at most every 20 ms, on a connection of its background pool;
//! a worker tells itself after each job. A hint may be lost: looking is the truth, and a row that is due later is
//! looked for when it is due.

use std::time::Duration;

use apalis::prelude::{TaskBuilder, TaskSink};
use flightdesk_core::Clock;
use flightdesk_core::db;
use flightdesk_core::fault;
use flightdesk_core::outbox::{self, Claimed, Queue};
use flightdesk_core::redis::Redis;
use futures::stream;
use tracing::{info, warn};

use super::queue;
use crate::health::Health;
use crate::hint::Hinted;
use crate::metrics;
use crate::pushed::Pushed;
use crate::shutdown::Shutdown;

/// Tasks a queue in Redis holds at most, with one relay; every further relay may add a batch.
pub const DEPTH: i64 = 500;
/// Rows moved in one go.
const BATCH: i64 = 100;
/// The pause after a batch that was not full, and the first one when nothing was due; it doubles up to [`IDLE_PAUSE`].
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause when nothing was due: how late a job without a hint may start.
pub const IDLE_PAUSE: Duration = Duration::from_secs(2);
/// From a hint to the look that follows: the commit it is about may be on its way, and of many hints one look is enough.
const HINT_PAUSE: Duration = Duration::from_millis(40);
/// The longest that one batch may take: what PostgreSQL and Redis may take for each of its steps.
const LONGEST: Duration = Duration::from_secs(30);
/// The longest pause while Redis or PostgreSQL is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// One queue's way from PostgreSQL to Redis.
#[derive(Clone, Debug)]
pub struct Relay {
    db: db::Pool,
    clock: Clock,
    redis: Redis,
    queue: Queue,
    config: apalis_redis::Config,
}

/// Why nothing was moved. No attempt is used up by it.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// PostgreSQL is away.
    #[error(transparent)]
    Outbox(#[from] flightdesk_core::Error),
    /// Redis is away.
    #[error("redis: {0}")]
    Redis(#[from] redis::RedisError),
    /// A connection to PostgreSQL fell silent, or everything took too long.
    #[error("PostgreSQL or Redis did not answer")]
    Silent,
    /// Redis took no push.
    #[error("the push failed: {0}")]
    Push(String),
}

/// What one look came to.
#[derive(Debug, Default)]
struct Moved {
    jobs: i64,
    /// When the next row is due, as far as it is known and nothing was moved.
    next_in: Option<Duration>,
}

impl Relay {
    /// The relay of one queue.
    pub fn new(db: db::Pool, clock: Clock, redis: Redis, queue: Queue, prefix: &str) -> Self {
        Self {
            db,
            clock,
            redis,
            queue,
            config: queue::config(prefix, queue),
        }
    }

    /// Moves rows until the process shall stop. A hint makes it look soon, and often for a while: the commit that the
    /// hint is about may still be on its way.
    pub async fn run(mut self, health: Health, mut hinted: Hinted, shutdown: Shutdown) {
        let db = self.db.clone();
        let mut pause = PAUSE;
        let mut away = false;
        loop {
            let looked = db.within(LONGEST, self.look()).await;
            let wait = match looked.unwrap_or(Err(RelayError::Silent)) {
                Ok(Moved { jobs, next_in }) => {
                    health.moved(self.queue);
                    if std::mem::take(&mut away) {
                        info!(queue = self.queue.as_str(), "the relay moves jobs again");
                        pause = PAUSE;
                    }
                    if jobs == BATCH {
                        Duration::ZERO
                    } else if jobs > 0 {
                        pause = PAUSE;
                        pause
                    } else {
                        let wait = jittered(pause).min(next_in.unwrap_or(IDLE_PAUSE));
                        pause = (pause * 2).min(IDLE_PAUSE);
                        wait
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut away, true) {
                        warn!(queue = self.queue.as_str(), %error, "the relay cannot move jobs; they wait in the outbox");
                        pause = PAUSE;
                    }
                    metrics::relay_failed(self.queue);
                    pause = (pause * 2).clamp(PAUSE, LONGEST_PAUSE);
                    jittered(pause)
                }
            };
            tokio::select! {
                goes_on = shutdown.sleep(wait) => if !goes_on {
                    return;
                },
                // While something is away there is no use in hurrying.
                () = hinted.next(), if !away => {
                    if !shutdown.sleep(HINT_PAUSE).await {
                        return;
                    }
                    pause = PAUSE;
                }
            }
        }
    }

    /// Moves one batch and returns how many rows that was. Redis is asked first: while it is away no row is touched.
    pub async fn pump(&mut self) -> Result<i64, RelayError> {
        Ok(self.look().await?.jobs)
    }

    async fn look(&mut self) -> Result<Moved, RelayError> {
        let room = (DEPTH - self.depth().await?).min(BATCH);
        if room <= 0 {
            return Ok(Moved::default());
        }
        let mut conn = self
            .db
            .acquire()
            .await
            .map_err(flightdesk_core::Error::from)?;
        let due = outbox::take_due(&mut conn, &self.clock, self.queue, room).await?;
        drop(conn);
        let claimed = due.claimed;
        if claimed.is_empty() {
            let now = self.clock.now();
            let next_in = due
                .next_at
                .map(|at| (at - now).to_std().unwrap_or_default());
            return Ok(Moved { jobs: 0, next_in });
        }
        fault::point("jobs_claimed");
        if let Err(error) = self.push(&claimed).await {
            self.give_back(&claimed).await;
            return Err(error);
        }
        fault::point("jobs_pushed");
        metrics::relayed(self.queue, claimed.len());
        Ok(Moved {
            jobs: i64::try_from(claimed.len()).unwrap_or(BATCH),
            next_in: None,
        })
    }

    /// Tasks that wait in Redis.
    async fn depth(&mut self) -> Result<i64, RelayError> {
        let (active, scheduled): (i64, i64) = redis::pipe()
            .llen(self.config.active_jobs_list())
            .zcard(self.config.scheduled_jobs_set())
            .query_async(&mut self.redis)
            .await?;
        Ok(active + scheduled)
    }

    async fn push(&self, claimed: &[Claimed]) -> Result<(), RelayError> {
        let tasks = claimed.iter().map(|row| {
            TaskBuilder::new(Pushed::from(row))
                .idempotency_key(queue::idempotency_key(row))
                .max_attempts(1)
                .build()
        });
        // A new store each time: one that failed may still hold what it could not send.
        queue::store(self.redis.clone(), self.config.clone())
            .push_all(stream::iter(tasks.collect::<Vec<_>>()))
            .await
            .map_err(|error| RelayError::Push(error.to_string()))
    }

    async fn give_back(&self, claimed: &[Claimed]) {
        let given_back = match self.db.acquire().await {
            Ok(mut conn) => outbox::unclaim(&mut conn, claimed).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = given_back {
            warn!(queue = self.queue.as_str(), %error, "rows could not be given back; their leases will lapse");
        }
    }
}

/// Up to a quarter more, so that many relays do not ask in step.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(1.0 + rand::random_range(0.0..0.25))
}
