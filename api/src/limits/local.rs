//! Rate limits counted in this process alone, for the time in which Redis cannot count for all of them.
//!
//! **A limit in the process takes over while Redis is slow.** It is charged beside Redis all the time, so that a
//! caller who has used up a limit gets no second one when Redis goes away. Rates are not divided by the number of
//! processes, which none of them knows.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::limits::{Kind, LimitSettings, Rule, Standing};

type Limiter =
    RateLimiter<String, HashMapStateStore<String>, DefaultClock, StateInformationMiddleware>;

/// Callers that are back at rest are forgotten after so many charges.
const SWEEP: u32 = 4_096;

/// The limits of this process.
#[derive(Debug)]
pub struct LocalLimits {
    limiters: [Option<Limiter>; Kind::ALL.len()],
    clock: DefaultClock,
    charges: AtomicU32,
}

impl LocalLimits {
    /// The same rates as in Redis: of a deployment with several processes each allows all of it, which is still a
    /// bound, where a share would refuse callers whose requests happen to reach one process.
    pub fn new(settings: &LimitSettings) -> Self {
        let limiter = |kind: Kind| {
            let limit = settings.limit(kind);
            let burst = std::num::NonZeroU32::new(limit)?;
            let quota = Quota::with_period(kind.period() / limit)?.allow_burst(burst);
            Some(RateLimiter::hashmap(quota).with_middleware())
        };
        Self {
            limiters: Kind::ALL.map(limiter),
            clock: DefaultClock::default(),
            charges: AtomicU32::new(0),
        }
    }

    /// Charges a request. Of a refused one the limits before the one that refuses are charged: a caller over one
    /// limit loses a little of another.
    pub fn charge(&self, rules: &[Rule]) -> Option<Standing> {
        self.sweep();
        let mut tightest: Option<Standing> = None;
        for rule in rules {
            let Some(limiter) = &self.limiters[rule.kind as usize] else {
                continue;
            };
            let step = rule.kind.period() / rule.limit;
            let standing = match limiter.check_key(&rule.key) {
                Ok(state) => {
                    let remaining = state.remaining_burst_capacity();
                    let reset = step * rule.limit.saturating_sub(remaining);
                    Standing::new(rule, remaining, reset, None)
                }
                Err(refused) => {
                    let wait = refused.wait_time_from(self.clock.now());
                    let wait = wait.max(Duration::from_millis(1));
                    return Some(Standing::new(rule, 0, rule.kind.period(), Some(wait)));
                }
            };
            if tightest.is_none_or(|tightest| standing.remaining() < tightest.remaining()) {
                tightest = Some(standing);
            }
        }
        tightest
    }

    fn sweep(&self) {
        if self.charges.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            for limiter in self.limiters.iter().flatten() {
                limiter.retain_recent();
                limiter.shrink_to_fit();
            }
        }
    }
}
