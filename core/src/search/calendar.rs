//! The lowest price of each day around a date.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{Days, NaiveDate};
use sqlx::PgConnection;
use uuid::Uuid;

use super::find::{thinking, wanted};
use super::journeys::{Journeys, journeys};
use super::model::{CalendarDay, DirectionQuery, Filters};
use super::prices::{Cost, prices};
use super::rank::priced;
use super::timetable::Timetable;
use crate::{Result, Shop};

/// Days on either side of the date that was asked for.
const REACH: u64 = 15;

/// The lowest price of each day from 15 days before the date of `outbound` to 15 days after it, with at most one
/// stop; of a round trip with the length of stay kept, its booking fee once.
///
/// Days that have passed are left out; a day on which nothing can be bought has no price. The way back need not be a
/// legal connection when it is on the day of the way there.
pub async fn calendar(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    timetable: &Timetable,
    outbound: &DirectionQuery,
    inbound: Option<&DirectionQuery>,
) -> Result<Vec<CalendarDay>> {
    let dates = dates(shop, outbound.date);
    let there = lowest(conn, shop, timetable, outbound, &dates).await?;
    let Some(inbound) = inbound else {
        return Ok(dates
            .iter()
            .map(|date| day(*date, None, there.get(date).map(|cost| cost.0)))
            .collect());
    };
    let stay = inbound.date - outbound.date;
    let returns: Vec<NaiveDate> = dates.iter().map(|date| *date + stay).collect();
    let back = lowest(conn, shop, timetable, inbound, &returns).await?;
    let days = dates.iter().zip(&returns).map(|(date, returns)| {
        let (there, back) = (there.get(date), back.get(returns));
        let both = there.zip(back).map(|(there, back)| there.0 + back.1);
        day(*date, Some(*returns), both)
    });
    Ok(days.collect())
}

fn day(
    departure_date: NaiveDate,
    return_date: Option<NaiveDate>,
    lowest_minor: Option<i64>,
) -> CalendarDay {
    CalendarDay {
        departure_date,
        return_date,
        lowest_minor,
    }
}

fn dates(shop: Shop<'_>, around: NaiveDate) -> Vec<NaiveDate> {
    let first = around.checked_sub_days(Days::new(REACH)).unwrap_or(around);
    // Somewhere on Earth it is still yesterday.
    let yesterday = shop.clock.now().date_naive() - Days::new(1);
    let last = around.checked_add_days(Days::new(REACH)).unwrap_or(around);
    first
        .max(yesterday)
        .iter_days()
        .take_while(|date| *date <= last)
        .collect()
}

/// By date: the lowest total, and the lowest without the fee per booking.
async fn lowest(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    timetable: &Timetable,
    query: &DirectionQuery,
    dates: &[NaiveDate],
) -> Result<BTreeMap<NaiveDate, (i64, i64)>> {
    let queries: Vec<DirectionQuery> = dates.iter().map(|date| on(query, *date)).collect();
    let found: Vec<Journeys<'_>> = thinking(true, || {
        let days = queries.iter();
        days.map(|query| journeys(timetable, &wanted(shop, timetable, query)))
            .collect()
    });
    let ids: BTreeSet<Uuid> = (found.iter())
        .flat_map(|journeys| {
            let places = journeys
                .found
                .iter()
                .flat_map(super::journeys::Journey::places);
            places.map(|place| journeys.legs[place].id)
        })
        .collect();
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let costs = prices(conn, shop, &timetable.catalogue, query, &ids).await?;
    let days = queries.iter().zip(&found);
    Ok(days
        .filter_map(|(query, journeys)| Some((query.date, lowest_of(journeys, &costs, query)?)))
        .collect())
}

fn on(query: &DirectionQuery, date: NaiveDate) -> DirectionQuery {
    let max_stops = query.filters.max_stops.min(1);
    DirectionQuery {
        date,
        filters: Filters {
            max_stops,
            ..query.filters.clone()
        },
        ..query.clone()
    }
}

fn lowest_of(
    journeys: &Journeys<'_>,
    known: &HashMap<Uuid, Cost>,
    query: &DirectionQuery,
) -> Option<(i64, i64)> {
    let costs: Vec<Option<Cost>> = (journeys.legs.iter())
        .map(|leg| known.get(&leg.id).copied())
        .collect();
    let found = priced(journeys, &costs, query);
    let fee = |place: Option<usize>| {
        place
            .and_then(|place| costs[place])
            .map_or(0, |cost| cost.fee)
    };
    let without_fee = found
        .iter()
        .map(|one| one.total - fee(one.journey.places().next()));
    Some((found.iter().map(|one| one.total).min()?, without_fee.min()?))
}
