//! Searching round trips.

use chrono::NaiveDate;
use flightdesk_core::fixtures::{AddFlight, add_flight};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::TestApp;
use crate::trip;

const ROUND_TRIP: &str = "/v1/flights/search?origin=DEL&destination=BOM&departure_date=2026-12-20&return_date=2026-12-27&sort=departure";

/// BOM to DEL on 27 December.
async fn add_return(pool: &PgPool, number: &str, hour: u32, base_fare_minor: i64) {
    let day = NaiveDate::from_ymd_opt(2026, 12, 27).unwrap();
    let flight = AddFlight {
        airline: "6E",
        number,
        origin: "BOM",
        destination: "DEL",
        departs_local: day.and_hms_opt(hour, 0, 0).unwrap(),
        block_minutes: 130,
        aircraft: "32N",
        base_fare_minor,
    };
    let mut conn = pool.acquire().await.unwrap();
    add_flight(&mut conn, flight).await.unwrap();
}

fn numbers(page: &Value) -> Vec<&str> {
    let offers = page["offers"].as_array().unwrap().iter();
    offers
        .map(|offer| offer["flights"][0]["flight_number"].as_str().unwrap())
        .collect()
}

/// What does not depend on when a page was served.
fn shown(page: &Value) -> Vec<Value> {
    let mut offers = page["offers"].as_array().unwrap().clone();
    for offer in &mut offers {
        offer["offer_id"].take();
        offer["expires_at"].take();
    }
    offers
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn each_direction_is_complete_and_the_cheapest_of_both_pay_the_fee_once(pool: PgPool) {
    trip::a_flight(&pool).await;
    trip::add(&pool, "102", trip::at(10)).await;
    add_return(&pool, "201", 9, 600_000).await;
    add_return(&pool, "202", 12, 400_000).await;
    add_return(&pool, "203", 15, 500_000).await;
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let found = client.get(ROUND_TRIP).await;
    assert_eq!(found.header("x-cache"), "miss");
    assert_eq!(found.body["trip_type"], "round_trip");
    assert_eq!(numbers(&found.body["departing"]), ["AI 101", "AI 102"]);
    assert_eq!(
        numbers(&found.body["returning"]),
        ["6E 201", "6E 202", "6E 203"]
    );
    // 5,000.00 × 1.2 and 4,000.00 × 1.2, each + 488.00 + 5 %; 300.00 once.
    assert_eq!(
        found.body["cheapest_total"],
        json!({ "amount": "12616.00", "currency": "INR" })
    );
    // Whoever made the answer looked at the flights once, whoever finds it kept looks at them again: one answer.
    let again = client.get(ROUND_TRIP).await;
    assert_eq!(again.header("x-cache"), "hit");
    for way in ["departing", "returning"] {
        assert_eq!(shown(&again.body[way]), shown(&found.body[way]));
    }
    // The departing direction is the one-way search of that day.
    let there = ROUND_TRIP.replace("&return_date=2026-12-27", "");
    let one_way = client.get(&there).await;
    assert_eq!(one_way.header("x-cache"), "hit");
    assert_eq!(one_way.body["facets"], found.body["departing"]["facets"]);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_cheapest_total_is_what_a_hold_of_both_costs(pool: PgPool) {
    trip::a_flight(&pool).await;
    trip::add(&pool, "102", trip::at(10)).await;
    add_return(&pool, "201", 9, 600_000).await;
    add_return(&pool, "202", 12, 433_333).await;
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let party = format!("{ROUND_TRIP}&adults=2&children=1&infants=1");
    let found = client.get(&party).await.body;
    let cheapest = |page: &Value| {
        let offers = page["offers"].as_array().unwrap().iter();
        let amount = |offer: &&Value| -> i64 {
            let amount = offer["price"]["total"]["amount"].as_str().unwrap();
            amount.replace('.', "").parse().unwrap()
        };
        offers.min_by_key(amount).unwrap()["offer_id"].clone()
    };
    let offers = [cheapest(&found["departing"]), cheapest(&found["returning"])];
    let hold = client.post("/v1/holds", &json!({ "offers": offers })).await;
    assert_eq!(hold.status, 201, "{:?}", hold.body);
    assert_eq!(hold.body["price"]["total"], found["cheapest_total"]);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_filter_of_the_way_back_is_named_as_its_parameter(pool: PgPool) {
    trip::a_flight(&pool).await;
    add_return(&pool, "201", 9, 600_000).await;
    let app = TestApp::start(pool).await;
    let path = format!("{ROUND_TRIP}&return_departure_window=20:00-21:00");
    let found = app.sign_up().await.get(&path).await.body;
    assert_eq!(
        found["returning"]["relaxations"],
        json!([{ "filter": "return_departure_window", "total": 1 }])
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_cursor_pages_the_direction_it_is_of(pool: PgPool) {
    trip::a_flight(&pool).await;
    trip::add(&pool, "102", trip::at(10)).await;
    for (number, hour) in [("201", 9), ("202", 12), ("203", 15)] {
        add_return(&pool, number, hour, 500_000).await;
    }
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let path = format!("{ROUND_TRIP}&limit=1");
    let found = client.get(&path).await.body;
    let cursor = |page: &Value| page["next_cursor"].as_str().unwrap().to_owned();
    let there = client
        .get(&format!("{path}&cursor={}", cursor(&found["departing"])))
        .await;
    assert_eq!(numbers(&there.body["departing"]), ["AI 102"]);
    assert!(there.body.get("returning").is_none(), "{there:?}");
    assert!(there.body["departing"].get("next_cursor").is_none());
    let back = client
        .get(&format!("{path}&cursor={}", cursor(&found["returning"])))
        .await;
    assert_eq!(numbers(&back.body["returning"]), ["6E 202"]);
    assert!(back.body.get("departing").is_none());
    let last = client
        .get(&format!(
            "{path}&cursor={}",
            cursor(&back.body["returning"])
        ))
        .await;
    assert_eq!(numbers(&last.body["returning"]), ["6E 203"]);
    assert_eq!(last.body["cheapest_total"], Value::Null);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn without_a_way_back_there_is_no_price_for_both(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let found = app.sign_up().await.get(ROUND_TRIP).await;
    assert_eq!(numbers(&found.body["departing"]), ["AI 101"]);
    assert_eq!(found.body["returning"]["total"], 0);
    assert_eq!(found.body["cheapest_total"], Value::Null);
    let early = ROUND_TRIP.replace("12-27", "12-19");
    let wrong = app.sign_up().await.get(&early).await;
    assert_eq!(wrong.wrong_fields(), ["return_date: before_departure"]);
}
