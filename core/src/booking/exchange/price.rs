//! How the price of one passenger in one direction moves. Pure, so that it can be proved against a second calculation.

use chrono::{DateTime, TimeDelta, Utc};

use super::model::{ChangeItem, ChangeLine, ChangedSeat, FEE_CODE, KEPT_CODE};
use crate::booking::cancel::load::{Trip, TripDirection, TripPassenger};
use crate::booking::cancel::price::{Paid, paid};
use crate::format;
use crate::money::Money;
use crate::trade::{Charge, FareConditions, LineKind, PriceLine, Tier};

/// The tier of a fare that holds at an instant, or `None` when it cannot be changed any more.
pub(super) fn tier(
    conditions: &FareConditions,
    now: DateTime<Utc>,
    departs_at: DateTime<Utc>,
) -> Option<Tier> {
    let ahead = departs_at - now;
    let holding = (conditions.rules.change.tiers.iter())
        .filter(|tier| ahead > TimeDelta::hours(i64::from(tier.more_than_hours)));
    holding.max_by_key(|tier| tier.more_than_hours).copied()
}

/// What is paid now, against what the new flights cost.
pub(super) struct Compared<'a> {
    pub trip: &'a Trip,
    pub passenger: &'a TripPassenger,
    pub direction: &'a TripDirection,
    /// The tier of the fare; none where the airline has changed the flights: then nothing is charged and nothing credited.
    pub tier: Option<Tier>,
    /// The lines of the new offer.
    pub new_lines: &'a [PriceLine],
    /// What becomes of chosen seats, of everybody.
    pub seats: &'a [ChangedSeat],
}

/// The item of a passenger in a direction.
pub(super) fn item(compared: &Compared<'_>) -> ChangeItem {
    let Compared {
        trip,
        passenger,
        direction,
        tier,
        ..
    } = *compared;
    let old = paid(trip, passenger, direction);
    let Some(tier) = tier else {
        return free(compared, &old);
    };
    let new = charged(compared);
    let sum = |kind| -> i64 {
        let of_kind = old.iter().filter(|line| line.kind == kind);
        of_kind.map(|line| line.minor).sum()
    };
    let (old_base, coupon) = (sum(LineKind::BaseFare), -sum(LineKind::Discount));
    let new_base: i64 = (new.iter())
        .filter(|line| line.kind == LineKind::BaseFare)
        .map(|line| line.minor)
        .sum();
    // A coupon stays on the fare; where that is less than its share, the rest of the share ends.
    let kept_coupon = coupon.min(new_base);
    let cheaper = (old_base - coupon) - (new_base - kept_coupon);
    let kept = if direction.conditions.is_refundable() {
        0
    } else {
        cheaper.max(0)
    };
    let mut lines: Vec<_> = (old.iter())
        .filter(|line| line.kind == LineKind::BaseFare)
        .map(|line| credit(line, line.minor))
        .collect();
    let mut ending = coupon - kept_coupon;
    for line in old.iter().filter(|line| line.kind == LineKind::Discount) {
        let part = ending.min(-line.minor);
        ending -= part;
        lines.push(credit(line, -part));
    }
    lines.extend(tax_credits(&old, &new, kept > 0));
    lines.extend(seat_lines(compared, &old));
    lines.extend(new);
    lines.extend([
        fee(FEE_CODE, "Change fee", charge(tier, old_base)),
        fee(KEPT_CODE, "Fare difference that is not refundable", kept),
    ]);
    lines.retain(|line| line.minor != 0);
    ChangeItem {
        passenger_id: passenger.id,
        passenger: passenger.name.clone(),
        direction: direction.direction,
        rule: sentence(&direction.conditions, tier),
        more_than_hours: Some(tier.more_than_hours),
        lines,
    }
}

/// Other flights at the airline's expense: the fare and its taxes stay as they were paid, a seat that cannot be had comes back.
fn free(compared: &Compared<'_>, old: &[Paid]) -> ChangeItem {
    let mut lines = seat_lines(compared, old);
    lines.retain(|line| line.minor != 0);
    ChangeItem {
        passenger_id: compared.passenger.id,
        passenger: compared.passenger.name.clone(),
        direction: compared.direction.direction,
        rule: "The airline has changed the flight: another one costs nothing.".to_owned(),
        more_than_hours: None,
        lines,
    }
}

