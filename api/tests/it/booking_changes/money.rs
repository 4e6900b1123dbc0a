//! Money that meets a change.

use chrono::Duration;
use flightdesk_core::payment::Settlement;
use serde_json::json;
use sqlx::PgPool;

use super::{days, used};
use crate::consistent::assert_consistent;
use crate::coupons::coupon;
use crate::payments::{open, paid, session, settle};
use crate::support::{Send, TestApp};
use crate::trip::{self, adults, grown_ups, reference};

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn money_for_the_old_price_goes_back_and_the_new_price_confirms(pool: PgPool) {
    let days = days(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book_flights(days.first, None, 1).await;
    open(&client, &booking).await;
    let old = session(&app, &pool).await;
    let changed = client
        .patch_at_new_price(&booking, json!({ "passengers": grown_ups(2) }))
        .await;
    assert_eq!(changed["payment"]["status"], "cancelled");
    let promised = "select count(*) from outbox where kind = 'expire_checkout'";
    assert_eq!(trip::count(&pool, promised).await, 1);
    assert_eq!(settle(&app, &paid(&old)).await, Settlement::Refunding);
    let now = client.booking(&booking).await;
    assert_eq!(now["status"], "pending_payment");
    assert_eq!(now["payment"]["amount_refunded"], booking["price"]["total"]);
    assert_consistent(&pool).await;
    let opened = client.open_payment(&booking).await;
    assert_eq!(opened.status.as_u16(), 201, "{opened:?}");
    let settled = settle(&app, &paid(&session(&app, &pool).await)).await;
    assert_eq!(settled, Settlement::Confirmed);
    assert_eq!(trip::counters(&pool, days.first).await, (0, 2));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn money_for_the_old_price_does_not_revive_what_expired_at_the_new_one(pool: PgPool) {
    let days = days(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book_flights(days.first, None, 1).await;
    open(&client, &booking).await;
    let old = session(&app, &pool).await;
    client
        .patch_at_new_price(&booking, json!({ "passengers": grown_ups(2) }))
        .await;
    app.clock.advance(Duration::minutes(40));
    let swept = flightdesk_core::booking::sweep_due(&pool, &app.clock).await;
    assert_eq!(swept.unwrap(), 1);
    let late = client
        .patch_booking(&booking, &json!({ "contact": trip::contact() }))
        .await;
    assert_eq!(late.problem(), (409, "wrong_state"));
    assert_eq!(settle(&app, &paid(&old)).await, Settlement::Refunding);
    let now = client.booking(&booking).await;
    assert_eq!(now["status"], "expired");
    assert_eq!(now["late_payment"]["resolution"], "refunded");
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_checkout_of_the_same_price_stays_open(pool: PgPool) {
    let days = days(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book_flights(days.first, None, 1).await;
    open(&client, &booking).await;
    let offer = client.offer_of(&[days.second], adults(1)).await;
    let changed = client
        .patch_booking(&booking, &json!({ "offers": [offer] }))
        .await;
    assert_eq!(changed.body["payment"]["status"], "open", "{changed:?}");
    let settled = settle(&app, &paid(&session(&app, &pool).await)).await;
    assert_eq!(settled, Settlement::Confirmed);
    assert_eq!(trip::counters(&pool, days.second).await, (0, 1));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_coupon_that_pays_everything_confirms_at_once_and_the_key_replays(pool: PgPool) {
    let days = days(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    // Fares alone are discounted: without charges nothing is left to pay.
    sqlx::query("delete from tax_rule")
        .execute(&pool)
        .await
        .unwrap();
    coupon(&pool, "FREE", "amount = 100").await;
    let booking = client.book_flights(days.first, None, 1).await;
    let zero = json!({ "amount": "0.00", "currency": "INR" });
    let body = json!({ "coupon": "FREE", "expected_total": zero });
    let path = format!("/v1/bookings/{}", reference(&booking));
    let once = async || {
        client
            .request(reqwest::Method::PATCH, &path)
            .header("Idempotency-Key", "free")
            .json(&body)
            .answer()
            .await
    };
    let first = once().await;
    assert_eq!(first.body["status"], "confirmed", "{first:?}");
    let again = once().await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.body, first.body);
    assert_eq!(used(&pool, "FREE").await, 1);
    assert_consistent(&pool).await;
}
