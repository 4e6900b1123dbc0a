//! Who asks for what, over kept-alive connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use sqlx::PgPool;
use url::Url;
use uuid::Uuid;

/// A route on a day that has flights, the flight back some days later, and the one that follows it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Target {
    pub n: i32,
    pub origin: String,
    pub destination: String,
    pub departure_date: String,
    pub flight_id: Uuid,
    pub return_date: String,
    pub return_id: Uuid,
    pub onward_date: String,
    pub onward_id: Uuid,
}

impl Target {
    /// There alone.
    pub fn one_way(&self, party: u16) -> Journey {
        Journey {
            origin: self.origin.clone(),
            destination: self.destination.clone(),
            date: self.departure_date.clone(),
            out: self.flight_id,
            back: None,
            party,
            family: None,
        }
    }

    /// A round trip.
    pub fn round_trip(&self, party: u16) -> Journey {
        Journey {
            back: Some((self.return_id, self.return_date.clone())),
            ..self.one_way(party)
        }
    }

    /// The flight back as the departing direction of somebody from the other end, and the one after it as their returning one.
    pub fn round_trip_from_there(&self, party: u16) -> Journey {
        Journey {
            origin: self.destination.clone(),
            destination: self.origin.clone(),
            date: self.return_date.clone(),
            out: self.return_id,
            back: Some((self.onward_id, self.onward_date.clone())),
            party,
            family: None,
        }
    }
}

/// One direct flight, or two, for a party.
#[derive(Clone, Debug)]
pub struct Journey {
    origin: String,
    destination: String,
    date: String,
    out: Uuid,
    back: Option<(Uuid, String)>,
    party: u16,
    /// The fare family that is asked for; whichever is shown first without it.
    family: Option<&'static str>,
}

impl Journey {
    /// The same in a fare family.
    pub fn in_fare(self, family: &'static str) -> Self {
        Self {
            family: Some(family),
            ..self
        }
    }

    fn search(&self) -> String {
        let back = self.back.as_ref();
        let back = back.map_or(String::new(), |(_, date)| format!("&return_date={date}"));
        let family = self
            .family
            .map_or(String::new(), |family| format!("&fare_family={family}"));
        let Self {
            origin,
            destination,
            date,
            party,
            ..
        } = self;
        format!(
            "/v1/flights/search?origin={origin}&destination={destination}&departure_date={date}{back}&adults={party}&max_stops=0&limit=100{family}"
        )
    }
}

/// The api with the callers and targets of the bench.
#[derive(Clone)]
pub struct Shop {
    client: Client,
    base: String,
    pub keys: Vec<String>,
    pub targets: Vec<Target>,
    turned_away: Arc<AtomicU64>,
}

/// The longest that a request is asked again.
const PATIENCE: Duration = Duration::from_mins(1);

/// The offers of a journey, and the key of the caller they were made for.
#[derive(Clone)]
pub struct Offer {
    pub key: String,
    pub tokens: Vec<String>,
    pub party: u16,
}

impl Shop {
    /// Reads callers and targets.
    pub async fn open(base: &Url, db: &PgPool) -> anyhow::Result<Self> {
        let keys = sqlx::query_scalar("select key from bench.caller order by n")
            .fetch_all(db)
            .await
            .context("scripts/bench makes the tables of the schema bench")?;
        let targets = sqlx::query_as(
            "select n, origin, destination, departure_date::text, flight_id, return_date::text, return_id, onward_date::text, onward_id
             from bench.target order by n",
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
            turned_away: Arc::default(),
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

    /// The offers of a journey's own flights for a caller; `None` when one of them can no longer be bought.
    pub async fn offer(&self, key: &str, journey: &Journey) -> anyhow::Result<Option<Offer>> {
        let found = self.ask(|| self.get(key, &journey.search()), 200).await?;
        let flights = std::iter::once(journey.out).chain(journey.back.as_ref().map(|back| back.0));
        let tokens: Option<Vec<String>> = flights.map(|flight| token_of(&found, flight)).collect();
        Ok(tokens.map(|tokens| Offer {
            key: key.to_owned(),
            tokens,
            party: journey.party,
        }))
    }

    /// The body of [`Shop::answer`], which has to have this status.
    pub async fn ask(
        &self,
        request: impl Fn() -> RequestBuilder,
        status: u16,
    ) -> anyhow::Result<Value> {
        expect(self.answer(request).await?, status).await
    }

    /// The answer to a request that is not what is measured: a busy machine's 503 is counted and asked again, for a
    /// minute at most.
    pub async fn answer(&self, request: impl Fn() -> RequestBuilder) -> anyhow::Result<Response> {
        let begun = Instant::now();
        loop {
            let answer = request().send().await?;
            if answer.status() != 503 || begun.elapsed() > PATIENCE {
                return Ok(answer);
            }
            self.turned_away.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// How often [`Shop::answer`] was answered with 503.
    pub fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }

    /// The booking of an offer for grown-ups whom no other booking has.
    pub fn book(&self, offer: &Offer) -> RequestBuilder {
        let passenger = || {
            json!({
                "title": "ms", "first_name": somebody(), "last_name": "Verma", "gender": "female", "date_of_birth": "1990-04-12",
            })
        };
        let passengers: Vec<Value> = (0..offer.party).map(|_| passenger()).collect();
        let body = json!({
            "offers": offer.tokens,
            "passengers": passengers,
            // Of one address the worker would send a few mails an hour.
            "contact": {"email": format!("{}@example.com", somebody()), "phone": "+919876543210"},
        });
        self.post(&offer.key, "/v1/bookings", &body)
    }
}

/// The token of the offer that begins with a flight, in whichever list of an answer it is: older builds name the two
/// directions otherwise, and show each flight in full.
fn token_of(answer: &Value, flight: Uuid) -> Option<String> {
    let flight = flight.to_string();
    let lists = answer.as_object()?.values().map(|page| &page["offers"]);
    let lists = lists.chain([&answer["offers"]]);
    let mut offers = lists.filter_map(Value::as_array).flatten();
    let offer = offers.find(|offer| {
        let first = &offer["flights"][0];
        first == flight.as_str() || first["flight_id"] == flight.as_str()
    })?;
    Some(offer["offer_id"].as_str()?.to_owned())
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
