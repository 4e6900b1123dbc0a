//! Where the time comes from. Rules take a [`Clock`]; nothing in them asks the system (invariant 8).

use std::sync::{Arc, Mutex};

use chrono::{DateTime, Duration, NaiveDate, SubsecRound, Utc};

/// The present instant, from the system or, in tests, from a hand that can be moved.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<Mutex<DateTime<Utc>>>),
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `now` until [`Clock::advance`] moves it. Clones move together.
    pub fn manual(now: DateTime<Utc>) -> Self {
        Self(Source::Manual(Arc::new(Mutex::new(now))))
    }

    /// The present instant in whole microseconds, as PostgreSQL keeps it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the system"
    )]
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            Source::System => Utc::now().trunc_subsecs(6),
            Source::Manual(now) => *now
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        }
    }

    /// Moves a manual clock. Does nothing to the system's.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(now) = &self.0 {
            *now.lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner) += by;
        }
    }
}

/// A calendar date in the one form that requests may use, `2026-12-20`; `None` for every other text, also where
/// chrono would be kinder (`2026-1-2`, `+12026-01-02`).
pub fn parse_date(raw: &str) -> Option<NaiveDate> {
    let shaped = raw.len() == 10
        && raw.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    shaped.then(|| raw.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_one_form() {
        assert_eq!(
            parse_date("2028-02-29"),
            NaiveDate::from_ymd_opt(2028, 2, 29)
        );
        for wrong in [
            "2026-02-29",
            "2026-1-2",
            "20260102",
            "+12026-01-02",
            "-001-01-01",
            "2026-01-02Z",
            "",
            "２026-01-0",
        ] {
            assert_eq!(parse_date(wrong), None, "{wrong}");
        }
    }
}
