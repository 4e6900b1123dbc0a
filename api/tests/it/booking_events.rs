//! The timeline of a booking: for each kind of event, what leads to it over HTTP, and exactly what is recorded.

use std::process::Command;

use chrono::Duration;
use flightdesk_core::booking_event::Kind;
use flightdesk_core::ids::{DocumentId, RefundId};
use flightdesk_core::money::{Currency, Money};
use flightdesk_core::outbox::RenderDocument;
use flightdesk_core::payment::stripe::{CheckoutSession, StripeRefund, StripeRefundStatus};
use flightdesk_core::payment::{self, Settlement};
use flightdesk_core::{booking, document, reminder};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, PgPool};

use crate::changes;
use crate::consistent::assert_consistent;
use crate::contract::DOCUMENT;
use crate::coupons::coupon;
use crate::payments::{deliver, open, paid, pay_with, session, settle};
use crate::seat_swaps::{SMALL, mails, swap};
use crate::seats::{buy, change, hold_seats, pay, seats_of};
use crate::support::{Client, Send, TestApp};
use crate::trip::{self, passenger, reference};

/// Everything recorded of a booking, oldest first.
async fn events(client: &Client<'_>, booking: &Value) -> Vec<Value> {
    let path = format!("/v1/bookings/{}/events?limit=100", reference(booking));
    let answer = client.get(&path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["next_cursor"], Value::Null);
    answer.body["data"].as_array().unwrap().clone()
}

/// The same as `kind by actor`.
async fn timeline(client: &Client<'_>, booking: &Value) -> Vec<String> {
    let events = events(client, booking).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let line = |event: &Value| format!("{} by {}", text(&event["kind"]), text(&event["actor"]));
    events.iter().map(line).collect()
}

/// The details of the newest event, which is of a kind.
async fn newest(client: &Client<'_>, booking: &Value, kind: &str) -> Value {
    let event = events(client, booking).await.pop().unwrap();
    assert_eq!(event["kind"], kind, "{event}");
    event["details"].clone()
}

/// Makes every document of a booking ready, as a worker does.
async fn render(client: &Client<'_>, booking: &Value) -> Vec<Value> {
    let app = client.app;
    let mut ids = Vec::new();
    for document in client.booking(booking).await["documents"]
        .as_array()
        .unwrap()
    {
        let id = document["id"].as_str().unwrap().parse().unwrap();
        let job = RenderDocument {
            document_id: DocumentId(id),
            revision: document["revision"].as_i64().unwrap().try_into().unwrap(),
        };
        let mut tx = app.app.db.begin().await.unwrap();
        document::mark_rendering(&mut tx, &job).await.unwrap();
        let ready = document::mark_ready(&mut tx, &app.clock, &job, b"%PDF-1.3").await;
        ready.unwrap();
        tx.commit().await.unwrap();
        ids.push(document["id"].clone());
    }
    ids
}

fn rupees(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "INR" })
}

