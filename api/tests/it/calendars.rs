//! The cheapest day to fly.

use chrono::Duration;
use serde_json::json;
use sqlx::PgPool;

use crate::support::TestApp;
use crate::trip;

const PATH: &str = "/v1/flights/calendar?origin=DEL&destination=BOM&departure_date=2026-12-20";

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn each_of_31_days_has_its_lowest_price_and_is_kept_for_five_minutes(pool: PgPool) {
    trip::a_flight(&pool).await;
    trip::add(&pool, "102", trip::at(9) + Duration::days(15)).await;
    trip::add(&pool, "103", trip::at(9) + Duration::days(16)).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let made = client.get(PATH).await;
    assert_eq!(
        (made.status.as_u16(), made.header("x-cache")),
        (200, "miss")
    );
    let days = made.body["days"].as_array().unwrap();
    assert_eq!(days.len(), 31);
    assert_eq!(days[0]["departure_date"], "2026-12-05");
    let with_price: Vec<_> = days.iter().filter(|day| !day["price"].is_null()).collect();
    // 5,000.00 × 1.2 + 488.00 + 5 % + 300.00
    let price = json!({ "amount": "7088.00", "currency": "INR" });
    assert_eq!(
        with_price,
        [
            &json!({ "departure_date": "2026-12-20", "return_date": null, "price": price }),
            &json!({ "departure_date": "2027-01-04", "return_date": null, "price": price }),
        ]
    );
    app.clock.advance(Duration::seconds(299));
    assert_eq!(client.get(PATH).await.header("x-cache"), "hit");
    app.clock.advance(Duration::seconds(1));
    assert_eq!(client.get(PATH).await.header("x-cache"), "miss");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_calendar_names_every_wrong_field(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let wrong = client
        .get(
            "/v1/flights/calendar?origin=XXX&destination=BOM&departure_date=2026-13-01&cabin=cargo",
        )
        .await;
    assert_eq!(
        wrong.wrong_fields(),
        [
            "origin: unknown_airport",
            "departure_date: date",
            "cabin: unknown"
        ]
    );
    let unknown = client.get(&format!("{PATH}&limit=5")).await;
    assert_eq!(unknown.wrong_fields(), ["limit: unknown_field"]);
}
