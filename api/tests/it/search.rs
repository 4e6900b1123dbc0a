//! Searching, and what an offer is worth.

use chrono::Duration;
use flightdesk_core::fixtures::{AddFlight, add_flight};
use serde_json::json;
use sqlx::PgPool;

use crate::cancellations;
use crate::support::TestApp;
use crate::trip;

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_search_shows_local_times_zones_and_a_price_of_lines(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let found = app.sign_up().await.search(2).await;
    assert_eq!(
        (
            found.body["trip_type"].as_str(),
            found.body["total"].as_u64()
        ),
        (Some("one_way"), Some(1))
    );
    let offer = &found.body["offers"][0];
    let flight = &offer["flights"][0];
    assert_eq!(flight["departs_at"], "2026-12-20T02:30:00Z");
    assert_eq!(flight["departs_local"], "2026-12-20T08:00:00+05:30");
    assert_eq!(flight["origin"]["time_zone"], "Asia/Kolkata");
    assert_eq!(flight["duration_minutes"], 130);
    assert_eq!(offer["seats_left"], 9);
    // 2 × (5,000.00 × 1.2) + 2 × (50 + 50 + 236 + 91 + 61) + 2 × 5 % of 6,000.00 + 300.00
    assert_eq!(
        offer["price"]["total"],
        json!({ "amount": "13876.00", "currency": "INR" })
    );
    let sum: f64 = offer["price"]["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            line["amount"]["amount"]
                .as_str()
                .unwrap()
                .parse::<f64>()
                .unwrap()
        })
        .sum();
    assert!((sum - 13876.0).abs() < 0.001, "{sum}");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn only_what_the_whole_party_can_buy_is_found(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    trip::leave_seats(&pool, flight, 2).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    assert_eq!(client.search(2).await.body["total"], 1);
    assert_eq!(client.search(3).await.body["total"], 0);
    // Sales close 120 minutes before departure, which is 02:30 UTC.
    let departs = chrono::DateTime::parse_from_rfc3339("2026-12-20T02:30:00Z")
        .unwrap()
        .to_utc();
    app.clock
        .advance(departs - app.clock.now() - Duration::minutes(120));
    assert_eq!(client.search(1).await.body["total"], 1);
    app.clock.advance(Duration::seconds(1));
    assert_eq!(client.search(1).await.body["total"], 0);
}

