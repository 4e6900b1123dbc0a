//! What a quote says. It is stored as it is, so that it can be explained at any later time.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{AccountId, FlightId, PassengerId};
use crate::money::{Currency, Money};
use crate::trade::{Direction, LineKind};

/// Which directions are to be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancellationScope {
    /// The way there.
    Departing,
    /// The way back.
    Returning,
    /// Both.
    Both,
}

impl CancellationScope {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Departing => "departing",
            Self::Returning => "returning",
            Self::Both => "both",
        }
    }

    /// Whether a direction is in it.
    pub const fn has(self, direction: Direction) -> bool {
        match self {
            Self::Departing => matches!(direction, Direction::Departing),
            Self::Returning => matches!(direction, Direction::Returning),
            Self::Both => true,
        }
    }
}

/// Who cancels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canceller {
    /// The account whose booking it is; another's does not exist for it.
    Owner(AccountId),
    /// Staff, for whoever's booking it is.
    Staff,
}

/// What a quote is asked for.
#[derive(Clone, Debug, Default)]
pub struct QuoteRequest {
    /// Which directions; may be absent where there is one left.
    pub scope: Option<CancellationScope>,
    /// Which passengers; all of them when absent.
    pub passengers: Option<Vec<PassengerId>>,
    /// Why staff waive what the fare would keep; only they may.
    pub waiver: Option<String>,
}

/// What cancelling costs and gives back, for ten minutes.
#[derive(Clone, Debug)]
pub struct CancellationQuote {
    /// The quote.
    pub id: Uuid,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Until when it can be confirmed.
    pub expires_at: DateTime<Utc>,
    /// When it was confirmed.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// What it says.
    pub content: Content,
}

/// What a quote says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// The form of the JSON.
    #[serde(deserialize_with = "known_version")]
    pub version: u16,
    /// What was asked for.
    pub scope: CancellationScope,
    /// The currency of every amount.
    pub currency: Currency,
    /// For each passenger and direction that is cancelled, the departing direction first.
    pub items: Vec<QuoteItem>,
    /// What is charged once a booking and does not come back, in minor units.
    pub fees_kept_minor: i64,
    /// What is charged once a booking and comes back, because the airline flies nothing of it as it was booked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fees_back: Vec<QuoteLine>,
    /// What of `scope` and passengers was asked for, to ask for it again.
    pub asked_passengers: Option<Vec<PassengerId>>,
    /// Why staff waived what the fare would keep.
    pub waiver: Option<String>,
}

/// One passenger in one direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuoteItem {
    /// Who.
    pub passenger_id: PassengerId,
    /// As written.
    pub passenger: String,
    /// Which direction.
    pub direction: Direction,
    /// What decided.
    pub decision: Decision,
    /// Everything that was paid for the passenger in the direction.
    pub lines: Vec<QuoteLine>,
    /// What is kept of the fare, in minor units; never more than was paid for it.
    pub charge_minor: i64,
}

/// Something that was paid, and what of it comes back before the charge is taken off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteLine {
    /// What for.
    pub kind: LineKind,
    /// As in the price of the booking.
    pub code: String,
    /// What a tax is called.
    pub name: Option<String>,
    /// On which flight.
    pub flight_id: Option<FlightId>,
    /// Minor units; negative for a coupon's share.
    pub paid_minor: i64,
    /// Minor units, of the same sign, at most what was paid.
    pub refund_minor: i64,
}

/// Which rule decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleName {
    /// The tier of the fare family that holds at this hour.
    FareTier,
    /// Free for some hours after booking (14 CFR 259.5; DGCA CAR section 3, series M, part II).
    FreeAfterBooking,
    /// Staff waived what the fare would keep.
    Waived,
    /// Not aboard: refundable taxes come back.
    NoShow,
    /// The airline has cancelled or moved the flight: everything comes back.
    ScheduleChange,
}

impl RuleName {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FareTier => "fare_tier",
            Self::FreeAfterBooking => "free_after_booking",
            Self::Waived => "waived",
            Self::NoShow => "no_show",
            Self::ScheduleChange => "schedule_change",
        }
    }
}

/// What decided, from what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The rule.
    pub rule: RuleName,
    /// Name of the fare family: `Standard`.
    pub fare_family: String,
    /// When the booking was made.
    pub booked_at: DateTime<Utc>,
    /// When the first flight of the direction leaves.
    pub departs_at: DateTime<Utc>,
    /// When it was decided.
    pub decided_at: DateTime<Utc>,
    /// Of a tier: it holds while departure is more than this many hours away.
    pub more_than_hours: Option<u16>,
    /// Of a free period: how many hours after booking it ends.
    pub within_hours: Option<u16>,
    /// Of a free period: how many days ahead of departure the booking has to be made.
    pub days_ahead: Option<u16>,
    /// The same for people.
    pub sentence: String,
}

impl Decision {
    /// Whole hours from the decision to departure.
    pub fn hours_before_departure(&self) -> i64 {
        (self.departs_at - self.decided_at).num_hours()
    }
}

impl QuoteItem {
    /// What comes back of it, in minor units.
    pub fn refund_minor(&self) -> i64 {
        let back: i64 = self.lines.iter().map(|line| line.refund_minor).sum();
        back - self.charge_minor
    }

    /// What was paid for it, in minor units.
    pub fn paid_minor(&self) -> i64 {
        self.lines.iter().map(|line| line.paid_minor).sum()
    }

    fn says_the_same(&self, other: &Self) -> bool {
        let key = |item: &Self| (item.passenger_id, item.direction, item.charge_minor);
        key(self) == key(other) && self.lines == other.lines
    }
}

impl Content {
    /// The newest form: the second knows fees that come back.
    pub const VERSION: u16 = 2;

    /// The oldest form that says what is in a quote: programs that know no newer one can read it during an upgrade.
    pub(super) const fn version_of(fees_back: &[QuoteLine]) -> u16 {
        if fees_back.is_empty() { 1 } else { 2 }
    }

    /// What goes back in all.
    pub fn refund(&self) -> Money {
        let items: i64 = self.items.iter().map(QuoteItem::refund_minor).sum();
        Money::new(items + self.fees_back_minor(), self.currency)
    }

    /// What goes back of what is charged once a booking, in minor units.
    pub fn fees_back_minor(&self) -> i64 {
        self.fees_back.iter().map(|line| line.refund_minor).sum()
    }

    /// Whether the airline's doing is why all of it is cancelled.
    pub fn is_by_airline(&self) -> bool {
        let mut items = self.items.iter();
        items.all(|item| item.decision.rule == RuleName::ScheduleChange)
    }

    /// What to ask for to get it again.
    pub fn request(&self) -> QuoteRequest {
        QuoteRequest {
            scope: Some(self.scope),
            passengers: self.asked_passengers.clone(),
            waiver: self.waiver.clone(),
        }
    }

    /// Whether another one would move the same people, seats and money; the hour may be another.
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.items.len() == other.items.len()
            && self.fees_back == other.fees_back
            && (self.items.iter().zip(&other.items)).all(|(a, b)| a.says_the_same(b))
    }
}

/// A newer form means something that this program does not know.
fn known_version<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    match u16::deserialize(deserializer)? {
        version @ 1..=Content::VERSION => Ok(version),
        version => Err(serde::de::Error::custom(format_args!(
            "a quote of version {version}, which this program does not know"
        ))),
    }
}
