//! Prices: lines, and their sums.

use serde::{Deserialize, Serialize};

use super::PassengerType;
use crate::ids::{FlightId, PassengerId};
use crate::money::{Currency, Money};

/// A factor in ten-thousandths: 1.35 is `Factor(13_500)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Factor(pub i64);

impl Factor {
    /// What 1.0 is.
    pub const ONE: i128 = 10_000;
}

/// What a line charges for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum LineKind {
    /// Base fare of one flight and passenger type.
    BaseFare,
    /// A tax or airport charge.
    Tax,
    /// A fee per booking.
    Fee,
    /// A seat that costs extra.
    Seat,
    /// Prepaid baggage.
    Baggage,
    /// A coupon's discount; negative.
    Discount,
}

impl LineKind {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BaseFare => "base_fare",
            Self::Tax => "tax",
            Self::Fee => "fee",
            Self::Seat => "seat",
            Self::Baggage => "baggage",
            Self::Discount => "discount",
        }
    }
}

/// One line of a price. Field names are short where it is carried in offer tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceLine {
    /// Which direction of the booking, from 0; none for what is charged once a booking.
    #[serde(rename = "d", skip_serializing_if = "Option::is_none", default)]
    pub direction: Option<u8>,
    /// Which flight.
    #[serde(rename = "f", skip_serializing_if = "Option::is_none", default)]
    pub flight_id: Option<FlightId>,
    /// What for.
    #[serde(rename = "k")]
    pub kind: LineKind,
    /// Fare family of a base fare, code of a tax or fee.
    #[serde(rename = "c")]
    pub code: String,
    /// What a tax or fee is called where it is charged: `User development fee`.
    #[serde(rename = "n", skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// Whom it is charged for; none for what is charged once a booking.
    #[serde(rename = "t", skip_serializing_if = "Option::is_none", default)]
    pub passenger_type: Option<PassengerType>,
    /// The person it is charged for, where it is for one: a bag, a seat. No offer knows them yet.
    #[serde(skip)]
    pub passenger_id: Option<PassengerId>,
    /// How many times.
    #[serde(rename = "q")]
    pub quantity: u16,
    /// For one, in minor units, rounded half to even.
    #[serde(rename = "u")]
    pub unit_minor: i64,
    /// Whether it comes back when the flight is not flown.
    #[serde(rename = "r")]
    pub refundable: bool,
    /// Whether it is a percentage of the base fare, and so comes back in proportion to what comes back of that.
    #[serde(rename = "p", skip_serializing_if = "std::ops::Not::not", default)]
    pub is_percentage: bool,
}

impl PriceLine {
    /// Unit times quantity, in minor units.
    pub fn amount_minor(&self) -> i64 {
        self.unit_minor * i64::from(self.quantity)
    }
}

/// Lines and the currency they are in; the total is their sum (invariant 7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// The currency of every line.
    pub currency: Currency,
    /// The lines, in the order they are shown.
    pub lines: Vec<PriceLine>,
}

impl Price {
    /// The sum of all lines.
    pub fn total(&self) -> Money {
        self.sum(|_| true)
    }

    /// How many passengers a line is for: a coupon's share is taken off the fares of all whom its base-fare line is for.
    /// `None` for what is charged once a booking.
    pub fn passengers_of(&self, line: &PriceLine) -> Option<u16> {
        match line.kind {
            LineKind::Fee => None,
            LineKind::BaseFare | LineKind::Tax | LineKind::Seat | LineKind::Baggage => {
                Some(line.quantity)
            }
            LineKind::Discount => {
                let is_base = |base: &&PriceLine| {
                    base.kind == LineKind::BaseFare
                        && (base.flight_id, base.passenger_type, base.direction)
                            == (line.flight_id, line.passenger_type, line.direction)
                };
                let base = self.lines.iter().find(is_base);
                base.map(|base| base.quantity)
            }
        }
    }

    /// Adds the price of a further direction. A fee that is charged once a booking stands once, whichever direction has
    /// it first: those of the further one that this price does not have yet come last.
    pub fn join(&mut self, further: Self) {
        let (fees, lines): (Vec<_>, Vec<_>) = (further.lines.into_iter())
            .filter(|line| !self.has_fee(line))
            .partition(|line| line.kind == LineKind::Fee);
        self.lines.extend(lines);
        self.lines.extend(fees);
    }

    /// The total of [`Price::join`].
    pub fn total_with(&self, further: &Self) -> Money {
        let lines = further.lines.iter().filter(|line| !self.has_fee(line));
        let added: i64 = lines.map(PriceLine::amount_minor).sum();
        Money::new(self.total().minor() + added, self.currency)
    }

    /// Whether a line is a fee per booking that this price has already.
    fn has_fee(&self, line: &PriceLine) -> bool {
        let is_same = |own: &PriceLine| own.kind == LineKind::Fee && own.code == line.code;
        line.kind == LineKind::Fee && self.lines.iter().any(is_same)
    }

    /// The sum of the base fares.
    pub fn base(&self) -> Money {
        self.sum(|kind| kind == LineKind::BaseFare)
    }

    /// The sum of taxes and fees.
    pub fn taxes(&self) -> Money {
        self.sum(|kind| matches!(kind, LineKind::Tax | LineKind::Fee))
    }

    /// The sum of what is charged once a booking.
    pub fn fees(&self) -> Money {
        self.sum(|kind| kind == LineKind::Fee)
    }

    /// The sum of baggage and seats.
    pub fn extras(&self) -> Money {
        self.sum(|kind| matches!(kind, LineKind::Baggage | LineKind::Seat))
    }

    /// What a coupon takes off; zero or negative.
    pub fn discount(&self) -> Money {
        self.sum(|kind| kind == LineKind::Discount)
    }

    fn sum(&self, wanted: impl Fn(LineKind) -> bool) -> Money {
        let minor = self
            .lines
            .iter()
            .filter(|line| wanted(line.kind))
            .map(PriceLine::amount_minor)
            .sum();
        Money::new(minor, self.currency)
    }
}
