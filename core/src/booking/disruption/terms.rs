//! Until when an owner may choose, and what silence means. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use super::model::FlightTimes;
use crate::config::{CancelDefault, Disruptions, RetimeDefault};
use crate::trade::DefaultChoice;

/// How long before departure the time to choose ends, old or new, whichever is earlier.
const BEFORE_DEPARTURE: TimeDelta = TimeDelta::hours(2);
/// Whoever is told later than that has so much time all the same.
const LEAST_TIME: TimeDelta = TimeDelta::hours(1);

/// What a booking is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub decide_by: DateTime<Utc>,
    pub default_choice: DefaultChoice,
}

/// The terms of a booking that is told now.
///
/// Who is told so late that they may be on their way already is never sent home by silence: a flight that still flies
/// counts as accepted then, and a missed connection is for staff.
pub(super) fn terms(
    policy: &Disruptions,
    now: DateTime<Utc>,
    before: FlightTimes,
    after: Option<FlightTimes>,
    connection_broken: bool,
) -> Terms {
    let departs_at = after.map_or(before.departs_at, |after| {
        before.departs_at.min(after.departs_at)
    });
    let hours = TimeDelta::hours(i64::from(policy.disruption_answer_hours));
    let latest = departs_at - BEFORE_DEPARTURE;
    let least = now + LEAST_TIME;
    let is_late = latest < least;
    let default_choice = match after {
        None => match policy.disruption_cancel_default {
            CancelDefault::Refund => DefaultChoice::Refund,
            CancelDefault::Nothing => DefaultChoice::Nothing,
        },
        Some(_) if is_late && connection_broken => DefaultChoice::Nothing,
        Some(_) if is_late => DefaultChoice::Accept,
        Some(after) => match policy.disruption_retime_default {
            RetimeDefault::Nothing => DefaultChoice::Nothing,
            RetimeDefault::Refund => DefaultChoice::Refund,
            RetimeDefault::Accept if connection_broken => DefaultChoice::Refund,
            RetimeDefault::Accept if moved_by(before, after) > accepted(policy) => {
                DefaultChoice::Refund
            }
            RetimeDefault::Accept => DefaultChoice::Accept,
        },
    };
    Terms {
        decide_by: (now + hours).min(latest).max(least),
        default_choice,
    }
}

fn moved_by(before: FlightTimes, after: FlightTimes) -> TimeDelta {
    let departure = (after.departs_at - before.departs_at).abs();
    departure.max((after.arrives_at - before.arrives_at).abs())
}

fn accepted(policy: &Disruptions) -> TimeDelta {
    TimeDelta::hours(i64::from(policy.disruption_accept_hours))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Disruptions {
        Disruptions {
            disruption_answer_hours: 72,
            disruption_cancel_default: CancelDefault::Refund,
            disruption_retime_default: RetimeDefault::Accept,
            disruption_accept_hours: 3,
        }
    }

    fn at(hours: i64) -> DateTime<Utc> {
        let start: DateTime<Utc> = "2026-12-20T00:00:00Z".parse().unwrap();
        start + TimeDelta::hours(hours)
    }

    fn flight(departs: i64) -> FlightTimes {
        FlightTimes {
            departs_at: at(departs),
            arrives_at: at(departs + 2),
        }
    }

    #[test]
    fn the_time_to_choose_ends_two_hours_before_the_earlier_departure() {
        for (now, after, decide_by) in [
            (-1_000, None, -928),
            (-20, None, -2),
            (-20, Some(flight(5)), -2),
            (-20, Some(flight(-5)), -7),
            (-3, None, -2),
            // Told too late for that: an hour all the same.
            (-2, None, -1),
            (-1, Some(flight(8)), 0),
        ] {
            let terms = terms(&policy(), at(now), flight(0), after, false);
            assert_eq!(terms.decide_by, at(decide_by), "{now} {after:?}");
        }
    }

    #[test]
    fn silence_means_what_the_policy_says_and_never_sends_anybody_home_late() {
        use DefaultChoice::{Accept, Nothing, Refund};
        for (now, after, broken, expected) in [
            (-500, None, false, Refund),
            (-1, None, false, Refund),
            (-500, Some(flight(3)), false, Accept),
            (-500, Some(flight(-3)), false, Accept),
            (-500, Some(flight(4)), false, Refund),
            (-500, Some(flight(1)), true, Refund),
            (-1, Some(flight(9)), false, Accept),
            (-1, Some(flight(1)), true, Nothing),
        ] {
            let terms = terms(&policy(), at(now), flight(0), after, broken);
            assert_eq!(terms.default_choice, expected, "{now} {after:?} {broken}");
        }
        let strict = Disruptions {
            disruption_cancel_default: CancelDefault::Nothing,
            disruption_retime_default: RetimeDefault::Refund,
            ..policy()
        };
        for (after, expected) in [(None, Nothing), (Some(flight(1)), Refund)] {
            let terms = terms(&strict, at(-500), flight(0), after, false);
            assert_eq!(terms.default_choice, expected);
        }
        // A flight that only lands later has moved too.
        let after = FlightTimes {
            departs_at: at(0),
            arrives_at: at(6),
        };
        let terms = terms(&policy(), at(-500), flight(0), Some(after), false);
        assert_eq!(terms.default_choice, Refund);
    }
}
