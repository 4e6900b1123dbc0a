//! What one passenger paid for one direction, and what of it comes back. Pure, so that it can be proved against a second
//! calculation.
//!
//! **Everybody's share is their own.** A line for three adults is three equal units; a coupon's share of it is split in steps
//! that can be charged, the first passengers of the type get what is left over. Who cancels later gets what they would
//! have got alone, and the shares of a party sum to the line.

use super::load::{Trip, TripDirection, TripPassenger};
use super::model::{QuoteItem, QuoteLine};
use super::rule::{self, Ruled};
use crate::charge;
use crate::ids::FlightId;
use crate::money::{Currency, scale_half_even};
use crate::trade::{Charge, LineKind, PriceLine};
use crate::{Error, Result};

/// The item of a passenger in a direction under the rule that gives back most; the tier of the fare where both give the same.
pub(super) fn item(
    trip: &Trip,
    passenger: &TripPassenger,
    direction: &TripDirection,
    waiver: Option<&str>,
) -> Result<QuoteItem> {
    let paid = paid(trip, passenger, direction);
    let (conditions, facts) = (&direction.conditions, trip.facts(direction));
    let mut rules = if trip.was_no_show(passenger.id, direction) {
        vec![rule::no_show(conditions, &facts)]
    } else if let Some(why) = trip.disrupted.get(&direction.id) {
        // No other rule gives more.
        vec![rule::schedule_change(conditions, &facts, why)]
    } else {
        rule::holding(conditions, &facts)
    };
    rules.extend(waiver.map(|why| rule::waived(conditions, &facts, why)));
    let mut best: Option<QuoteItem> = None;
    for ruled in rules {
        let item = under(trip.currency, passenger, direction, &paid, ruled)?;
        let is_better = best
            .as_ref()
            .is_none_or(|best| item.refund_minor() > best.refund_minor());
        if is_better {
            best = Some(item);
        }
    }
    best.ok_or_else(|| Error::Internal("no rule decides a cancellation".to_owned()))
}

/// What was paid under one code.
pub(in crate::booking) struct Paid {
    pub kind: LineKind,
    pub code: String,
    pub name: Option<String>,
    pub flight_id: Option<FlightId>,
    pub minor: i64,
    /// Whether the law or the fare lets it come back at all.
    pub may_come_back: bool,
    pub is_percentage: bool,
}

/// Everything that was paid for a passenger in a direction; what was given back before is taken off.
pub(in crate::booking) fn paid(
    trip: &Trip,
    passenger: &TripPassenger,
    direction: &TripDirection,
) -> Vec<Paid> {
    let ordinal = direction.direction.ordinal();
    let mut paid: Vec<Paid> = Vec::new();
    let mut add = |line: &PriceLine, minor: i64| {
        let is_same = |known: &&mut Paid| {
            (known.kind, known.flight_id, known.code.as_str())
                == (line.kind, line.flight_id, line.code.as_str())
        };
        match paid.iter_mut().find(is_same) {
            Some(known) => known.minor += minor,
            None => paid.push(Paid {
                kind: line.kind,
                code: line.code.clone(),
                name: line.name.clone(),
                flight_id: line.flight_id,
                minor,
                may_come_back: line.refundable,
                is_percentage: line.is_percentage,
            }),
        }
    };
    let own = trip
        .lines
        .iter()
        .filter(|line| line.direction == Some(ordinal));
    for line in own {
        match (line.kind, line.passenger_id) {
            // What a seat cost is said by the seat: a line of a hold knows no passenger.
            (LineKind::Seat | LineKind::Fee, _) => {}
            (_, Some(of)) if of == passenger.id => add(line, line.amount_minor()),
            (LineKind::Discount, None) if line.passenger_type == Some(passenger.kind) => {
                add(line, -share(trip, passenger, -line.amount_minor()));
            }
            (_, None) if line.passenger_type == Some(passenger.kind) => add(line, line.unit_minor),
            _ => {}
        }
    }
    let seats = trip.seats.iter().filter(|seat| {
        seat.passenger_id == passenger.id && direction.flights.contains(&seat.flight_id)
    });
    paid.extend(seats.map(|seat| Paid {
        kind: LineKind::Seat,
        code: seat.code.clone(),
        name: None,
        flight_id: Some(seat.flight_id),
        minor: seat.paid_minor,
        may_come_back: true,
        is_percentage: false,
    }));
    paid.retain(|line| line.minor != 0);
    paid
}

