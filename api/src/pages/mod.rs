//! Pages for people: a booking, the way back from paying, problems, the check of an address, and the documentation.

pub mod booking;
mod csp;
pub mod disruption;
pub mod docs;
mod html;
pub mod password_reset;
pub mod payment_return;
pub mod problems;
pub mod verification;
