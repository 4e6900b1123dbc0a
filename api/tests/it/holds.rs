//! Holds: seats, caps, exact seats, expiry.

use chrono::Duration;
use flightdesk_core::{booking, hold};
use serde_json::json;
use sqlx::PgPool;

use crate::consistent::assert_consistent;
use crate::support::TestApp;
use crate::trip;

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_hold_takes_seats_and_gives_them_back(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let hold = client.hold(3).await;
    assert_eq!(trip::counters(&pool, flight).await, (3, 0));
    assert_eq!(
        (hold["status"].as_str(), hold["expires_at"].as_str()),
        (Some("open"), Some("2026-11-20T12:15:00Z"))
    );
    let path = format!("/v1/holds/{}", hold["id"].as_str().unwrap());
    assert_eq!(client.delete(&path).await.status.as_u16(), 204);
    assert_eq!(client.delete(&path).await.status.as_u16(), 204);
    assert_eq!(trip::counters(&pool, flight).await, (0, 0));
    assert_eq!(client.get(&path).await.body["status"], "released");
    let booked = client.post("/v1/bookings", &trip::booking_of(&hold)).await;
    assert_eq!(
        booked.wrong_fields(),
        ["passengers: passenger_type_mismatch"]
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_hold_that_nobody_books_ends_by_itself(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let hold = client.hold(1).await;
    app.clock
        .advance(Duration::minutes(15) - Duration::microseconds(1));
    assert_eq!(hold::sweep_due(&pool, &app.clock).await.unwrap(), 0);
    app.clock.advance(Duration::microseconds(1));
    let late = client.post("/v1/bookings", &trip::booking_of(&hold)).await;
    assert_eq!(late.problem(), (409, "hold_expired"));
    assert_eq!(hold::sweep_due(&pool, &app.clock).await.unwrap(), 1);
    assert_eq!(trip::counters(&pool, flight).await, (0, 0));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_exact_seat_is_locked_from_the_hold_on(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, other) = (app.sign_up().await, app.sign_up().await);
    let seat: (i16, String) = sqlx::query_as("select seat_row, letter from seat_layout where aircraft = '32N' and cabin = 'economy' and not exit_row order by 1, 2 limit 1").fetch_one(&pool).await.unwrap();
    let seat = format!("{}{}", seat.0, seat.1);
    let wish = |offer: &serde_json::Value, seat: &str| json!({ "offers": [offer["offer_id"]], "seats": [{ "flight_id": flight.0, "seat": seat }] });
    let held = client
        .post("/v1/holds", &wish(&client.offer(1).await, &seat))
        .await;
    assert_eq!(held.status.as_u16(), 201, "{held:?}");
    let taken = other
        .post(
            "/v1/holds",
            &wish(&other.offer(1).await, &seat.to_lowercase()),
        )
        .await;
    assert_eq!(taken.problem(), (409, "seat_taken"));
    assert!(taken.text.contains(&seat), "{taken:?}");
    assert_eq!(
        trip::counters(&pool, flight).await,
        (1, 0),
        "the refused hold left nothing"
    );
    let nowhere = other
        .post("/v1/holds", &wish(&other.offer(1).await, "99Z"))
        .await;
    assert_eq!(nowhere.wrong_fields(), ["seats[0].seat: no_such_seat"]);
    let booked = client
        .post("/v1/bookings", &trip::booking_of(&held.body))
        .await;
    assert_eq!(
        booked.body["passengers"][0]["seats"][0]["seat"],
        seat.as_str(),
        "{booked:?}"
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_account_may_not_hold_the_whole_flight(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    for _ in 0..2 {
        client.hold(10).await;
    }
    let offer = client.offer(1).await;
    let refused = client
        .post("/v1/holds", &json!({ "offers": [offer["offer_id"]] }))
        .await;
    assert_eq!(refused.problem(), (409, "too_many_held_seats"));
    assert_eq!(trip::counters(&pool, flight).await, (20, 0));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn fifty_holds_at_once_of_one_account_stop_at_its_cap(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start_with(pool.clone(), |settings, _| {
        settings.sales.max_held_seats = 1000;
        settings.sales.max_unpaid_seats = 0;
    })
    .await;
    let client = app.sign_up().await;
    let offer = client.offer(1).await;
    let body = json!({ "offers": [offer["offer_id"]] });
    let answers = futures::future::join_all((0..50).map(|_| client.post("/v1/holds", &body))).await;
    let held = answers
        .iter()
        .filter(|answer| answer.status.as_u16() == 201)
        .count();
    let refused = answers
        .iter()
        .filter(|answer| answer.status.as_u16() == 409 && answer.problem().1 == "too_many_holds")
        .count();
    assert_eq!((held, refused), (20, 30));
    assert_eq!(trip::counters(&pool, flight).await, (20, 0));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn another_accounts_hold_does_not_exist(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let (client, other) = (app.sign_up().await, app.sign_up().await);
    let hold = client.hold(1).await;
    let path = format!("/v1/holds/{}", hold["id"].as_str().unwrap());
    assert_eq!(other.get(&path).await.problem(), (404, "not_found"));
    assert_eq!(other.delete(&path).await.problem(), (404, "not_found"));
    assert_eq!(
        other
            .post("/v1/bookings", &trip::booking_of(&hold))
            .await
            .problem(),
        (404, "not_found")
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_repeated_hold_is_one_hold(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, other) = (app.sign_up().await, app.sign_up().await);
    let body = json!({ "offers": [client.offer(1).await["offer_id"]] });
    let first = client.post_once("/v1/holds", "abc", &body).await;
    let again = client.post_once("/v1/holds", "abc", &body).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!(
        (again.header("idempotent-replayed"), &again.body),
        ("true", &first.body)
    );
    assert_eq!(trip::counters(&pool, flight).await, (1, 0));
    let elsewise = client
        .post_once(
            "/v1/holds",
            "abc",
            &json!({ "offers": [client.offer(2).await["offer_id"]] }),
        )
        .await;
    assert_eq!(elsewise.problem(), (422, "idempotency_key_reused"));
    let others = other
        .post_once(
            "/v1/holds",
            "abc",
            &json!({ "offers": [other.offer(1).await["offer_id"]] }),
        )
        .await;
    assert_eq!(
        (others.status.as_u16(), others.header("idempotent-replayed")),
        (201, "")
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn one_key_at_once_from_many_clients_is_one_hold(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let body = json!({ "offers": [client.offer(1).await["offer_id"]] });
    let answers =
        futures::future::join_all((0..20).map(|_| client.post_once("/v1/holds", "same", &body)))
            .await;
    for answer in &answers {
        assert!(
            answer.status.as_u16() == 201
                || answer.problem() == (409, "idempotency_key_in_progress"),
            "{answer:?}"
        );
    }
    assert!(answers.iter().any(|answer| answer.status.as_u16() == 201));
    assert_eq!(trip::counters(&pool, flight).await, (1, 0));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_unpaid_booking_is_cancelled_or_expires_and_frees_its_seats(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let (first, second) = (client.book().await, client.book().await);
    assert_eq!(trip::counters(&pool, flight).await, (2, 0));
    let path = format!("/v1/bookings/{}/cancellations", trip::reference(&first));
    let cancelled = client.post(&path, &json!({})).await;
    assert_eq!(
        (cancelled.status.as_u16(), &cancelled.body["status"]),
        (200, &json!("cancelled")),
        "{cancelled:?}"
    );
    let again = client.post(&path, &json!({})).await;
    assert_eq!(again.problem(), (409, "wrong_state"));
    assert_eq!(trip::counters(&pool, flight).await, (1, 0));
    app.clock.advance(Duration::minutes(15));
    assert_eq!(booking::sweep_due(&pool, &app.clock).await.unwrap(), 1);
    assert_eq!(trip::counters(&pool, flight).await, (0, 0));
    assert_eq!(client.booking(&second).await["status"], "expired");
    assert_eq!(
        client.open_payment(&second).await.problem(),
        (409, "wrong_state")
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_chosen_exit_row_seat_is_for_nobody_under_15(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let seats: Vec<(i16, String)> = sqlx::query_as("select seat_row, letter from seat_layout where aircraft = '32N' and cabin = 'economy' and exit_row order by 1, 2 limit 2").fetch_all(&pool).await.unwrap();
    let wishes: Vec<_> = seats
        .iter()
        .map(|(row, letter)| json!({ "flight_id": flight.0, "seat": format!("{row}{letter}") }))
        .collect();
    let offer = client.offer(2).await;
    let hold = client
        .post(
            "/v1/holds",
            &json!({ "offers": [offer["offer_id"]], "seats": wishes }),
        )
        .await
        .body;
    let party = |second_born: &str| {
        let mut booking = trip::booking_of(&hold);
        booking["passengers"] = json!([
            trip::passenger("Linh", "1990-05-17"),
            trip::passenger("Mai", second_born)
        ]);
        booking
    };
    // The flight is on 20 December 2026: an adult by fare from 12, by the exit from 15.
    let young = client.post("/v1/bookings", &party("2011-12-21")).await;
    assert_eq!(young.wrong_fields(), ["seats: exit_row"]);
    let old_enough = client.post("/v1/bookings", &party("2011-12-20")).await;
    assert_eq!(old_enough.status.as_u16(), 201, "{old_enough:?}");
}
