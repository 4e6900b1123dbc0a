//! Paying, in every order in which the facts may arrive.

use std::fmt::Write;

use chrono::Duration;
use flightdesk_core::booking;
use flightdesk_core::money::Money;
use flightdesk_core::payment::stripe::{CheckoutSession, CheckoutStatus};
use flightdesk_core::payment::{self, Settlement};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::consistent::assert_consistent;
use crate::support::{Answer, Client, Send, TestApp};
use crate::trip;

/// The session of a booking's open payment, as Stripe has it.
pub async fn session(app: &TestApp, pool: &PgPool) -> CheckoutSession {
    let id: String =
        sqlx::query_scalar("select stripe_session_id from payment order by id desc limit 1")
            .fetch_one(pool)
            .await
            .unwrap();
    app.app.stripe.checkout(&id).await.unwrap()
}

/// The same session, paid.
pub fn paid(session: &CheckoutSession) -> CheckoutSession {
    CheckoutSession {
        status: CheckoutStatus::Complete,
        paid: true,
        payment_intent: Some(format!("pi_{}", session.id)),
        ..session.clone()
    }
}

pub async fn settle(app: &TestApp, session: &CheckoutSession) -> Settlement {
    let mut tx = app.app.db.begin().await.unwrap();
    let settlement = payment::settle(&mut tx, &app.clock, session).await.unwrap();
    tx.commit().await.unwrap();
    settlement
}

/// Pays on the sandbox's page with a card number.
pub async fn pay_with(app: &TestApp, page: &str, card: &str) -> Answer {
    let path = page
        .strip_prefix(&format!("http://{}", app.address))
        .unwrap();
    app.request(Method::POST, path)
        .form(&[("number", card)])
        .answer()
        .await
}

/// Delivers every event of the sandbox to the webhook, as often and in the order that `arrange` makes of them.
pub async fn deliver(app: &TestApp, arrange: impl FnOnce(Vec<Value>) -> Vec<Value>) {
    let list = app
        .request(Method::GET, "/sandbox/stripe/v1/events?limit=100")
        .bearer_auth("sk_test_anything")
        .answer()
        .await;
    let mut events = list.body["data"].as_array().unwrap().clone();
    events.reverse();
    for event in arrange(events) {
        let answer = webhook(app, &event.to_string(), app.clock.now().timestamp()).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
}

pub async fn webhook(app: &TestApp, body: &str, at: i64) -> Answer {
    use hmac::{Hmac, KeyInit, Mac};
    let secret = flightdesk_core::config::SANDBOX_WEBHOOK_SECRET;
    let mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes())
        .unwrap()
        .chain_update(format!("{at}.{body}"))
        .finalize()
        .into_bytes();
    let hex = mac.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    app.request(Method::POST, "/v1/webhooks/stripe")
        .header("Stripe-Signature", format!("t={at},v1={hex}"))
        .header("Content-Type", "application/json")
        .body(body.to_owned())
        .answer()
        .await
}

async fn ticketed(pool: &PgPool) -> (i64, i64, i64) {
    (
        trip::count(pool, "select count(*) from ticket").await,
        trip::count(pool, "select count(*) from document").await,
        trip::count(
            pool,
            "select count(*) from outbox where kind = 'render_document'",
        )
        .await,
    )
}

