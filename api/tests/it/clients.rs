//! What programs that call us rely on: causes of errors told apart, `Location`, compressed answers, filters of lists,
//! words that the document and the database have in common.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::Duration;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::contract::DOCUMENT;
use crate::support::{Send, TestApp, sign_up_form};
use crate::trip;

fn detail(answer: &crate::support::Answer) -> &str {
    answer.body["detail"].as_str().unwrap()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn each_cause_of_401_is_told_apart(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let in_an_hour = app.clock.now() + Duration::hours(1);
    let short = client
        .post(
            "/v1/api-keys",
            &json!({ "name": "short", "expires_at": in_an_hour }),
        )
        .await;
    let revoked = client
        .post("/v1/api-keys", &json!({ "name": "revoked" }))
        .await;
    let path = format!("/v1/api-keys/{}", revoked.body["id"].as_str().unwrap());
    assert_eq!(client.delete(&path).await.status, 204);
    app.clock.advance(Duration::hours(2));
    let key = |answer: &crate::support::Answer| answer.body["key"].as_str().unwrap().to_owned();
    let unknown = format!("fd_test_{}", "A".repeat(43));
    for (key, says) in [
        (
            None,
            "No API key was sent: put it into the `X-API-Key` header.",
        ),
        (
            Some("secret".to_owned()),
            "This is not an API key: a key begins with `fd_live_` or `fd_test_` and has 43 more characters.",
        ),
        (
            Some(unknown),
            "The API key is unknown: check that it was copied whole, and for this deployment.",
        ),
        (
            Some(key(&revoked)),
            "The API key was revoked: use another one.",
        ),
        (
            Some(key(&short)),
            "The API key has expired: use another one.",
        ),
    ] {
        // The second is refused before any operation is asked, for its query.
        for path in ["/v1/account", "/v1/bookings?colour=red"] {
            let mut request = app.request(Method::GET, path);
            if let Some(key) = &key {
                request = request.header("X-API-Key", key);
            }
            let answer = request.answer().await;
            assert_eq!(answer.problem(), (401, "unauthenticated"));
            assert_eq!(answer.body["title"], "Missing or invalid API key");
            assert_eq!(detail(&answer), says);
        }
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_error_says_what_is_wrong_first_and_why(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let broken = app
        .request(Method::POST, "/v1/accounts")
        .header("content-type", "application/json")
        .body("{\"email\": oops}")
        .answer()
        .await;
    assert_eq!(
        detail(&broken),
        "The body is not JSON: expected value at line 1, column 11."
    );
    let mut form = sign_up_form("a@example.com");
    form["email"] = json!(7);
    form["colour"] = json!("red");
    let wrong = app
        .request(Method::POST, "/v1/accounts")
        .json(&form)
        .answer()
        .await;
    assert_eq!(wrong.body["title"], "Invalid request");
    assert_eq!(
        detail(&wrong),
        "`colour` is not a field of this request (and 1 more)."
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_refused_hold_names_its_flight_as_travellers_do(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[flight], trip::adults(2)).await;
    trip::leave_seats(&pool, flight, 1).await;
    let refused = client
        .post("/v1/holds", &json!({ "offers": [offer] }))
        .await;
    assert_eq!(refused.problem(), (409, "sold_out"));
    assert_eq!(
        detail(&refused),
        "Flight AI 101 on 20 December 2026 has too few seats left in this cabin."
    );
    assert_eq!(refused.body["flight_id"], flight.0.to_string());
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn what_is_created_has_a_location_that_leads_to_it_also_when_it_is_replayed(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let signed_up = app
        .request(Method::POST, "/v1/accounts")
        .json(&sign_up_form("locations@example.com"))
        .answer()
        .await;
    assert_eq!(signed_up.header("location"), "/v1/account");
    let client = app.sign_up().await;
    let key = client
        .post("/v1/api-keys", &json!({ "name": "another" }))
        .await;
    let path = format!("/v1/api-keys/{}", key.body["id"].as_str().unwrap());
    assert_eq!(key.header("location"), path);
    let offer = client.offer_of(&[flight], trip::adults(1)).await;
    let hold = client
        .post("/v1/holds", &json!({ "offers": [offer] }))
        .await;
    let found = client.get(hold.header("location")).await;
    assert_eq!(found.body["id"], hold.body["id"]);
    let body = json!({
        "hold_id": hold.body["id"],
        "passengers": [trip::passenger("Linh", "1990-05-17")],
        "contact": trip::contact(),
    });
    let booked = client.post_once("/v1/bookings", "once", &body).await;
    let replayed = client.post_once("/v1/bookings", "once", &body).await;
    assert_eq!(replayed.header("idempotent-replayed"), "true");
    for answer in [&booked, &replayed] {
        let found = client.get(answer.header("location")).await;
        assert_eq!(found.body["booking_ref"], booked.body["booking_ref"]);
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn answers_are_compressed_for_those_who_ask_but_not_those_with_secrets(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let path = "/v1/flights/search?origin=DEL&destination=BOM&departure_date=2026-12-20";
    let plain = client.get(path).await;
    assert_eq!(plain.header("vary"), "Accept-Encoding");
    assert_eq!(plain.header("content-encoding"), "");
    let total = &plain.body["total"];
    for (accepted, coding) in [("gzip, br", "br"), ("gzip", "gzip")] {
        let request = client.request(Method::GET, path);
        let answer = request
            .header("Accept-Encoding", accepted)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.headers()["content-encoding"], coding);
        let bytes = answer.bytes().await.unwrap();
        assert!(bytes.len() * 2 < plain.text.len(), "{}", bytes.len());
        let mut text = String::new();
        match coding {
            "br" => brotli::Decompressor::new(&bytes[..], 4096).read_to_string(&mut text),
            _ => flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text),
        }
        .unwrap();
        let body: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(&body["total"], total);
    }
    // Too small to be worth it, though it may be.
    let small = client
        .request(Method::GET, "/v1/account")
        .header("Accept-Encoding", "br");
    let small = small.answer().await;
    assert_eq!(small.header("content-encoding"), "");
    // A long name beside a new key: compressed, its length would tell of the key.
    let scopes: Vec<_> = std::iter::repeat_n("search", 2).collect();
    let secret = client
        .request(Method::POST, "/v1/api-keys")
        .header("Accept-Encoding", "br")
        .json(&json!({ "name": "n".repeat(100), "scopes": scopes }));
    let secret = secret.answer().await;
    assert_eq!(secret.header("content-encoding"), "");
    assert_eq!(secret.header("vary"), "");
    let head = client
        .request(Method::HEAD, path)
        .header("Accept-Encoding", "br");
    assert!(
        head.send()
            .await
            .unwrap()
            .headers()
            .get("content-encoding")
            .is_none()
    );
}

/// Counts the statements that this thread, and so all of a test, sends.
#[derive(Clone, Default)]
struct Statements(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn bookings_are_found_by_what_people_know_and_a_page_of_many_takes_no_more_statements(
    pool: PgPool,
) {
    let first = trip::a_flight(&pool).await;
    let next_day = trip::add(&pool, "103", trip::at(8) + Duration::days(1)).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let mut references = Vec::new();
    for (flight, name, email) in [
        (first, "An", "an@example.com"),
        (first, "Binh", "binh@example.com"),
        (next_day, "Chi", "Chi@example.com"),
    ] {
        let offer = client.offer_of(&[flight], trip::adults(1)).await;
        let body = json!({
            "offers": [offer],
            "passengers": [trip::passenger(name, "1990-05-17")],
            "contact": { "email": email, "phone": "+919876543210" },
        });
        let booked = client.post("/v1/bookings", &body).await;
        assert_eq!(booked.status, 201, "{booked:?}");
        references.push(booked.body["booking_ref"].as_str().unwrap().to_owned());
        app.clock.advance(Duration::days(1));
    }
    let path = format!("/v1/bookings/{}/cancellations", references[1]);
    assert_eq!(client.post(&path, &json!({})).await.status, 200);
    let (an, binh, chi) = (&references[0], &references[1], &references[2]);
    for (filter, expected) in [
        (String::new(), vec![chi, binh, an]),
        ("status=cancelled".to_owned(), vec![binh]),
        ("status=pending_payment".to_owned(), vec![chi, an]),
        (format!("booking_ref={an}"), vec![an]),
        ("email=chi@EXAMPLE.com".to_owned(), vec![chi]),
        ("booked_from=2026-11-21".to_owned(), vec![chi, binh]),
        ("booked_until=2026-11-20".to_owned(), vec![an]),
        ("departing_from=2026-12-21".to_owned(), vec![chi]),
        ("departing_until=2026-12-20&limit=1".to_owned(), vec![binh]),
        (
            "booked_from=2026-11-21&email=an@example.com".to_owned(),
            vec![],
        ),
    ] {
        let found = client.get(&format!("/v1/bookings?{filter}")).await;
        let found: Vec<_> = found.body["data"]
            .as_array()
            .unwrap_or_else(|| panic!("{found:?}"))
            .iter()
            .map(|booking| booking["booking_ref"].as_str().unwrap())
            .collect();
        assert_eq!(found, expected, "{filter}");
    }
    let wrong = client
        .get("/v1/bookings?status=lost&booked_from=2026-02-30&booking_ref=%C3%A9&limit=0")
        .await;
    assert_eq!(
        wrong.wrong_fields(),
        [
            "booked_from: format",
            "limit: minimum",
            "status: enum",
            "booking_ref: format"
        ]
    );

    let statements = Statements::default();
    let counted = tracing_subscriber::registry().with(statements.clone());
    let _guard = tracing::subscriber::set_default(counted);
    let mut counts = Vec::new();
    for limit in [1, 3] {
        let before = statements.0.load(Ordering::Relaxed);
        let page = client.get(&format!("/v1/bookings?limit={limit}")).await;
        assert_eq!(page.body["data"].as_array().unwrap().len(), limit);
        counts.push(statements.0.load(Ordering::Relaxed) - before);
    }
    assert_eq!(
        counts[0], counts[1],
        "a page of three takes more than one of one"
    );
    assert!((5..=13).contains(&counts[0]), "{counts:?}");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_enums_of_the_document_are_the_words_of_the_database(pool: PgPool) {
    let checks: Vec<(String, String)> = sqlx::query_as(
        "select conrelid::regclass::text || '.' || conname, pg_get_constraintdef(oid) from pg_constraint
         where contype = 'c' and connamespace = 'public'::regnamespace",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let of = |name: &str| -> BTreeSet<String> {
        let (_, check) = checks
            .iter()
            .find(|(known, _)| known == name)
            .unwrap_or_else(|| panic!("no {name}"));
        check
            .split('\'')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    for (schema, constraint, beside) in [
        ("AccountRole", "account.account_role_known", vec![]),
        ("Cabin", "fare_family.fare_family_cabin_known", vec![]),
        (
            "SeatChoice",
            "fare_family.fare_family_seat_choice_known",
            vec![],
        ),
        ("Direction", "direction.direction_name_known", vec![]),
        (
            "DirectionStatus",
            "direction.direction_status_known",
            vec![],
        ),
        ("DocumentKind", "document.document_kind_known", vec![]),
        ("DocumentStatus", "document.document_status_known", vec![]),
        ("BookingStatus", "booking.booking_status_known", vec![]),
        ("FlightStatus", "flight.flight_status_known", vec![]),
        ("HoldStatus", "hold.hold_status_known", vec![]),
        ("JobStatus", "outbox.outbox_status_known", vec![]),
        (
            "LatePaymentResolution",
            "booking.booking_late_payment_resolution_known",
            vec![],
        ),
        (
            "LedgerEntryKind",
            "ledger_entry.ledger_entry_kind_known",
            vec![],
        ),
        // A booking without a payment has a status all the same.
        (
            "PaymentStatus",
            "payment.payment_status_known",
            vec!["none"],
        ),
        ("PriceLineKind", "price_line.price_line_kind_known", vec![]),
        ("RefundReason", "refund.refund_reason_known", vec![]),
        ("RefundStatus", "refund.refund_status_known", vec![]),
        ("PassengerType", "passenger.passenger_type_known", vec![]),
        ("Gender", "passenger.passenger_gender_known", vec![]),
        (
            "SeatPreference",
            "passenger.passenger_seat_preference_known",
            vec![],
        ),
        (
            "SeatPosition",
            "seat_layout.seat_layout_position_known",
            vec![],
        ),
        ("SeatKind", "seat_fee.seat_fee_kind_known", vec![]),
        (
            "SeatReason",
            "passenger_seat.passenger_seat_reason_known",
            vec![],
        ),
        ("Scope", "api_key.api_key_scopes_known", vec![]),
    ] {
        let shown = DOCUMENT["components"]["schemas"][schema]["enum"].as_array();
        let shown = shown.unwrap_or_else(|| panic!("no {schema}"));
        let shown: BTreeSet<_> = shown
            .iter()
            .map(|word| word.as_str().unwrap().to_owned())
            .collect();
        let mut stored = of(constraint);
        // A seat off sale has a reason and nobody who could see it.
        let is_shown = |word: &str| !(schema == "SeatReason" && word == "blocked");
        stored.retain(|word| !word.is_empty() && word != "{}" && is_shown(word));
        stored.extend(beside.into_iter().map(str::to_owned));
        assert_eq!(shown, stored, "{schema}");
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn conditions_are_the_same_in_money_from_the_search_to_the_booking(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let path = "/v1/flights/search?origin=DEL&destination=BOM&departure_date=2026-12-20";
    let found = client.get(path).await;
    let conditions = &found.body["offers"][0]["conditions"];
    let tier = |hours: u32, amount: &str| json!({ "more_than_hours": hours, "charge": "amount", "amount": { "amount": amount, "currency": "INR" } });
    let tiers = json!([tier(168, "0.00"), tier(72, "3000.00"), tier(2, "3500.00")]);
    assert_eq!(conditions["cancellation"]["tiers"], tiers);
    assert_eq!(conditions["change"]["tiers"], tiers);
    assert_eq!(conditions["seat_choice"], "standard_free");
    assert_eq!(conditions["baggage"]["piece_kg"], 32);
    let light = client.get(&format!("/v1/flights/{flight}")).await;
    let light = &light.body["cabins"][0]["fares"][0]["conditions"];
    assert_eq!(
        light["cancellation"]["tiers"],
        json!([{ "more_than_hours": 2, "charge": "base_fare" }])
    );
    let offer = client.offer_of(&[flight], trip::adults(1)).await;
    let body = json!({
        "offers": [offer],
        "passengers": [trip::passenger("Linh", "1990-05-17")],
        "contact": trip::contact(),
    });
    let booked = client.post("/v1/bookings", &body).await;
    // What is sold later is sold otherwise; what is booked stays.
    sqlx::query(
        "update fare_family set conditions = jsonb_set(conditions, '{cancellation,tiers}', '[]')",
    )
    .execute(&pool)
    .await
    .unwrap();
    let kept = client.get(booked.header("location")).await;
    assert_eq!(&kept.body["directions"][0]["conditions"], conditions);
    let version: i32 = sqlx::query_scalar("select (conditions ->> 'version')::int from direction")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(version, 1);
}
