//! Classes of service.

use serde::{Deserialize, Serialize};

/// A class of service.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Cabin {
    /// Economy (compartment Y).
    Economy,
    /// Premium economy (compartment W).
    PremiumEconomy,
    /// Business (compartment J).
    Business,
    /// First (compartment F).
    First,
}

impl Cabin {
    /// All of them, cheapest first.
    pub const ALL: [Self; 4] = [
        Self::Economy,
        Self::PremiumEconomy,
        Self::Business,
        Self::First,
    ];

    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Economy => "economy",
            Self::PremiumEconomy => "premium_economy",
            Self::Business => "business",
            Self::First => "first",
        }
    }

    /// IATA's compartment code (Resolution 792).
    pub const fn compartment(self) -> char {
        match self {
            Self::Economy => 'Y',
            Self::PremiumEconomy => 'W',
            Self::Business => 'J',
            Self::First => 'F',
        }
    }

    /// The cabin of a name, or `None`.
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cabin| cabin.as_str() == raw)
    }
}