/// What the fare charges, never more than the base fare.
fn charge(tier: Tier, base: i64) -> i64 {
    match tier.charge {
        Charge::Amount(minor) => minor.clamp(0, base.max(0)),
        Charge::BaseFare => base.max(0),
    }
}

fn sentence(conditions: &FareConditions, tier: Tier) -> String {
    let fee = match tier.charge {
        Charge::Amount(0) => "only a fare difference is paid".to_owned(),
        Charge::Amount(minor) => format!(
            "{} for each passenger and direction, at most the base fare, and the fare difference",
            format::money(Money::new(minor, conditions.rules.currency))
        ),
        Charge::BaseFare => "the base fare is charged again".to_owned(),
    };
    let cheaper = if conditions.is_refundable() {
        "a lower fare gives the difference back"
    } else {
        "a lower fare gives nothing back"
    };
    format!(
        "{} fare, changed more than {} hours before departure: {fee}; {cheaper}.",
        conditions.name, tier.more_than_hours
    )
}

fn credit(line: &Paid, minor: i64) -> ChangeLine {
    ChangeLine {
        kind: line.kind,
        code: line.code.clone(),
        name: line.name.clone(),
        flight_id: line.flight_id,
        minor: -minor,
        refundable: line.may_come_back,
        is_percentage: line.is_percentage,
    }
}

fn fee(code: &str, name: &str, minor: i64) -> ChangeLine {
    ChangeLine {
        kind: LineKind::Fee,
        code: code.to_owned(),
        name: Some(name.to_owned()),
        flight_id: None,
        minor,
        refundable: false,
        is_percentage: false,
    }
}

/// What one passenger of the type pays for the new flights. What is charged once a booking was charged already.
fn charged(compared: &Compared<'_>) -> Vec<ChangeLine> {
    let own = (compared.new_lines.iter()).filter(|line| {
        line.kind != LineKind::Fee && line.passenger_type == Some(compared.passenger.kind)
    });
    own.map(|line| ChangeLine {
        kind: line.kind,
        code: line.code.clone(),
        name: line.name.clone(),
        flight_id: line.flight_id,
        minor: line.unit_minor,
        refundable: line.refundable,
        is_percentage: line.is_percentage,
    })
    .collect()
}

/// Taxes that come back are credited whole; another pays the tax of the same code on the new flights. So does a percentage of
/// a fare of which something is kept.
pub(super) fn tax_credits(old: &[Paid], new: &[ChangeLine], is_fare_kept: bool) -> Vec<ChangeLine> {
    let mut credits = Vec::new();
    // How much of each code of the new taxes is not paid by an old one yet.
    let mut open: Vec<(&str, i64)> = Vec::new();
    for line in new.iter().filter(|line| line.kind == LineKind::Tax) {
        match open.iter_mut().find(|(code, _)| *code == line.code) {
            Some((_, minor)) => *minor += line.minor,
            None => open.push((&line.code, line.minor)),
        }
    }
    for line in old.iter().filter(|line| line.kind == LineKind::Tax) {
        if line.may_come_back && !(line.is_percentage && is_fare_kept) {
            credits.push(credit(line, line.minor));
            continue;
        }
        if let Some((_, left)) = open.iter_mut().find(|(code, _)| *code == line.code) {
            let part = line.minor.min(*left).max(0);
            *left -= part;
            credits.push(credit(line, part));
        }
    }
    credits
}

/// A chosen seat that goes along is charged on the new flight instead of the old one; one that cannot be had is given back.
fn seat_lines(compared: &Compared<'_>, old: &[Paid]) -> Vec<ChangeLine> {
    let mut lines = Vec::new();
    let is_own = |seat: &&ChangedSeat| {
        (seat.passenger_id, seat.direction) == (compared.passenger.id, compared.direction.direction)
    };
    for seat in compared.seats.iter().filter(is_own) {
        let paid = old.iter().find(|line| {
            line.kind == LineKind::Seat && line.flight_id == Some(seat.from) && line.minor > 0
        });
        let Some(paid) = paid else { continue };
        lines.push(credit(paid, paid.minor));
        if seat.to.is_some() {
            lines.push(ChangeLine {
                flight_id: seat.to,
                ..credit(paid, -paid.minor)
            });
        }
    }
    lines
}
