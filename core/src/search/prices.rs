//! What flights cost a party now, where it still fits in: PostgreSQL's answer at the time of the search.

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use super::catalogue::Catalogue;
use super::model::DirectionQuery;
use super::quotes::Seen;
use crate::fare::{FareFamily, FlightFare, LineKind, price};
use crate::flight::fare_of;
use crate::ids::FlightId;
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
    /// The fee per booking: what a direction costs less when it is not the first.
    pub fee: i64,
}

/// The costs of those flights that the whole party can board, by id; one statement.
pub(super) async fn prices(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    catalogue: &Catalogue,
    query: &DirectionQuery,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Cost>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let family = family(shop, query)?;
    // The timetable may be seconds old: whether the flight still flies, and when, is asked here.
    let rows = sqlx::query!(
        "
        select c.flight_id, f.origin, c.base_fare_minor, c.capacity, c.sold
        from flight_cabin c join flight f on f.id = c.flight_id
        where c.flight_id = any($1) and c.cabin = $2 and c.capacity - c.held - c.sold >= $3
          and f.status = 'scheduled' and f.departs_at >= $4
        ",
        ids,
        query.cabin.as_str(),
        i32::from(query.party.seated()),
        shop.clock.now() + shop.sales.sales_close(),
    )
    .fetch_all(conn)
    .await?;
    let mut costs = HashMap::with_capacity(rows.len());
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
        costs.insert(row.flight_id, cost(shop, family, query, fare)?);
    }
    Ok(costs)
}

/// The costs of a few flights, and the flights themselves: what a page shows of them is read with their seats.
pub(super) async fn prices_of_few(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    query: &DirectionQuery,
    ids: &[Uuid],
) -> Result<(HashMap<Uuid, Cost>, Seen)> {
    let family = family(shop, query)?;
    let seats = i32::from(query.party.seated());
    let seen = Seen::look(conn, shop, query.cabin, seats, ids).await?;
    let mut costs = HashMap::with_capacity(ids.len());
    for (flight, seats) in seen.iter() {
        costs.insert(
            flight.id.0,
            cost(shop, family, query, fare_of(flight, seats))?,
        );
    }
    Ok((costs, seen))
}

fn family<'a>(shop: Shop<'a>, query: &DirectionQuery) -> Result<&'a FareFamily> {
    shop.tariff
        .family(&query.family, query.cabin)
        .ok_or_else(|| Error::Catalogue(format!("the fare family {} is gone", query.family)))
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
    let fees = alone.lines.iter().filter(|line| line.kind == LineKind::Fee);
    Ok(Cost {
        first: alone.total().minor(),
        later: of(&[nothing, fare])?.total().minor(),
        fee: fees.map(crate::fare::PriceLine::amount_minor).sum(),
    })
}
