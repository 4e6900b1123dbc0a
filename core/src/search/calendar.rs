//! The lowest price of each day around a date.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use uuid::Uuid;

use super::filter::{Failed, Filter};
use super::find::{by_place, thinking, wanted};
use super::journeys::{Journeys, journeys};
use super::model::{CalendarDay, DirectionQuery, Filters};
use super::pair::{Way, candidates, cheapest, most};
use super::prices::{Cost, prices};
use super::rank::{priced, undominated};
use super::timetable::Timetable;
use crate::connections::Connections;
use crate::fare::booking_fees;
use crate::trade::{Cabin, PriceLine};
use crate::{Result, Shop, zone};

/// Days on either side of the date that was asked for.
const REACH: u64 = 15;

/// The lowest price of each day from 15 days before the date of `departing` to 15 days after it, with at most one
/// stop; of a round trip with the length of stay kept, its booking fee once.
///
/// Days that have passed are left out; a day on which nothing can be bought and held has no price.
pub async fn calendar<'c>(
    conns: impl Into<Connections<'c>>,
    shop: Shop<'_>,
    timetable: &Timetable,
    departing: &DirectionQuery,
    returning: Option<&DirectionQuery>,
) -> Result<Vec<CalendarDay>> {
    let (mut conns, dates) = (conns.into(), dates(shop, timetable, departing));
    let there = ways(&mut conns, shop, timetable, departing, &dates).await?;
    let Some(returning) = returning else {
        let lowest = |date| Some(there.get(date)?.first()?.total);
        let days = dates.iter();
        return Ok(days.map(|date| day(*date, None, lowest(date))).collect());
    };
    let stay = returning.date - departing.date;
    let returns: Vec<NaiveDate> = dates.iter().map(|date| *date + stay).collect();
    let back = ways(&mut conns, shop, timetable, returning, &returns).await?;
    let fees = Fees::load(shop, timetable, departing.cabin, [&there, &back])?;
    let days = dates.iter().zip(&returns).map(|(date, returns)| {
        let pair = there.get(date).zip(back.get(returns));
        let both = pair.and_then(|(there, back)| fees.cheapest(shop, timetable, there, back));
        day(*date, Some(*returns), both)
    });
    Ok(days.collect())
}

/// What a booking pays once, by the country where a direction begins.
struct Fees(BTreeMap<String, Vec<PriceLine>>);

impl Fees {
    fn load(
        shop: Shop<'_>,
        timetable: &Timetable,
        cabin: Cabin,
        ways: [&BTreeMap<NaiveDate, Vec<Way>>; 2],
    ) -> Result<Self> {
        let currency = shop.sales.sale_currency;
        let mut fees = BTreeMap::new();
        for way in ways.into_iter().flat_map(BTreeMap::values).flatten() {
            let country = country(timetable, way);
            if !fees.contains_key(country) {
                let lines = booking_fees(shop.tariff, currency, cabin, country)?;
                fees.insert(country.to_owned(), lines);
            }
        }
        Ok(Self(fees))
    }

    fn of(&self, country: &str) -> &[PriceLine] {
        self.0.get(country).map_or(&[], Vec::as_slice)
    }

    /// The least that both directions cost in one booking.
    fn cheapest(
        &self,
        shop: Shop<'_>,
        timetable: &Timetable,
        there: &[Way],
        back: &[Way],
    ) -> Option<i64> {
        let with_fees = |ways: &[Way]| -> Vec<(Way, (i64, &[PriceLine]))> {
            let fees = |way: &Way| self.of(country(timetable, way));
            ways.iter()
                .map(|way| (*way, (way.total, fees(way))))
                .collect()
        };
        let saved = |lines: &[PriceLine]| lines.iter().map(PriceLine::amount_minor).sum::<i64>();
        let most_saved = self.0.values().map(|lines| saved(lines)).max();
        let joined = |(one, had): (i64, &[PriceLine]), (other, fees): (i64, &[PriceLine])| {
            let is_twice = |fee: &&PriceLine| had.iter().any(|own| own.code == fee.code);
            let twice = fees.iter().filter(is_twice).map(PriceLine::amount_minor);
            one + other - twice.sum::<i64>()
        };
        let currency = shop.sales.sale_currency;
        let (there, back) = (with_fees(there), with_fees(back));
        let saved = most_saved.unwrap_or_default();
        cheapest(&timetable.catalogue, currency, &there, &back, saved, joined)
    }
}

fn country<'a>(timetable: &'a Timetable, way: &Way) -> &'a str {
    &timetable.catalogue.at(way.first.0).country
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

fn dates(shop: Shop<'_>, timetable: &Timetable, query: &DirectionQuery) -> Vec<NaiveDate> {
    let around = query.date;
    let first = around.checked_sub_days(Days::new(REACH)).unwrap_or(around);
    let catalogue = &timetable.catalogue;
    let origins = query
        .origins
        .iter()
        .filter_map(|iata| catalogue.airport(iata));
    let today = origins
        .map(|origin| zone::local(shop.clock.now(), catalogue.at(origin).zone).date_naive())
        .min();
    let last = around.checked_add_days(Days::new(REACH)).unwrap_or(around);
    first
        .max(today.unwrap_or(first))
        .iter_days()
        .take_while(|date| *date <= last)
        .collect()
}

/// By date: what the lowest price is made of, the cheapest first.
async fn ways(
    conns: &mut Connections<'_>,
    shop: Shop<'_>,
    timetable: &Timetable,
    query: &DirectionQuery,
    dates: &[NaiveDate],
) -> Result<BTreeMap<NaiveDate, Vec<Way>>> {
    let query = &on(query, query.date);
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
    let costs = prices(conns, shop, &timetable.catalogue, query, &ids).await?;
    let most = most(shop.sales.sale_currency);
    let filter = Filter::new(&timetable.catalogue, query);
    let days = queries.iter().zip(&found);
    Ok(thinking(true, || {
        days.map(|(query, journeys)| {
            let costs = by_place(journeys, &costs, query.cabin);
            (
                query.date,
                ways_of(timetable, journeys, &costs, &filter, most),
            )
        })
        .collect()
    }))
}

fn on(query: &DirectionQuery, date: NaiveDate) -> DirectionQuery {
    let max_stops = query.filters.max_stops.min(1);
    DirectionQuery {
        date,
        filters: Filters {
            max_stops,
            ..query.filters.clone()
        },
        // A calendar has no facets: nobody asks what another cabin costs.
        other_cabins: Vec::new(),
        ..query.clone()
    }
}

/// The few that the lowest price, alone or with another direction, is made of.
fn ways_of(
    timetable: &Timetable,
    journeys: &Journeys<'_>,
    costs: &[Option<Cost>],
    filter: &Filter,
    most: i64,
) -> Vec<Way> {
    let all = priced(journeys, costs);
    // Whatever dominates costs no more: only a filter, or a way back that must fit, can show the difference.
    let found = if filter.is_empty() {
        all
    } else {
        undominated(all)
    };
    let payable = found
        .iter()
        .filter(|one| one.total <= most && filter.failed(journeys, one) == Failed::NONE);
    let ways = payable.filter_map(|one| {
        let legs: Vec<_> = journeys.of(&one.journey).collect();
        Way::of_legs(&legs, one.total)
    });
    let ways: Vec<Way> = ways.collect();
    let chosen = candidates(&timetable.catalogue, &ways);
    chosen.into_iter().map(|index| ways[index]).collect()
}
