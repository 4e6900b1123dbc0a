//! The two directions of a journey. One vocabulary for the API, the database and the documents.

use serde::{Deserialize, Serialize};

/// A direction of a journey: `departing` or `returning`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Direction {
    /// From the origin to the destination: the first direction, or the only one.
    Departing,
    /// Back again.
    Returning,
}

impl Direction {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Departing => "departing",
            Self::Returning => "returning",
        }
    }

    /// The direction with that name.
    pub fn find(name: &str) -> Option<Self> {
        [Self::Departing, Self::Returning]
            .into_iter()
            .find(|direction| direction.as_str() == name)
    }

    /// The position among a booking's directions: 0 for departing, 1 for returning.
    pub const fn ordinal(self) -> u8 {
        match self {
            Self::Departing => 0,
            Self::Returning => 1,
        }
    }

    /// The direction at a position among a booking's directions.
    pub const fn from_ordinal(ordinal: u8) -> Self {
        if ordinal == 0 {
            Self::Departing
        } else {
            Self::Returning
        }
    }
}
