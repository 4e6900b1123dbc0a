//! The workers of Flightdesk.

pub mod pdf;
