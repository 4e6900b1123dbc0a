//! Flights that the airline cancels or moves: what staff see and do, what each booking is told, and what it may choose.

mod cancelled;
mod defaults;
mod job;
mod rebooked;
mod retimed;
mod staff;

use flightdesk_core::booking;
use flightdesk_core::ids::FlightId;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::{Answer, Client, TestApp};
use crate::trip::reference;

/// Somebody of another account who may cancel and move flights.
pub async fn staff<'a>(app: &'a TestApp, pool: &PgPool) -> Client<'a> {
    let client = app.sign_up().await;
    sqlx::query("update api_key set scopes = '{search,bookings,admin}' where account_id = $1")
        .bind(client.account_id)
        .execute(pool)
        .await
        .unwrap();
    client
}

/// Disrupts a flight.
pub async fn disrupt(desk: &Client<'_>, flight: FlightId, body: &Value) -> Answer {
    let path = format!("/v1/admin/flights/{flight}/disruptions");
    desk.post(&path, body).await
}

/// Disrupts a flight, and the job tells its bookings.
pub async fn disrupted(desk: &Client<'_>, flight: FlightId, body: &Value) -> Value {
    let made = disrupt(desk, flight, body).await;
    assert_eq!(made.status.as_u16(), 200, "{made:?}");
    tell(desk.app, &made.body).await;
    made.body
}

/// Runs the job of a disruption as a worker does, and returns how many bookings it told.
pub async fn tell(app: &TestApp, made: &Value) -> u64 {
    let id: Uuid = made["disruption_id"].as_str().unwrap().parse().unwrap();
    let (clock, policy) = (&app.clock, &app.app.settings.disruptions);
    let mut conn = app.app.db.acquire().await.unwrap();
    let told = booking::notify_disrupted(&mut conn, clock, policy, id).await;
    booking::mark_disruption_told(&mut conn, clock, id)
        .await
        .unwrap();
    told.unwrap()
}

/// That it does not fly.
pub fn cancellation() -> Value {
    json!({ "cancel": true, "reason": "A part has to be replaced" })
}

/// That it leaves at an instant.
pub fn retiming(departs_at: &str) -> Value {
    json!({ "retime": { "departs_at": departs_at }, "reason": "The aircraft comes late" })
}

/// The disruption of a booking.
pub async fn disruption(client: &Client<'_>, booking: &Value) -> Value {
    let answer = client.get(&path(booking)).await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    answer.body
}

/// Answers the disruption of a booking.
pub async fn answer(client: &Client<'_>, booking: &Value, body: &Value) -> Answer {
    client.post(&path(booking), body).await
}

fn path(booking: &Value) -> String {
    format!("/v1/bookings/{}/disruption", reference(booking))
}

/// Kinds and actors of a booking's newest events, the oldest of them first.
pub async fn newest(client: &Client<'_>, booking: &Value, count: usize) -> Vec<String> {
    let path = format!("/v1/bookings/{}/events?limit=100", reference(booking));
    let events = client.get(&path).await.body;
    let events = events["data"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let line = |event: &Value| format!("{} by {}", text(&event["kind"]), text(&event["actor"]));
    let skipped = events.len().saturating_sub(count);
    events.iter().skip(skipped).map(line).collect()
}

/// How many mails of a kind were promised.
pub async fn mails(pool: &PgPool, kind: &str) -> i64 {
    sqlx::query_scalar(
        "select count(*) from outbox where kind = 'send_mail' and unique_key like $1 || '%'",
    )
    .bind(kind)
    .fetch_one(pool)
    .await
    .unwrap()
}

/// Of each option its choice, scope and amount, but for other flights, which can be had as long as the direction has not begun.
pub fn options(disruption: &Value) -> Vec<(String, Option<String>, Option<String>)> {
    let options = disruption["options"].as_array().unwrap().iter();
    let options = options.filter(|option| option["choice"] != "rebook");
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let one = |option: &Value| {
        let choice = text(&option["choice"]).unwrap();
        let amount = text(&option["refund"]["amount"]);
        (choice, text(&option["scope"]), amount)
    };
    options.map(one).collect()
}
