//! Money that comes in time, however often and in whatever order it is told.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{deliver, open, pay_with, ticketed, webhook};
use crate::consistent::assert_consistent;
use crate::support::{Send, TestApp};
use crate::trip;

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_booking_is_paid_ticketed_and_seated_once_whatever_is_delivered(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    let page = open(&client, &booking).await;
    assert_eq!(page["amount"], booking["price"]["total"]);
    assert_eq!(
        client.booking(&booking).await["payment_due_at"],
        "2026-11-20T12:31:00Z"
    );
    let done = pay_with(
        &app,
        page["checkout_url"].as_str().unwrap(),
        "4242 4242 4242 4242",
    )
    .await;
    assert!(
        done.text.contains(trip::reference(&booking)),
        "the return page shows the booking: {}",
        done.text
    );
    deliver(&app, |events| {
        let mut shuffled: Vec<_> = events
            .iter()
            .cycle()
            .take(events.len() * 5)
            .cloned()
            .collect();
        shuffled.reverse();
        shuffled
    })
    .await;
    let confirmed = client.booking(&booking).await;
    assert_eq!(confirmed["status"], "confirmed", "{confirmed}");
    assert_eq!(
        confirmed["payment"]["amount_paid"],
        booking["price"]["total"]
    );
    assert!(
        confirmed["passengers"][0]["ticket_number"]
            .as_str()
            .unwrap()
            .starts_with("098-")
    );
    assert_eq!(confirmed["passengers"][0]["seats"][0]["reason"], "assigned");
    assert_eq!(trip::counters(&pool, flight).await, (0, 1));
    assert_eq!(ticketed(&pool).await, (1, 2, 2));
    assert_eq!(
        client.open_payment(&booking).await.problem(),
        (409, "already_paid")
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_declined_card_leaves_the_page_open_and_two_calls_open_one_page(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    let pages = futures::future::join_all((0..8).map(|_| client.open_payment(&booking))).await;
    let url = pages[0].body["checkout_url"].as_str().unwrap().to_owned();
    for page in &pages {
        assert_eq!(
            (page.status, &page.body["checkout_url"]),
            (StatusCode::CREATED, &json!(url)),
            "{page:?}"
        );
    }
    assert_eq!(trip::count(&pool, "select count(*) from payment").await, 1);
    let declined = pay_with(&app, &url, "4000000000000002").await;
    assert!(
        declined.text.to_lowercase().contains("declined"),
        "{}",
        declined.text
    );
    deliver(&app, |events| events).await;
    assert_eq!(client.booking(&booking).await["status"], "pending_payment");
    pay_with(&app, &url, "4242424242424242").await;
    deliver(&app, |events| events).await;
    assert_eq!(client.booking(&booking).await["status"], "confirmed");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn forged_old_and_foreign_events_change_nothing(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    open(&client, &booking).await;
    let now = app.clock.now().timestamp();
    let body = json!({ "id": "evt_1", "object": "event", "type": "checkout.session.completed", "created": now, "livemode": false, "pending_webhooks": 1, "data": { "object": {} } }).to_string();
    let forged = app
        .request(Method::POST, "/v1/webhooks/stripe")
        .header("Stripe-Signature", format!("t={now},v1={}", "0".repeat(64)))
        .header("Content-Type", "application/json")
        .body(body.clone())
        .answer()
        .await;
    assert_eq!(forged.problem(), (400, "bad_signature"));
    for wrong in [now - 301, now + 301] {
        assert_eq!(
            webhook(&app, &body, wrong).await.problem(),
            (400, "bad_signature")
        );
    }
    assert_eq!(
        trip::count(&pool, "select count(*) from stripe_event").await,
        0
    );
    let unknown = json!({ "id": "evt_2", "object": "event", "type": "some.future_type", "created": now, "livemode": false, "pending_webhooks": 1, "data": { "object": { "any": "thing" } } });
    assert_eq!(
        webhook(&app, &unknown.to_string(), now).await.status,
        StatusCode::OK
    );
    assert_eq!(client.booking(&booking).await["status"], "pending_payment");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn odd_events_that_are_signed_are_filed_and_change_nothing(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    let url = open(&client, &booking).await;
    pay_with(
        &app,
        url["checkout_url"].as_str().unwrap(),
        "4242424242424242",
    )
    .await;
    let events = app
        .request(Method::GET, "/sandbox/stripe/v1/events?limit=100")
        .bearer_auth("sk_test_anything");
    let events = events.answer().await.body["data"].clone();
    let events = events.as_array().unwrap();
    let paid = events
        .iter()
        .find(|event| event["type"] == "checkout.session.completed")
        .unwrap();
    let now = app.clock.now().timestamp();
    let odd = |change: &dyn Fn(&mut Value)| {
        let mut event = paid.clone();
        change(&mut event);
        event.to_string()
    };
    let odd = [
        odd(&|event| {
            event["id"] = json!("evt_\0");
            event["type"] = json!("some.future_type");
        }),
        odd(&|event| {
            event["id"] = json!("e".repeat(5_000));
            event["type"] = json!("some.future_type");
        }),
        odd(&|event| {
            event["id"] = json!("evt_kind");
            event["type"] = json!("checkout\0session");
        }),
        odd(&|event| {
            event["id"] = json!("evt_nul");
            event["data"]["object"]["payment_intent"] = json!("pi_\0");
        }),
        odd(&|event| {
            event["id"] = json!("evt_session");
            event["data"]["object"]["id"] = json!("cs_\0");
            event["data"]["object"]["metadata"] = json!({});
        }),
        odd(&|event| {
            event["id"] = json!("evt_negative");
            event["data"]["object"]["id"] = json!("cs_test_negative");
            event["data"]["object"]["payment_intent"] = json!("pi_negative");
            event["data"]["object"]["amount_total"] = json!(-5);
        }),
        odd(&|event| {
            event["id"] = json!("evt_huge");
            event["data"]["object"]["id"] = json!("cs_test_huge");
            event["data"]["object"]["payment_intent"] = json!("pi_huge");
            event["data"]["object"]["amount_total"] = json!(i64::MAX);
        }),
        odd(&|event| {
            event["id"] = json!("evt_live");
            event["livemode"] = json!(true);
        }),
        json!({ "id": 7, "type": [] }).to_string(),
        "null".to_owned(),
    ];
    for body in &odd {
        let answer = webhook(&app, body, now).await;
        assert_eq!(answer.status, StatusCode::OK, "{body}: {answer:?}");
        // Delivered again it is known.
        assert_eq!(webhook(&app, body, now).await.status, StatusCode::OK);
    }
    let filed = trip::count(&pool, "select count(*) from stripe_event").await;
    assert_eq!(filed, i64::try_from(odd.len()).unwrap());
    let live = "select count(*) from stripe_event where id = 'evt_live' and outcome = 'not_needed'";
    assert_eq!(trip::count(&pool, live).await, 1);
    assert_eq!(client.booking(&booking).await["status"], "pending_payment");
    webhook(&app, &paid.to_string(), now).await;
    assert_eq!(client.booking(&booking).await["status"], "confirmed");
}
