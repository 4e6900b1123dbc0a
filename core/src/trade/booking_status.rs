//! Where a booking stands.

/// Where a booking stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum BookingStatus {
    /// Its seats are held until the deadline.
    PendingPayment,
    /// Paid: its seats are sold and ticketed.
    Confirmed,
    /// Paid, and a part of it cancelled.
    PartiallyCancelled,
    /// Ended by its owner or by staff.
    Cancelled,
    /// Nobody paid in time.
    Expired,
}

impl BookingStatus {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PendingPayment => "pending_payment",
            Self::Confirmed => "confirmed",
            Self::PartiallyCancelled => "partially_cancelled",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }
}

/// How money that came after the deadline was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum LatePayment {
    /// The same seats were still there.
    SameSeats,
    /// Other seats of the same cabins.
    OtherSeats,
    /// No seats, or too close to departure: all of it goes back.
    Refunded,
}

impl LatePayment {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SameSeats => "same_seats",
            Self::OtherSeats => "other_seats",
            Self::Refunded => "refunded",
        }
    }
}
