//! Which one filter stands in the way.

use sqlx::PgConnection;

use super::find::find;
use super::model::{DirectionQuery, Filters, Relaxation};
use super::timetable::Timetable;
use crate::fare::Cabin;
use crate::{Result, Shop};

/// For each filter that the caller gave: how many itineraries there are without it alone; those that help.
///
/// Filters have the names of the outbound direction: a way back's windows are `departure_window` and
/// `arrival_window` too. Meant for an empty answer.
pub async fn relaxations(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    timetable: &Timetable,
    query: &DirectionQuery,
) -> Result<Vec<Relaxation>> {
    let mut relaxations = Vec::new();
    for (filter, looser) in looser(shop, query) {
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
    let none = Filters {
        max_stops: 2,
        ..Filters::default()
    };
    type Drop = fn(&mut Filters, Filters);
    let drops: [(&'static str, Drop); 13] = [
        ("airlines", |kept, none| kept.airlines = none.airlines),
        ("exclude_airlines", |kept, none| {
            kept.exclude_airlines = none.exclude_airlines
        }),
        ("flight_number", |kept, none| {
            kept.flight_number = none.flight_number
        }),
        ("max_stops", |kept, none| kept.max_stops = none.max_stops),
        ("max_duration", |kept, none| {
            kept.max_duration = none.max_duration
        }),
        ("departure_window", |kept, none| {
            kept.departure_window = none.departure_window
        }),
        ("arrival_window", |kept, none| {
            kept.arrival_window = none.arrival_window
        }),
        ("min_price", |kept, none| kept.min_price = none.min_price),
        ("max_price", |kept, none| kept.max_price = none.max_price),
        ("min_layover", |kept, none| {
            kept.min_layover = none.min_layover
        }),
        ("max_layover", |kept, none| {
            kept.max_layover = none.max_layover
        }),
        ("via", |kept, none| kept.via = none.via),
        ("avoid", |kept, none| kept.avoid = none.avoid),
    ];
    let mut queries = Vec::new();
    for (name, drop) in drops {
        let mut looser = query.clone();
        drop(&mut looser.filters, none.clone());
        if looser != *query {
            queries.push((name, looser));
        }
    }
    // Without a cabin it is economy, in the same family where economy has it.
    if query.cabin != Cabin::Economy && shop.tariff.family(&query.family, Cabin::Economy).is_some()
    {
        let cabin = Cabin::Economy;
        queries.push((
            "cabin",
            DirectionQuery {
                cabin,
                ..query.clone()
            },
        ));
    }
    queries
}
