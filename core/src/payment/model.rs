//! What a payment is.

use chrono::{DateTime, Utc};

use crate::ids::{BookingId, PaymentId};
use crate::money::Money;

/// Where a payment stands: `open → succeeded | expired | cancelled`. A declined card leaves it open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum PaymentStatus {
    /// The traveller may pay.
    Open,
    /// The money came.
    Succeeded,
    /// Its Checkout Session ended unpaid.
    Expired,
    /// Its booking was cancelled, or Stripe refused to open it.
    Cancelled,
    /// The money that came was not what was asked for: this row is what came, and it goes back whole.
    Mismatched,
}

impl PaymentStatus {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Succeeded => "succeeded",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Mismatched => "mismatched",
        }
    }
}

/// One attempt to be paid.
#[derive(Clone, Debug)]
pub struct Payment {
    /// The payment.
    pub id: PaymentId,
    /// What for.
    pub booking_id: BookingId,
    /// The change of seats whose difference it pays; else it pays the booking.
    pub booking_change_id: Option<uuid::Uuid>,
    /// Where it stands.
    pub status: PaymentStatus,
    /// The whole total of the booking when it was opened, or the difference; of a mismatched one what really came.
    pub amount: Money,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// End of its Checkout Session.
    pub expires_at: DateTime<Utc>,
    /// Stripe's session, once Stripe has answered.
    pub session_id: Option<String>,
    /// The page to pay on.
    pub checkout_url: Option<String>,
    /// Stripe's `PaymentIntent`, once paid.
    pub payment_intent: Option<String>,
    /// Where Stripe leads the traveller after paying.
    pub success_url: String,
    /// Where it leads those who give up.
    pub cancel_url: String,
}

/// Where the traveller comes back to.
#[derive(Clone, Debug)]
pub struct ReturnUrls {
    /// After paying; may contain `{CHECKOUT_SESSION_ID}`.
    pub success: String,
    /// After giving up.
    pub cancel: String,
}

/// What `settlement::start` found or made.
#[derive(Clone, Debug)]
pub enum Started {
    /// A page to pay on is open already.
    Open(Payment),
    /// A row that waits for its session: ask Stripe, then [`super::attach`] the answer.
    New(Payment),
}

/// Whether Stripe has to say something before a booking can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckoutState {
    /// There is no open Checkout Session.
    None,
    /// A job asks Stripe to expire the session.
    Asked,
}

/// What a fact from Stripe did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The booking is confirmed.
    Confirmed,
    /// The booking had expired and got its seats again.
    ConfirmedLate,
    /// The money goes back: too late, no seats, or paid twice.
    Refunding,
    /// The session ended unpaid; the booking waits for its deadline or another payment.
    SessionExpired,
    /// It was settled before; nothing changed.
    AlreadySettled,
    /// The session is open and unpaid; nothing to do.
    StillOpen,
    /// No payment of ours is meant.
    Unknown,
    /// Amount, currency, booking or session differ from our row; the money goes back whole.
    Mismatch,
}

impl Settlement {
    /// The word in logs and `stripe_event.outcome`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::ConfirmedLate => "confirmed_late",
            Self::Refunding => "refunding",
            Self::SessionExpired => "session_expired",
            Self::AlreadySettled => "already_settled",
            Self::StillOpen => "still_open",
            Self::Unknown => "unknown",
            Self::Mismatch => "mismatch",
        }
    }
}
