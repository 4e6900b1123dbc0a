//! Airports, metro areas, airlines and aircraft: what a code means and what a traveller may have meant.
//!
//! **Autosuggest is an index in memory.** Seven thousand places of the catalogue are read every five minutes by
//! each api process; key presses never reach PostgreSQL, and no extension is needed.

mod directory;
mod names;
mod queries;
mod states;

pub use directory::{Directory, DirectoryCache, Suggestion, SuggestionKind};
pub use names::{country_name, country_words, fold};
pub use queries::{AircraftType, Airline, Airport, CabinSeats, aircraft, airlines, get};
