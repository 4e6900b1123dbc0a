//! Today's price of itineraries, and whether they can still be bought.

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use super::model::DirectionQuery;
use crate::fare::{LoadedFare, price_loaded};
use crate::flight::{self, CabinSeats, Flight};
use crate::ids::FlightId;
use crate::offer::Quote;
use crate::trade::{Cabin, Party};
use crate::{Result, Shop};

/// Who travels how: what a price depends on besides the flights.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// Who travels.
    pub party: Party,
    /// In which cabin.
    pub cabin: Cabin,
    /// Code of the fare family.
    pub family: &'a str,
}

impl<'a> From<&'a DirectionQuery> for Terms<'a> {
    fn from(query: &'a DirectionQuery) -> Self {
        Self {
            party: query.party,
            cabin: query.cabin,
            family: &query.family,
        }
    }
}

/// Flights that a party can buy, each with the cabin that it asked for, as one statement saw them.
#[derive(Clone, Debug, Default)]
pub struct Seen(HashMap<FlightId, (Flight, CabinSeats)>);

impl Seen {
    /// Looks at all flights of itineraries, with one statement.
    pub async fn look_at(
        conn: &mut PgConnection,
        shop: Shop<'_>,
        terms: Terms<'_>,
        itineraries: &[Vec<FlightId>],
    ) -> Result<Self> {
        let seats = i32::from(terms.party.seated());
        let wanted = flights_of(itineraries);
        Self::look(conn, shop, terms.cabin, seats, &wanted).await
    }

    pub(super) async fn look(
        conn: &mut PgConnection,
        shop: Shop<'_>,
        cabin: Cabin,
        seats: i32,
        wanted: &[Uuid],
    ) -> Result<Self> {
        if wanted.is_empty() {
            return Ok(Self::default());
        }
        let sold = Self::of_cabins(conn, shop, &[cabin], seats, wanted).await?;
        Ok(Self::new(sold, cabin))
    }

    /// The flights with each of several cabins that the party finds seats in.
    pub(super) async fn of_cabins(
        conn: &mut PgConnection,
        shop: Shop<'_>,
        cabins: &[Cabin],
        seats: i32,
        wanted: &[Uuid],
    ) -> Result<Vec<(Flight, CabinSeats)>> {
        let earliest = shop.clock.now() + shop.sales.sales_close();
        let known = (shop.clock, shop.reference);
        flight::on_sale(conn, known, wanted, cabins, earliest, seats).await
    }

    /// Those with seats in one cabin.
    pub(super) fn new(sold: Vec<(Flight, CabinSeats)>, cabin: Cabin) -> Self {
        let sold = sold.into_iter().filter(|(_, seats)| seats.cabin == cabin);
        Self(
            sold.map(|(flight, seats)| (flight.id, (flight, seats)))
                .collect(),
        )
    }

    /// What both have seen.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

/// Prices itineraries anew, all of them with one statement; `None` where the whole party can no longer buy one:
/// a flight is cancelled, sales have closed, seats are too few, the fare family is gone.
pub async fn quotes(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    terms: Terms<'_>,
    itineraries: &[Vec<FlightId>],
) -> Result<Vec<Option<Quote>>> {
    let seats = i32::from(terms.party.seated());
    quotes_with(conn, shop, terms, itineraries, seats).await
}

/// The same where at least `seats` are left: a party that has seats already needs none.
pub(crate) async fn quotes_with(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    terms: Terms<'_>,
    itineraries: &[Vec<FlightId>],
    seats: i32,
) -> Result<Vec<Option<Quote>>> {
    let wanted = flights_of(itineraries);
    let seen = Seen::look(conn, shop, terms.cabin, seats, &wanted).await?;
    quotes_of(shop, terms, &seen, itineraries)
}

fn flights_of(itineraries: &[Vec<FlightId>]) -> Vec<Uuid> {
    let mut flights: Vec<_> = itineraries.iter().flatten().map(|id| id.0).collect();
    flights.sort_unstable();
    flights.dedup();
    flights
}

/// The same of flights that were looked at for this request already.
pub fn quotes_of(
    shop: Shop<'_>,
    terms: Terms<'_>,
    seen: &Seen,
    itineraries: &[Vec<FlightId>],
) -> Result<Vec<Option<Quote>>> {
    let Some(family) = shop.tariff.family(terms.family, terms.cabin) else {
        return Ok(itineraries.iter().map(|_| None).collect());
    };
    let quote = |itinerary: &Vec<FlightId>| {
        let parts: Option<Vec<_>> = itinerary.iter().map(|id| seen.0.get(id)).collect();
        let Some(parts) = parts.filter(|parts| !parts.is_empty()) else {
            return Ok(None);
        };
        let fares = (parts.iter())
            .map(|(flight, seats)| flight::fare_of(flight, seats).loaded(shop.tariff));
        let fares: Vec<LoadedFare> = fares.collect::<Result<_>>()?;
        let currency = shop.sales.sale_currency;
        let price = price_loaded(shop.tariff, currency, family, 0, &fares, terms.party)?;
        let left = parts.iter().map(|(_, seats)| seats.left()).min();
        Ok(Some(Quote {
            party: terms.party,
            cabin: family.cabin,
            family: family.code.clone(),
            conditions: family.conditions.clone(),
            tariff: shop.tariff.id,
            fares,
            flights: parts.iter().map(|(flight, _)| flight.clone()).collect(),
            price,
            seats_left: left.unwrap_or_default(),
        }))
    };
    itineraries.iter().map(quote).collect()
}
