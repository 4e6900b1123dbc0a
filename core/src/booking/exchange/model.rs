//! What a quote of a change says. It is stored as it is, so that it can be explained at any later time.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{FlightId, PassengerId};
use crate::inventory::Seat;
use crate::money::{Currency, Money};
use crate::trade::{Cabin, Direction, FareConditions, LineKind, PriceLine};

/// What a change is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeRequest {
    /// Which direction an offer is for; may be absent where somebody flies in one only.
    pub direction: Option<Direction>,
    /// An offer of a new search for everybody who flies in the direction, or for `passengers`.
    pub offer: Option<String>,
    /// Instead of one: an offer for each direction, the departing one first.
    pub offers: Option<Vec<String>>,
    /// Who changes; everybody who flies in the directions when absent. When others fly in them too, those who are named get
    /// a booking of their own.
    pub passengers: Option<Vec<PassengerId>>,
}

/// What a change costs or gives back, for ten minutes at most.
#[derive(Clone, Debug)]
pub struct ChangeQuote {
    /// The quote.
    pub id: Uuid,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Until when it can be confirmed: as long as its offers, at most.
    pub expires_at: DateTime<Utc>,
    /// When it was confirmed.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// What it says.
    pub content: ChangeContent,
}

/// What a quote says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeContent {
    /// The form of the JSON.
    #[serde(deserialize_with = "known_version")]
    pub version: u16,
    /// The currency of every amount.
    pub currency: Currency,
    /// The directions that get other flights, the departing one first.
    pub directions: Vec<ChangedDirection>,
    /// Who gets a booking of their own, because others keep their flights; absent where everybody changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Vec<PassengerId>>,
    /// For each of them everybody who flies in it and changes.
    pub items: Vec<ChangeItem>,
    /// What becomes of seats that were chosen.
    pub seats: Vec<ChangedSeat>,
}

/// A direction that gets other flights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangedDirection {
    /// Which.
    pub direction: Direction,
    /// The offer.
    pub offer: String,
    /// What was booked, in the order of travel.
    pub from: Vec<FlightId>,
    /// What will be.
    pub to: Vec<FlightId>,
    /// The cabin of the old flights.
    pub from_cabin: Cabin,
    /// The cabin of the new ones.
    pub cabin: Cabin,
    /// Code of the new fare family.
    pub fare_family: String,
    /// The conditions of the new fare, which hold from then on.
    pub conditions: FareConditions,
    /// Whether the airline has cancelled or moved the old flights, and so the price and the fare stay what they were.
    #[serde(default)]
    pub is_free: bool,
}

/// One passenger in one direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeItem {
    /// Who.
    pub passenger_id: PassengerId,
    /// As written.
    pub passenger: String,
    /// Which direction.
    pub direction: Direction,
    /// Which rule decided about the fee, for people.
    pub rule: String,
    /// Of the tier: it holds while departure is more than this many hours away.
    pub more_than_hours: Option<u16>,
    /// How the price moves.
    pub lines: Vec<ChangeLine>,
}

/// How a part of the price moves: what is charged anew is positive, what is credited of the old price negative.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeLine {
    /// What for. A `fee` is the fare's own, or what a fare that is not refundable keeps.
    pub kind: LineKind,
    /// As in the price of the booking.
    pub code: String,
    /// What a tax or fee is called.
    pub name: Option<String>,
    /// On which flight.
    pub flight_id: Option<FlightId>,
    /// Minor units.
    pub minor: i64,
    /// Whether it comes back when the flight is not flown.
    pub refundable: bool,
    /// Whether it is a percentage of the base fare.
    pub is_percentage: bool,
}

/// A chosen seat, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedSeat {
    /// Whose.
    pub passenger_id: PassengerId,
    /// Which direction.
    pub direction: Direction,
    /// On which of the old flights.
    pub from: FlightId,
    /// `12A`.
    pub seat: String,
    /// On which of the new flights they have the same; none where it cannot be had, and what was paid for it is given back.
    pub to: Option<FlightId>,
    /// What was paid for choosing it, in minor units.
    pub paid_minor: i64,
}

