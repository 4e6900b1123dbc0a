//! Schedules and the dated flights they become.
//!
//! A [`Schedule`] repeats on weekdays at a local time of its origin; [`Schedule::on`] makes it a flight of one
//! date. Every dated flight comes from a schedule, the generator's too: [`plan`] makes a timetable out of the
//! catalogue, a seed and nothing else, and [`fill`] writes it and the flights of a horizon.

mod copy;
mod dice;
mod fill;
mod fleet;
mod model;
mod network;
mod plan;
mod routes;

pub use fill::{Filled, Horizon, Progress, fill};
pub use model::{CABINS, DatedFlight, Schedule, cabin_fare_minor};
pub use network::Network;
pub use plan::plan;

#[cfg(test)]
mod tests;