pub async fn open(client: &Client<'_>, booking: &Value) -> Value {
    let opened = client.open_payment(booking).await;
    assert_eq!(opened.status, StatusCode::CREATED, "{opened:?}");
    opened.body
}

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
async fn money_of_another_amount_confirms_nothing_and_goes_back_once(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    open(&client, &booking).await;
    let session = session(&app, &pool).await;
    let cheap = CheckoutSession {
        amount: session
            .amount
            .map(|amount| Money::new(100, amount.currency())),
        ..paid(&session)
    };
    assert_eq!(settle(&app, &cheap).await, Settlement::Mismatch);
    assert_eq!(
        settle(&app, &paid(&session)).await,
        Settlement::Mismatch,
        "what is said of that money later changes nothing"
    );
    let strange = CheckoutSession {
        booking_id: Some(flightdesk_core::ids::BookingId::new()),
        ..paid(&session)
    };
    assert_eq!(settle(&app, &strange).await, Settlement::Mismatch);
    let view = client.booking(&booking).await;
    assert_eq!(view["status"], "pending_payment");
    let one = json!({ "amount": "1.00", "currency": "INR" });
    assert_eq!(
        view["payment"],
        json!({ "status": "mismatched", "amount_paid": one, "amount_refunded": one,
                "mismatches": [{ "received": one, "refund_status": "pending" }] })
    );
    assert_eq!(ticketed(&pool).await, (0, 0, 0));
    let jobs = "select count(*) from outbox where kind = 'create_refund'";
    assert_eq!(trip::count(&pool, jobs).await, 1);
    open(&client, &booking).await;
    assert_eq!(
        settle(&app, &paid(&self::session(&app, &pool).await)).await,
        Settlement::Confirmed,
        "a new page can be paid"
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn money_of_another_currency_or_of_a_second_session_goes_back(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    open(&client, &booking).await;
    let session = session(&app, &pool).await;
    assert_eq!(settle(&app, &paid(&session)).await, Settlement::Confirmed);
    let dollars = Money::new(5000, flightdesk_core::money::Currency::USD);
    for (id, amount) in [("cs_second", session.amount), ("cs_dollars", Some(dollars))] {
        let second = CheckoutSession {
            id: id.into(),
            amount,
            ..session.clone()
        };
        assert_eq!(settle(&app, &paid(&second)).await, Settlement::Mismatch);
        assert_eq!(settle(&app, &paid(&second)).await, Settlement::Mismatch);
    }
    let payment = &client.booking(&booking).await["payment"];
    let total = &booking["price"]["total"];
    assert_eq!(payment["status"], "succeeded");
    assert_eq!(&payment["amount_refunded"], total);
    assert_eq!(
        payment["mismatches"],
        json!([
            { "received": total, "refund_status": "pending" },
            { "received": { "amount": "50.00", "currency": "USD" }, "refund_status": "pending" },
        ])
    );
    assert_consistent(&pool).await;
}

/// Lets a booking with an open page expire without an answer from Stripe.
async fn expire_unanswered(app: &TestApp, pool: &PgPool) {
    app.clock.advance(Duration::minutes(31));
    assert_eq!(
        booking::sweep_due(pool, &app.clock).await.unwrap(),
        0,
        "Stripe is asked first"
    );
    assert_eq!(
        trip::count(
            pool,
            "select count(*) from outbox where kind = 'expire_checkout'"
        )
        .await,
        1
    );
    app.clock.advance(Duration::seconds(60));
    assert_eq!(booking::sweep_due(pool, &app.clock).await.unwrap(), 1);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn late_money_gets_the_seats_again_while_there_are_some(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    open(&client, &booking).await;
    let late = paid(&session(&app, &pool).await);
    expire_unanswered(&app, &pool).await;
    assert_eq!(trip::counters(&pool, flight).await, (0, 0));
    assert_eq!(settle(&app, &late).await, Settlement::ConfirmedLate);
    assert_eq!(settle(&app, &late).await, Settlement::AlreadySettled);
    let confirmed = client.booking(&booking).await;
    assert_eq!(
        (
            &confirmed["status"],
            &confirmed["late_payment"]["resolution"]
        ),
        (&json!("confirmed"), &json!("same_seats"))
    );
    assert_eq!(trip::counters(&pool, flight).await, (0, 1));
    assert_eq!(ticketed(&pool).await, (1, 2, 2));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn of_two_late_payers_for_one_seat_one_flies_and_one_has_the_money_back(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let (first, second) = (client.book().await, client.book().await);
    open(&client, &first).await;
    let one = paid(&session(&app, &pool).await);
    open(&client, &second).await;
    let two = paid(&session(&app, &pool).await);
    app.clock.advance(Duration::minutes(33));
    booking::sweep_due(&pool, &app.clock).await.unwrap();
    trip::leave_seats(&pool, flight, 1).await;
    let (one, two) = tokio::join!(settle(&app, &one), settle(&app, &two));
    assert!(
        [
            (Settlement::ConfirmedLate, Settlement::Refunding),
            (Settlement::Refunding, Settlement::ConfirmedLate)
        ]
        .contains(&(one, two)),
        "{one:?} {two:?}"
    );
    assert_eq!(trip::counters(&pool, flight).await, (0, 1));
    assert_eq!(ticketed(&pool).await, (1, 2, 2));
    assert_eq!(
        trip::count(
            &pool,
            "select count(*) from refund where reason = 'late_payment'"
        )
        .await,
        1
    );
    assert_eq!(
        trip::count(
            &pool,
            "select count(*) from outbox where kind = 'create_refund'"
        )
        .await,
        1
    );
    assert_eq!(trip::count(&pool, "select count(*) from booking where late_payment_resolution = 'refunded' and status = 'expired'").await, 1);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn money_for_a_cancelled_booking_goes_back(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    open(&client, &booking).await;
    let paid = paid(&session(&app, &pool).await);
    client
        .post(
            &format!("/v1/bookings/{}/cancellations", trip::reference(&booking)),
            &json!({}),
        )
        .await;
    assert_eq!(settle(&app, &paid).await, Settlement::Refunding);
    let view = client.booking(&booking).await;
    assert_eq!(
        (&view["status"], &view["payment"]["amount_refunded"]),
        (&json!("cancelled"), &booking["price"]["total"])
    );
    assert_eq!(
        (trip::counters(&pool, flight).await, ticketed(&pool).await),
        ((0, 0), (0, 0, 0))
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_window_to_pay_closes_75_minutes_after_booking(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    // Each page closes 31 minutes after it was opened, and takes the booking's deadline along.
    for (minutes, due) in [(10, "2026-11-20T12:41:00Z"), (30, "2026-11-20T13:11:00Z")] {
        app.clock.advance(Duration::minutes(minutes));
        open(&client, &booking).await;
        assert_eq!(client.booking(&booking).await["payment_due_at"], due);
        close_page(&app).await;
    }
    app.clock.advance(Duration::minutes(5));
    assert_eq!(
        client.open_payment(&booking).await.problem(),
        (409, "payment_window_closed")
    );
}

/// Ends the open payment as if Stripe had refused it.
async fn close_page(app: &TestApp) {
    let mut conn = app.app.db.acquire().await.unwrap();
    let id = sqlx::query_scalar("select id from payment where status = 'open'")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    payment::refuse(&mut conn, &app.clock, id).await.unwrap();
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_return_address_elsewhere_is_refused(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start_with(pool, |settings, _| {
        settings.stripe.return_url_origins = vec!["https://shop.example".into()];
    })
    .await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    let path = format!("/v1/bookings/{}/payment", trip::reference(&booking));
    let wrong = client.post(&path, &json!({ "success_url": "https://evil.example/x", "cancel_url": "javascript:alert(1)" })).await;
    assert_eq!(
        wrong.wrong_fields(),
        ["success_url: not_allowed", "cancel_url: not_allowed"]
    );
    // One reader's host is another's user name.
    for ambiguous in [
        "https://shop.example\\@evil.example/",
        "https://shop.example/a\r\nb",
        "https://shop.example/ b",
    ] {
        let wrong = client
            .post(&path, &json!({ "success_url": ambiguous }))
            .await;
        assert_eq!(wrong.wrong_fields(), ["success_url: not_allowed"]);
    }
    let right = client
        .post(
            &path,
            &json!({ "success_url": "https://shop.example/thanks" }),
        )
        .await;
    assert_eq!(right.status, StatusCode::CREATED, "{right:?}");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn another_accounts_booking_cannot_be_read_paid_or_cancelled(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let (client, other) = (app.sign_up().await, app.sign_up().await);
    let booking = client.book().await;
    let path = format!("/v1/bookings/{}", trip::reference(&booking));
    assert_eq!(other.get(&path).await.problem(), (404, "not_found"));
    assert_eq!(
        other.open_payment(&booking).await.problem(),
        (404, "not_found")
    );
    assert_eq!(
        other
            .post(&format!("{path}/cancellations"), &json!({}))
            .await
            .problem(),
        (404, "not_found")
    );
    assert_eq!(other.get("/v1/bookings").await.body["data"], json!([]));
    assert_eq!(
        client.get("/v1/bookings").await.body["data"][0]["booking_ref"],
        booking["booking_ref"]
    );
}
