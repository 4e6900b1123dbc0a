//! An offer pins the price of an itinerary for one account and party for fifteen minutes and reserves nothing.
//! It is a signed token that the caller carries; no row remembers it. The token names the tariff and what the flights cost
//! when it was made: the price is made of that again, and is the same, when it is held.

mod pin;

pub use pin::Pin;

use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::clock::Clock;
use crate::config::{Sales, Settings};
use crate::error::Refusal;
use crate::fare::{LoadedFare, Tariff, price_loaded};
use crate::flight::Flight;
use crate::ids::{AccountId, FlightId};
use crate::reference::Airline;
use crate::signing::Signer;
use crate::trade::{Cabin, FareConditions, Party, Price, PriceLine};
use crate::{Error, Result, money};

/// An itinerary of one direction with its price and conditions, as search and hold show it.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The signed token.
    pub id: String,
    /// Until when it can be held or booked.
    pub expires_at: DateTime<Utc>,
    /// For whom.
    pub party: Party,
    /// In which cabin.
    pub cabin: Cabin,
    /// Fare family, baggage and conditions, of that day.
    pub conditions: Arc<FareConditions>,
    /// The flights, in order.
    pub flights: Vec<Flight>,
    /// The price for the party.
    pub price: Price,
    /// Fewest seats left on any of its flights when it was made; none where nobody looked.
    pub seats_left: Option<i32>,
}

impl Offer {
    /// The airline whose ticket it is: the first flight's.
    pub fn validating_airline(&self) -> Option<&Airline> {
        self.flights.first().map(|flight| &*flight.airline)
    }

    /// Minutes from the first departure to the last arrival.
    pub fn duration_minutes(&self) -> i64 {
        match (self.flights.first(), self.flights.last()) {
            (Some(first), Some(last)) => (last.arrives_at - first.departs_at).num_minutes(),
            _ => 0,
        }
    }
}

/// An itinerary that can be bought at a price: an offer before it is signed.
#[derive(Clone, Debug)]
pub struct Quote {
    /// For whom.
    pub party: Party,
    /// In which cabin.
    pub cabin: Cabin,
    /// Code of the fare family.
    pub family: String,
    /// Fare family, baggage and conditions, of that day.
    pub conditions: Arc<FareConditions>,
    /// Which tariff the price was made with.
    pub tariff: i64,
    /// What the flights cost, in order.
    pub fares: Vec<LoadedFare>,
    /// The flights, in order.
    pub flights: Vec<Flight>,
    /// The price for the party.
    pub price: Price,
    /// Fewest seats left on any of the flights.
    pub seats_left: i32,
}

/// An offer that is kept with a hold, with the lines of its price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    #[serde(rename = "a")]
    account_id: AccountId,
    #[serde(rename = "e", with = "chrono::serde::ts_seconds")]
    expires_at: DateTime<Utc>,
    /// For whom.
    #[serde(rename = "p")]
    pub party: Party,
    /// In which cabin.
    #[serde(rename = "c")]
    pub cabin: Cabin,
    /// Code of the fare family.
    #[serde(rename = "f")]
    pub family: String,
    /// The flights, in order.
    #[serde(rename = "x")]
    pub flights: Vec<FlightId>,
    #[serde(rename = "u")]
    currency: String,
    #[serde(rename = "l")]
    lines: Vec<PriceLine>,
}

impl Pinned {
    /// The pinned price. [`Error::Catalogue`] for a currency that nobody knows.
    pub fn price(&self) -> Result<Price> {
        let currency = money::known_currency(&self.currency)?;
        Ok(Price {
            currency,
            lines: self.lines.clone(),
        })
    }

    /// Whose it is.
    pub fn account_id(&self) -> AccountId {
        self.account_id
    }

    /// The same itinerary for another party, at the price of a newer offer.
    #[must_use]
    pub fn repriced(&self, party: Party, offer: &Offer) -> Self {
        Self {
            expires_at: offer.expires_at,
            party,
            currency: offer.price.currency.code().to_owned(),
            lines: offer.price.lines.clone(),
            ..self.clone()
        }
    }

