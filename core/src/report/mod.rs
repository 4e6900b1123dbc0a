//! What staff read about many bookings at once: who is on a flight, how full flights are, and files for spreadsheets.

mod csv;
mod export;
mod load;
mod manifest;

pub use export::{Export, ExportPage, Position};
pub use load::{CabinLoad, FlightLoad, LoadFilter, list_loads};
pub use manifest::{Manifest, ManifestPassenger, manifest};
