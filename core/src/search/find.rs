//! The search itself: journeys from memory, seats and prices from PostgreSQL, the best of both.

use std::collections::HashMap;

use sqlx::PgConnection;
use tokio::runtime::{Handle, RuntimeFlavor};
use uuid::Uuid;

use super::facets::facets;
use super::journeys::{Journeys, journeys};
use super::model::{DirectionQuery, Found, MOST_ITINERARIES};
use super::prices::{Cost, prices, prices_of_few};
use super::quotes::Seen;
use super::rank::{Priced, itinerary, priced, sort, undominated};
use super::timetable::{Timetable, seconds};
use super::wanted::Wanted;
use crate::{Result, Shop};

/// Below this, looking at journeys takes less time than moving to another thread.
const FEW_JOURNEYS: usize = 5_000;
/// Up to here, what a page shows of flights is read with their seats; of more, most are on no page.
const FEW_FLIGHTS: usize = 64;

/// Every itinerary of a direction that the party can buy now, sorted; at most [`MOST_ITINERARIES`].
///
/// The answer is not complete when there are more, or when there was more to look at than the budget allows.
pub async fn find(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    timetable: &Timetable,
    query: &DirectionQuery,
) -> Result<Found> {
    let (found, _) = find_seen(conn, shop, timetable, query).await?;
    Ok(found)
}

/// The same with all flights that were looked at, when they were few.
pub(super) async fn find_seen(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    timetable: &Timetable,
    query: &DirectionQuery,
) -> Result<(Found, Option<Seen>)> {
    let wanted = wanted(shop, timetable, query);
    let is_broad = wanted.max_stops > 1;
    let journeys = thinking(is_broad, || journeys(timetable, &wanted));
    let (costs, seen) = costs(conn, shop, timetable, query, &journeys).await?;
    let is_broad = journeys.found.len() > FEW_JOURNEYS;
    let found = thinking(is_broad, || {
        let found = undominated(priced(&journeys, &costs, query));
        answer(shop, timetable, query, &journeys, found)
    });
    Ok((found, seen))
}

/// A query in the numbers of a timetable, for what may be sold now.
pub(super) fn wanted(shop: Shop<'_>, timetable: &Timetable, query: &DirectionQuery) -> Wanted {
    let earliest = shop.clock.now() + shop.sales.sales_close();
    // A flight that leaves within the second has left.
    let begun = u32::from(earliest.timestamp_subsec_nanos() > 0);
    Wanted::new(&timetable.catalogue, query, seconds(earliest) + begun)
}

fn answer(
    shop: Shop<'_>,
    timetable: &Timetable,
    query: &DirectionQuery,
    journeys: &Journeys<'_>,
    mut found: Vec<Priced>,
) -> Found {
    sort(&mut found, journeys, query, shop.sales);
    let complete = journeys.complete && found.len() <= MOST_ITINERARIES;
    found.truncate(MOST_ITINERARIES);
    Found {
        itineraries: found.iter().map(|one| itinerary(one, journeys)).collect(),
        complete,
        facets: facets(timetable, journeys, &found, query),
    }
}

/// What each flight of the journeys costs, by its place.
async fn costs(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    timetable: &Timetable,
    query: &DirectionQuery,
    journeys: &Journeys<'_>,
) -> Result<(Vec<Option<Cost>>, Option<Seen>)> {
    let mut flown = vec![false; journeys.legs.len()];
    for journey in &journeys.found {
        for place in journey.places() {
            flown[place] = true;
        }
    }
    let ids = flown_ids(journeys, &flown);
    let (known, seen) = if (1..=FEW_FLIGHTS).contains(&ids.len()) {
        let (known, seen) = prices_of_few(conn, shop, query, &ids).await?;
        (known, Some(seen))
    } else {
        let known = prices(conn, shop, &timetable.catalogue, query, &ids).await?;
        (known, None)
    };
    Ok((by_place(journeys, &flown, &known), seen))
}

// In order: flights of one time lie together in the database.
fn flown_ids(journeys: &Journeys<'_>, flown: &[bool]) -> Vec<Uuid> {
    let legs = journeys.legs.iter().zip(flown).filter(|(_, flown)| **flown);
    let mut ids: Vec<Uuid> = legs.map(|(leg, _)| leg.id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn by_place(
    journeys: &Journeys<'_>,
    flown: &[bool],
    known: &HashMap<Uuid, Cost>,
) -> Vec<Option<Cost>> {
    let legs = journeys.legs.iter().zip(flown);
    legs.map(|(leg, flown)| flown.then(|| known.get(&leg.id).copied()).flatten())
        .collect()
}

/// Runs what keeps a core busy for milliseconds so that other requests of this thread go on elsewhere.
pub(super) fn thinking<T>(is_long: bool, work: impl FnOnce() -> T) -> T {
    let threads = Handle::try_current().map(|handle| handle.runtime_flavor());
    if is_long && threads.is_ok_and(|flavor| flavor == RuntimeFlavor::MultiThread) {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}
