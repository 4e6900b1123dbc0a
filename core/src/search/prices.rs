//! What flights cost a party now, where it still fits in: PostgreSQL's answer at the time of the search.
//!
//! **A journey's price is a sum over its flights.** The lines of `fare::price` are each of one flight, and what is
//! charged on the first departure alone is the first flight's. So each flight is priced twice, as the first and as
//! a later one, by that same function, and a hundred thousand journeys are additions. A test compares the sums with
//! the price of the whole.

use std::collections::HashMap;

use uuid::Uuid;

use super::catalogue::Catalogue;
use super::model::DirectionQuery;
use super::quotes::Seen;
use crate::connections::Connections;
use crate::fare::{FareFamily, FlightFare, price};
use crate::flight::fare_of;
use crate::ids::FlightId;
use crate::trade::Cabin;
use crate::{Error, Result, Shop};

/// What a flight adds to the total of a journey, in minor units.
///
/// The lines of a price are each of one flight, and those of the first flight alone are of the first: a journey costs
/// what its first flight costs alone and what each later one adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    /// As the first flight, the fee per booking included.
    pub first: i64,
    /// As a later one.
    pub later: i64,
}

/// What a flight adds in each cabin, in the order of [`Cabin::ALL`]; none where the party finds no seats.
pub(super) type Costs = [Option<Cost>; Cabin::ALL.len()];

/// The costs of those flights that the whole party can board, by id; one statement for all cabins.
pub(super) async fn prices(
    conns: &mut Connections<'_>,
    shop: Shop<'_>,
    catalogue: &Catalogue,
    query: &DirectionQuery,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Costs>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let families = families(shop, query)?;
    let cabins: Vec<String> = cabins(&families)
        .map(|cabin| cabin.as_str().to_owned())
        .collect();
    // The timetable may be seconds old: whether the flight still flies, and when, is asked here.
    let rows = sqlx::query!(
        r#"
        select c.flight_id, c.cabin as "cabin: Cabin", f.origin, c.base_fare_minor, c.capacity, c.sold
        from flight_cabin c join flight f on f.id = c.flight_id
        where c.flight_id = any($1) and c.cabin = any($2) and c.capacity - c.held - c.sold >= $3
          and f.status = 'scheduled' and f.departs_at >= $4
        "#,
        ids,
        &cabins,
        i32::from(query.party.seated()),
        shop.clock.now() + shop.sales.sales_close(),
    )
    .fetch_all(&mut *conns.acquire().await?)
    .await?;
    let mut costs: HashMap<Uuid, Costs> = HashMap::with_capacity(ids.len());
    for row in rows {
        let country = (catalogue.airport(&row.origin))
            .map(|origin| catalogue.at(origin).country.clone())
            .unwrap_or_default();
        let fare = FlightFare {
            flight_id: FlightId(row.flight_id),
            origin_country: country,
            base_fare_minor: row.base_fare_minor,
            capacity: row.capacity,
            sold: row.sold,
        };
        note(&mut costs, shop, &families, query, (row.cabin, fare))?;
    }
    Ok(costs)
}

/// The costs of a few flights, and the flights themselves: what a page shows of them is read with their seats.
pub(super) async fn prices_of_few(
    conns: &mut Connections<'_>,
    shop: Shop<'_>,
    query: &DirectionQuery,
    ids: &[Uuid],
) -> Result<(HashMap<Uuid, Costs>, Seen)> {
    let families = families(shop, query)?;
    let cabins: Vec<Cabin> = cabins(&families).collect();
    let seats = i32::from(query.party.seated());
    let sold = Seen::of_cabins(&mut *conns.acquire().await?, shop, &cabins, seats, ids).await?;
    let mut costs = HashMap::with_capacity(ids.len());
    for (flight, seats) in &sold {
        let fare = fare_of(flight, seats);
        note(&mut costs, shop, &families, query, (seats.cabin, fare))?;
    }
    Ok((costs, Seen::new(sold, query.cabin)))
}

type Families<'a> = [Option<&'a FareFamily>; Cabin::ALL.len()];

// What each cabin is sold in. A family that a cabin has lost since the question was read is missed in the cabin that
// was asked for alone.
fn families<'a>(shop: Shop<'a>, query: &DirectionQuery) -> Result<Families<'a>> {
    let mut families = Families::default();
    for (cabin, family) in query.families() {
        families[cabin as usize] = shop.tariff.family(family, cabin);
    }
    if families[query.cabin as usize].is_none() {
        let message = format!("the fare family {} is gone", query.family);
        return Err(Error::Catalogue(message));
    }
    Ok(families)
}

fn cabins(families: &Families<'_>) -> impl Iterator<Item = Cabin> {
    let sold = families.iter().zip(Cabin::ALL);
    sold.filter_map(|(family, cabin)| family.map(|_| cabin))
}

fn note(
    costs: &mut HashMap<Uuid, Costs>,
    shop: Shop<'_>,
    families: &Families<'_>,
    query: &DirectionQuery,
    (cabin, fare): (Cabin, FlightFare),
) -> Result<()> {
    if let Some(family) = families[cabin as usize] {
        let of_flight = costs.entry(fare.flight_id.0).or_default();
        of_flight[cabin as usize] = Some(cost(shop, family, query, fare)?);
    }
    Ok(())
}

fn cost(
    shop: Shop<'_>,
    family: &FareFamily,
    query: &DirectionQuery,
    fare: FlightFare,
) -> Result<Cost> {
    let currency = shop.sales.sale_currency;
    let of = |fares: &[FlightFare]| price(shop.tariff, currency, family, 0, fares, query.party);
    let alone = of(std::slice::from_ref(&fare))?;
    // Nothing before it: a flight from nowhere that costs nothing.
    let nothing = FlightFare {
        origin_country: String::new(),
        base_fare_minor: 0,
        ..fare.clone()
    };
    Ok(Cost {
        first: alone.total().minor(),
        later: of(&[nothing, fare])?.total().minor(),
    })
}
