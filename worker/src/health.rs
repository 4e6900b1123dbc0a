//! Whether this process gets at its work: what its sign of life stands for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use flightdesk_core::outbox::Queue;
use flightdesk_core::redis::Redis;

/// A path that has not worked for so long is broken: a relay pauses for two seconds at most, a consumer says every five
/// that it lives, and each waits for five seconds at most.
const SILENCE: Duration = Duration::from_secs(20);

/// When the paths of this process last worked: each queue's relay, from PostgreSQL to Redis, and each queue's consumer.
///
/// A worker says that it lives when all of them work, on the very connections that the work takes.
#[derive(Clone, Debug)]
pub struct Health(Arc<Mutex<Paths>>);

#[derive(Debug)]
struct Paths {
    began: Instant,
    moved: HashMap<&'static str, Instant>,
    consumers: HashMap<&'static str, Redis>,
}

impl Default for Health {
    /// Nothing has worked yet, and nothing has had the time to.
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Paths {
            began: Instant::now(),
            moved: HashMap::new(),
            consumers: HashMap::new(),
        })))
    }
}

impl Health {
    /// The relay of a queue found PostgreSQL and Redis in order.
    pub fn moved(&self, queue: Queue) {
        self.paths().moved.insert(queue.as_str(), Instant::now());
    }

    /// The consumer of a queue takes its jobs from this connection.
    pub fn watch(&self, queue: Queue, redis: Redis) {
        let mut paths = self.paths();
        paths.moved.insert(queue.as_str(), Instant::now());
        paths.consumers.insert(queue.as_str(), redis);
    }

    /// What does not work, a clause each; empty when all is well.
    pub fn broken(&self) -> Vec<String> {
        let paths = self.paths();
        let stopped = paths.moved.iter().filter(|(_, at)| at.elapsed() > SILENCE);
        let relays = stopped.map(|(queue, at)| {
            let seconds = at.elapsed().as_secs();
            format!("the relay of {queue} has moved nothing for {seconds} s")
        });
        let age = paths.began.elapsed();
        let silent = paths.consumers.iter().filter_map(|(queue, redis)| {
            let ago = redis.answered_ago().unwrap_or(age);
            (ago > SILENCE).then(|| {
                format!(
                    "Redis has not answered the consumer of {queue} for {} s",
                    ago.as_secs()
                )
            })
        });
        relays.chain(silent).collect()
    }

    fn paths(&self) -> std::sync::MutexGuard<'_, Paths> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
