//! The ledger of a booking, over HTTP, with the sandbox as Stripe.

use flightdesk_core::ids::RefundId;
use flightdesk_core::payment;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::consistent::assert_consistent;
use crate::payments::{deliver, open, pay_with, webhook};
use crate::seat_swaps::mails;
use crate::support::{Client, Send, TestApp};
use crate::trip;

/// The ledger of a booking; it is balanced.
pub async fn ledger(client: &Client<'_>, booking: &Value) -> Value {
    let path = format!("/v1/bookings/{}/ledger", trip::reference(booking));
    let answer = client.get(&path).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.body["balanced"], true, "{answer:?}");
    answer.body
}

/// `kind debit credit amount balance` of every entry.
pub fn entries(ledger: &Value) -> Vec<String> {
    let line = |entry: &Value| {
        let text = |name: &str| entry[name].as_str().unwrap().to_owned();
        let money = |name: &str| entry[name]["amount"].as_str().unwrap().to_owned();
        [
            text("kind"),
            text("debit"),
            text("credit"),
            money("amount"),
            money("balance"),
        ]
        .join(" ")
    };
    ledger["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(line)
        .collect()
}

/// What an account stands at.
pub fn balance<'a>(ledger: &'a Value, account: &str) -> &'a str {
    let accounts = ledger["accounts"].as_array().unwrap();
    let found = accounts.iter().find(|total| total["account"] == account);
    found.unwrap()["balance"]["amount"].as_str().unwrap()
}

/// Pays on the page and delivers what the sandbox says of it.
pub async fn pay(app: &TestApp, client: &Client<'_>, booking: &Value) {
    let page = open(client, booking).await;
    let page = page["checkout_url"].as_str().unwrap().to_owned();
    pay_with(app, &page, "4242424242424242").await;
    deliver(app, |events| events).await;
}

/// Gives something back in the dashboard, as staff do.
pub async fn refund_in_the_dashboard(app: &TestApp, pool: &PgPool, amount: i64) -> StatusCode {
    let intent: String =
        sqlx::query_scalar("select stripe_payment_intent_id from payment order by id desc limit 1")
            .fetch_one(pool)
            .await
            .unwrap();
    let amount = amount.to_string();
    app.request(Method::POST, "/sandbox/stripe/v1/refunds")
        .bearer_auth("sk_test_anything")
        .form(&[
            ("payment_intent", intent.as_str()),
            ("amount", amount.as_str()),
        ])
        .answer()
        .await
        .status
}

