//! The search itself: journeys from memory, seats and prices from PostgreSQL, the best of both.
//!
//! **A search has a budget.** More than 400,000 journeys or two seconds: it answers what it has and says `complete:
//! false`.

use std::collections::HashMap;

use tokio::runtime::{Handle, RuntimeFlavor};
use uuid::Uuid;

use super::facets::{Judged, Tally, facets, relaxations};
use super::filter::{Failed, Filter};
use super::journeys::{Journeys, journeys};
use super::model::{DirectionQuery, Facet, Found, MOST_ITINERARIES, Relaxation};
use super::pair::{Way, candidates, most};
use super::prices::{Cost, Costs, prices, prices_of_few};
use super::quotes::Seen;
use super::rank::{Priced, itinerary, priced, sort, undominated};
use super::timetable::{Timetable, seconds};
use super::wanted::Wanted;
use crate::connections::Connections;
use crate::trade::Cabin;
use crate::{Result, Shop};

/// Below this, looking at journeys takes less time than moving to another thread.
const FEW_JOURNEYS: usize = 5_000;
/// Up to here, what a page shows of flights is read with their seats; of more, most are on no page.
const FEW_FLIGHTS: usize = 64;

/// What was found, and what was learned on the way.
#[derive(Debug)]
pub(super) struct Answer {
    pub found: Found,
    /// All flights that were looked at, when they were few.
    pub seen: Option<Seen>,
    /// When nothing was found: what dropping one filter would give, of the filters that need no other journeys.
    pub relaxations: Vec<Relaxation>,
}

/// Every itinerary of a direction that the party can buy now, sorted; at most [`MOST_ITINERARIES`].
///
/// The answer is not complete when there are more, or when there was more to look at than the budget allows.
pub async fn find<'c>(
    conns: impl Into<Connections<'c>>,
    shop: Shop<'_>,
    timetable: &Timetable,
    query: &DirectionQuery,
) -> Result<Found> {
    Ok(answer(&mut conns.into(), shop, timetable, query)
        .await?
        .found)
}

/// The same with what was learned on the way.
pub(super) async fn answer(
    conns: &mut Connections<'_>,
    shop: Shop<'_>,
    timetable: &Timetable,
    query: &DirectionQuery,
) -> Result<Answer> {
    let wanted = wanted(shop, timetable, query);
    let is_broad = wanted.max_stops > 1;
    let journeys = thinking(is_broad, || journeys(timetable, &wanted));
    let (costs, seen) = costs(conns, shop, timetable, query, &journeys).await?;
    let is_broad = journeys.found.len() > FEW_JOURNEYS;
    let (found, relaxations) = thinking(is_broad, || {
        weigh(shop, timetable, query, &journeys, &costs)
    });
    Ok(Answer {
        found,
        seen,
        relaxations,
    })
}

/// A query in the numbers of a timetable, for what may be sold now.
pub(super) fn wanted(shop: Shop<'_>, timetable: &Timetable, query: &DirectionQuery) -> Wanted {
    let earliest = shop.clock.now() + shop.sales.sales_close();
    // A flight that leaves within the second has left.
    let begun = u32::from(earliest.timestamp_subsec_nanos() > 0);
    Wanted::new(&timetable.catalogue, query, seconds(earliest) + begun)
}

