//! Who asks for what, over kept-alive connections.

use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use sqlx::PgPool;
use url::Url;
use uuid::Uuid;

/// A route on a day that has flights.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Target {
    pub n: i32,
    pub origin: String,
    pub destination: String,
    pub departure_date: String,
    pub flight_id: Uuid,
}

/// The api with the callers and targets of the bench.
#[derive(Clone)]
pub struct Shop {
    client: Client,
    base: String,
    pub keys: Vec<String>,
    pub targets: Vec<Target>,
}

/// An offer, and the key of the caller it was made for.
#[derive(Clone)]
pub struct Offer {
    pub key: String,
    pub token: String,
}

impl Shop {
    /// Reads callers and targets.
    pub async fn open(base: &Url, db: &PgPool) -> anyhow::Result<Self> {
        let keys = sqlx::query_scalar("select key from bench.caller order by n")
            .fetch_all(db)
            .await
            .context("scripts/bench makes the tables of the schema bench")?;
        let targets = sqlx::query_as(
            "select n, origin, destination, departure_date::text, flight_id from bench.target order by n",
        )
        .fetch_all(db)
        .await?;
        let shop = Self {
            client: Client::builder()
                .timeout(Duration::from_secs(30))
                .tcp_nodelay(true)
                .redirect(reqwest::redirect::Policy::none())
                .build()?,
            base: base.as_str().trim_end_matches('/').to_owned(),
            keys,
            targets,
        };
        ensure!(!shop.keys.is_empty(), "bench.caller is empty");
        ensure!(!shop.targets.is_empty(), "bench.target is empty");
        Ok(shop)
    }

    /// The same callers and targets at another address.
    pub fn at(&self, base: &Url) -> Self {
        let base = base.as_str().trim_end_matches('/').to_owned();
        Self {
            base,
            ..self.clone()
        }
    }

    /// The key of caller number `index`, counted round.
    pub fn key(&self, index: usize) -> &str {
        &self.keys[index % self.keys.len()]
    }

    /// `GET` of a path.
    pub fn get(&self, key: &str, path: &str) -> RequestBuilder {
        let address = format!("{}{path}", self.base);
        self.client.get(address).header("X-API-Key", key)
    }

    /// `POST` of JSON with an idempotency key of its own, as every careful client does.
    pub fn post(&self, key: &str, path: &str, body: &Value) -> RequestBuilder {
        self.client
            .post(format!("{}{path}", self.base))
            .header("X-API-Key", key)
            .header("Idempotency-Key", Uuid::now_v7().to_string())
            .json(body)
    }

    /// What a browser sends from the checkout page.
    pub fn submit(&self, page: &str, card: &str) -> RequestBuilder {
        self.client.post(page).form(&[("card", card)])
    }

    /// A search of a target's direct flights.
    pub fn search(&self, key: &str, target: &Target) -> RequestBuilder {
        let Target {
            origin,
            destination,
            departure_date,
            ..
        } = target;
        let query = format!(
            "/v1/flights/search?origin={origin}&destination={destination}&departure_date={departure_date}&adults=1&max_stops=0&limit=100"
        );
        self.get(key, &query)
    }

    /// The offer of the target's own flight for a caller; `None` when it can no longer be bought.
    pub async fn offer(&self, key: &str, target: &Target) -> anyhow::Result<Option<Offer>> {
        let found = expect(self.search(key, target).send().await?, 200).await?;
        let flight = target.flight_id.to_string();
        let of_flight = |offer: &&Value| offer["flights"][0]["flight_id"] == flight.as_str();
        let token = found["offers"]
            .as_array()
            .and_then(|offers| offers.iter().find(of_flight))
            .and_then(|offer| offer["offer_id"].as_str());
        Ok(token.map(|token| Offer {
            key: key.to_owned(),
            token: token.to_owned(),
        }))
    }

    /// The booking of an offer for one grown-up, whom no other booking has.
    pub fn book(&self, offer: &Offer) -> RequestBuilder {
        let body = json!({
            "offers": [offer.token],
            "passengers": [{
                "title": "ms", "first_name": somebody(), "last_name": "Verma", "gender": "female", "date_of_birth": "1990-04-12",
            }],
            "contact": {"email": "asha@example.com", "phone": "+919876543210"},
        });
        self.post(&offer.key, "/v1/bookings", &body)
    }
}

/// Twelve letters that nobody else is called.
fn somebody() -> String {
    let bytes = Uuid::now_v7().into_bytes();
    let letter = |nibble: u8| char::from(b'a' + nibble);
    bytes[10..]
        .iter()
        .flat_map(|byte| [letter(byte >> 4), letter(byte & 15)])
        .collect()
}

/// The body of an answer that has to have this status.
pub async fn expect(response: Response, status: u16) -> anyhow::Result<Value> {
    let (got, address) = (response.status().as_u16(), response.url().path().to_owned());
    let body = response.text().await?;
    ensure!(got == status, "{address} answered {got}: {body}");
    Ok(serde_json::from_str(&body)?)
}
