//! Moves due rows from the outbox to Redis, a few hundred at a time: with 8,000 tasks in one queue apalis-redis can no
//! longer fetch any. The rest waits where nothing can lose it.

use std::time::Duration;

use apalis::prelude::{TaskBuilder, TaskSink};
use flightdesk_core::Clock;
use flightdesk_core::fault;
use flightdesk_core::outbox::{self, Claimed, Queue};
use futures::stream;
use redis::aio::ConnectionManager;
use sqlx::PgPool;
use tracing::{info, warn};

use crate::metrics;
use crate::queue::{self, Pushed};
use crate::shutdown::Shutdown;

/// Tasks a queue in Redis holds at most, with one relay; every further relay may add a batch.
pub const DEPTH: i64 = 500;
/// Rows moved in one go.
const BATCH: i64 = 100;
/// The pause when nothing was due.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause while Redis or PostgreSQL is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// One queue's way from PostgreSQL to Redis.
#[derive(Clone, Debug)]
pub struct Relay {
    db: PgPool,
    clock: Clock,
    redis: ConnectionManager,
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
    /// Redis took no push.
    #[error("the push failed: {0}")]
    Push(String),
}

impl Relay {
    /// The relay of one queue.
    pub fn new(
        db: PgPool,
        clock: Clock,
        redis: ConnectionManager,
        queue: Queue,
        prefix: &str,
    ) -> Self {
        Self {
            db,
            clock,
            redis,
            queue,
            config: queue::config(prefix, queue),
        }
    }

    /// Moves rows until the process shall stop.
    pub async fn run(mut self, shutdown: Shutdown) {
        let mut pause = PAUSE;
        let mut away = false;
        loop {
            match self.pump().await {
                Ok(moved) => {
                    if std::mem::take(&mut away) {
                        info!(queue = self.queue.as_str(), "the relay moves jobs again");
                    }
                    pause = if moved == BATCH {
                        Duration::ZERO
                    } else {
                        PAUSE
                    };
                }
                Err(error) => {
                    if !std::mem::replace(&mut away, true) {
                        warn!(queue = self.queue.as_str(), %error, "the relay cannot move jobs; they wait in the outbox");
                    }
                    metrics::relay_failed(self.queue);
                    pause = (pause * 2).clamp(PAUSE, LONGEST_PAUSE);
                }
            }
            if !shutdown.sleep(jittered(pause)).await {
                return;
            }
        }
    }

    /// Moves one batch and returns how many rows that was. Redis is asked first: while it is away no row is touched.
    pub async fn pump(&mut self) -> Result<i64, RelayError> {
        let room = (DEPTH - self.depth().await?).min(BATCH);
        if room <= 0 {
            return Ok(0);
        }
        let mut conn = self
            .db
            .acquire()
            .await
            .map_err(flightdesk_core::Error::from)?;
        let claimed = outbox::claim(&mut conn, &self.clock, self.queue, room).await?;
        drop(conn);
        if claimed.is_empty() {
            return Ok(0);
        }
        fault::point("jobs_claimed");
        if let Err(error) = self.push(&claimed).await {
            self.give_back(&claimed).await;
            return Err(error);
        }
        fault::point("jobs_pushed");
        metrics::relayed(self.queue, claimed.len());
        Ok(i64::try_from(claimed.len()).unwrap_or(BATCH))
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
