//! Schedules and the dated flights they become.
//!
//! A [`Schedule`] repeats on weekdays at a local time of its origin; [`Schedule::on`] makes it a flight of one
//! date. Every dated flight comes from a schedule.

mod model;

pub use model::{CABINS, DatedFlight, Schedule, cabin_fare_minor};
