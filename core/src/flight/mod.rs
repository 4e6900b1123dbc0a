//! Dated flights: finding those that can be bought, and reading one.

mod fares;
mod model;
mod queries;
mod search;

pub(crate) use fares::fare_of;
pub use fares::{CabinFares, fares};
pub use model::{Airline, Airport, CabinSeats, Flight, FlightDetails, FlightStatus};
pub(crate) use queries::{cabins, on_sale};
pub use queries::{details, list_by_id};
pub use search::{Search, Sort, search};