#[test]
fn the_document_names_every_kind() {
    let kinds: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    let named = &DOCUMENT["components"]["schemas"]["BookingEventKind"]["enum"];
    assert_eq!(named, &json!(kinds));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_booking_that_is_paid_and_ticketed_says_who_did_it_in_which_request(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let hold = client.hold(1).await;
    let booked = client
        .request(Method::POST, "/v1/bookings")
        .header("X-Request-Id", "the-booking")
        .json(&trip::booking_of(&hold))
        .answer()
        .await;
    let booking = booked.body;
    let page = open(&client, &booking).await;
    let card = "4242 4242 4242 4242";
    pay_with(&app, page["checkout_url"].as_str().unwrap(), card).await;
    // Heard twice, recorded once.
    deliver(&app, |events| [events.clone(), events].concat()).await;
    let ids = render(&client, &booking).await;

    let events = events(&client, &booking).await;
    let total = &booking["price"]["total"];
    let key: uuid::Uuid = sqlx::query_scalar("select id from api_key")
        .fetch_one(&pool)
        .await
        .unwrap();
    let shown: Vec<_> = events
        .iter()
        .map(|event| {
            (
                &event["kind"],
                &event["actor"],
                &event["api_key_id"],
                &event["details"],
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (
                &json!("held"),
                &json!("account"),
                &json!(key),
                &json!({ "version": 1, "status": { "to": "pending_payment" }, "total": total, "payment_due_at": "2026-11-20T12:15:00Z" }),
            ),
            (
                &json!("confirmed"),
                &json!("stripe"),
                &Value::Null,
                &json!({ "version": 1, "status": { "from": "pending_payment", "to": "confirmed" }, "total": { "from": total, "to": total } }),
            ),
            (
                &json!("documents_ready"),
                &json!("system"),
                &Value::Null,
                &json!({ "version": 1, "revision": 1, "document_ids": ids }),
            ),
        ]
    );
    assert_eq!(events[0]["request_id"], "the-booking");
    assert!(events[1]["request_id"].is_string(), "the webhook's");
    assert_ne!(events[1]["request_id"], "the-booking");
    assert_eq!(events[0]["occurred_at"], "2026-11-20T12:00:00Z");
    for (mail, times) in [
        ("booking_held", 1),
        ("booking_confirmed", 1),
        ("tickets_changed", 0),
    ] {
        assert_eq!(mails(&pool, mail).await, times, "{mail}");
    }
    let texts = "select count(*) from outbox where kind = 'send_sms'";
    assert_eq!(trip::count(&pool, texts).await, 1);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_timeline_has_pages_and_belongs_to_its_account(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, other) = (app.sign_up().await, app.sign_up().await);
    let people = [passenger("Mai", "1990-05-17")];
    let booking = buy(&app, &pool, &client, &people).await;
    change(&client, &booking, &[(0, "5A")]).await;
    let path = format!("/v1/bookings/{}/events", reference(&booking));
    let first = client.get(&format!("{path}?limit=2")).await.body;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = client
        .get(&format!("{path}?limit=2&cursor={cursor}"))
        .await
        .body;
    let kinds = |page: &Value| -> Vec<Value> {
        let events = page["data"].as_array().unwrap().iter();
        events.map(|event| event["kind"].clone()).collect()
    };
    assert_eq!(kinds(&first), ["held", "confirmed"]);
    assert_eq!(kinds(&second), ["seats_changed"]);
    assert_eq!(second["next_cursor"], Value::Null);
    assert_eq!(other.get(&path).await.problem(), (404, "not_found"));
    let unknown = client.get("/v1/bookings/ABCDEF/events").await;
    assert_eq!(unknown.problem(), (404, "not_found"));
    let wrong = client.get(&format!("{path}?limit=0")).await;
    assert_eq!(wrong.problem().0, 422);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_unpaid_booking_is_cancelled_by_its_account_or_expires_by_itself(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let (cancelled, expired) = (client.book().await, client.book().await);
    let path = format!("/v1/bookings/{}/cancellations", reference(&cancelled));
    for _ in 0..2 {
        client.post(&path, &json!({})).await;
    }
    let begun = "held by account";
    assert_eq!(
        timeline(&client, &cancelled).await,
        [begun, "cancelled by account"]
    );
    let total = &cancelled["price"]["total"];
    assert_eq!(
        newest(&client, &cancelled, "cancelled").await,
        json!({ "version": 1, "status": { "from": "pending_payment", "to": "cancelled" }, "total": total })
    );
    app.clock.advance(Duration::minutes(16));
    assert_eq!(booking::sweep_due(&pool, &app.clock).await.unwrap(), 1);
    assert_eq!(booking::sweep_due(&pool, &app.clock).await.unwrap(), 0);
    assert_eq!(
        timeline(&client, &expired).await,
        [begun, "expired by system"]
    );
    for mail in ["booking_cancelled", "booking_expired"] {
        assert_eq!(mails(&pool, mail).await, 1, "{mail}");
    }
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn late_money_confirms_what_expired_or_goes_back(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let mut late = Vec::new();
    for _ in 0..2 {
        let booking = client.book().await;
        open(&client, &booking).await;
        late.push((booking, paid(&session(&app, &pool).await)));
    }
    app.clock.advance(Duration::minutes(33));
    assert_eq!(booking::sweep_due(&pool, &app.clock).await.unwrap(), 2);
    trip::leave_seats(&pool, flight, 1).await;
    let [(first, one), (second, two)] = &late[..] else {
        panic!("two bookings");
    };
    assert_eq!(settle(&app, one).await, Settlement::ConfirmedLate);
    assert_eq!(settle(&app, two).await, Settlement::Refunding);
    for session in [one, two] {
        assert_eq!(settle(&app, session).await, Settlement::AlreadySettled);
    }
    assert_eq!(
        timeline(&client, first).await,
        [
            "held by account",
            "expired by system",
            "confirmed by system"
        ]
    );
    let confirmed = newest(&client, first, "confirmed").await;
    assert_eq!(
        (&confirmed["status"]["from"], &confirmed["late_payment"]),
        (&json!("expired"), &json!("same_seats"))
    );
    assert_eq!(
        timeline(&client, second).await,
        [
            "held by account",
            "expired by system",
            "refund_promised by system"
        ]
    );
    let promised = newest(&client, second, "refund_promised").await;
    assert_eq!(
        (&promised["cause"], &promised["amount"]),
        (&json!("late_payment"), &second["price"]["total"])
    );
    for (mail, times) in [("late_payment_refunded", 1), ("money_returned", 0)] {
        assert_eq!(mails(&pool, mail).await, times, "{mail}");
    }
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_change_names_its_parts_and_both_prices_and_one_that_pays_everything_confirms(
    pool: PgPool,
) {
    trip::a_flight(&pool).await;
    // Fares alone are discounted: without charges nothing is left to pay.
    let untaxed = "delete from tax_rule";
    sqlx::query(untaxed).execute(&pool).await.unwrap();
    coupon(&pool, "HALF", "amount = 50").await;
    coupon(&pool, "FREE", "amount = 100").await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    let path = format!("/v1/bookings/{}", reference(&booking));
    let patch = async |body: Value| {
        let changed = client.patch(&path, &body).await;
        assert_eq!(changed.status, 200, "{changed:?}");
    };
    let (whole, half) = (booking["price"]["total"].clone(), rupees("3000.00"));
    assert_eq!(whole, rupees("6000.00"));

    // Nothing is another: nobody is told.
    patch(json!({ "contact": trip::contact() })).await;
    assert_eq!(
        newest(&client, &booking, "changed").await["parts"],
        json!(["contact"])
    );
    assert_eq!(mails(&pool, "booking_changed").await, 0);
    // A patch of nothing is none.
    patch(json!({})).await;
    patch(json!({ "coupon": "HALF", "expected_total": half })).await;
    let mut changed = newest(&client, &booking, "changed").await;
    assert!(changed["change_id"].is_string());
    changed.as_object_mut().unwrap().remove("change_id");
    assert_eq!(
        changed,
        json!({ "version": 1, "parts": ["coupon"], "total": { "from": whole, "to": half } })
    );
    assert_eq!(mails(&pool, "booking_changed").await, 1);
    patch(json!({ "coupon": "FREE", "expected_total": rupees("0.00") })).await;
    let [held, change] = ["held by account", "changed by account"];
    assert_eq!(
        timeline(&client, &booking).await,
        [held, change, change, change, "confirmed by account"]
    );
    assert_eq!(mails(&pool, "booking_changed").await, 1);

    // What costs nothing is confirmed at once, and no mail asks for its money.
    let told = mails(&pool, "booking_held").await;
    let mut body = trip::booking_of(&client.hold(1).await);
    body["coupon"] = json!("FREE");
    sqlx::query("update coupon set max_uses_per_account = null")
        .execute(&pool)
        .await
        .unwrap();
    let free = client.post("/v1/bookings", &body).await.body;
    assert_eq!(
        timeline(&client, &free).await,
        [held, "confirmed by account"]
    );
    assert_eq!(mails(&pool, "booking_held").await, told);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn seats_of_a_paid_booking_change_and_its_tickets_are_ready_again(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = buy(&app, &pool, &client, &[passenger("Mai", "1990-05-17")]).await;
    let first = seats_of(&booking).remove(0);
    render(&client, &booking).await;
    change(&client, &booking, &[(0, "5A")]).await;
    let mai = &booking["passengers"][0]["id"];
    let moved = |from: &str, to: &str| json!([{ "passenger_id": mai, "flight_id": flight.0, "from": from, "to": to }]);
    assert_eq!(
        newest(&client, &booking, "seats_changed").await,
        json!({ "version": 1, "seats": moved(&first, "5A") })
    );
    render(&client, &booking).await;
    // It waits for its money, and nothing has happened yet.
    let waiting = change(&client, &booking, &[(0, "2B")]).await;
    assert_eq!(waiting.body["seat_change"]["amount"], rupees("600.00"));
    assert_eq!(
        newest(&client, &booking, "documents_ready").await["revision"],
        2
    );
    pay(&app, &pool, &client, &booking).await;
    let mut changed = newest(&client, &booking, "seats_changed").await;
    assert!(changed["seat_change_id"].is_string());
    changed.as_object_mut().unwrap().remove("seat_change_id");
    assert_eq!(
        changed,
        json!({ "version": 1, "amount": rupees("600.00"), "seats": moved("5A", "2B") })
    );
    render(&client, &booking).await;
    assert_eq!(
        timeline(&client, &booking).await,
        [
            "held by account",
            "confirmed by system",
            "documents_ready by system",
            "seats_changed by account",
            "documents_ready by system",
            "seats_changed by system",
            "documents_ready by system",
        ]
    );
    for (mail, times) in [("booking_confirmed", 1), ("tickets_changed", 2)] {
        assert_eq!(mails(&pool, mail).await, times, "{mail}");
    }
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn other_flights_are_an_event_and_so_is_a_change_that_another_aircraft_ended(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let later = trip::add(&pool, "201", trip::at(12)).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let mai = buy(&app, &pool, &client, &[passenger("Mai", "1990-05-17")]).await;
    change(&client, &mai, &[(0, "2B")]).await;
    pay(&app, &pool, &client, &mai).await;
    // It waits with the paid seat, which the aircraft that flies instead does not have.
    let dearer = client
        .offer_at(&[later], trip::adults(1), "flex", 900_000)
        .await;
    let waiting = changes::change(&client, &mai, &json!({ "offer": dearer })).await;
    assert!(waiting["flight_change"].is_object());
    let url = pool.connect_options().to_url_lossy().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_manage"))
        .args(["seats", "swap-aircraft", "AI", "201", "2026-12-20", SMALL])
        .env("DATABASE_URL", &url)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let lost = newest(&client, &mai, "flight_change_lost").await;
    assert!(lost["change_id"].is_string());
    assert_eq!(mails(&pool, "flights_not_changed").await, 1);
    assert_consistent(&pool).await;

    let cheaper = client
        .offer_at(&[later], trip::adults(1), "standard", 100_000)
        .await;
    changes::change(&client, &mai, &json!({ "offer": cheaper })).await;
    let changed = newest(&client, &mai, "flights_changed").await;
    assert_eq!(
        changed["directions"],
        json!([{ "direction": "departing", "flight_ids": { "from": [flight.0], "to": [later.0] } }])
    );
    assert!(changed["total"]["from"].is_object() && changed["total"]["to"].is_object());
    assert_eq!(mails(&pool, "flights_changed").await, 1);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn another_aircraft_is_an_event_of_who_loses_a_seat_or_waits_for_one(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    // Mai waits for 2B, Linh has paid for 3B, somebody else has named 1B and not paid, and An sits where every aircraft has a seat.
    let mai = buy(&app, &pool, &client, &[passenger("Mai", "1990-05-17")]).await;
    change(&client, &mai, &[(0, "5A")]).await;
    let waiting = change(&client, &mai, &[(0, "2B")]).await;
    open(&client, &mai).await;
    let money = paid(&session(&app, &pool).await);
    let linh = buy(&app, &pool, &client, &[passenger("Linh", "1990-05-17")]).await;
    change(&client, &linh, &[(0, "3B")]).await;
    pay(&app, &pool, &client, &linh).await;
    let held = hold_seats(&client, flight, "standard", &["1B"]).await;
    let unpaid = trip::booking_of(&held.body);
    let unpaid = client.post("/v1/bookings", &unpaid).await.body;
    let an = buy(&app, &pool, &client, &[passenger("An", "1990-05-17")]).await;
    change(&client, &an, &[(0, "6A")]).await;

    let url = pool.connect_options().to_url_lossy().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_manage"))
        .args(["seats", "swap-aircraft", "AI", "101", "2026-12-20", SMALL])
        .env("DATABASE_URL", &url)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");

    let [begun, sold, seats] = [
        "held by account",
        "confirmed by system",
        "seats_changed by account",
    ];
    assert_eq!(
        timeline(&client, &mai).await,
        [begun, sold, seats, "seat_change_lost by staff"]
    );
    assert_eq!(
        newest(&client, &mai, "seat_change_lost").await,
        json!({ "version": 1, "seat_change_id": lost_change(&pool).await, "reason": "seats_gone" })
    );
    assert!(waiting.body["seat_change"].is_object());
    assert_eq!(settle(&app, &money).await, Settlement::Refunding);
    let gone = newest(&client, &mai, "refund_promised").await;
    assert_eq!(gone["cause"], "seats_gone");

    assert_eq!(
        timeline(&client, &linh).await,
        [
            begun,
            sold,
            "seats_changed by system",
            "aircraft_changed by staff",
            "refund_promised by staff"
        ]
    );
    assert_eq!(
        newest(&client, &linh, "refund_promised").await["cause"],
        "seat_swap"
    );
    let now = seats_of(&client.booking(&linh).await).remove(0);
    let was = &linh["passengers"][0]["id"];
    assert_eq!(
        events(&client, &linh).await[3]["details"],
        json!({
            "version": 1, "flight_id": flight.0, "aircraft": { "from": "32N", "to": SMALL },
            "seats": [{ "passenger_id": was, "flight_id": flight.0, "from": "3B", "to": now }],
        })
    );

    assert_eq!(
        timeline(&client, &unpaid).await,
        [begun, "aircraft_changed by staff"]
    );
    let lost = newest(&client, &unpaid, "aircraft_changed").await;
    assert_eq!(
        (&lost["seats"][0]["from"], &lost["seats"][0]["to"]),
        (&json!("1B"), &Value::Null)
    );
    assert_eq!(timeline(&client, &an).await, [begun, sold, seats]);
    // The same aircraft again changes nothing.
    swap(&app, &pool, flight, SMALL).await;
    assert_eq!(timeline(&client, &linh).await.len(), 5);
    for (mail, times) in [("seats_not_changed", 1), ("money_returned", 1)] {
        assert_eq!(mails(&pool, mail).await, times, "{mail}");
    }
    assert_consistent(&pool).await;
}

async fn lost_change(pool: &PgPool) -> uuid::Uuid {
    sqlx::query_scalar("select id from booking_change where status = 'expired'")
        .fetch_one(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn money_that_was_not_asked_for_goes_back_and_the_bank_may_send_it_back(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    open(&client, &booking).await;
    let asked = session(&app, &pool).await;
    let cheap = CheckoutSession {
        amount: Some(Money::new(100, Currency::INR)),
        ..paid(&asked)
    };
    assert_eq!(settle(&app, &cheap).await, Settlement::Mismatch);
    assert_eq!(settle(&app, &cheap).await, Settlement::Mismatch);
    let promised = newest(&client, &booking, "refund_promised").await;
    let payment: uuid::Uuid =
        sqlx::query_scalar("select id from payment where status = 'mismatched'")
            .fetch_one(&pool)
            .await
            .unwrap();
    let (refund, one) = (&promised["refund_id"], rupees("1.00"));
    assert_eq!(
        promised,
        json!({ "version": 1, "refund_id": refund, "payment_id": payment, "amount": one, "cause": "mismatched_payment" })
    );
    let id = RefundId(refund.as_str().unwrap().parse().unwrap());
    for status in [
        StripeRefundStatus::Pending,
        StripeRefundStatus::Succeeded,
        StripeRefundStatus::Succeeded,
        StripeRefundStatus::Failed,
        StripeRefundStatus::Failed,
    ] {
        let said = StripeRefund {
            id: "re_1".into(),
            status,
            failure: None,
            refund_id: Some(id),
            payment_intent: None,
            amount: Money::new(100, Currency::INR),
        };
        let mut tx = app.app.db.begin().await.unwrap();
        let settled = payment::settle_refund(&mut tx, &app.clock, &said).await;
        assert!(settled.unwrap());
        tx.commit().await.unwrap();
    }
    assert_eq!(
        timeline(&client, &booking).await,
        [
            "held by account",
            "refund_promised by system",
            "refund_paid by system",
            "refund_failed by system",
        ]
    );
    assert_eq!(
        newest(&client, &booking, "refund_failed").await,
        json!({ "version": 1, "refund_id": refund, "amount": one })
    );
    assert_eq!(mails(&pool, "money_returned").await, 1);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_departure_within_a_day_is_recorded_once(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    pay(&app, &pool, &client, &booking).await;
    // The flight leaves on 20 December at 02:30 UTC.
    for (days, promised) in [(28, 0), (1, 1), (0, 0)] {
        app.clock.advance(Duration::days(days));
        let mut tx = pool.begin().await.unwrap();
        let due = reminder::promise_due(&mut tx, &app.clock).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(due, promised);
    }
    assert_eq!(
        timeline(&client, &booking).await,
        [
            "held by account",
            "confirmed by system",
            "departure_near by system"
        ]
    );
    assert_eq!(
        newest(&client, &booking, "departure_near").await,
        json!({ "version": 1, "direction": "departing" })
    );
    assert_eq!(mails(&pool, "departure_reminder").await, 1);
    assert_consistent(&pool).await;
}
