//! Connections to PostgreSQL are few: a request takes one for its own statements, and waits for nothing else with it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use flightdesk_core::fixtures::{AddFlight, add_flight};
use futures::future::join_all;
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use crate::payments::{deliver, pay_with};
use crate::support::{Client, Send, TestApp};
use crate::trip;

/// A pool of a process, to the database of a test.
fn pool_of(pool: &PgPool, connections: u32, patience: Duration) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(patience)
        .connect_lazy_with((*pool.connect_options()).clone())
}

/// Ten flights from Delhi to Mumbai on the 20th, ten back on the 22nd.
async fn timetable(pool: &PgPool) {
    trip::a_flight(pool).await;
    let mut conn = pool.acquire().await.unwrap();
    for index in 1..10 {
        trip::add(pool, &(101 + index).to_string(), trip::at(8 + index)).await;
    }
    for index in 0..10 {
        let flight = AddFlight {
            airline: "AI",
            number: &(201 + index).to_string(),
            origin: "BOM",
            destination: "DEL",
            departs_local: trip::at(8 + index) + chrono::Duration::days(2),
            block_minutes: 130,
            aircraft: "32N",
            base_fare_minor: 500_000,
        };
        add_flight(&mut conn, flight).await.unwrap();
    }
}

/// A search that nobody has asked for: every price is another question.
fn question(number: u32, is_round_trip: bool) -> String {
    let back = if is_round_trip {
        "&return_date=2026-12-22"
    } else {
        ""
    };
    format!(
        "/v1/flights/search?origin=DEL&destination=BOM&departure_date=2026-12-20{back}&max_price={}",
        100_000 + number
    )
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_request_never_needs_two_connections(pool: PgPool) {
    timetable(&pool).await;
    let one = pool_of(&pool, 1, Duration::from_secs(5));
    let app = TestApp::start_cold(one, |_, _| {}).await;
    let client = app.sign_up().await;
    let ok = |what: &str, status: u16| assert!((200..300).contains(&status), "{what}: {status}");
    for path in [
        question(1, false),
        question(2, true),
        "/v1/flights/calendar?origin=DEL&destination=BOM&departure_date=2026-12-20".to_owned(),
        "/v1/airports?q=del".to_owned(),
        "/v1/airports/DEL".to_owned(),
        "/v1/airlines".to_owned(),
        "/v1/aircraft".to_owned(),
        "/v1/account".to_owned(),
        "/v1/api-keys".to_owned(),
    ] {
        ok(&path, client.get(&path).await.status.as_u16());
    }
    let found = client.get(&question(3, true)).await.body;
    let offers = ["departing", "returning"].map(|way| found[way]["offers"][0]["offer_id"].clone());
    let flight = &found["departing"]["offers"][0]["flights"][0]["flight_id"];
    let flight = flight.as_str().unwrap();
    for path in [
        format!("/v1/flights/{flight}"),
        format!("/v1/flights/{flight}/seat-map"),
    ] {
        ok(&path, client.get(&path).await.status.as_u16());
    }
    let held = client.post("/v1/holds", &json!({ "offers": offers })).await;
    ok("hold", held.status.as_u16());
    let body = trip::booking_of(&held.body);
    let booked = client.post_once("/v1/bookings", "once", &body).await;
    ok("booking", booked.status.as_u16());
    let reference = trip::reference(&booked.body);
    let phone = json!({ "contact": { "email": "asha@example.com", "phone": "+919876543211" } });
    let path = format!("/v1/bookings/{reference}");
    ok("patch", client.patch(&path, &phone).await.status.as_u16());
    let coupon = json!({ "code": "NOSUCH", "hold_id": held.body["id"] });
    let validated = client.post("/v1/coupons/validate", &coupon).await;
    assert!(validated.status.as_u16() < 500, "{validated:?}");
    let page = client.open_payment(&booked.body).await;
    ok("payment", page.status.as_u16());
    pay_with(
        &app,
        page.body["checkout_url"].as_str().unwrap(),
        "4242424242424242",
    )
    .await;
    deliver(&app, |events| events).await;
    for path in ["", "/documents", "/ledger"] {
        let path = format!("/v1/bookings/{reference}{path}");
        ok(&path, client.get(&path).await.status.as_u16());
    }
    assert_eq!(client.booking(&booked.body).await["status"], "confirmed");
}

/// Each client asks something new, a few of them twice; the booking and readiness of somebody else meanwhile.
async fn load(app: &TestApp, client: &Client<'_>, next: &AtomicU32, clients: u32) {
    let searching = join_all((0..clients).map(|index| async move {
        let rounds = if clients > 16 { 1 } else { 2 };
        for round in 0..rounds {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let is_round_trip = (index + round) % 2 == 0;
            let found = client.get(&question(number, is_round_trip)).await;
            assert_eq!(found.status, 200, "{clients} clients: {found:?}");
            assert_eq!(found.header("x-cache"), "miss");
            let first = if is_round_trip {
                &found.body["departing"]
            } else {
                &found.body
            };
            assert_eq!(first["total"], 10);
        }
    }));
    let others = async {
        let booked = client.book().await;
        assert_eq!(booked["status"], "pending_payment");
        let ready = app
            .request(Method::GET, "/health/ready")
            .answer()
            .await
            .body;
        let checks = ready["checks"].as_array().unwrap();
        let status = |name: &str| {
            let check: Option<&Value> = checks.iter().find(|check| check["name"] == name);
            check.unwrap()["status"].clone()
        };
        assert_eq!(status("database"), "ok", "{ready}");
        assert_eq!(status("timetable"), "ok", "{ready}");
    };
    futures::future::join(searching, others).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn first_asked_searches_are_answered_however_few_the_connections(pool: PgPool) {
    timetable(&pool).await;
    let next = AtomicU32::new(0);
    for connections in [2, 10] {
        for has_redis in [true, false] {
            for clients in [16, 64, 200] {
                let few = pool_of(&pool, connections, Duration::from_secs(10));
                let app = TestApp::start_cold(few, |settings, _| {
                    if !has_redis {
                        // A port that nobody listens on.
                        settings.redis.redis_url = SecretString::from("redis://127.0.0.1:1");
                    }
                })
                .await;
                let client = app.sign_up().await;
                load(&app, &client, &next, clients).await;
            }
        }
    }
}
