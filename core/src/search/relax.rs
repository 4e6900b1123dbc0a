//! Which one filter stands in the way.

use std::time::{Duration, Instant};

use sqlx::PgConnection;

use super::check_filters::MOST_STOPS;
use super::find::find;
use super::model::{DirectionQuery, Filters, Relaxation};
use super::timetable::Timetable;
use crate::fare::Cabin;
use crate::{Result, Shop};

/// Nobody waits longer than this, and the search that is under way, for more of them.
const LONGEST: Duration = Duration::from_secs(1);

/// For each filter that the caller gave: how many itineraries there are without it alone; those that help, and of a
/// search so broad that looking takes a second, those found by then.
///
/// Filters have the names of the outbound direction: a way back's windows are `departure_window` and
/// `arrival_window` too. Meant for an empty answer.
pub async fn relaxations(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    timetable: &Timetable,
    query: &DirectionQuery,
) -> Result<Vec<Relaxation>> {
    let until = Instant::now() + LONGEST;
    let mut relaxations = Vec::new();
    for (filter, looser) in looser(shop, query) {
        if Instant::now() > until {
            break;
        }
        let found = find(conn, shop, timetable, &looser).await?;
        if !found.itineraries.is_empty() {
            relaxations.push(Relaxation {
                filter: filter.to_owned(),
                total: u64::try_from(found.itineraries.len()).unwrap_or(u64::MAX),
            });
        }
    }
    Ok(relaxations)
}

// The query without each of its filters in turn.
fn looser(shop: Shop<'_>, query: &DirectionQuery) -> Vec<(&'static str, DirectionQuery)> {
    let without = |change: fn(&mut Filters)| {
        let mut looser = query.clone();
        change(&mut looser.filters);
        looser
    };
    let mut queries = vec![
        ("airlines", without(|kept| kept.airlines.clear())),
        (
            "exclude_airlines",
            without(|kept| kept.exclude_airlines.clear()),
        ),
        ("flight_number", without(|kept| kept.flight_number = None)),
        ("max_stops", without(|kept| kept.max_stops = MOST_STOPS)),
        ("max_duration", without(|kept| kept.max_duration = None)),
        (
            "departure_window",
            without(|kept| kept.departure_window = None),
        ),
        ("arrival_window", without(|kept| kept.arrival_window = None)),
        ("min_price", without(|kept| kept.min_price = None)),
        ("max_price", without(|kept| kept.max_price = None)),
        ("min_layover", without(|kept| kept.min_layover = None)),
        ("max_layover", without(|kept| kept.max_layover = None)),
        ("via", without(|kept| kept.via.clear())),
        ("avoid", without(|kept| kept.avoid.clear())),
    ];
    // Without a cabin it is economy, in the same family where economy has it.
    let economy = Cabin::Economy;
    if shop.tariff.family(&query.family, economy).is_some() {
        let mut looser = query.clone();
        looser.cabin = economy;
        queries.push(("cabin", looser));
    }
    queries.retain(|(_, looser)| looser != query);
    queries
}
