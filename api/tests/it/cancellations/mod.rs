//! Cancelling paid bookings: what a quote says, what confirming it moves, and what it refuses.

mod amounts;
mod parts;
mod races;
mod refusals;
mod staff;

use chrono::{DateTime, Duration, Utc};
use flightdesk_core::fixtures::load_small;
use flightdesk_core::ids::FlightId;
use flightdesk_core::payment::Settlement;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::payments::{open, paid, session, settle};
use crate::support::{Answer, Client, TestApp};
use crate::trip::{self, fly, reference};

/// An amount in rupees.
pub fn rupees(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "INR" })
}

/// DEL to BOM on 20 December at 08:00, and back on the 22nd at 08:00.
pub async fn flights(pool: &PgPool, airlines: [&str; 2]) -> [FlightId; 2] {
    load_small(&mut pool.acquire().await.unwrap())
        .await
        .unwrap();
    let out = fly(
        pool,
        airlines[0],
        "101",
        ["DEL", "BOM"],
        "2026-12-20T08:00:00",
    );
    let back = fly(
        pool,
        airlines[1],
        "102",
        ["BOM", "DEL"],
        "2026-12-22T08:00:00",
    );
    [out.await, back.await]
}

/// Books offers for passengers, pays and is confirmed.
pub async fn buy(
    app: &TestApp,
    pool: &PgPool,
    client: &Client<'_>,
    offers: &[String],
    passengers: &[Value],
) -> Value {
    let body = json!({ "offers": offers, "passengers": passengers, "contact": trip::contact() });
    let booked = client.post("/v1/bookings", &body).await;
    assert_eq!(booked.status.as_u16(), 201, "{booked:?}");
    pay(app, pool, client, &booked.body).await
}

/// Pays a booking and reads it.
pub async fn pay(app: &TestApp, pool: &PgPool, client: &Client<'_>, booking: &Value) -> Value {
    open(client, booking).await;
    let settled = settle(app, &paid(&session(app, pool).await)).await;
    assert_eq!(settled, Settlement::Confirmed);
    client.booking(booking).await
}

/// Asks for a quote.
pub async fn quote(client: &Client<'_>, booking: &Value, body: &Value) -> Answer {
    let path = format!("/v1/bookings/{}/cancellation-quotes", reference(booking));
    client.post(&path, body).await
}

/// Confirms a quote.
pub async fn confirm(client: &Client<'_>, booking: &Value, quote: &Value) -> Answer {
    let path = format!("/v1/bookings/{}/cancellations", reference(booking));
    client
        .post(&path, &json!({ "quote_id": quote["quote_id"] }))
        .await
}

/// Asks for a quote that is made, and confirms it.
pub async fn cancel(client: &Client<'_>, booking: &Value, body: &Value) -> Value {
    let quoted = quote(client, booking, body).await;
    assert_eq!(quoted.status.as_u16(), 201, "{quoted:?}");
    let done = confirm(client, booking, &quoted.body).await;
    assert_eq!(done.status.as_u16(), 200, "{done:?}");
    done.body
}

/// Turns the clock to so many seconds before an instant.
pub fn turn_to(app: &TestApp, instant: DateTime<Utc>, before: Duration) {
    app.clock.advance(instant - before - app.clock.now());
}

/// When the departing flight leaves: 08:00 in Delhi.
pub fn departure() -> DateTime<Utc> {
    "2026-12-20T02:30:00Z".parse().unwrap()
}
