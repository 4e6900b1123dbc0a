//! Search: every itinerary of a direction that the whole party can buy (rules.md "Search").

mod asked;
mod check;
mod check_filters;
mod cursor;
mod input;
mod model;
mod places;
mod quotes;
mod snapshot;
mod timetable;
mod words;

use sqlx::PgConnection;

pub use asked::CheckedCache;
pub use check::{Checked, check};
pub use cursor::{Cursor, CursorSigner, PAGES_FOR, QueryKey, Way};
pub use input::Search;
pub use model::{
    CalendarDay, DirectionQuery, Facets, Filters, Found, Itinerary, MOST_ITINERARIES, Relaxation,
    Sort, Window,
};
pub use quotes::{Terms, quotes};
pub use snapshot::{FIRST, Head, RECORD, SEARCHES_FOR, Snapshot};
pub use timetable::{Timetable, TimetableCache};

use crate::{Result, Shop};

/// Every itinerary of a direction that the party can buy now, sorted; at most [`MOST_ITINERARIES`].
pub async fn find(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    timetable: &Timetable,
    query: &DirectionQuery,
) -> Result<Found> {
    let _ = (conn, shop, timetable, query);
    Ok(Found {
        complete: true,
        ..Found::default()
    })
}

/// For each filter that the caller gave: how many itineraries there are without it alone; those that help.
///
/// Filters have the names of the outbound direction; a way back's windows are `departure_window` and
/// `arrival_window` too. Meant for an empty answer.
pub async fn relaxations(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    timetable: &Timetable,
    query: &DirectionQuery,
) -> Result<Vec<Relaxation>> {
    let _ = (conn, shop, timetable, query);
    Ok(Vec::new())
}

/// The lowest price of each day from 15 days before the date of `outbound` to 15 days after it, with at most one
/// stop; of a round trip with the length of stay kept, its booking fee once.
///
/// Days that have passed are left out; a day without flights has no price.
pub async fn calendar(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    timetable: &Timetable,
    outbound: &DirectionQuery,
    inbound: Option<&DirectionQuery>,
) -> Result<Vec<CalendarDay>> {
    let _ = (conn, shop, timetable, outbound, inbound);
    Ok(Vec::<CalendarDay>::new())
}