/// Pays on the open page, cancels, and only then lets the payment be known.
pub async fn pay_what_is_cancelled(client: &Client<'_>, booking: &Value) {
    let page = open(client, booking).await;
    let path = format!("/v1/bookings/{}/cancellations", trip::reference(booking));
    let page = page["checkout_url"].as_str().unwrap();
    pay_with(client.app, page, "4242424242424242").await;
    client.post(&path, &json!({})).await;
    deliver(client.app, |events| events).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_paid_booking_shows_its_sale_by_fare_tax_and_fee_and_nobody_owes_anything(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    let empty = ledger(&client, &booking).await;
    assert_eq!(
        (&empty["entries"], &empty["accounts"]),
        (&json!([]), &json!([]))
    );
    pay(&app, &client, &booking).await;
    let ledger = ledger(&client, &booking).await;
    assert_eq!(
        entries(&ledger),
        [
            "payment stripe_clearing customer 7088.00 -7088.00",
            "sale customer base_fare 6000.00 -1088.00",
            "sale customer tax:ASF 236.00 -852.00",
            "sale customer tax:CUTE 50.00 -802.00",
            "sale customer tax:GST 300.00 -502.00",
            "sale customer tax:PSF 91.00 -411.00",
            "sale customer tax:RCS 50.00 -361.00",
            "sale customer tax:UDF 61.00 -300.00",
            "sale customer fee:CONV 300.00 0.00",
        ]
    );
    assert_eq!(balance(&ledger, "customer"), "0.00");
    assert_eq!(balance(&ledger, "stripe_clearing"), "7088.00");
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn money_for_a_cancelled_booking_comes_and_goes_and_leaves_nothing(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    pay_what_is_cancelled(&client, &booking).await;
    assert_eq!(
        balance(&ledger(&client, &booking).await, "refunds_payable"),
        "-7088.00"
    );
    ask_for_the_refund(&app, &pool).await;
    deliver(&app, |events| {
        events
            .iter()
            .cycle()
            .take(events.len() * 3)
            .cloned()
            .collect()
    })
    .await;
    let ledger = ledger(&client, &booking).await;
    assert_eq!(
        entries(&ledger),
        [
            "late_payment stripe_clearing customer 7088.00 -7088.00",
            "refund customer refunds_payable 7088.00 0.00",
            "refund_paid refunds_payable stripe_clearing 7088.00 0.00",
        ]
    );
    assert_consistent(&pool).await;
}

/// What the job does.
pub async fn ask_for_the_refund(app: &TestApp, pool: &PgPool) {
    let id: RefundId = sqlx::query_scalar("select id from refund where status = 'pending'")
        .fetch_one(pool)
        .await
        .unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let refund = payment::find_refund(&mut conn, id).await.unwrap().unwrap();
    drop(conn);
    let stripe = &app.app.stripe;
    stripe
        .create_refund(refund.id, &refund.payment_intent, refund.amount)
        .await
        .unwrap();
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_signed_event_of_a_wrong_amount_is_posted_and_given_back(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    let page = open(&client, &booking).await;
    pay_with(
        &app,
        page["checkout_url"].as_str().unwrap(),
        "4242424242424242",
    )
    .await;
    // The return page has settled it already: the event of a second session is what differs.
    let list = app
        .request(Method::GET, "/sandbox/stripe/v1/events?limit=100")
        .bearer_auth("sk_test_anything")
        .answer()
        .await;
    let events = list.body["data"].as_array().unwrap();
    let completed = events
        .iter()
        .find(|event| event["type"] == "checkout.session.completed");
    let mut event = completed.unwrap().clone();
    event["id"] = json!("evt_wrong");
    event["data"]["object"]["id"] = json!("cs_test_wrong");
    event["data"]["object"]["payment_intent"] = json!("pi_wrong");
    event["data"]["object"]["amount_total"] = json!(1234);
    for _ in 0..2 {
        let answer = webhook(&app, &event.to_string(), app.clock.now().timestamp()).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
    let ledger = ledger(&client, &booking).await;
    let last = entries(&ledger).split_off(entries(&ledger).len() - 2);
    assert_eq!(
        last,
        [
            "mismatched_payment stripe_clearing customer 12.34 -12.34",
            "refund customer refunds_payable 12.34 0.00",
        ]
    );
    assert_eq!(mails(&pool, "money_returned").await, 1);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn what_staff_give_back_at_stripe_is_on_the_booking_and_in_the_ledger(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    pay(&app, &client, &booking).await;
    assert_eq!(
        refund_in_the_dashboard(&app, &pool, 10_000).await,
        StatusCode::OK
    );
    assert_eq!(
        refund_in_the_dashboard(&app, &pool, 2_500).await,
        StatusCode::OK
    );
    deliver(&app, |events| events.into_iter().rev().collect()).await;
    deliver(&app, |events| events).await;
    let view = client.booking(&booking).await;
    assert_eq!(view["payment"]["amount_refunded"]["amount"], "125.00");
    assert_eq!(
        balance(&ledger(&client, &booking).await, "stripe_clearing"),
        "6963.00"
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_refund_of_ours_steps_back_for_one_that_staff_made(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    pay_what_is_cancelled(&client, &booking).await;
    assert_eq!(
        refund_in_the_dashboard(&app, &pool, 8_800).await,
        StatusCode::OK
    );
    deliver(&app, |events| events).await;
    let refunds: Vec<(String, String, i64)> =
        sqlx::query_as("select reason, status, amount_minor from refund order by amount_minor")
            .fetch_all(&pool)
            .await
            .unwrap();
    let refund =
        |reason: &str, status: &str, amount| (reason.to_owned(), status.to_owned(), amount);
    assert_eq!(
        refunds,
        [
            refund("made_at_stripe", "succeeded", 8_800),
            refund("remainder", "pending", 700_000),
            refund("late_payment", "failed", 708_800),
        ]
    );
    ask_for_the_refund(&app, &pool).await;
    deliver(&app, |events| events).await;
    assert_eq!(
        balance(&ledger(&client, &booking).await, "stripe_clearing"),
        "0.00"
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_ledger_of_anybody_elses_booking_does_not_exist(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let (client, other) = (app.sign_up().await, app.sign_up().await);
    let booking = client.book().await;
    let path = format!("/v1/bookings/{}/ledger", trip::reference(&booking));
    assert_eq!(other.get(&path).await.problem(), (404, "not_found"));
    assert_eq!(
        client.get("/v1/bookings/AAAAAA/ledger").await.problem(),
        (404, "not_found")
    );
}
