//! Dated flights, and what a seat on one costs.

mod fares;
mod model;
mod queries;

pub(crate) use fares::fare_of;
pub use fares::{CabinFares, fares};
pub use model::{Airline, Airport, CabinSeats, Flight, FlightDetails, FlightStatus};
pub(crate) use queries::{cabins, on_sale};
pub use queries::{details, list_by_id};
