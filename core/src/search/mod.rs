//! Search: every itinerary of a direction that the whole party can buy (rules.md "Search").

mod cursor;
mod model;
mod quotes;
mod snapshot;

pub use cursor::{Cursor, CursorSigner, PAGES_FOR, QueryKey, Way};
pub use model::{
    DirectionQuery, Facets, Filters, Found, Itinerary, MOST_ITINERARIES, Relaxation, Sort, Window,
};
pub use quotes::{Terms, quotes};
pub use snapshot::{FIRST, Head, RECORD, SEARCHES_FOR, Snapshot};
