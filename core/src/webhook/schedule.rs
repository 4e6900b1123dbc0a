//! When a delivery that failed is tried again: the waits that Standard Webhooks recommends, three days in all.

use chrono::Duration;

/// The wait after each attempt that failed; after the tenth there is none.
const WAITS: [Duration; 9] = [
    Duration::seconds(5),
    Duration::minutes(5),
    Duration::minutes(30),
    Duration::hours(2),
    Duration::hours(5),
    Duration::hours(10),
    Duration::hours(14),
    Duration::hours(20),
    Duration::hours(24),
];

/// An endpoint at which every delivery has failed for so long is disabled.
pub(super) const PATIENCE: Duration = Duration::days(3);

/// The wait after attempt `attempt` (the first is 1) failed, up to a tenth longer so that what failed together does not come
/// back together; `None` when it was the last.
pub(super) fn after(attempt: i32) -> Option<Duration> {
    let index = usize::try_from(attempt.max(1) - 1).ok()?;
    let wait = WAITS.get(index)?.num_milliseconds();
    Some(Duration::milliseconds(
        wait + rand::random_range(0..=wait / 10),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_attempts_take_more_than_three_days_and_less_than_four() {
        let waits: Vec<_> = (1..=10).map(after).collect();
        assert!(waits[..9].iter().all(Option::is_some) && waits[9].is_none());
        assert!(waits[0].is_some_and(|wait| wait < Duration::seconds(6)));
        let all: Duration = waits.into_iter().flatten().sum();
        assert!(all > PATIENCE && all < Duration::days(4), "{all}");
    }
}
