//! Who travels, as the tariff counts them.

use serde::{Deserialize, Serialize};

/// What a passenger is to the tariff, derived from the date of birth (adult ≥ 12, child 2-11, infant < 2).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum PassengerType {
    /// From the twelfth birthday on.
    Adult,
    /// From the second birthday to the eve of the twelfth.
    Child,
    /// Under two, on an adult's lap, without a seat.
    Infant,
}

impl PassengerType {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Adult, Self::Child, Self::Infant];

    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Adult => "adult",
            Self::Child => "child",
            Self::Infant => "infant",
        }
    }

    /// The type of a name, or `None`.
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == raw)
    }
}

/// How many of each type travel together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Party {
    /// Passengers from 12 years.
    pub adults: u16,
    /// Passengers from 2 to 11 years.
    pub children: u16,
    /// Infants on lap.
    pub infants: u16,
}

impl Party {
    /// How many need a seat.
    pub fn seated(self) -> u16 {
        self.adults + self.children
    }

    /// How many of one type.
    pub fn count(self, kind: PassengerType) -> u16 {
        match kind {
            PassengerType::Adult => self.adults,
            PassengerType::Child => self.children,
            PassengerType::Infant => self.infants,
        }
    }
}
