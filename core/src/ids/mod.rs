//! Identifiers are newtypes, so that a flight is never passed where a booking was meant.

mod booking_ref;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use booking_ref::BookingRef;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new identifier, ordered by the time it is made (UUID version 7).
            #[expect(clippy::new_without_default, reason = "a default identifier would be a different one each time")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )*};
}

ids! {
    /// A person or program that books.
    AccountId,
    /// One API key of an account.
    ApiKeyId,
    /// One log-in of a person on one device.
    SessionId,
    /// One dated flight.
    FlightId,
    /// Seats taken out of the inventory for a party.
    HoldId,
    /// A booking; travellers see its six-character reference instead.
    BookingId,
    /// One direction of travel of a booking.
    DirectionId,
    /// One dated flight within a booking.
    BookedFlightId,
    /// One person of one booking.
    PassengerId,
    /// One attempt to be paid: one Stripe Checkout Session.
    PaymentId,
    /// Money on its way back.
    RefundId,
    /// What a bank takes back of a payment.
    DisputeId,
    /// An e-ticket.
    TicketId,
    /// A ticket, invoice or receipt as a file.
    DocumentId,
    /// A promised job: a row of the outbox.
    JobId,
    /// Where an account is told of events.
    WebhookEndpointId,
    /// What is told of one event to one endpoint.
    WebhookDeliveryId,
}
