//! Regulation (EC) No 261/2004, in the European Union and as the United Kingdom has retained it.

use chrono::TimeDelta;

use super::model::{Change, Compensation, Country, Entitlement, Journey, Regulation};
use crate::format;
use crate::money::Currency;

/// The European Union with its outermost regions, and the states that apply the regulation by treaty: Iceland, Norway,
/// Liechtenstein and Switzerland.
const EU_COUNTRIES: &[&str] = &[
    "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GF", "GP", "GR", "HR",
    "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MF", "MQ", "MT", "NL", "NO", "PL", "PT", "RE",
    "RO", "SE", "SI", "SK", "YT",
];
const UK_COUNTRIES: &[&str] = &["GB"];

/// Notice from which on nothing is owed.
const ENOUGH_NOTICE: TimeDelta = TimeDelta::days(14);
/// Notice below which an offered flight must be closer to the one that was booked.
const SHORT_NOTICE: TimeDelta = TimeDelta::days(7);
/// Delay at the last airport from which on compensation is owed (C-402/07).
const LONG_DELAY: TimeDelta = TimeDelta::hours(3);
/// Up to here half of the highest amount is owed (Article 7(2)(c)).
const HALVED_DELAY: TimeDelta = TimeDelta::hours(4);
/// A flight that leaves earlier by more than this is cancelled (C-146/20).
const EARLY: TimeDelta = TimeDelta::hours(1);

/// One of the two laws.
pub(super) struct Law {
    regulation: Regulation,
    countries: &'static [&'static str],
    /// Whose airlines are bound on flights into the territory.
    carriers: &'static [&'static [&'static str]],
    /// Whether a flight between two of its airports is never in the highest band.
    has_inner_band: bool,
    currency: Currency,
    /// Up to 1,500 km, up to 3,500 km, beyond; in minor units.
    amounts: [i64; 3],
}

pub(super) const EU: Law = Law {
    regulation: Regulation::Eu261,
    countries: EU_COUNTRIES,
    carriers: &[EU_COUNTRIES],
    has_inner_band: true,
    currency: Currency::EUR,
    amounts: [25_000, 40_000, 60_000],
};

pub(super) const UK: Law = Law {
    regulation: Regulation::Uk261,
    countries: UK_COUNTRIES,
    carriers: &[UK_COUNTRIES, EU_COUNTRIES],
    has_inner_band: false,
    currency: Currency::GBP,
    amounts: [22_000, 35_000, 52_000],
};

impl Law {
    pub(super) fn entitlement(&self, journey: &Journey, change: Change) -> Entitlement {
        let applies = self.applies(journey);
        let (amount, why) = if applies {
            self.owed(journey, change)
        } else {
            (None, self.outside().to_owned())
        };
        Entitlement {
            regulation: self.regulation,
            applies,
            amount: amount.map(|minor| Compensation {
                minor,
                currency: self.currency,
            }),
            why,
        }
    }

    /// Article 3: any airline from the territory, its own airlines into it. UK law binds the airlines of the EU too, and
    /// its own airlines into the EU.
    fn applies(&self, journey: &Journey) -> bool {
        let is_carrier = self.carriers.iter().any(|of| is_in(of, journey.airline));
        let lands_there = is_in(self.countries, journey.to.country);
        let lands_in_eu_by_own = match self.regulation {
            Regulation::Uk261 => {
                is_in(EU_COUNTRIES, journey.to.country) && is_in(UK_COUNTRIES, journey.airline)
            }
            Regulation::Eu261 | Regulation::Dgca => false,
        };
        is_in(self.countries, journey.from.country)
            || (lands_there && is_carrier)
            || lands_in_eu_by_own
    }

    const fn outside(&self) -> &'static str {
        match self.regulation {
            Regulation::Uk261 => {
                "Does not apply: the journey does not begin in the United Kingdom, and no airline that it binds flies into the United Kingdom or the European Union."
            }
            Regulation::Eu261 | Regulation::Dgca => {
                "Does not apply: the journey does not begin in the European Union, Iceland, Norway or Switzerland, and no airline of theirs flies into them."
            }
        }
    }

    fn owed(&self, journey: &Journey, change: Change) -> (Option<i64>, String) {
        if change.notice() >= ENOUGH_NOTICE {
            let why = "Nothing is owed: passengers are told at least 14 days before departure (Article 5(1)(c)(i)). A refund or another flight can be chosen.";
            return (None, why.to_owned());
        }
        let (amount, band) = self.band(journey);
        match change {
            Change::Cancelled { .. } => (Some(amount), cancelled(change, &band)),
            Change::Retimed { earlier, .. } if earlier > EARLY => {
                let why = format!(
                    "The flight leaves {} earlier, which counts as a cancellation (C-146/20). {}",
                    format::duration(earlier),
                    cancelled(change, &band)
                );
                (Some(amount), why)
            }
            Change::Retimed { delay: None, .. } => {
                let why = format!(
                    "The connection is missed: owed if the journey ends 3 hours late or more (C-402/07 and C-11/11). {band} {EXTRAORDINARY}"
                );
                (Some(amount), why)
            }
            Change::Retimed {
                delay: Some(delay), ..
            } => self.delayed(delay, amount, &band),
        }
    }

    fn delayed(&self, delay: TimeDelta, amount: i64, band: &str) -> (Option<i64>, String) {
        if delay < LONG_DELAY {
            let why = "Nothing is owed: the journey ends less than 3 hours later than booked (Article 7, C-402/07).";
            return (None, why.to_owned());
        }
        let is_halved = amount == self.amounts[2] && delay < HALVED_DELAY;
        let half = if is_halved {
            " Halved, because it ends less than 4 hours late (Article 7(2)(c))."
        } else {
            ""
        };
        let why = format!(
            "The journey ends {} later than booked, 3 hours or more (C-402/07). {band}{half} {EXTRAORDINARY}",
            format::duration(delay)
        );
        (Some(if is_halved { amount / 2 } else { amount }), why)
    }

    /// Article 7(1).
    fn band(&self, journey: &Journey) -> (i64, String) {
        let km = journey.distance_km();
        let is_inner = self.has_inner_band
            && is_in(self.countries, journey.from.country)
            && is_in(self.countries, journey.to.country);
        let (amount, words) = if km <= 1_500.0 {
            (self.amounts[0], "up to 1,500 km")
        } else if is_inner {
            (
                self.amounts[1],
                "more than 1,500 km within the European Union",
            )
        } else if km <= 3_500.0 {
            (self.amounts[1], "1,500 to 3,500 km")
        } else {
            (self.amounts[2], "more than 3,500 km")
        };
        let words = format!("Distance {km:.0} km, {words} (Article 7(1)).");
        (amount, words)
    }
}

const EXTRAORDINARY: &str =
    "Not owed in extraordinary circumstances that the airline could not avoid (Article 5(3)).";

fn cancelled(change: Change, band: &str) -> String {
    let days = change.notice().num_days();
    let (told, flight) = if change.notice() >= SHORT_NOTICE {
        (
            format!("Passengers are told {days} days before departure"),
            "at most 2 hours earlier and arrives less than 4 hours later than booked (Article 5(1)(c)(ii))",
        )
    } else {
        (
            "Passengers are told less than 7 days before departure".to_owned(),
            "at most 1 hour earlier and arrives less than 2 hours later than booked (Article 5(1)(c)(iii))",
        )
    };
    format!(
        "{told}: owed unless another flight is offered that leaves {flight}. {band} {EXTRAORDINARY}"
    )
}

fn is_in(countries: &[&str], country: Country) -> bool {
    countries.iter().any(|code| country.is(code))
}
