//! Payments: the client of Stripe, and what its answers mean for a booking.

pub mod stripe;
