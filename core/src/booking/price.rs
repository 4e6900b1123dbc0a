//! What a booking costs: the lines of its offers, the baggage of its passengers, and a coupon's discount. The total is
//! their sum (invariant 7).

use sqlx::PgConnection;

use super::passengers::{NewPassenger, Passenger};
use crate::baggage::{self, Bag};
use crate::charge::{self, OutsideLimits};
use crate::clock::Clock;
use crate::coupon::{self, Asked, Basket, Discount, Journey, Refusal};
use crate::error::{FieldError, Refusal as _, Violations};
use crate::flight::Flight;
use crate::hold::Hold;
use crate::trade::{PassengerType, Price};
use crate::{Error, Result};

/// A price with what it was made of beside the offers.
#[derive(Clone, Debug)]
pub(super) struct Priced {
    pub price: Price,
    pub bags: Vec<Bag>,
    pub discount: Option<Discount>,
}

impl Priced {
    /// Whether nothing is to pay.
    pub(super) fn is_free(&self) -> bool {
        self.price.total().minor() == 0
    }
}

/// The baggage that passengers ask for, at the tariff that was frozen with the hold. Those who may not fly get none,
/// but what is wrong with theirs is said too.
pub(super) fn bags(
    hold: &Hold,
    input: &[NewPassenger],
    kinds: &[Option<PassengerType>],
    passengers: &[Passenger],
) -> Result<Vec<Bag>> {
    let offers = hold.offers.iter();
    let tariffs: Vec<_> = offers
        .map(|offer| &offer.conditions.extra_baggage)
        .collect();
    let at = Some((tariffs.as_slice(), hold.price.currency));
    let mut wrong = Violations::new();
    let mut bags = Vec::new();
    for (index, (new, kind)) in input.iter().zip(kinds).enumerate() {
        let sold = baggage::check(&mut wrong, index, &new.baggage, *kind, at);
        if let Some(passenger) = passengers.get(index) {
            let bag = |sold| Bag::of(passenger.id, passenger.kind, sold);
            bags.extend(sold.into_iter().map(bag));
        }
    }
    wrong.into_result()?;
    Ok(bags)
}

/// The lines of the hold, then baggage by direction and passenger, then the coupon's.
///
/// A [`coupon::Refusal`] when a coupon is given that does not apply to the whole of it,
/// [`OutsideLimits`] when nobody could pay what is left.
pub(super) async fn with_extras(
    conn: &mut PgConnection,
    clock: &Clock,
    hold: &Hold,
    flights: &[Flight],
    mut bags: Vec<Bag>,
    coupon: Option<Asked<'_>>,
) -> Result<Priced> {
    bags.sort_by_key(|bag| bag.direction);
    let mut price = hold.price.clone();
    price.lines.extend(bags.iter().map(Bag::line));
    let mut discount = None;
    if let Some(asked) = coupon {
        let basket = basket_of(hold, flights, &price);
        let found = coupon::quote(conn, clock, hold.account_id, asked, &basket).await?;
        price.lines.extend(found.lines.iter().cloned());
        discount = Some(found);
    }
    if price.total().minor() < 0 {
        return Err(Error::Internal("a price is below zero".to_owned()));
    }
    let priced = Priced {
        price,
        bags,
        discount,
    };
    if !priced.is_free() {
        charge::require_payable(priced.price.total())?;
    }
    Ok(priced)
}

/// What a coupon is tried on: the directions of a hold, whose flights are given in order, at a price.
pub(super) fn basket_of<'a>(hold: &Hold, flights: &[Flight], price: &'a Price) -> Basket<'a> {
    let mut remaining = flights;
    let journeys = hold.offers.iter().filter_map(|offer| {
        let (own, rest) = remaining.split_at(offer.pinned.flights.len().min(remaining.len()));
        remaining = rest;
        let (first, last) = (own.first()?, own.last()?);
        Some(Journey {
            airline: first.airline.iata.clone(),
            route: format!("{}-{}", first.origin.iata, last.destination.iata),
            cabin: offer.pinned.cabin,
        })
    });
    Basket {
        journeys: journeys.collect(),
        price,
    }
}

/// What is wrong with a coupon of a booking that is wrong for other reasons too, so that the caller hears of both.
/// Whether the minimum is met, and whether the total can be paid, is not known without the passengers' baggage.
pub(super) async fn coupon_problem(
    conn: &mut PgConnection,
    clock: &Clock,
    hold: &Hold,
    flights: &[Flight],
    coupon: Option<Asked<'_>>,
) -> Result<Option<FieldError>> {
    match with_extras(conn, clock, hold, flights, Vec::new(), coupon).await {
        Ok(_) => Ok(None),
        Err(error) if error.refusal::<OutsideLimits>().is_some() => Ok(None),
        Err(error) => match error.refusal() {
            Some(Refusal::MinimumNotMet) => Ok(None),
            Some(refusal) => Ok(refusal.field_error()),
            None => Err(error),
        },
    }
}