/// A passenger's share of a coupon's share of a line that is for all of their type.
pub(in crate::booking) fn share(trip: &Trip, passenger: &TripPassenger, minor: i64) -> i64 {
    let of_kind = trip
        .passengers
        .iter()
        .filter(|one| one.kind == passenger.kind);
    let ids: Vec<_> = of_kind.map(|one| one.id).collect();
    let index = ids.iter().position(|id| *id == passenger.id).unwrap_or(0);
    nth_share(minor, ids.len(), index, charge::step(trip.currency))
}

/// The share at an index when an amount is split among a number in steps; what no step divides goes to the first.
fn nth_share(minor: i64, number: usize, index: usize, step: i64) -> i64 {
    let number = i64::try_from(number.max(1)).unwrap_or(1);
    let (steps, rest) = (minor / step, minor % step);
    let index = i64::try_from(index).unwrap_or(0);
    let own = steps / number + i64::from(index < steps % number);
    own * step + if index == 0 { rest } else { 0 }
}

fn under(
    currency: Currency,
    passenger: &TripPassenger,
    direction: &TripDirection,
    paid: &[Paid],
    ruled: Ruled,
) -> Result<QuoteItem> {
    let sum = |kind| -> i64 {
        let of_kind = paid.iter().filter(|line| line.kind == kind);
        of_kind.map(|line| line.minor).sum()
    };
    let (base, coupon) = (sum(LineKind::BaseFare), -sum(LineKind::Discount));
    let charged = match ruled.charge {
        Charge::Amount(minor) => minor.clamp(0, base),
        Charge::BaseFare => base,
    };
    let lines = paid.iter().map(|line| {
        let refund_minor = match line.kind {
            LineKind::Tax if !line.may_come_back && !ruled.gives_every_tax_back => 0,
            LineKind::Tax if line.is_percentage => {
                in_proportion(line.minor, base - charged, base, currency)?
            }
            LineKind::Seat | LineKind::Baggage if !ruled.gives_extras_back => 0,
            LineKind::Fee => 0,
            LineKind::BaseFare
            | LineKind::Discount
            | LineKind::Tax
            | LineKind::Seat
            | LineKind::Baggage => line.minor,
        };
        Ok(QuoteLine {
            kind: line.kind,
            code: line.code.clone(),
            name: line.name.clone(),
            flight_id: line.flight_id,
            paid_minor: line.minor,
            refund_minor,
        })
    });
    Ok(QuoteItem {
        passenger_id: passenger.id,
        passenger: passenger.name.clone(),
        direction: direction.direction,
        decision: ruled.decision,
        lines: lines.collect::<Result<_>>()?,
        // A coupon's share comes off what the fare gives back; where that is less, nothing comes back.
        charge_minor: charged.min(base - coupon),
    })
}

/// A percentage of the fare in proportion to what comes back of it, rounded once, half to even, to what can be charged.
fn in_proportion(minor: i64, part: i64, whole: i64, currency: Currency) -> Result<i64> {
    if whole == 0 {
        return Ok(minor);
    }
    let step = charge::step(currency);
    let denominator = i128::from(whole) * i128::from(step);
    let steps = scale_half_even(minor, i128::from(part), denominator);
    let steps =
        steps.ok_or_else(|| Error::Internal("a tax leaves the range of money".to_owned()))?;
    Ok((steps * step).min(minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_a_party_sum_to_the_amount_in_steps_that_can_be_charged() {
        for (minor, number, step) in [
            (1_000, 3, 1),
            (1_000, 3, 10),
            (1_005, 4, 10),
            (7, 9, 1),
            (0, 2, 1),
        ] {
            let shares: Vec<_> = (0..number)
                .map(|index| nth_share(minor, number, index, step))
                .collect();
            assert_eq!(shares.iter().sum::<i64>(), minor, "{shares:?}");
            assert!(
                shares.iter().skip(1).all(|share| share % step == 0),
                "{shares:?}"
            );
            assert!(
                shares.windows(2).all(|pair| pair[0] >= pair[1]),
                "{shares:?}"
            );
        }
    }
}