/// Code of the fee that a fare charges for a change.
pub(super) const FEE_CODE: &str = "CHANGE";
/// Code of what a fare that is not refundable keeps when the new one is cheaper.
pub(super) const KEPT_CODE: &str = "FARE_KEPT";

impl ChangeItem {
    /// How much the price grows for the passenger and direction, in minor units; negative when it shrinks.
    pub fn amount_minor(&self) -> i64 {
        self.lines.iter().map(|line| line.minor).sum()
    }

    /// How much of it is of some kinds.
    pub fn sum(&self, is_wanted: impl Fn(&ChangeLine) -> bool) -> i64 {
        let wanted = self.lines.iter().filter(|line| is_wanted(line));
        wanted.map(|line| line.minor).sum()
    }

    pub(super) fn price_lines(&self) -> impl Iterator<Item = PriceLine> + '_ {
        self.lines.iter().map(|line| PriceLine {
            direction: Some(self.direction.ordinal()),
            flight_id: line.flight_id,
            kind: line.kind,
            code: line.code.clone(),
            name: line.name.clone(),
            passenger_type: None,
            passenger_id: Some(self.passenger_id),
            quantity: 1,
            unit_minor: line.minor,
            refundable: line.refundable,
            is_percentage: line.is_percentage,
        })
    }
}

impl ChangeLine {
    /// Whether it is the fee that the fare charges.
    pub fn is_change_fee(&self) -> bool {
        self.kind == LineKind::Fee && self.code == FEE_CODE
    }

    /// Whether it is what a fare that is not refundable keeps.
    pub fn is_kept(&self) -> bool {
        self.kind == LineKind::Fee && self.code == KEPT_CODE
    }
}

impl ChangedSeat {
    pub(super) fn parsed(&self) -> Option<Seat> {
        Seat::parse(&self.seat)
    }
}

impl ChangeContent {
    /// The newest form: the second knows passengers who get a booking of their own.
    pub const VERSION: u16 = 2;

    /// The oldest form that says what is in a quote: programs that know no newer one can read it during an upgrade.
    pub(super) const fn version_of(splits: bool) -> u16 {
        if splits { 2 } else { 1 }
    }

    /// Whether those who change get a booking of their own.
    pub const fn splits(&self) -> bool {
        self.split.is_some()
    }

    /// What is to pay when positive, what goes back when negative.
    pub fn amount(&self) -> Money {
        let minor = self.items.iter().map(ChangeItem::amount_minor).sum();
        Money::new(minor, self.currency)
    }

    /// What to ask for to get it again.
    pub fn request(&self) -> ChangeRequest {
        match &self.directions[..] {
            [one] => ChangeRequest {
                direction: Some(one.direction),
                offer: Some(one.offer.clone()),
                offers: None,
                passengers: self.split.clone(),
            },
            both => ChangeRequest {
                direction: None,
                offer: None,
                offers: Some(both.iter().map(|one| one.offer.clone()).collect()),
                passengers: self.split.clone(),
            },
        }
    }

    /// Whether another one would move the same people to the same flights for the same money.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let key = |item: &ChangeItem| (item.passenger_id, item.direction);
        self.directions == other.directions
            && self.seats == other.seats
            && self.split == other.split
            && self.items.len() == other.items.len()
            && (self.items.iter().zip(&other.items))
                .all(|(a, b)| key(a) == key(b) && a.lines == b.lines)
    }

    /// The direction of that name, when it gets other flights.
    pub fn direction(&self, direction: Direction) -> Option<&ChangedDirection> {
        self.directions
            .iter()
            .find(|one| one.direction == direction)
    }
}

impl ChangedDirection {
    /// Flights that are booked in the same cabin before and after: their seats stay.
    pub(super) fn stays(&self, flight: FlightId) -> bool {
        self.cabin == self.from_cabin && self.from.contains(&flight) && self.to.contains(&flight)
    }
}

/// A newer form means something that this program does not know.
fn known_version<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    match u16::deserialize(deserializer)? {
        version @ 1..=ChangeContent::VERSION => Ok(version),
        version => Err(serde::de::Error::custom(format_args!(
            "a quote of a change of version {version}, which this program does not know"
        ))),
    }
}
