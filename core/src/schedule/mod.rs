//! Schedules and the dated flights they become.
//!
//! A [`Schedule`] repeats on weekdays at a local time of its origin; [`Schedule::on`] makes it a flight of one
//! date. Every dated flight comes from a schedule, by [`materialise()`]: each day a worker makes those that come
//! within reach. [`amend()`] changes a schedule with its flights, [`add_single`] adds a flight of one day, and
//! [`rezone()`] moves instants when clocks are changed by law.
//!
//! The generator goes the same way: [`plan()`] makes a timetable out of the catalogue, a seed and nothing else, and
//! [`fill()`] writes it and the flights of a horizon.

mod add;
mod amend;
mod copy;
mod curfew;
mod dice;
mod fill;
mod fleet;
mod flight_change;
mod follow;
mod materialise;
mod model;
mod network;
mod plan;
mod queries;
mod rezone;
mod routes;
mod single;
mod write;

pub use add::add;
pub use amend::{Amendment, amend};
pub use fill::{Filled, Horizon, fill};
pub(crate) use flight_change::{NewTimes, set_cancelled, set_times};
pub use follow::{Followed, KeptFlight};
pub(crate) use materialise::lock as lock_timetable;
pub use materialise::{Materialised, Progress, materialise, promise};
pub use model::{CABINS, CabinFares, DatedFlight, Schedule, cabin_fare_minor};
pub use network::Network;
pub use plan::plan;
pub use rezone::{Rezoned, rezone};
pub use single::{SingleFlight, add_single};

#[cfg(test)]
mod tests;
#[cfg(test)]
mod timetable_tests;
