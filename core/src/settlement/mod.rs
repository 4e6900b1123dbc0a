//! What money means for a booking: opening a payment of what it costs, and settling what Stripe says, in time, late or
//! mismatched.

mod events;
mod settle;
mod start;

pub use events::{Received, receive};
pub use settle::settle;
pub use start::start;
