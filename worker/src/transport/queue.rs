//! The queues in Redis: one per kind of work, under a prefix, with the settings apalis-redis needs to behave.

use std::time::Duration;

use apalis_redis::{Config, RedisStorage};
use flightdesk_core::config;
use flightdesk_core::outbox::{Claimed, Queue};
use flightdesk_core::redis::{Redis, SettingError};

use crate::pushed::Pushed;

/// A queue as apalis sees it.
pub type Store = RedisStorage<Pushed, Redis>;

/// The same push sent twice is one task: job, attempt, and which push of that attempt. Without the last part a push
/// repeated after a lapsed lease would be swallowed for as long as the key lives.
pub fn idempotency_key(claimed: &Claimed) -> String {
    format!("{}:{}:{}", claimed.job_id, claimed.attempt, claimed.push)
}

/// How apalis treats a queue.
pub fn config(prefix: &str, queue: Queue) -> Config {
    Config::default()
        .queue(format!("{prefix}:{}", queue.as_str()))
        // One at a time: while apalis holds fetched tasks back it sends no heartbeat, and idle workers get none.
        .batch_size(1)
        .heartbeat_interval(Duration::from_secs(5))
        .missed_heartbeats(3)
        // Without a lifetime the key would be gone at once.
        .idempotency_ttl(Some(Duration::from_hours(24)))
        // Leases are PostgreSQL's; losing one in Redis would end the worker.
        .lock_tasks(false)
        .emit_events(false)
        // What acknowledges a task; the results themselves are empty.
        .persist_results(true)
}

/// The longest that Redis is waited for. The client's own 500 ms would end every worker at each hiccup.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection that is opened on first use, and reopened when it breaks or stops answering.
pub fn connect(settings: &config::Redis) -> Result<Redis, SettingError> {
    Redis::new(settings, PATIENCE)
}

/// A queue's store on a connection.
pub fn store(conn: Redis, config: Config) -> Store {
    RedisStorage::new(conn).with_config(config)
}
