//! Leaves a Redis that does not answer alone for a moment, so that no request waits for it in turn.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long Redis is left alone after it did not answer.
const BREAK: Duration = Duration::from_secs(1);
/// After so many milliseconds of quiet the trouble is new, and worth a line in the log.
const QUIET: u64 = 10_000;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Open after Redis did not answer, closed a second later.
#[derive(Debug, Default)]
pub struct Breaker {
    /// Milliseconds since `START` until which Redis is left alone.
    open_until: AtomicU64,
    troubled: AtomicBool,
}

impl Breaker {
    /// Whether Redis is being left alone.
    pub fn is_open(&self) -> bool {
        since_start() < self.open_until.load(Ordering::Relaxed)
    }

    /// Notes that Redis did not answer; true when that is news.
    pub fn open(&self) -> bool {
        let until = since_start() + u64::try_from(BREAK.as_millis()).unwrap_or(u64::MAX);
        self.troubled.store(true, Ordering::Relaxed);
        let before = self.open_until.swap(until, Ordering::Relaxed);
        // The first trouble is news however young the process is.
        before == 0 || before + QUIET < until
    }

    /// Notes that Redis answered; true when that ends a trouble, after ten seconds without another.
    pub fn answered(&self) -> bool {
        self.troubled.load(Ordering::Relaxed)
            && self.open_until.load(Ordering::Relaxed) + QUIET < since_start()
            && self.troubled.swap(false, Ordering::Relaxed)
    }
}

fn since_start() -> u64 {
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
}
