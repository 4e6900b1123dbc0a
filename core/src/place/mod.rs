//! Airports, metro areas, airlines and aircraft: what a code means and what a traveller may have meant.

mod directory;
mod names;
mod queries;
mod states;

pub use directory::{Directory, DirectoryCache, Suggestion, SuggestionKind};
pub use names::{country_name, country_words, fold};
pub use queries::{AircraftType, Airline, Airport, CabinSeats, aircraft, airlines, get};
