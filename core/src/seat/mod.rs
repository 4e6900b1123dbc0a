//! Seats: the map of a flight, what choosing one costs, and who sits where.

mod allocate;
mod block;
mod fees;
mod model;
mod queries;

pub use allocate::{allocate, beside};
pub use block::{block, unblock};
pub use fees::{SeatFees, SeatKind};
pub use model::{Place, Reason, Sitter, may_sit_at_exit};
pub use queries::{SeatOnFlight, SeatStatus, find, list};
