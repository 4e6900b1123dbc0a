//! Chosen seats go along where the new flight has them; what was paid for others comes back.

use serde_json::{Value, json};
use sqlx::PgPool;

use super::{a_day_later, confirm, quoted};
use crate::cancellations::{self, buy, flights, pay, rupees};
use crate::consistent::assert_consistent;
use crate::support::{Client, TestApp};
use crate::trip::{adults, grown_ups};

/// Pays for the preferred seat 2C on the flight of a booking.
async fn choose(app: &TestApp, pool: &PgPool, client: &Client<'_>, booking: &Value) -> Value {
    let waiting = crate::seats::change(client, booking, &[(0, "2C")]).await;
    assert_eq!(waiting.body["seat_change"]["amount"], rupees("600.00"));
    pay(app, pool, client, booking).await
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_paid_seat_goes_along_where_it_is_free_and_is_given_back_where_it_is_not(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, other) = (app.sign_up().await, app.sign_up().await);
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    choose(&app, &pool, &client, &booking).await;

    let offer = client.offer_of(&[later], adults(1)).await;
    let body = json!({ "offer": offer });
    let quote = quoted(&client, &booking, &body).await;
    assert_eq!(quote["seats"][0]["seat"], "2C");
    assert_eq!(quote["seats"][0]["to_flight_id"], later.to_string());
    assert_eq!(quote["refund"], rupees("0.00"));

    // Somebody takes it meanwhile.
    let offer = other.offer_of(&[later], adults(1)).await;
    let body = json!({ "offers": [offer], "seats": [{ "flight_id": later, "seat": "2C" }] });
    let held = other.post("/v1/holds", &body).await;
    assert_eq!(held.status.as_u16(), 201, "{held:?}");
    let outdated = confirm(&client, &booking, &quote).await;
    assert_eq!(outdated.problem(), (409, "change_quote_outdated"));
    let fresh = &outdated.body["change_quote"];
    assert_eq!(fresh["seats"][0]["to_flight_id"], Value::Null);
    assert_eq!(fresh["refund"], rupees("600.00"));
    let changed = confirm(&client, &booking, fresh).await.body;
    let seat = &changed["passengers"][0]["seats"][0];
    assert_eq!(seat["flight_id"], later.to_string());
    assert_ne!(seat["seat"], "2C");
    assert_eq!(changed["payment"]["amount_refunded"], rupees("600.00"));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_seat_that_goes_along_is_kept_while_the_change_waits_and_had_afterwards(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, other) = (app.sign_up().await, app.sign_up().await);
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    choose(&app, &pool, &client, &booking).await;
    let offer = client
        .offer_at(&[later], adults(1), "standard", 700_000)
        .await;
    super::change(&client, &booking, &json!({ "offer": offer })).await;
    assert_consistent(&pool).await;
    let offer = other.offer_of(&[later], adults(1)).await;
    let body = json!({ "offers": [offer], "seats": [{ "flight_id": later, "seat": "2C" }] });
    let refused = other.post("/v1/holds", &body).await;
    assert_eq!(refused.problem(), (409, "seat_taken"));

    let (_, changed) = super::pay(&app, &pool, &client, &booking).await;
    let seat = &changed["passengers"][0]["seats"][0];
    assert_eq!(
        (&seat["flight_id"], &seat["seat"]),
        (&json!(later.to_string()), &json!("2C"))
    );
    assert_eq!(seat["reason"], "chosen");
    assert_consistent(&pool).await;

    // And back again: it was paid once.
    let offer = client.offer_of(&[out], adults(1)).await;
    let changed = super::change(&client, &booking, &json!({ "offer": offer })).await;
    assert_eq!(changed["passengers"][0]["seats"][0]["seat"], "2C");
    assert_consistent(&pool).await;
}

/// The bags that a booking has, and the lines of its price that they cost.
fn bags(booking: &Value) -> (Value, Vec<Value>) {
    let lines = booking["price"]["lines"].as_array().unwrap().iter();
    let lines = lines.filter(|line| line["kind"] == "baggage").cloned();
    (booking["passengers"][0]["baggage"].clone(), lines.collect())
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_bag_goes_along_at_the_price_that_was_paid_and_comes_back_with_the_new_flight(
    pool: PgPool,
) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(1)).await;
    let mut people = grown_ups(1);
    people[0]["baggage"] = json!([{ "direction": "departing", "kg": 10 }]);
    let booking = buy(&app, &pool, &client, &[offer], &people).await;
    let before = bags(&booking);
    assert_eq!(before.1.len(), 1);
    assert_eq!(before.1[0]["amount"], rupees("4500.00"));
    let refund = async || {
        let quoted = cancellations::quote(&client, &booking, &json!({})).await;
        quoted.body["refund"].clone()
    };
    assert_eq!(refund().await, rupees("11288.00"));

    let offer = client.offer_of(&[later], adults(1)).await;
    let changed = super::change(&client, &booking, &json!({ "offer": offer })).await;
    assert_eq!(
        changed["passengers"][0]["seats"][0]["flight_id"],
        later.to_string()
    );
    assert_eq!(bags(&changed), before);
    assert_eq!(refund().await, rupees("11288.00"));
    assert_consistent(&pool).await;
}
