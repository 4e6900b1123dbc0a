//! R1, R2, R3, R7: many clients at once, processes that are killed, connections that are cut. Each ends by asking
//! whether the whole database is consistent.

mod coupons;
mod crashes;
mod crowd;
mod cut;
mod endings;
mod groups;
mod last_seats;
mod named_seats;
mod paid;
mod patches;
mod round_trips;
mod schedules;
mod swaps;

use std::time::Duration as Pause;

use chrono::{Duration, NaiveDateTime};
use flightdesk_core::Clock;
use flightdesk_core::fixtures::load_small;
use flightdesk_core::ids::FlightId;
use futures::future::join_all;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

use crate::support::{Answer, Send};
use crate::trip;

/// Somebody with a key and, once asked for, an offer.
struct Traveller {
    account_id: Uuid,
    key: String,
}

impl Traveller {
    /// A request to a process.
    fn request(&self, http: &Client, method: Method, address: &str, path: &str) -> RequestBuilder {
        http.request(method, format!("http://{address}{path}"))
            .header("X-API-Key", &self.key)
    }

    /// `POST` of a JSON body to a process
    async fn post(&self, http: &Client, address: &str, path: &str, body: &Value) -> Answer {
        self.request(http, Method::POST, address, path)
            .json(body)
            .answer()
            .await
    }

    /// An offer of the flight in a month.
    async fn offer(&self, http: &Client, address: &str, adults: u32) -> String {
        let date = in_a_month().date();
        let path = format!(
            "/v1/flights/search?origin=DEL&destination=BOM&departure_date={date}&adults={adults}"
        );
        let found = self
            .request(http, Method::GET, address, &path)
            .answer()
            .await;
        found.body["offers"][0]["offer_id"]
            .as_str()
            .unwrap_or_else(|| panic!("{found:?}"))
            .to_owned()
    }
}

/// Accounts with a key each, straight into the tables: two hundred sign-ups would be two hundred password hashes.
async fn travellers(pool: &PgPool, count: usize) -> Vec<Traveller> {
    let travellers: Vec<_> = (0..count)
        .map(|index| Traveller {
            account_id: Uuid::now_v7(),
            key: format!("fd_test_{index:043}"),
        })
        .collect();
    for traveller in &travellers {
        sqlx::query(
            "with made as (
                 insert into account (id, email, first_name, last_name, password_hash, created_at)
                 values ($1, $1::text || '@example.com', 'Ada', 'Lovelace', 'none', now()) returning id
             )
             insert into api_key (id, account_id, name, prefix, key_hash, scopes, created_at)
             select $1, id, 'race', 'fd_test_', $2, array['search', 'bookings'], now() from made",
        )
        .bind(traveller.account_id)
        .bind(Sha256::digest(&traveller.key).as_slice())
        .execute(pool)
        .await
        .unwrap();
    }
    travellers
}

/// Eight in the morning, thirty days after the system's today: real processes live by the system's clock.
fn in_a_month() -> NaiveDateTime {
    let date = (Clock::system().now() + Duration::days(30)).date_naive();
    date.and_hms_opt(8, 0, 0).unwrap()
}

/// The flight that real processes sell: DEL to BOM in a month.
async fn a_flight(pool: &PgPool) -> FlightId {
    load_small(&mut pool.acquire().await.unwrap())
        .await
        .unwrap();
    trip::add(pool, "101", in_a_month()).await
}

/// An offer for each, asked of the processes in turn.
async fn offers(
    http: &Client,
    addresses: &[&str],
    travellers: &[Traveller],
    adults: u32,
) -> Vec<String> {
    let asked = travellers
        .iter()
        .zip(addresses.iter().cycle())
        .map(|(traveller, address)| traveller.offer(http, address, adults));
    join_all(asked).await
}

/// More connections than a test's own pool has, so that PostgreSQL and not the pool orders the racers.
async fn wide(pool: &PgPool) -> PgPool {
    PgPoolOptions::new()
        .max_connections(16)
        .connect_with((*pool.connect_options()).clone())
        .await
        .unwrap()
}

/// Waits while another one has its head start; in every fourth round nobody has one.
async fn after(round: u64, mine: u64) {
    let waits = round % 4 != 3 && round % 4 != mine;
    tokio::time::sleep(Pause::from_millis(if waits { 15 } else { 0 })).await;
}

/// The body that holds an offer.
fn hold_of(offer: &str) -> Value {
    json!({ "offers": [offer] })
}
