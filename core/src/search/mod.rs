//! Search: every itinerary of a direction that the whole party can buy (rules.md "Search").
//!
//! Routes and times come from a timetable in memory, seats and prices from PostgreSQL at the time of the search.

mod cache;
mod calendar;
mod catalogue;
mod check;
mod check_dates;
mod check_filters;
mod connection;
mod cursor;
mod facets;
mod filter;
mod find;
mod input;
mod journeys;
mod model;
mod pair;
mod prices;
mod quotes;
mod rank;
mod relax;
mod requote;
mod snapshot;
mod timetable;
mod wanted;
mod words;

pub use cache::TimetableCache;
pub use calendar::calendar;
pub use check::{Checked, check};
pub(crate) use connection::ConnectionTime;
pub use connection::{ConnectionTimes, TooSoon};
pub use cursor::{Cursor, CursorSigner, PAGES_FOR, QueryKey};
pub use find::find;
pub use input::Search;
pub use model::{
    CalendarDay, DirectionQuery, Facet, Facets, Filters, Found, Itinerary, MOST_ITINERARIES,
    NamedAirline, Relaxation, Sort, Window,
};
#[cfg(test)]
pub(crate) use quotes::quotes_with;
pub use quotes::{Seen, Terms, quotes, quotes_of};
pub use relax::relaxations;
pub(crate) use requote::{renew, reprice};
pub use snapshot::{FIRST, Head, RECORD, SEARCHES_FOR, Snapshot};
pub use timetable::Timetable;

#[cfg(test)]
mod tests;
