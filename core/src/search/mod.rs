//! Search: every itinerary of a direction that the whole party can buy (rules.md "Search").
//!
//! Routes and times come from a timetable in memory, seats and prices from PostgreSQL at the time of the search.

mod cache;
mod calendar;
mod catalogue;
mod check;
mod check_filters;
mod connection;
mod facets;
mod find;
mod input;
mod journeys;
mod model;
mod places;
mod prices;
mod rank;
mod relax;
mod timetable;
mod wanted;
mod words;

pub use cache::TimetableCache;
pub use calendar::calendar;
pub use check::{Checked, check};
pub use connection::{ConnectionTimes, connection_minutes};
pub use find::find;
pub use input::Search;
pub use model::{
    CalendarDay, DirectionQuery, Facets, Filters, Found, Itinerary, MOST_ITINERARIES, Relaxation,
    Sort, Window,
};
pub use relax::relaxations;
pub use timetable::Timetable;

#[cfg(test)]
mod tests;
