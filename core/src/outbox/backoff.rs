//! How long a failed job waits: doubling from a second, most of them at most ten minutes, never in step with others.

use chrono::Duration;

/// The longest wait between two attempts, but for kinds that have a longer one.
pub(super) const CAP: Duration = Duration::minutes(10);

/// The wait after attempt `attempt` (the first is 1) failed: between half of 2^(attempt-1) seconds and all of it,
/// at most `longest`. The random half keeps jobs that failed together from coming back together.
pub(super) fn after(attempt: i32, longest: Duration) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1))
        .unwrap_or_default()
        .min(16);
    let whole = Duration::seconds(1 << doublings)
        .min(longest)
        .num_milliseconds();
    Duration::milliseconds(rand::random_range(whole / 2..=whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_and_stays_between_half_and_whole() {
        for (attempt, whole) in [(1, 1_000), (2, 2_000), (5, 16_000), (9, 256_000)] {
            for _ in 0..200 {
                let wait = after(attempt, CAP).num_milliseconds();
                assert!(
                    (whole / 2..=whole).contains(&wait),
                    "attempt {attempt} waits {wait} ms"
                );
            }
        }
    }

    #[test]
    fn the_wait_never_exceeds_ten_minutes_nor_falls_below_half_a_second() {
        for attempt in [i32::MIN, -1, 0, 1, 11, 32, 33, i32::MAX] {
            let wait = after(attempt, CAP);
            assert!(
                wait <= CAP && wait >= Duration::milliseconds(500),
                "attempt {attempt}"
            );
        }
    }

    #[test]
    fn two_jobs_that_fail_together_do_not_come_back_together() {
        let waits: std::collections::HashSet<_> =
            (0..50).map(|_| after(10, CAP).num_milliseconds()).collect();
        assert!(waits.len() > 10);
    }
}
