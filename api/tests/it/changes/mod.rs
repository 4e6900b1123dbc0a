//! Other flights for paid bookings: what a quote says, what confirming it moves, and what it refuses.

mod money;
mod parts;
mod races;
mod refusals;
mod seats;
mod split_money;
mod splits;

use flightdesk_core::ids::FlightId;
use flightdesk_core::payment::Settlement;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::payments::{open, paid, session, settle};
use crate::support::{Answer, Client, TestApp};
use crate::trip::{fly, reference};

/// DEL to BOM a day later, on 21 December at 08:00.
pub async fn a_day_later(pool: &PgPool) -> FlightId {
    fly(pool, "AI", "201", ["DEL", "BOM"], "2026-12-21T08:00:00").await
}

/// Asks for a quote.
pub async fn quote(client: &Client<'_>, booking: &Value, body: &Value) -> Answer {
    let path = format!("/v1/bookings/{}/change-quotes", reference(booking));
    client.post(&path, body).await
}

/// Asks for a quote that is made.
pub async fn quoted(client: &Client<'_>, booking: &Value, body: &Value) -> Value {
    let answer = quote(client, booking, body).await;
    assert_eq!(answer.status.as_u16(), 201, "{answer:?}");
    answer.body
}

/// Confirms a quote.
pub async fn confirm(client: &Client<'_>, booking: &Value, quote: &Value) -> Answer {
    let path = format!("/v1/bookings/{}/changes", reference(booking));
    client
        .post(&path, &json!({ "quote_id": quote["quote_id"] }))
        .await
}

/// Asks for a quote and confirms it.
pub async fn change(client: &Client<'_>, booking: &Value, body: &Value) -> Value {
    let quoted = quoted(client, booking, body).await;
    let done = confirm(client, booking, &quoted).await;
    assert_eq!(done.status.as_u16(), 200, "{done:?}");
    done.body
}

/// Pays what a change waits for.
pub async fn pay(
    app: &TestApp,
    pool: &PgPool,
    client: &Client<'_>,
    booking: &Value,
) -> (Settlement, Value) {
    open(client, booking).await;
    let settled = settle(app, &paid(&session(app, pool).await)).await;
    (settled, client.booking(booking).await)
}

/// The flights of a direction.
pub fn flights_of(booking: &Value, direction: usize) -> Vec<String> {
    let flights = booking["directions"][direction]["flights"].as_array();
    let ids = flights.unwrap().iter().map(|flight| &flight["flight_id"]);
    ids.map(|id| id.as_str().unwrap().to_owned()).collect()
}

/// The ticket numbers of a passenger.
pub fn tickets_of(booking: &Value, passenger: usize) -> Vec<Value> {
    let numbers = &booking["passengers"][passenger]["ticket_numbers"];
    numbers.as_array().unwrap().clone()
}
