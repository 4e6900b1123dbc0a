//! Which one filter stands in the way.

use std::time::{Duration, Instant};

use super::check_filters::MOST_STOPS;
use super::find::{Answer, answer};
use super::model::{DirectionQuery, Filters, Found, Relaxation};
use super::timetable::Timetable;
use crate::connections::Connections;
use crate::trade::Cabin;
use crate::{Result, Shop};

/// Nobody waits longer than this, and the search that is under way, for more of them.
const LONGEST: Duration = Duration::from_secs(1);

/// For each filter that the caller gave: how many itineraries there are without it alone; those that help, and of a
/// search so broad that looking takes a second, those found by then.
///
/// Filters have the names of the departing direction: the returning direction's windows are `departure_window` and
/// `arrival_window` too. Meant for an empty answer.
pub async fn relaxations<'c>(
    conns: impl Into<Connections<'c>>,
    shop: Shop<'_>,
    timetable: &Timetable,
    query: &DirectionQuery,
) -> Result<Vec<Relaxation>> {
    let mut conns = conns.into();
    let answer = answer(&mut conns, shop, timetable, query).await?;
    of_answer(&mut conns, shop, timetable, query, answer).await
}

/// The same of an answer: what that has learned already is not looked for again.
pub(super) async fn of_answer(
    conns: &mut Connections<'_>,
    shop: Shop<'_>,
    timetable: &Timetable,
    query: &DirectionQuery,
    known: Answer,
) -> Result<Vec<Relaxation>> {
    let until = Instant::now() + LONGEST;
    let mut relaxations = known.relaxations;
    relaxations.extend(without_cabin(query, &known.found));
    for (filter, looser) in looser(query) {
        if Instant::now() > until {
            break;
        }
        let found = answer(conns, shop, timetable, &looser).await?.found;
        if !found.itineraries.is_empty() {
            relaxations.push(Relaxation {
                filter: filter.to_owned(),
                total: u64::try_from(found.itineraries.len()).unwrap_or(u64::MAX),
            });
        }
    }
    Ok(relaxations)
}

// Without a cabin it is economy.
fn without_cabin(query: &DirectionQuery, found: &Found) -> Option<Relaxation> {
    let economy = found.facets.cabins.iter();
    let mut economy = economy.filter(|facet| facet.value == Cabin::Economy);
    (query.cabin != Cabin::Economy)
        .then(|| economy.next())?
        .map(|facet| Relaxation {
            filter: "cabin".to_owned(),
            total: facet.count,
        })
}

// The query without each of the filters that ask for other journeys.
fn looser(query: &DirectionQuery) -> Vec<(&'static str, DirectionQuery)> {
    let without = |change: fn(&mut Filters)| {
        let mut looser = query.clone();
        change(&mut looser.filters);
        looser
    };
    let mut queries = vec![
        ("max_stops", without(|kept| kept.max_stops = MOST_STOPS)),
        ("min_layover", without(|kept| kept.min_layover = None)),
        ("max_layover", without(|kept| kept.max_layover = None)),
        ("via", without(|kept| kept.via.clear())),
        ("avoid", without(|kept| kept.avoid.clear())),
    ];
    queries.retain(|(_, looser)| looser != query);
    queries
}
