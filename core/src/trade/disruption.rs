//! What the airline does to a flight that is sold, and what becomes of its bookings.

/// What the airline does to a flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum DisruptionKind {
    /// It does not fly.
    Cancelled,
    /// It leaves and lands at other times.
    Retimed,
}

impl DisruptionKind {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Retimed => "retimed",
        }
    }
}

/// Where a booking stands in a disruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum DisruptionStatus {
    /// Its owner may choose.
    Open,
    /// It flies at the new times.
    Accepted,
    /// Its direction is cancelled and everything goes back.
    Refunded,
    /// It has other flights.
    Rebooked,
    /// Nobody answered, and nothing happens without an answer.
    Lapsed,
    /// The flight was disrupted again.
    Superseded,
}

impl DisruptionStatus {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Refunded => "refunded",
            Self::Rebooked => "rebooked",
            Self::Lapsed => "lapsed",
            Self::Superseded => "superseded",
        }
    }
}

/// What the owner of a booking may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisruptionChoice {
    /// To fly at the new times.
    Accept,
    /// To fly not and have everything back.
    Refund,
    /// To fly another flight of the route some days before or after, for nothing.
    Rebook,
}

impl DisruptionChoice {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Refund => "refund",
            Self::Rebook => "rebook",
        }
    }
}

/// What happens without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum DefaultChoice {
    /// The new times count as accepted.
    Accept,
    /// Everything goes back.
    Refund,
    /// Nothing: staff look at it.
    Nothing,
}

impl DefaultChoice {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Refund => "refund",
            Self::Nothing => "nothing",
        }
    }
}
