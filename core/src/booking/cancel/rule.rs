//! Which rule decides, and what it keeps of a fare.
//!
//! **Hours are those that pass, days are 24 of them.** Instants are compared, so that neither a change of the clocks nor the
//! date line moves a tier. "More than 72 hours" ends at exactly 72: the next tier holds from there on.

use chrono::{DateTime, TimeDelta, Utc};

use super::model::{Decision, RuleName};
use crate::format;
use crate::money::Money;
use crate::trade::{Charge, DisruptionKind, FareConditions, GracePeriod};

/// What a decision is made of, beside the conditions of the fare.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub now: DateTime<Utc>,
    pub booked_at: DateTime<Utc>,
    /// The first flight of the booking.
    pub trip_departs_at: DateTime<Utc>,
    /// Country of the airport where the booking begins (ISO 3166).
    pub starts_in: String,
    /// Whether a flight of the booking leaves that country.
    pub is_international: bool,
    /// The first flight of the direction.
    pub departs_at: DateTime<Utc>,
}

/// A rule that holds, and what it charges.
#[derive(Clone, Debug)]
pub(super) struct Ruled {
    pub decision: Decision,
    pub charge: Charge,
    /// Whether bought seats and bags come back.
    pub gives_extras_back: bool,
    /// Whether taxes come back that a traveller who cancels does not get.
    pub gives_every_tax_back: bool,
}

/// The last instant at which a direction could be cancelled has passed.
pub(super) fn is_too_late(conditions: &FareConditions, facts: &Facts) -> bool {
    let hours = i64::from(conditions.rules.too_late_hours);
    facts.departs_at - facts.now <= TimeDelta::hours(hours)
}

/// The rules that hold now, the tier of the fare first. None when no tier of the fare does: then it keeps the base fare.
pub(super) fn holding(conditions: &FareConditions, facts: &Facts) -> Vec<Ruled> {
    let mut rules = vec![tier(conditions, facts)];
    let graces = &conditions.rules.cancellation.free_after_booking;
    let holding = graces.iter().filter(|grace| holds(grace, facts));
    rules.extend(holding.map(|grace| free(conditions, facts, grace)));
    rules
}

/// The rule by which staff give everything back that can come back.
pub(super) fn waived(conditions: &FareConditions, facts: &Facts, why: &str) -> Ruled {
    Ruled {
        decision: Decision {
            rule: RuleName::Waived,
            sentence: format!("Our staff have waived the cancellation fee: {why}"),
            ..undecided(conditions, facts)
        },
        charge: Charge::Amount(0),
        gives_extras_back: true,
        gives_every_tax_back: false,
    }
}

/// The rule by which everything goes back that was paid for a direction which the airline does not fly as it was booked.
pub(super) fn schedule_change(conditions: &FareConditions, facts: &Facts, why: &str) -> Ruled {
    Ruled {
        decision: Decision {
            rule: RuleName::ScheduleChange,
            sentence: why.to_owned(),
            ..undecided(conditions, facts)
        },
        charge: Charge::Amount(0),
        gives_extras_back: true,
        gives_every_tax_back: true,
    }
}

/// What that rule says of a flight, named as people know it.
pub(in crate::booking) fn disruption_sentence(kind: DisruptionKind, flight: &str) -> String {
    let what = match kind {
        DisruptionKind::Cancelled => "has cancelled",
        DisruptionKind::Retimed => "has moved",
    };
    format!("The airline {what} flight {flight}: everything that was paid is refunded.")
}

/// The rule for who was not aboard: refundable taxes and nothing else.
pub(super) fn no_show(conditions: &FareConditions, facts: &Facts) -> Ruled {
    Ruled {
        decision: Decision {
            rule: RuleName::NoShow,
            sentence:
                "No-show: the base fare is not refundable, refundable taxes and airport charges are refunded."
                    .to_owned(),
            ..undecided(conditions, facts)
        },
        charge: Charge::BaseFare,
        gives_extras_back: false,
        gives_every_tax_back: false,
    }
}

fn tier(conditions: &FareConditions, facts: &Facts) -> Ruled {
    let ahead = facts.departs_at - facts.now;
    let tiers = &conditions.rules.cancellation.tiers;
    let tier = tiers
        .iter()
        .filter(|tier| ahead > TimeDelta::hours(i64::from(tier.more_than_hours)))
        .max_by_key(|tier| tier.more_than_hours);
    let charge = tier.map_or(Charge::BaseFare, |tier| tier.charge);
    let kept = match charge {
        Charge::Amount(0) => "no cancellation fee".to_owned(),
        Charge::Amount(minor) => format!(
            "a cancellation fee of {}, at most the base fare",
            format::money(Money::new(minor, conditions.rules.currency))
        ),
        Charge::BaseFare => {
            "the base fare is not refundable, refundable taxes and airport charges are refunded"
                .to_owned()
        }
    };
    let when = tier.map_or_else(String::new, |tier| {
        format!(
            ", cancelled more than {} hours before departure",
            tier.more_than_hours
        )
    });
    Ruled {
        decision: Decision {
            rule: RuleName::FareTier,
            more_than_hours: tier.map(|tier| tier.more_than_hours),
            sentence: format!("{} fare{when}: {kept}.", conditions.name),
            ..undecided(conditions, facts)
        },
        charge,
        gives_extras_back: conditions.is_refundable(),
        gives_every_tax_back: false,
    }
}

fn holds(grace: &GracePeriod, facts: &Facts) -> bool {
    let is_from_there = grace
        .from_country
        .as_ref()
        .is_none_or(|country| *country == facts.starts_in);
    let booked_ahead = facts.trip_departs_at - facts.booked_at;
    is_from_there
        && facts.now - facts.booked_at <= TimeDelta::hours(i64::from(grace.within_hours))
        && booked_ahead >= TimeDelta::hours(24 * i64::from(days_ahead(grace, facts)))
}

fn days_ahead(grace: &GracePeriod, facts: &Facts) -> u16 {
    if facts.is_international {
        grace.days_ahead_international
    } else {
        grace.days_ahead_domestic
    }
}

fn free(conditions: &FareConditions, facts: &Facts, grace: &GracePeriod) -> Ruled {
    let days = days_ahead(grace, facts);
    Ruled {
        decision: Decision {
            rule: RuleName::FreeAfterBooking,
            within_hours: Some(grace.within_hours),
            days_ahead: Some(days),
            sentence: format!(
                "Cancelled within {} hours of booking, which was made at least {days} days before departure: no cancellation fee.",
                grace.within_hours
            ),
            ..undecided(conditions, facts)
        },
        charge: Charge::Amount(0),
        gives_extras_back: true,
        gives_every_tax_back: false,
    }
}

fn undecided(conditions: &FareConditions, facts: &Facts) -> Decision {
    Decision {
        rule: RuleName::FareTier,
        fare_family: conditions.name.clone(),
        booked_at: facts.booked_at,
        departs_at: facts.departs_at,
        decided_at: facts.now,
        more_than_hours: None,
        within_hours: None,
        days_ahead: None,
        sentence: String::new(),
    }
}
