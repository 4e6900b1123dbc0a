//! What staff do for travellers: cancel and waive, and say who was not aboard.

use chrono::Duration;
use flightdesk_core::document::RefundReceiptContent;
use flightdesk_core::ids::{DocumentId, RefundId};
use flightdesk_core::money::{Currency, Money};
use flightdesk_core::payment::stripe::{StripeRefund, StripeRefundStatus};
use flightdesk_core::{payment, ticket};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{buy, confirm, departure, flights, quote, rupees, turn_to};
use crate::consistent::assert_consistent;
use crate::support::{Answer, Client, TestApp};
use crate::trip::{self, adults, grown_ups, reference};

/// Somebody of another account with all scopes.
async fn staff<'a>(app: &'a TestApp, pool: &PgPool) -> Client<'a> {
    let client = app.sign_up().await;
    sqlx::query(
        "update api_key set scopes = '{search,bookings,admin,refunds}' where account_id = $1",
    )
    .bind(client.account_id)
    .execute(pool)
    .await
    .unwrap();
    client
}

async fn admin(client: &Client<'_>, booking: &Value, what: &str, body: &Value) -> Answer {
    let path = format!("/v1/admin/bookings/{}/{what}", reference(booking));
    client.post(&path, body).await
}

/// Stripe has paid the one refund that is promised; what its receipt says.
async fn receipt(app: &TestApp, pool: &PgPool) -> RefundReceiptContent {
    let (id, minor): (RefundId, i64) = sqlx::query_as("select id, amount_minor from refund")
        .fetch_one(pool)
        .await
        .unwrap();
    let said = StripeRefund {
        id: format!("re_{id}"),
        status: StripeRefundStatus::Succeeded,
        failure: None,
        refund_id: Some(id),
        payment_intent: None,
        amount: Money::new(minor, Currency::INR),
    };
    let mut tx = app.app.db.begin().await.unwrap();
    payment::record_refund(&mut tx, &app.clock, id, &said)
        .await
        .unwrap();
    let document = sqlx::query_scalar("select id from document where refund_id = $1")
        .bind(id.0)
        .fetch_one(&mut *tx)
        .await
        .unwrap();
    let content = RefundReceiptContent::load(&mut tx, DocumentId(document))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    content
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn staff_waive_a_charge_with_a_reason_that_quote_timeline_and_receipt_keep(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    turn_to(&app, departure(), Duration::hours(3));

    let refused = admin(&client, &booking, "cancellation-quotes", &json!({})).await;
    assert_eq!(refused.problem(), (403, "missing_scope"));
    let refused = admin(
        &desk,
        &booking,
        "cancellation-quotes",
        &json!({ "waive": true }),
    )
    .await;
    assert_eq!(refused.wrong_fields(), ["reason: required"]);

    let body = json!({ "waive": true, "reason": "The traveller is ill" });
    let quoted = admin(&desk, &booking, "cancellation-quotes", &body).await;
    assert_eq!(quoted.status.as_u16(), 201, "{quoted:?}");
    assert_eq!(quoted.body["refund"], rupees("6788.00"));
    let rule = &quoted.body["items"][0]["rule"];
    assert_eq!(rule["name"], "waived");
    assert!(
        rule["sentence"]
            .as_str()
            .unwrap()
            .contains("The traveller is ill")
    );

    // What has expired is not waived again by the traveller's own confirmation.
    app.clock.advance(Duration::minutes(10));
    let outdated = confirm(&client, &booking, &quoted.body).await;
    assert_eq!(outdated.problem(), (409, "quote_outdated"));
    assert_eq!(outdated.body["quote"]["charge"], rupees("3500.00"));

    let quoted = admin(&desk, &booking, "cancellation-quotes", &body)
        .await
        .body;
    let done = json!({ "quote_id": quoted["quote_id"] });
    let done = admin(&desk, &booking, "cancellations", &done).await;
    assert_eq!(done.status.as_u16(), 200, "{done:?}");
    assert_eq!(done.body["payment"]["amount_refunded"], rupees("6788.00"));
    let waiver: Option<String> = sqlx::query_scalar(
        "select details ->> 'waiver' from booking_event where kind = 'cancelled'",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(waiver.as_deref(), Some("The traveller is ill"));
    let receipt = receipt(&app, &pool).await;
    assert_eq!(receipt.waiver.as_deref(), Some("The traveller is ill"));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn who_was_not_aboard_gets_the_taxes_back_and_who_flew_gets_nothing(pool: PgPool) {
    let [out, back] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let offers = client.offers_of(&[out], &[back], adults(2)).await;
    let booking = buy(&app, &pool, &client, &offers, &grown_ups(2)).await;
    let id = |index: usize| booking["passengers"][index]["id"].clone();
    let absent = json!({ "flight_id": out.0, "passengers": [id(1)] });

    turn_to(&app, departure(), Duration::seconds(1));
    let early = admin(&desk, &booking, "no-shows", &absent).await;
    assert_eq!(early.problem(), (409, "wrong_state"));
    app.clock.advance(Duration::seconds(1));
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(ticket::mark_flown(&mut conn, &app.clock).await.unwrap(), 2);
    assert_eq!(ticket::mark_flown(&mut conn, &app.clock).await.unwrap(), 0);
    let marked = admin(&desk, &booking, "no-shows", &absent).await;
    assert_eq!(marked.status.as_u16(), 200, "{marked:?}");
    assert_consistent(&pool).await;

    let flown = json!({ "scope": "departing", "passengers": [id(0)] });
    let refused = quote(&client, &booking, &flown).await;
    assert_eq!(refused.problem(), (409, "too_late"));
    let absent = json!({ "scope": "departing", "passengers": [id(1)] });
    let quoted = quote(&client, &booking, &absent).await;
    assert_eq!(quoted.status.as_u16(), 201, "{quoted:?}");
    assert_eq!(quoted.body["items"][0]["rule"]["name"], "no_show");
    assert_eq!(quoted.body["refund"], rupees("488.00"));
    let done = confirm(&client, &booking, &quoted.body).await;
    assert_eq!(done.body["status"], "partially_cancelled", "{done:?}");
    assert_consistent(&pool).await;

    // The way back can still be cancelled by both, the departing one is flown.
    let both = quote(&client, &booking, &json!({ "scope": "both" })).await;
    assert_eq!(both.problem(), (409, "too_late"));
    let left = super::cancel(&client, &booking, &json!({ "scope": "returning" })).await;
    assert_eq!(left["status"], "partially_cancelled");
    assert_eq!(trip::counters(&pool, back).await, (0, 0));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_no_show_can_be_marked_until_three_days_after_departure(pool: PgPool) {
    let [out, back] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    let absent = json!({ "flight_id": out.0, "passengers": [booking["passengers"][0]["id"]] });
    turn_to(&app, departure(), Duration::days(-3));
    let stranger = json!({ "flight_id": out.0, "passengers": [uuid::Uuid::now_v7()] });
    let refused = admin(&desk, &booking, "no-shows", &stranger).await;
    assert_eq!(refused.wrong_fields(), ["passengers[0]: not_booked"]);
    let elsewhere = json!({ "flight_id": back.0, "passengers": [booking["passengers"][0]["id"]] });
    let refused = admin(&desk, &booking, "no-shows", &elsewhere).await;
    assert_eq!(refused.problem(), (404, "not_found"));
    let marked = admin(&desk, &booking, "no-shows", &absent).await;
    assert_eq!(marked.status.as_u16(), 200, "{marked:?}");
    app.clock.advance(Duration::seconds(1));
    let late = admin(&desk, &booking, "no-shows", &absent).await;
    assert_eq!(late.problem(), (409, "too_late"));
}
