//! Airports, metro areas, airlines and aircraft: what a code means and what a traveller may have meant.

mod directory;
mod names;
mod queries;

pub use directory::{Directory, DirectoryCache, Suggestion, SuggestionKind};
pub use names::{country_name, fold};
pub use queries::{AircraftType, Airline, Airport, CabinSeats, aircraft, airlines, get};
