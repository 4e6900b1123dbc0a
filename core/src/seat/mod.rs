//! Seats: the map of a flight, what choosing one costs, and who sits where.

mod allocate;
mod block;
mod map;
mod model;
mod plan;
mod queries;

pub use allocate::{allocate, reason};
pub use block::{block, unblock};
pub use map::{CabinMap, Link, MapSeat};
pub use model::{Place, Reason, Sitter, may_sit_at_exit};
pub use queries::{SeatOnFlight, SeatStatus, find, list};
