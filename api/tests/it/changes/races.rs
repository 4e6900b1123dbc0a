//! Many confirmations at once are one, and other changes of the booking drop the one that waits.

use flightdesk_core::payment::Settlement;
use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{a_day_later, change, confirm, flights_of, quoted};
use crate::cancellations::{self, buy, flights};
use crate::consistent::assert_consistent;
use crate::payments::{open, paid, session, settle};
use crate::support::TestApp;
use crate::trip::{self, adults, counters, grown_ups, leave_seats};

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn twenty_confirmations_at_once_make_one_change(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    let offer = client
        .offer_at(&[later], adults(1), "standard", 400_000)
        .await;
    let quote = quoted(&client, &booking, &json!({ "offer": offer })).await;
    let all = join_all((0..20).map(|_| confirm(&client, &booking, &quote))).await;
    for answer in all {
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    }
    for (what, query) in [
        ("refund", "select count(*) from refund"),
        ("change", "select count(*) from booking_change"),
        (
            "new ticket",
            "select count(*) from ticket where status = 'issued'",
        ),
        (
            "event",
            "select count(*) from booking_event where kind = 'flights_changed'",
        ),
    ] {
        assert_eq!(trip::count(&pool, query).await, 1, "{what}");
    }
    assert_eq!(counters(&pool, later).await, (0, 1));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn of_two_bookings_one_gets_the_last_seat_of_a_flight(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let clients = [app.sign_up().await, app.sign_up().await];
    let mut asked = Vec::new();
    for client in &clients {
        let offer = client.offer_of(&[out], adults(1)).await;
        let booking = buy(&app, &pool, client, &[offer], &grown_ups(1)).await;
        let offer = client.offer_of(&[later], adults(1)).await;
        let quote = quoted(client, &booking, &json!({ "offer": offer })).await;
        asked.push((client, booking, quote));
    }
    leave_seats(&pool, later, 1).await;
    let both = asked
        .iter()
        .map(|(client, booking, quote)| confirm(client, booking, quote));
    let mut statuses: Vec<_> = (join_all(both).await.iter())
        .map(|answer| answer.status.as_u16())
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    assert_eq!(counters(&pool, out).await, (0, 1));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn cancelling_drops_a_change_that_waits_and_its_money_goes_back(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    let offer = client
        .offer_at(&[later], adults(1), "standard", 700_000)
        .await;
    change(&client, &booking, &json!({ "offer": offer })).await;
    open(&client, &booking).await;
    let checkout = session(&app, &pool).await;
    let gone = cancellations::cancel(&client, &booking, &json!({})).await;
    assert_eq!(gone["status"], "cancelled");
    assert_eq!(gone["flight_change"], Value::Null);
    assert_eq!(counters(&pool, later).await, (0, 0));
    assert_eq!(settle(&app, &paid(&checkout)).await, Settlement::Refunding);
    assert_eq!(counters(&pool, later).await, (0, 0));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_newer_change_takes_the_place_of_one_that_waits(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    let offer = client
        .offer_at(&[later], adults(1), "standard", 700_000)
        .await;
    change(&client, &booking, &json!({ "offer": offer })).await;
    let offer = client.offer_of(&[later], adults(1)).await;
    let changed = change(&client, &booking, &json!({ "offer": offer })).await;
    assert_eq!(flights_of(&changed, 0), [later.to_string()]);
    assert_eq!(changed["flight_change"], Value::Null);
    assert_eq!(counters(&pool, later).await, (0, 1));
    assert_consistent(&pool).await;
}
