//! An offer pins the price of an itinerary for one account and party for fifteen minutes and reserves nothing.
//! It is a signed token that the caller carries; no row remembers it.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;

use crate::clock::Clock;
use crate::config::{Sales, Settings};
use crate::fare::{Cabin, Party, Price, PriceLine};
use crate::flight::{Airline, Flight};
use crate::ids::{AccountId, FlightId};
use crate::search::{self, Terms};
use crate::signing::Signer;
use crate::{Error, Result, Shop, money};

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
    /// Fare family, baggage and conditions, as [`FareFamily::frozen`](crate::fare::FareFamily::frozen).
    pub conditions: Arc<Value>,
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
    /// Fare family, baggage and conditions, as [`FareFamily::frozen`](crate::fare::FareFamily::frozen).
    pub conditions: Arc<Value>,
    /// The flights, in order.
    pub flights: Vec<Flight>,
    /// The price for the party.
    pub price: Price,
    /// Fewest seats left on any of the flights.
    pub seats_left: i32,
}

/// What a token says. The signature is the proof that we said it.
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

    /// Whether its time has run out.
    pub fn has_expired(&self, clock: &Clock) -> bool {
        self.expires_at <= clock.now()
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
        let pinned = Pinned {
            account_id,
            expires_at,
            party: quote.party,
            cabin: quote.cabin,
            family: quote.family,
            flights: quote.flights.iter().map(|flight| flight.id).collect(),
            currency: quote.price.currency.code().to_owned(),
            lines: quote.price.lines.clone(),
        };
        let payload = serde_json::to_vec(&pinned)
            .map_err(|error| Error::Internal(format!("an offer does not serialise: {error}")))?;
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
    pub fn open(&self, account_id: AccountId, index: usize, token: &str) -> Result<Pinned> {
        let payload = self.0.open(token).ok_or(Error::OfferInvalid { index })?;
        let pinned: Pinned =
            serde_json::from_slice(&payload).map_err(|_| Error::OfferInvalid { index })?;
        if pinned.account_id == account_id {
            Ok(pinned)
        } else {
            Err(Error::OfferInvalid { index })
        }
    }
}

/// The same itinerary, family and party at today's price; `None` when it can no longer be bought.
pub async fn renew(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    expired: &Pinned,
) -> Result<Option<Offer>> {
    let terms = Terms {
        party: expired.party,
        cabin: expired.cabin,
        family: &expired.family,
    };
    let flights = std::slice::from_ref(&expired.flights);
    let quote = search::quotes(conn, shop, terms, flights).await?.pop();
    let account_id = expired.account_id;
    let offer = |quote| shop.signer.offer(shop.clock, shop.sales, account_id, quote);
    quote.flatten().map(offer).transpose()
}

/// The same itinerary and family for another party that has seats on it, at today's price; `None` when it is no longer
/// on sale.
pub(crate) async fn reprice(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    before: &Pinned,
    party: Party,
) -> Result<Option<Offer>> {
    let terms = Terms {
        party,
        cabin: before.cabin,
        family: &before.family,
    };
    let flights = std::slice::from_ref(&before.flights);
    let quote = search::quotes_with(conn, shop, terms, flights, 0)
        .await?
        .pop();
    let account_id = before.account_id;
    let offer = |quote| shop.signer.offer(shop.clock, shop.sales, account_id, quote);
    quote.flatten().map(offer).transpose()
}
