//! Dated flights, and what a seat on one costs.

mod fares;
mod model;
mod queries;
mod restored;

pub(crate) use fares::fare_of;
pub use fares::{CabinFares, fares};
pub use model::{CabinSeats, Flight, FlightDetails, FlightStatus};
pub(crate) use queries::{FlightRow, label, on_sale};
pub use queries::{details, label_of, list_by_id};
pub use restored::mend_restored;