fn weigh(
    shop: Shop<'_>,
    timetable: &Timetable,
    query: &DirectionQuery,
    journeys: &Journeys<'_>,
    costs: &HashMap<Uuid, Costs>,
) -> (Found, Vec<Relaxation>) {
    let filter = Filter::new(&timetable.catalogue, query);
    let mut all = judged(journeys, costs, &filter, query.cabin);
    // Nobody can pay more than this at once, so it is not for sale; the answer says how many that are.
    let most = most(shop.sales.sale_currency);
    let is_payable = |(one, _): &Judged| one.total <= most;
    let unpayable = all
        .iter()
        .filter(|judged| judged.1 == Failed::NONE && !is_payable(judged));
    let unpayable = u32::try_from(unpayable.count()).unwrap_or(u32::MAX);
    all.retain(is_payable);
    let mut facets = facets(
        &timetable.catalogue,
        journeys,
        query.filters.max_stops,
        &all,
    );
    facets.cabins = cabins(query, |cabin| {
        if cabin == query.cabin {
            Tally::of(&all)
        } else {
            let mut all = judged(journeys, costs, &filter, cabin);
            all.retain(is_payable);
            Tally::of(&all)
        }
    });
    let fits = all.iter().filter(|(_, failed)| *failed == Failed::NONE);
    let mut found: Vec<Priced> = fits.map(|(one, _)| *one).collect();
    let relaxations = if found.is_empty() {
        relaxations(&all)
    } else {
        Vec::new()
    };
    sort(&mut found, journeys, query, shop.sales);
    let complete = journeys.complete && found.len() <= MOST_ITINERARIES;
    found.truncate(MOST_ITINERARIES);
    let found = Found {
        itineraries: found.iter().map(|one| itinerary(one, journeys)).collect(),
        complete,
        unpayable,
        for_pairs: for_pairs(timetable, journeys, &found),
        facets,
        sales_horizon: timetable.last_date(),
    };
    (found, relaxations)
}

/// Places of those that the cheapest round trip is made of.
fn for_pairs(timetable: &Timetable, journeys: &Journeys<'_>, found: &[Priced]) -> Vec<usize> {
    let ways = found.iter().filter_map(|one| {
        let legs: Vec<_> = journeys.of(&one.journey).collect();
        Way::of_legs(&legs, one.total)
    });
    candidates(&timetable.catalogue, &ways.collect::<Vec<_>>())
}

/// What nothing dominates in a cabin, with the filters that it fails.
pub(super) fn judged(
    journeys: &Journeys<'_>,
    costs: &HashMap<Uuid, Costs>,
    filter: &Filter,
    cabin: Cabin,
) -> Vec<Judged> {
    let costs = by_place(journeys, costs, cabin);
    let all = undominated(priced(journeys, &costs)).into_iter();
    all.map(|one| (one, filter.failed(journeys, &one)))
        .collect()
}

fn cabins(query: &DirectionQuery, tally: impl Fn(Cabin) -> Tally) -> Vec<Facet<Cabin>> {
    let mut cabins: Vec<Cabin> = query.families().map(|(cabin, _)| cabin).collect();
    cabins.sort_unstable();
    let cabins = cabins.into_iter();
    cabins
        .filter_map(|cabin| tally(cabin).facet(cabin))
        .collect()
}

/// What the flights of the journeys cost, by id.
async fn costs(
    conns: &mut Connections<'_>,
    shop: Shop<'_>,
    timetable: &Timetable,
    query: &DirectionQuery,
    journeys: &Journeys<'_>,
) -> Result<(HashMap<Uuid, Costs>, Option<Seen>)> {
    let ids = flown_ids(journeys);
    if (1..=FEW_FLIGHTS).contains(&ids.len()) {
        let (known, seen) = prices_of_few(conns, shop, query, &ids).await?;
        return Ok((known, Some(seen)));
    }
    let known = prices(conns, shop, &timetable.catalogue, query, &ids).await?;
    Ok((known, None))
}

// In order: flights of one time lie together in the database.
fn flown_ids(journeys: &Journeys<'_>) -> Vec<Uuid> {
    let mut flown = vec![false; journeys.legs.len()];
    for journey in &journeys.found {
        for place in journey.places() {
            flown[place] = true;
        }
    }
    let legs = journeys.legs.iter().zip(flown).filter(|(_, flown)| *flown);
    let mut ids: Vec<Uuid> = legs.map(|(leg, _)| leg.id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// What each flight of the journeys costs in a cabin, by its place.
pub(super) fn by_place(
    journeys: &Journeys<'_>,
    known: &HashMap<Uuid, Costs>,
    cabin: Cabin,
) -> Vec<Option<Cost>> {
    let legs = journeys.legs.iter();
    legs.map(|leg| known.get(&leg.id)?[cabin as usize])
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