/// An empty answer is kept for five seconds, so that the same search finds the seat after those.
#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_seat_that_a_cancellation_frees_is_offered_by_the_same_search_again(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    trip::leave_seats(&pool, flight, 1).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    cancellations::pay(&app, &pool, &client, &booking).await;
    assert_eq!(client.search(1).await.body["total"], 0);
    cancellations::cancel(&client, &booking, &json!({})).await;
    app.clock.advance(Duration::seconds(5));
    let found = client.search(1).await.body;
    assert_eq!(found["total"], 1, "{found}");
    assert_eq!(found["offers"].as_array().unwrap().len(), 1);
    assert_eq!(found["offers"][0]["seats_left"], 1);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn pages_follow_each_other_without_loss_or_repeat(pool: PgPool) {
    trip::a_flight(&pool).await;
    for (index, hour) in (9..13).enumerate() {
        trip::add(&pool, &format!("{}", 200 + index), trip::at(hour)).await;
    }
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let (mut path, mut seen) = (String::new(), Vec::new());
    loop {
        let page = client.get(&format!("/v1/flights/search?origin=DEL&destination=BOM&departure_date=2026-12-20&sort=departure&limit=2{path}")).await;
        for offer in page.body["offers"].as_array().unwrap() {
            seen.push(
                offer["flights"][0]["flight_number"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
            );
        }
        match page.body["next_cursor"].as_str() {
            Some(cursor) => path = format!("&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, ["AI 101", "AI 200", "AI 201", "AI 202", "AI 203"]);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn every_wrong_field_of_a_search_is_named(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let wrong = client.get("/v1/flights/search?origin=XXX&destination=BOM&departure_date=2026-13-01&adults=1&infants=2&cabin=cargo&sort=colour").await;
    assert_eq!(
        wrong.wrong_fields(),
        [
            "origin: unknown_airport",
            "departure_date: date",
            "infants: too_many",
            "cabin: unknown",
            "sort: unknown"
        ]
    );
    let past = client
        .get("/v1/flights/search?origin=DEL&destination=DEL&departure_date=2026-11-01&adults=11")
        .await;
    assert_eq!(
        past.wrong_fields(),
        [
            "destination: same_as_origin",
            "departure_date: in_the_past",
            "adults: too_many"
        ]
    );
    let unknown = client
        .get("/v1/flights/search?origin=DEL&destination=BOM&departure_date=2026-12-20&colour=red")
        .await;
    assert_eq!(unknown.wrong_fields(), ["colour: unknown_field"]);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_route_without_flights_is_an_empty_list(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let found = app
        .sign_up()
        .await
        .get("/v1/flights/search?origin=LON&destination=AKL&departure_date=2026-12-20")
        .await;
    assert_eq!(
        (found.status.as_u16(), found.body["total"].as_u64()),
        (200, Some(0))
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_offer_is_worth_its_price_for_fifteen_minutes_and_one_account(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, other) = (app.sign_up().await, app.sign_up().await);
    let offer = client.offer(1).await;
    let body = json!({ "offers": [offer["offer_id"]] });
    let stolen = other.post("/v1/holds", &body).await;
    assert_eq!(stolen.wrong_fields(), ["offers[0]: offer_invalid"]);
    let mut token = offer["offer_id"].as_str().unwrap().to_owned();
    token.replace_range(10..11, if &token[10..11] == "A" { "B" } else { "A" });
    assert_eq!(
        client
            .post("/v1/holds", &json!({ "offers": [token] }))
            .await
            .wrong_fields(),
        ["offers[0]: offer_invalid"]
    );

    // The flight fills up: new searches cost more, the offer does not.
    sqlx::query("update flight_cabin set sold = capacity * 8 / 10 where flight_id = $1")
        .bind(flight.0)
        .execute(&pool)
        .await
        .unwrap();
    assert_ne!(
        client.offer(1).await["price"]["total"],
        offer["price"]["total"]
    );
    let held = client.post("/v1/holds", &body).await;
    assert_eq!(
        (held.status.as_u16(), &held.body["price"]["total"]),
        (201, &offer["price"]["total"])
    );

    app.clock.advance(Duration::minutes(15));
    let expired = client.post("/v1/holds", &body).await;
    assert_eq!(expired.problem(), (410, "offer_expired"));
    let fresh = &expired.body["offer"];
    assert_ne!(fresh["price"]["total"], offer["price"]["total"]);
    let again = client
        .post("/v1/holds", &json!({ "offers": [fresh["offer_id"]] }))
        .await;
    assert_eq!(again.status.as_u16(), 201, "{again:?}");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_flight_tells_what_each_fare_costs_and_includes(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let details = client.get(&format!("/v1/flights/{}", flight.0)).await.body;
    assert_eq!(
        (&details["flight_number"], &details["status"]),
        (&json!("AI 101"), &json!("scheduled"))
    );
    let economy = &details["cabins"][0];
    assert_eq!(economy["cabin"], "economy");
    let families: Vec<_> = economy["fares"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fare| fare["fare_family"].as_str().unwrap())
        .collect();
    assert_eq!(families, ["light", "standard", "flex"]);
    // The same price as the offer of a search for one adult.
    assert_eq!(
        economy["fares"][1]["price"]["total"],
        client.offer(1).await["price"]["total"]
    );
    assert_eq!(economy["fares"][1]["baggage"]["checked_kg"], 15);
    let nowhere = client
        .get("/v1/flights/00000000-0000-7000-8000-000000000000")
        .await;
    assert_eq!(nowhere.problem(), (404, "not_found"));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_connection_says_how_long_one_waits_and_where_one_changes_the_airport(pool: PgPool) {
    trip::a_flight(&pool).await;
    let flights = [
        ("142", "DEL", "LHR", 8, 540, 2_000_000),
        ("900", "LGW", "FRA", 17, 90, 900_000),
        // Later, and cheaper: neither makes the other pointless.
        ("902", "LHR", "FRA", 18, 90, 800_000),
    ];
    for (number, origin, destination, hour, block_minutes, base_fare_minor) in flights {
        let flight = AddFlight {
            airline: "BA",
            number,
            origin,
            destination,
            departs_local: trip::at(hour),
            block_minutes,
            aircraft: "789",
            base_fare_minor,
        };
        let mut conn = pool.acquire().await.unwrap();
        add_flight(&mut conn, flight).await.unwrap();
    }
    let app = TestApp::start(pool).await;
    let path =
        "/v1/flights/search?origin=DEL&destination=FRA&departure_date=2026-12-20&sort=arrival";
    let found = app.sign_up().await.get(path).await.body;
    let offers = found["offers"].as_array().unwrap();
    // DEL 08:00 is 02:30 UTC; it lands at 11:30.
    let layovers: Vec<_> = offers.iter().map(|offer| &offer["layovers"]).collect();
    let change = json!({ "from": "LHR", "to": "LGW" });
    assert_eq!(
        layovers,
        [
            &json!([{ "airport": "LHR", "duration_minutes": 330, "airport_change": change }]),
            &json!([{ "airport": "LHR", "duration_minutes": 390, "airport_change": null }]),
        ]
    );
    assert_eq!(
        (&offers[0]["stops"], &offers[0]["duration_minutes"]),
        (&json!(1), &json!(960))
    );
    assert_eq!(offers[0]["flights"].as_array().unwrap().len(), 2);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_offer_reads_the_same_in_search_and_hold(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let mut offer = client.offer(2).await;
    let body = json!({ "offers": [offer["offer_id"]] });
    let held = client.post("/v1/holds", &body).await;
    offer.as_object_mut().unwrap().remove("seats_left");
    assert_eq!(held.body["offers"][0], offer);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_empty_answer_says_what_to_relax(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let path = "/v1/flights/search?origin=DEL&destination=BOM&departure_date=2026-12-20&departure_window=09:00-24:00";
    let found = app.sign_up().await.get(path).await.body;
    assert_eq!(found["total"], 0);
    assert_eq!(
        found["relaxations"],
        json!([{ "filter": "departure_window", "total": 1 }])
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_flight_that_is_added_after_nothing_was_found_is_found_soon(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let path = "/v1/flights/search?origin=BOM&destination=DEL&departure_date=2026-12-20";
    assert_eq!(client.get(path).await.body["total"], 0);
    trip::fly(&pool, "AI", "102", ["BOM", "DEL"], "2026-12-20T08:00:00").await;
    let kept = client.get(path).await;
    assert_eq!(
        (kept.header("x-cache"), &kept.body["total"]),
        ("hit", &json!(0))
    );
    app.clock.advance(chrono::Duration::seconds(5));
    assert_eq!(client.get(path).await.body["total"], 1);
}
