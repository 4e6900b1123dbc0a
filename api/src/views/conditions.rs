//! What a fare allows, the same in search, flight and booking.

use flightdesk_core::trade::{Charge, FareConditions, FareRules, GracePeriod, Tier};
use poem_openapi::Object;
use serde::Serialize;

use crate::views::MoneyView;

/// What cancelling, changing, choosing a seat and a checked piece cost or may be; in fields and in words
#[derive(Debug, PartialEq, Eq, Object, Serialize)]
#[oai(rename = "FareConditions", skip_serializing_if_is_none)]
pub struct FareConditionsView {
    /// Closer to departure than this nothing can be cancelled or changed
    too_late_hours: u16,
    cancellation: CancellationView,
    change: ChangeView,
    /// Which seats can be chosen without a fee
    seat_choice: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    baggage: Option<PieceRuleView>,
}

/// What cancelling costs each passenger for each direction
#[derive(Debug, PartialEq, Eq, Object, Serialize)]
#[oai(rename = "CancellationRule")]
pub struct CancellationView {
    /// By hours before departure, the earliest first
    tiers: Vec<TierView>,
    /// The same in words
    words: String,
    /// Hours after booking in which cancelling is free whatever the tiers say
    free_after_booking: Vec<GracePeriodView>,
}

/// Some hours after booking in which cancelling is free, when it was booked long enough ahead
#[derive(Debug, PartialEq, Eq, Object, Serialize)]
#[oai(rename = "GracePeriod", skip_serializing_if_is_none)]
pub struct GracePeriodView {
    /// How many hours after booking it ends
    within_hours: u16,
    /// How many days before the first flight it has to be booked when all of it stays in one country
    days_ahead_domestic: u16,
    /// The same when a flight crosses a border
    days_ahead_international: u16,
    /// The country in which the journey has to begin; any when absent
    #[serde(skip_serializing_if = "Option::is_none")]
    from_country: Option<String>,
}

/// What changing date or flight costs each passenger for each direction, beside the fare difference
#[derive(Debug, PartialEq, Eq, Object, Serialize)]
#[oai(rename = "ChangeRule")]
pub struct ChangeView {
    allowed: bool,
    /// By hours before departure, the earliest first
    tiers: Vec<TierView>,
    /// The same in words
    words: String,
}

/// What is charged from this many hours before departure until the next tier begins
#[derive(Debug, PartialEq, Eq, Object, Serialize)]
#[oai(rename = "ConditionTier", skip_serializing_if_is_none)]
pub struct TierView {
    /// The tier holds while departure is more than this many hours away
    more_than_hours: u16,
    /// Whether `amount` is charged or the whole base fare
    charge: String,
    /// Never more than the base fare is charged; absent where that is charged whole
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<MoneyView>,
}

/// How heavy one checked piece may be
#[derive(Debug, PartialEq, Eq, Object, Serialize)]
#[oai(rename = "PieceRule")]
pub struct PieceRuleView {
    /// Kilograms
    piece_kg: u16,
    /// The same in words
    words: String,
}

impl From<&FareConditions> for FareConditionsView {
    fn from(conditions: &FareConditions) -> Self {
        let rules = &conditions.rules;
        Self {
            too_late_hours: rules.too_late_hours,
            cancellation: CancellationView {
                tiers: tiers(rules, &rules.cancellation.tiers),
                words: rules.cancellation.words.clone(),
                free_after_booking: (rules.cancellation.free_after_booking.iter())
                    .map(GracePeriodView::from)
                    .collect(),
            },
            change: ChangeView {
                allowed: rules.change.allowed,
                tiers: tiers(rules, &rules.change.tiers),
                words: rules.change.words.clone(),
            },
            seat_choice: conditions.seat_choice.as_str().to_owned(),
            baggage: rules.baggage.as_ref().map(|rule| PieceRuleView {
                piece_kg: rule.piece_kg,
                words: rule.words.clone(),
            }),
        }
    }
}

impl From<&GracePeriod> for GracePeriodView {
    fn from(period: &GracePeriod) -> Self {
        Self {
            within_hours: period.within_hours,
            days_ahead_domestic: period.days_ahead_domestic,
            days_ahead_international: period.days_ahead_international,
            from_country: period.from_country.clone(),
        }
    }
}

fn tiers(rules: &FareRules, tiers: &[Tier]) -> Vec<TierView> {
    let view = |tier: &Tier| TierView {
        more_than_hours: tier.more_than_hours,
        charge: match tier.charge {
            Charge::Amount(_) => "amount".to_owned(),
            Charge::BaseFare => "base_fare".to_owned(),
        },
        amount: rules.amount(tier.charge).map(MoneyView::from),
    };
    tiers.iter().map(view).collect()
}
