//! Both directions, some of a party, and what is flown already.

use chrono::{DateTime, Duration, Utc};
use flightdesk_core::ticket;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{change, flights_of, quoted, tickets_of};
use crate::cancellations::{self, buy, flights, turn_to};
use crate::consistent::assert_consistent;
use crate::support::TestApp;
use crate::trip::{adults, counters, fly, grown_ups};

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn both_directions_change_at_once_and_get_one_new_ticket(pool: PgPool) {
    let [out, back] = flights(&pool, ["AI", "AI"]).await;
    let new_out = fly(&pool, "AI", "201", ["DEL", "BOM"], "2026-12-24T08:00:00").await;
    let new_back = fly(&pool, "AI", "202", ["BOM", "DEL"], "2026-12-26T08:00:00").await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offers = client.offers_of(&[out], &[back], adults(1)).await;
    let booking = buy(&app, &pool, &client, &offers, &grown_ups(1)).await;

    // One alone would be no journey: the departing flight would leave after the return.
    let alone = client.offer_of(&[new_out], adults(1)).await;
    let body = json!({ "direction": "departing", "offer": alone });
    let refused = super::quote(&client, &booking, &body).await;
    assert_eq!(refused.wrong_fields(), ["offer: returns_too_early"]);

    let offers = client.offers_of(&[new_out], &[new_back], adults(1)).await;
    let changed = change(&client, &booking, &json!({ "offers": offers })).await;
    assert_eq!(flights_of(&changed, 0), [new_out.to_string()]);
    assert_eq!(flights_of(&changed, 1), [new_back.to_string()]);
    let numbers = tickets_of(&changed, 0);
    assert_eq!(numbers.len(), 1);
    assert_ne!(numbers, tickets_of(&booking, 0));
    let sold = [out, back, new_out, new_back].map(async |flight| counters(&pool, flight).await);
    let sold = futures::future::join_all(sold).await;
    assert_eq!(sold, [(0, 0), (0, 0), (0, 1), (0, 1)]);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn who_has_cancelled_does_not_fly_the_new_flights_either(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = super::a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(2)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(2)).await;
    let first = &booking["passengers"][0]["id"];
    cancellations::cancel(&client, &booking, &json!({ "passengers": [first] })).await;

    // The first flies the new flight by another booking, which is nobody's twice.
    let alone = client.offer_of(&[later], adults(1)).await;
    buy(&app, &pool, &client, &[alone], &grown_ups(1)).await;

    let both = client.offer_of(&[later], adults(2)).await;
    let refused = super::quote(&client, &booking, &json!({ "offer": both })).await;
    assert_eq!(refused.wrong_fields(), ["offer: party_mismatch"]);
    let one = client.offer_of(&[later], adults(1)).await;
    let changed = change(&client, &booking, &json!({ "offer": one })).await;
    assert_eq!(changed["status"], "partially_cancelled");
    assert_eq!(tickets_of(&changed, 0), [Value::Null; 0]);
    assert_eq!(tickets_of(&changed, 1).len(), 1);
    assert_eq!(counters(&pool, later).await, (0, 2));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn after_the_way_there_is_flown_the_way_back_can_be_changed(pool: PgPool) {
    let [out, back] = flights(&pool, ["AI", "AI"]).await;
    let later = fly(&pool, "AI", "202", ["BOM", "DEL"], "2026-12-28T08:00:00").await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offers = client.offers_of(&[out], &[back], adults(1)).await;
    let booking = buy(&app, &pool, &client, &offers, &grown_ups(1)).await;
    let departs: DateTime<Utc> = "2026-12-20T02:30:00Z".parse().unwrap();
    turn_to(&app, departs, -Duration::hours(5));
    ticket::mark_flown(&mut pool.acquire().await.unwrap(), &app.clock)
        .await
        .unwrap();

    let offer = client.offer_of(&[later], adults(1)).await;
    let body = json!({ "direction": "returning", "offer": offer });
    let quote = quoted(&client, &booking, &body).await;
    assert_eq!(quote["fee"]["amount"], "3500.00");
    let waiting = super::confirm(&client, &booking, &quote).await;
    assert_eq!(waiting.status.as_u16(), 200, "{waiting:?}");
    let (_, changed) = super::pay(&app, &pool, &client, &booking).await;
    assert_eq!(flights_of(&changed, 0), [out.to_string()]);
    assert_eq!(flights_of(&changed, 1), [later.to_string()]);
    let coupons: Vec<(String, String)> = sqlx::query_as(
        "select t.status, c.status from ticket t join ticket_coupon c on c.ticket_id = t.id order by t.issued_at, c.ordinal",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let pair = |ticket: &str, coupon: &str| (ticket.to_owned(), coupon.to_owned());
    assert_eq!(
        coupons,
        [
            pair("exchanged", "flown"),
            pair("exchanged", "exchanged"),
            pair("issued", "open")
        ]
    );
    assert_consistent(&pool).await;

    let there = client.offer_of(&[later], adults(1)).await;
    let body = json!({ "direction": "departing", "offer": there });
    let refused = super::quote(&client, &booking, &body).await;
    assert_eq!(refused.status.as_u16(), 422, "another route: {refused:?}");
}
