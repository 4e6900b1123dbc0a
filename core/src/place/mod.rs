//! Airports, metro areas, airlines and aircraft: what a code means and what a traveller may have meant.

mod names;

pub use names::{country_name, fold};

mod resolve;
pub use resolve::{Place, resolve};
