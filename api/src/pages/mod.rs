//! Pages for people: a booking, the way back from paying, problems, and the documentation.

pub mod booking;
mod csp;
pub mod docs;
mod html;
pub mod payment_return;
pub mod problems;