    /// The instant its time runs out.
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }
}

/// Makes and opens offer tokens.
#[derive(Clone, Debug)]
pub struct OfferSigner(Signer);

impl OfferSigner {
    /// The signer of a deployment; every process with the same `SECRET_KEY` opens the others' tokens.
    pub fn new(settings: &Settings) -> Self {
        Self(Signer::new(&settings.secret_key, "offer"))
    }

    /// A quote as an offer to an account, valid from now for `OFFER_MINUTES`.
    pub fn offer(
        &self,
        clock: &Clock,
        sales: &Sales,
        account_id: AccountId,
        quote: Quote,
    ) -> Result<Offer> {
        let expires_at = clock.now().trunc_subsecs(0) + sales.offer_time();
        let pin = Pin {
            account_id,
            expires_at,
            party: quote.party,
            cabin: quote.cabin,
            currency: quote.price.currency,
            tariff: quote.tariff,
            family: quote.family,
            fares: quote.fares,
        };
        let payload = pin
            .encode()
            .ok_or_else(|| Error::Internal("an offer does not fit into a token".to_owned()))?;
        Ok(Offer {
            id: self.0.seal(&payload),
            expires_at,
            party: quote.party,
            cabin: quote.cabin,
            conditions: quote.conditions,
            flights: quote.flights,
            price: quote.price,
            seats_left: Some(quote.seats_left),
        })
    }

    /// What a token says. [`Error::OfferInvalid`] unless we signed it for this account; it may have expired.
    pub fn open(&self, account_id: AccountId, index: usize, token: &str) -> Result<Pin> {
        let payload = self.0.open(token).ok_or(Error::OfferInvalid { index })?;
        let pin = Pin::decode(&payload).ok_or(Error::OfferInvalid { index })?;
        if pin.account_id == account_id {
            Ok(pin)
        } else {
            Err(Error::OfferInvalid { index })
        }
    }
}

/// The offer of a token at the price and under the conditions of the tariff that it was made with, whatever the tariff
/// and the load are now.
///
/// [`Error::Catalogue`] when that tariff is not in the database any more.
pub async fn honour(
    conn: &mut PgConnection,
    newest: &Tariff,
    pin: Pin,
) -> Result<(Pinned, Arc<FareConditions>)> {
    if pin.tariff == newest.id {
        return priced(newest, pin);
    }
    let tariff = Tariff::version(conn, pin.tariff)
        .await?
        .ok_or_else(|| Error::Catalogue(format!("version {} of the tariff is gone", pin.tariff)))?;
    priced(&tariff, pin)
}

fn priced(tariff: &Tariff, pin: Pin) -> Result<(Pinned, Arc<FareConditions>)> {
    let family = tariff
        .family(&pin.family, pin.cabin)
        .ok_or_else(|| Error::Catalogue(format!("its tariff has no fare family {}", pin.family)))?;
    let price = price_loaded(tariff, pin.currency, family, 0, &pin.fares, pin.party)?;
    let pinned = Pinned {
        account_id: pin.account_id,
        expires_at: pin.expires_at,
        party: pin.party,
        cabin: pin.cabin,
        flights: pin.flights(),
        family: pin.family,
        currency: pin.currency.code().to_owned(),
        lines: price.lines,
    };
    Ok((pinned, family.conditions.clone()))
}

impl Pin {
    /// Whether its time has run out.
    pub fn has_expired(&self, clock: &Clock) -> bool {
        self.expires_at <= clock.now()
    }
}

/// The offer's time has run out.
#[derive(Debug, thiserror::Error)]
#[error("the offer has expired")]
pub struct OfferExpired {
    /// The same itinerary at today's price, when it can still be bought.
    pub fresh: Option<Offer>,
}

impl Refusal for OfferExpired {
    fn code(&self) -> &'static str {
        "offer_expired"
    }
}

#[cfg(test)]
mod tests;
