//! Civil Aviation Requirements of India, section 3, series M, part IV.

use chrono::TimeDelta;

use super::model::{Change, Compensation, Entitlement, Journey, Regulation};
use crate::money::Currency;

/// Notice from which on another flight or a refund is all that is owed (3.3).
const ENOUGH_NOTICE: TimeDelta = TimeDelta::hours(24);
/// Notice that the airline shall give.
const DUE_NOTICE: TimeDelta = TimeDelta::days(14);
/// Delay from which on another flight or a refund is owed (3.4).
const LONG_DELAY: TimeDelta = TimeDelta::hours(6);

pub(super) fn entitlement(journey: &Journey, change: Change) -> Entitlement {
    // Foreign airlines to and from India are bound too.
    let applies = journey.from.country.is("IN") || journey.to.country.is("IN");
    let (amount, why) = match change {
        _ if !applies => (
            None,
            "Does not apply: the journey neither begins nor ends in India.".to_owned(),
        ),
        Change::Cancelled { .. } => cancelled(journey, change.notice()),
        Change::Retimed { delay, .. } => (None, retimed(delay).to_owned()),
    };
    Entitlement {
        regulation: Regulation::Dgca,
        applies,
        amount,
        why,
    }
}

/// 3.3: by block time, or the base fare and fuel charge if that is less.
fn cancelled(journey: &Journey, notice: TimeDelta) -> (Option<Compensation>, String) {
    if notice >= DUE_NOTICE {
        let why = "Nothing is owed: passengers are told at least two weeks before departure (3.3). A refund or another flight can be chosen.";
        return (None, why.to_owned());
    }
    if notice >= ENOUGH_NOTICE {
        let why = "Nothing is owed: passengers are told between two weeks and 24 hours before departure (3.3). A refund or another flight that leaves within 2 hours of the one booked can be chosen.";
        return (None, why.to_owned());
    }
    let minutes = journey.block_time.num_minutes();
    let (most, words) = if minutes <= 60 {
        (500_000, "INR 5,000 for a block time of up to 1 hour")
    } else if minutes <= 120 {
        (750_000, "INR 7,500 for a block time of 1 to 2 hours")
    } else {
        (
            1_000_000,
            "INR 10,000 for a block time of more than 2 hours",
        )
    };
    // A fare in another currency cannot be compared here.
    let is_known = journey.base_fare.currency() == Currency::INR;
    let is_less = is_known && journey.base_fare.minor() < most;
    let minor = if is_less {
        journey.base_fare.minor()
    } else {
        most
    };
    let which = match (is_known, is_less) {
        (_, true) => "; the base fare with fuel charge is less, and counts",
        (true, false) => ", which is less than the base fare with fuel charge",
        (false, false) => ", or the base fare with fuel charge if that is less",
    };
    let why = format!(
        "Passengers are told less than 24 hours before departure: {words}{which} (3.3). Not owed in extraordinary circumstances, nor to who left no address to be told at. Foreign airlines may follow the rules of their own country."
    );
    let amount = Compensation {
        minor,
        currency: Currency::INR,
    };
    (Some(amount), why)
}

const fn retimed(delay: Option<TimeDelta>) -> &'static str {
    match delay {
        Some(delay) if delay.num_seconds() < LONG_DELAY.num_seconds() => {
            "No compensation is owed for a delay (3.4)."
        }
        Some(_) => {
            "No compensation is owed for a delay; more than 6 hours late, a refund or another flight can be chosen (3.4)."
        }
        None => {
            "The connection is missed: a refund or another flight can be chosen (3.4). No compensation is owed for a delay."
        }
    }
}
