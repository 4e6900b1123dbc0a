//! The refunds of a booking and their receipts, over HTTP, with the sandbox as Stripe.

use chrono::Duration;
use flightdesk_core::ids::RefundId;
use flightdesk_core::payment;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::consistent::assert_consistent;
use crate::ledger::{ask_for_the_refund, pay, pay_what_is_cancelled, refund_in_the_dashboard};
use crate::payments::{deliver, webhook};
use crate::support::{Client, TestApp};
use crate::trip;

async fn refunds(client: &Client<'_>, booking: &Value) -> Vec<Value> {
    let path = format!("/v1/bookings/{}/refunds", trip::reference(booking));
    let answer = client.get(&path).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.body["data"].as_array().unwrap().clone()
}

/// Kind and number of every document of a booking.
async fn documents(client: &Client<'_>, booking: &Value) -> Vec<(String, String)> {
    let path = format!("/v1/bookings/{}/documents", trip::reference(booking));
    let answer = client.get(&path).await;
    let documents = answer.body["data"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    documents
        .map(|document| (text(&document["kind"]), text(&document["number"])))
        .collect()
}

/// All that the sandbox has to say, each event three times.
async fn deliver_thrice(app: &TestApp) {
    deliver(app, |events| {
        let thrice = events.iter().cycle().take(events.len() * 3);
        thrice.cloned().collect()
    })
    .await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn each_part_of_a_payment_that_goes_back_has_a_credit_note_however_often_it_is_said(
    pool: PgPool,
) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    pay(&app, &client, &booking).await;
    assert_eq!(refunds(&client, &booking).await, [json!(null); 0]);
    for amount in [10_000, 2_500] {
        let made = refund_in_the_dashboard(&app, &pool, amount).await;
        assert_eq!(made, StatusCode::OK);
        deliver_thrice(&app).await;
    }
    let refunds = refunds(&client, &booking).await;
    let paid = client.booking(&booking).await["payment"]["payment_id"].clone();
    for (refund, (amount, number)) in refunds
        .iter()
        .zip([("100.00", "FD/26-27/C00001"), ("25.00", "FD/26-27/C00002")])
    {
        assert_eq!(refund["amount"]["amount"], amount);
        assert_eq!(refund["receipt"]["number"], number);
        assert_eq!(
            (&refund["status"], &refund["reason"], &refund["payment_id"]),
            (&json!("succeeded"), &json!("made_at_stripe"), &paid)
        );
        assert_eq!(refund["failure"], Value::Null);
        let id = refund["receipt"]["document_id"].as_str().unwrap();
        let document = client.get(&format!("/v1/documents/{id}")).await;
        assert_eq!(document.status, StatusCode::ACCEPTED);
        assert_eq!(document.body["number"], number);
    }
    let kind = |kind: &str, number: &str| (kind.to_owned(), number.to_owned());
    assert_eq!(
        documents(&client, &booking).await,
        [
            kind("ticket", ""),
            kind("invoice", "FD/26-27/000001"),
            kind("refund_receipt", "FD/26-27/C00001"),
            kind("refund_receipt", "FD/26-27/C00002"),
        ]
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn money_that_came_too_late_goes_back_with_a_receipt_that_corrects_no_invoice(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    pay_what_is_cancelled(&client, &booking).await;
    let pending = &refunds(&client, &booking).await[0];
    assert_eq!(
        (
            &pending["status"],
            &pending["receipt"],
            &pending["ended_at"]
        ),
        (&json!("pending"), &Value::Null, &Value::Null)
    );
    ask_for_the_refund(&app, &pool).await;
    deliver_thrice(&app).await;
    let paid = &refunds(&client, &booking).await[0];
    assert_eq!(
        (&paid["status"], &paid["receipt"]["number"]),
        (&json!("succeeded"), &json!("FD/26-27/R00001"))
    );
    let receipt = ("refund_receipt".to_owned(), "FD/26-27/R00001".to_owned());
    assert_eq!(documents(&client, &booking).await, [receipt]);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_refund_that_steps_back_says_so_in_a_sentence_and_has_no_receipt(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    pay_what_is_cancelled(&client, &booking).await;
    refund_in_the_dashboard(&app, &pool, 8_800).await;
    deliver_thrice(&app).await;
    let refunds = refunds(&client, &booking).await;
    assert_eq!(refunds.len(), 3);
    let failed = refunds.iter().find(|refund| refund["status"] == "failed");
    assert_eq!(
        failed.unwrap()["failure"],
        "Another refund of the same payment took its place."
    );
    assert_eq!(failed.unwrap()["receipt"], Value::Null);
    let by_staff = refunds
        .iter()
        .find(|refund| refund["reason"] == "made_at_stripe");
    assert_eq!(by_staff.unwrap()["receipt"]["number"], "FD/26-27/R00001");
}

/// What Stripe says of a charge when some of it has gone back: sums, and not by which refunds.
fn charge_refunded(intent: &str, at: i64) -> String {
    json!({
        "id": "evt_charge_refunded", "object": "event", "api_version": "2026-09-30.endive", "created": at, "livemode": false,
        "pending_webhooks": 1, "type": "charge.refunded",
        "data": { "object": {
            "id": "ch_1", "object": "charge", "amount": 708_800, "amount_captured": 708_800, "amount_refunded": 10_000,
            "billing_details": {}, "captured": true, "created": at, "currency": "inr", "disputed": false, "livemode": false,
            "metadata": {}, "paid": true, "payment_intent": intent, "refunded": false, "status": "succeeded",
        } },
    })
    .to_string()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn that_a_charge_was_refunded_is_taken_and_the_refund_itself_is_filed_when_it_is_told(
    pool: PgPool,
) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    pay(&app, &client, &booking).await;
    refund_in_the_dashboard(&app, &pool, 10_000).await;
    let now = app.clock.now().timestamp();
    let intent: String = sqlx::query_scalar("select stripe_payment_intent_id from payment")
        .fetch_one(&pool)
        .await
        .unwrap();
    for _ in 0..2 {
        let taken = webhook(&app, &charge_refunded(&intent, now), now).await;
        assert_eq!(taken.status, StatusCode::OK, "{taken:?}");
    }
    assert_eq!(refunds(&client, &booking).await, [json!(null); 0]);
    deliver(&app, |events| events).await;
    assert_eq!(refunds(&client, &booking).await.len(), 1);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_refund_of_ours_of_which_only_the_charge_is_told_is_asked_about(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    pay_what_is_cancelled(&client, &booking).await;
    // Stripe has made it, and the process that asked ended before it had the answer.
    ask_for_the_refund(&app, &pool).await;
    sqlx::query("update outbox set status = 'dead' where kind = 'create_refund'")
        .execute(&pool)
        .await
        .unwrap();
    let intent: String = sqlx::query_scalar("select stripe_payment_intent_id from payment")
        .fetch_one(&pool)
        .await
        .unwrap();
    let now = app.clock.now().timestamp();
    let taken = webhook(&app, &charge_refunded(&intent, now), now).await;
    assert_eq!(taken.status, StatusCode::OK, "{taken:?}");
    assert_eq!(refunds(&client, &booking).await[0]["status"], "pending");

    app.clock.advance(Duration::minutes(7));
    let mut conn = pool.acquire().await.unwrap();
    let asked = payment::promise_refund_questions(&mut conn, &app.clock).await;
    assert_eq!(asked.unwrap(), 1);
    let id: RefundId = sqlx::query_scalar("select id from refund")
        .fetch_one(&pool)
        .await
        .unwrap();
    let wanted = payment::find_refund(&mut conn, id).await.unwrap().unwrap();
    drop(conn);
    let stripe = &app.app.stripe;
    let said = stripe.create_refund(wanted.id, &wanted.payment_intent, wanted.amount);
    let said = said.await.unwrap();
    let mut tx = app.app.db.begin().await.unwrap();
    payment::record_refund(&mut tx, &app.clock, id, &said)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let made = trip::count(&pool, "select count(*) from refund").await;
    assert_eq!(made, 1, "asking again makes no second refund");
    deliver(&app, |events| events).await;
    assert_eq!(refunds(&client, &booking).await[0]["status"], "succeeded");
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_refunds_of_anybody_elses_booking_do_not_exist(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let (client, other) = (app.sign_up().await, app.sign_up().await);
    let booking = client.book().await;
    let path = format!("/v1/bookings/{}/refunds", trip::reference(&booking));
    assert_eq!(other.get(&path).await.problem(), (404, "not_found"));
    assert_eq!(
        client.get("/v1/bookings/AAAAAA/refunds").await.problem(),
        (404, "not_found")
    );
}
