//! The words of the trade that every domain shares: cabins, parties, directions, prices, the conditions of a fare. Data and
//! what follows from it alone: nothing here reads the database.

mod baggage;
mod booking_status;
mod cabin;
mod conditions;
mod direction;
mod dispute_status;
mod disruption;
mod party;
mod price;
mod seat_preference;
mod special_request;

pub use baggage::{BaggageRate, ExtraBaggage};
pub use booking_status::{BookingStatus, LatePayment};
pub use cabin::Cabin;
pub use conditions::{
    Cancellation, Change, Charge, FareConditions, FareRules, GracePeriod, PieceRule, SeatChoice,
    Tier,
};
pub use direction::Direction;
pub use dispute_status::DisputeStatus;
pub use disruption::{DefaultChoice, DisruptionChoice, DisruptionKind, DisruptionStatus};
pub use party::{Party, PassengerType};
pub use price::{Factor, LineKind, Price, PriceLine};
pub use seat_preference::SeatPreference;
pub use special_request::{request_words, special_requests};
