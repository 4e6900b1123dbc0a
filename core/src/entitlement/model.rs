//! What an entitlement is decided from, and what is said of it.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::geo::Position;
use crate::money::{Currency, Money};

/// A law that gives passengers rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Regulation {
    /// Regulation (EC) No 261/2004.
    Eu261,
    /// The same regulation as retained in the United Kingdom.
    Uk261,
    /// Civil Aviation Requirements of India's DGCA, section 3, series M, part IV.
    Dgca,
}

impl Regulation {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Eu261, Self::Uk261, Self::Dgca];

    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eu261 => "eu261",
            Self::Uk261 => "uk261",
            Self::Dgca => "dgca",
        }
    }

    /// Where it can be read.
    pub const fn source(self) -> &'static str {
        match self {
            Self::Eu261 => {
                "Regulation (EC) No 261/2004, Articles 3, 5, 6 and 7: https://eur-lex.europa.eu/eli/reg/2004/261/oj"
            }
            Self::Uk261 => {
                "Regulation (EC) No 261/2004 as retained in the UK, Articles 3, 5, 6 and 7: https://www.legislation.gov.uk/eur/2004/261"
            }
            Self::Dgca => {
                "DGCA, Civil Aviation Requirements, section 3, series M, part IV, paragraphs 3.3 and 3.4: https://www.dgca.gov.in"
            }
        }
    }
}

/// An airport, as the regulations look at it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// ISO 3166.
    pub country: Country,
    /// Degrees north.
    pub lat: f64,
    /// Degrees east.
    pub lon: f64,
}

/// An ISO 3166 code of two letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Country(pub(super) [u8; 2]);

impl Country {
    /// The country of a code; a text of another length is no country of any regulation.
    pub fn new(code: &str) -> Self {
        Self(code.as_bytes().try_into().unwrap_or(*b"--"))
    }

    pub(super) fn is(self, code: &str) -> bool {
        self.0 == code.as_bytes()
    }
}

/// One direction of a booking.
#[derive(Clone, Copy, Debug)]
pub struct Journey {
    /// Where it begins.
    pub from: Place,
    /// Where it ends.
    pub to: Place,
    /// Country of the airline that operates the flight which changes.
    pub airline: Country,
    /// From gate to gate of the flight which changes.
    pub block_time: TimeDelta,
    /// One adult's base fare of the direction.
    pub base_fare: Money,
}

impl Journey {
    /// Along the great circle, from the first airport to the last.
    pub(super) fn distance_km(&self) -> f64 {
        let position = |place: Place| Position::new(place.lat, place.lon);
        position(self.from).distance_km(position(self.to))
    }
}

/// What the airline does.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// It does not fly.
    Cancelled {
        /// When the flight was to leave.
        departs_at: DateTime<Utc>,
        /// When passengers are told.
        told_at: DateTime<Utc>,
    },
    /// It leaves and lands at other times.
    Retimed {
        /// When it was to leave.
        departs_at: DateTime<Utc>,
        /// When passengers are told.
        told_at: DateTime<Utc>,
        /// By how much it leaves earlier; negative when later.
        earlier: TimeDelta,
        /// By how much the journey ends later; negative when earlier. `None` when a connection is missed.
        delay: Option<TimeDelta>,
    },
}

impl Change {
    /// How long before departure passengers are told.
    pub(super) fn notice(self) -> TimeDelta {
        match self {
            Self::Cancelled {
                departs_at,
                told_at,
            }
            | Self::Retimed {
                departs_at,
                told_at,
                ..
            } => departs_at - told_at,
        }
    }
}

/// An amount of the law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compensation {
    /// In the minor unit of the currency.
    pub minor: i64,
    /// The law's own.
    pub currency: Currency,
}

impl Compensation {
    /// The same as money.
    pub const fn money(self) -> Money {
        Money::new(self.minor, self.currency)
    }
}

/// What a regulation gives one passenger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entitlement {
    /// Which.
    pub regulation: Regulation,
    /// Whether the journey is one that it is about.
    pub applies: bool,
    /// What may be claimed of the airline; none where nothing is owed.
    pub amount: Option<Compensation>,
    /// Why, in sentences.
    pub why: String,
}
