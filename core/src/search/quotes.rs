//! Today's price of itineraries, and whether they can still be bought.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::DirectionQuery;
use crate::fare::{Cabin, Party, price};
use crate::flight::{self, CabinSeats, Flight};
use crate::ids::FlightId;
use crate::offer::Quote;
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
        let earliest = shop.clock.now() + shop.sales.sales_close();
        let found = flight::on_sale(conn, shop.reference, wanted, cabin, earliest, seats).await?;
        let found = found.into_iter();
        Ok(Self(
            found
                .map(|(flight, seats)| (flight.id, (flight, seats)))
                .collect(),
        ))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(Flight, CabinSeats)> {
        self.0.values()
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
    let mut wanted: Vec<_> = itineraries.iter().flatten().map(|id| id.0).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let seen = Seen::look(conn, shop, terms.cabin, seats, &wanted).await?;
    quotes_of(shop, terms, &seen, itineraries)
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
    let conditions: Arc<Value> = family.frozen().into();
    let quote = |itinerary: &Vec<FlightId>| {
        let parts: Option<Vec<_>> = itinerary.iter().map(|id| seen.0.get(id)).collect();
        let Some(parts) = parts.filter(|parts| !parts.is_empty()) else {
            return Ok(None);
        };
        let fares: Vec<_> = parts
            .iter()
            .map(|(flight, seats)| flight::fare_of(flight, seats))
            .collect();
        let currency = shop.sales.sale_currency;
        let price = price(shop.tariff, currency, family, 0, &fares, terms.party)?;
        let left = parts.iter().map(|(_, seats)| seats.left()).min();
        Ok(Some(Quote {
            party: terms.party,
            cabin: family.cabin,
            family: family.code.clone(),
            conditions: conditions.clone(),
            flights: parts.iter().map(|(flight, _)| flight.clone()).collect(),
            price,
            seats_left: left.unwrap_or_default(),
        }))
    };
    itineraries.iter().map(quote).collect()
}
