//! What a hold is.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::error::Violations;
use crate::ids::{AccountId, FlightId, HoldId};
use crate::inventory::Change;
use crate::offer::Pinned;
use crate::trade::{FareConditions, Party, Price, PriceLine};

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct NewHold {
    /// Offer tokens, one a direction.
    pub offers: Vec<String>,
    /// Exact seats, if any.
    pub seats: Vec<SeatWish>,
    /// Whether the returning direction may leave from, or arrive at, another place than the departing one arrives at or leaves from.
    pub open_jaw: bool,
}

impl NewHold {
    /// What can be said of a hold before its offers are opened. [`crate::Error::Invalid`] with every wrong field.
    pub fn rules(&self) -> Result<()> {
        let mut wrong = Violations::new();
        super::seat_rules(&mut wrong, &self.seats);
        wrong.into_result()
    }
}

/// An exact seat on a flight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatWish {
    /// The flight.
    pub flight_id: FlightId,
    /// `12A`.
    pub seat: String,
}

/// Where a hold stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum HoldStatus {
    /// Its seats wait to be booked.
    Open,
    /// A booking was made of it.
    Booked,
    /// Its account gave it back.
    Released,
    /// Its time ran out.
    Expired,
}

impl HoldStatus {
    /// The state with that name.
    pub(super) fn find(name: &str) -> Option<Self> {
        [Self::Open, Self::Booked, Self::Released, Self::Expired]
            .into_iter()
            .find(|status| status.as_str() == name)
    }

    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Booked => "booked",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }
}

/// An offer as it was held: what it pinned, and the conditions of that day.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HeldOffer {
    /// The offer's token.
    pub token: String,
    /// What it pinned.
    pub pinned: Pinned,
    /// What the fare includes and allows.
    pub conditions: FareConditions,
}

/// Seats held for a party.
#[derive(Clone, Debug)]
pub struct Hold {
    /// The hold.
    pub id: HoldId,
    /// Whose it is.
    pub account_id: AccountId,
    /// Where it stands.
    pub status: HoldStatus,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its seats go back.
    pub expires_at: DateTime<Utc>,
    /// For whom.
    pub party: Party,
    /// The frozen price of all directions.
    pub price: Price,
    /// The offers, one a direction.
    pub offers: Vec<HeldOffer>,
    /// Price lines of the named seats.
    pub extras: Vec<PriceLine>,
}

impl Hold {
    /// The movement of its cabins' `held` counters: `sign` 1 takes, −1 gives back.
    pub fn changes(&self, sign: i32) -> Vec<Change> {
        let seats = i32::from(self.party.seated());
        self.flights()
            .map(|(flight_id, cabin)| Change {
                flight_id,
                cabin,
                held: sign * seats,
                sold: 0,
            })
            .collect()
    }

    /// Every flight with its cabin, in order of travel.
    pub fn flights(&self) -> impl Iterator<Item = (FlightId, crate::trade::Cabin)> {
        self.offers.iter().flat_map(|offer| {
            offer
                .pinned
                .flights
                .iter()
                .map(|flight| (*flight, offer.pinned.cabin))
        })
    }
}
