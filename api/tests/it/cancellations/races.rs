//! Many confirmations at once are one, and a seat change that waits for its money ends.

use flightdesk_core::money::{Currency, Money};
use flightdesk_core::payment::stripe::{Event, Fact, StripeRefund, StripeRefundStatus};
use flightdesk_core::settlement;
use futures::future::join_all;
use serde_json::json;
use sqlx::PgPool;

use super::{buy, confirm, flights, quote, rupees};
use crate::consistent::assert_consistent;
use crate::support::TestApp;
use crate::trip::{self, adults, grown_ups};

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn twenty_confirmations_at_once_make_one_refund(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    let quoted = quote(&client, &booking, &json!({})).await.body;
    let all = join_all((0..20).map(|_| confirm(&client, &booking, &quoted))).await;
    for answer in all {
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
        assert_eq!(answer.body["payment"]["amount_refunded"], rupees("6788.00"));
    }
    for (what, query) in [
        ("refund", "select count(*) from refund"),
        ("cancellation", "select count(*) from cancellation"),
        (
            "mail",
            "select count(*) from outbox where payload -> 'mail' ? 'cancellation_confirmed'",
        ),
        (
            "job",
            "select count(*) from outbox where kind = 'create_refund'",
        ),
    ] {
        assert_eq!(trip::count(&pool, query).await, 1, "{what}");
    }
    assert_eq!(trip::counters(&pool, out).await, (0, 0));
    assert_consistent(&pool).await;
}

/// Gives some of a payment back as Stripe's dashboard does: we hear of it by a webhook.
async fn refund_at_stripe(app: &TestApp, pool: &PgPool, minor: i64) {
    let intent: String = sqlx::query_scalar("select stripe_payment_intent_id from payment")
        .fetch_one(pool)
        .await
        .unwrap();
    let event = Event {
        id: format!("evt_{}", uuid::Uuid::now_v7()),
        kind: "refund.created".to_owned(),
        livemode: Some(false),
        fact: Fact::Refund(StripeRefund {
            id: format!("re_{}", uuid::Uuid::now_v7()),
            status: StripeRefundStatus::Succeeded,
            failure: None,
            refund_id: None,
            payment_intent: Some(intent),
            amount: Money::new(minor, Currency::INR),
        }),
    };
    let mut tx = pool.begin().await.unwrap();
    settlement::receive(&mut tx, &app.clock, &event, b"{}")
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// Traveller and staff confirm one quote while somebody gives `minor` back in Stripe's dashboard.
async fn all_at_once(pool: PgPool, minor: i64) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, app.sign_up().await);
    sqlx::query("update api_key set scopes = '{bookings,refunds}' where account_id = $1")
        .bind(desk.account_id)
        .execute(&pool)
        .await
        .unwrap();
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    let quoted = quote(&client, &booking, &json!({})).await.body;
    let path = format!(
        "/v1/admin/bookings/{}/cancellations",
        trip::reference(&booking)
    );
    let body = json!({ "quote_id": quoted["quote_id"] });
    let (mine, theirs, ()) = tokio::join!(
        join_all((0..4).map(|_| confirm(&client, &booking, &quoted))),
        join_all((0..4).map(|_| desk.post(&path, &body))),
        refund_at_stripe(&app, &pool, minor),
    );
    for answer in mine.iter().chain(&theirs) {
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    }
    let given = "select sum(amount_minor)::bigint from refund where status <> 'failed'";
    let given: i64 = sqlx::query_scalar(given).fetch_one(&pool).await.unwrap();
    assert!(given <= 708_800, "{given} of 708800");
    assert_eq!(
        trip::count(&pool, "select count(*) from cancellation").await,
        1
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn all_of_the_money_goes_back_at_stripe_while_the_booking_is_cancelled(pool: PgPool) {
    all_at_once(pool, 708_800).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn most_of_the_money_goes_back_at_stripe_while_the_booking_is_cancelled(pool: PgPool) {
    all_at_once(pool, 700_000).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_little_goes_back_at_stripe_while_the_booking_is_cancelled(pool: PgPool) {
    all_at_once(pool, 10_000).await;
}
