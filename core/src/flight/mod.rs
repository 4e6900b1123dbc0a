//! Dated flights: finding those that can be bought, and reading one.

mod fares;
mod model;
mod queries;
mod search;

pub use fares::{CabinFares, fares};
pub use model::{Airline, Airport, CabinSeats, Flight, FlightDetails, FlightStatus};
pub(crate) use queries::cabins;
pub use queries::{details, list_by_id};
pub use search::{Found, Search, SearchPage, Sort, search};
