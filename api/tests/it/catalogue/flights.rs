//! Dated flights and schedules.

use serde_json::{Value, json};
use sqlx::PgPool;

use super::staff;
use crate::consistent::assert_consistent;
use crate::support::TestApp;
use crate::trip;

fn cabin<'a>(flight: &'a Value, name: &str) -> &'a Value {
    let mut cabins = flight["cabins"].as_array().unwrap().iter();
    cabins.find(|cabin| cabin["cabin"] == name).unwrap()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_capacity_stays_above_what_is_sold_and_a_fare_is_sold_at_once(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let path = format!("/v1/admin/flights/{flight}");
    let app = TestApp::start(pool.clone()).await;
    let desk = staff(&app, &pool).await;
    desk.book().await;
    let held = desk.hold(2).await;
    let seen = desk.get(&path).await;
    let economy = cabin(&seen.body, "economy");
    assert_eq!(
        (&economy["held"], &economy["sold"]),
        (&json!(3), &json!(0)),
        "{economy}"
    );
    let lower = |capacity| json!({ "cabins": [{ "cabin": "economy", "capacity": capacity }] });
    let refused = desk.change_of(&path, seen.header("etag"), &lower(2)).await;
    assert_eq!(refused.problem(), (409, "capacity_below_sold"));
    let said = "Economy has 0 seats sold and 3 held: 3 is the least capacity, and 2 is less.";
    assert_eq!(refused.body["detail"], said);
    let wrong = json!({ "aircraft": "QQQ", "departure_terminal": " ", "cabins": [
        { "cabin": "economy", "capacity": 999 }, { "cabin": "first", "base_fare_minor": 1 }] });
    let wrong = desk.change_of(&path, seen.header("etag"), &wrong).await;
    let mut fields = wrong.wrong_fields();
    fields.sort();
    let expected = [
        "aircraft: unknown",
        "cabins[0].capacity: out_of_range",
        "cabins[1].cabin: unknown",
        "departure_terminal: length",
    ];
    assert_eq!(fields, expected);

    let search = "/v1/flights/search?origin=DEL&destination=BOM&departure_date=2026-12-20";
    let before = desk.get(search).await.body["offers"][0]["price"]["base"].clone();
    let change = json!({ "departure_terminal": "3", "cabins": [{ "cabin": "economy", "capacity": 3, "base_fare_minor": 1_000_000 }] });
    let changed = desk.change_of(&path, seen.header("etag"), &change).await;
    assert_eq!(changed.status.as_u16(), 200, "{changed:?}");
    assert_eq!(changed.body["departure_terminal"], "3");
    let full = desk.get(&format!("{search}&adults=2")).await;
    assert_eq!(full.body["offers"], json!([]), "no seat is left: {before}");
    let held = format!("/v1/holds/{}", held["id"].as_str().unwrap());
    desk.delete(&held).await;
    let offers = desk.get(search).await;
    assert_eq!(before["amount"], "6000.00");
    assert_eq!(
        offers.body["offers"][0]["price"]["base"]["amount"], "12000.00",
        "{offers:?}"
    );
    let unseen = desk
        .change(&path, &json!({ "departure_terminal": null }))
        .await;
    assert!(unseen.body["departure_terminal"].is_null());
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn another_aircraft_is_given_unless_it_is_too_small(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let path = format!("/v1/admin/flights/{flight}");
    let app = TestApp::start(pool.clone()).await;
    let desk = staff(&app, &pool).await;
    sqlx::query("update flight_cabin set sold = 80 where flight_id = $1 and cabin = 'economy'")
        .bind(flight)
        .execute(&pool)
        .await
        .unwrap();
    let seen = desk.get(&path).await;
    let small = desk
        .change_of(&path, seen.header("etag"), &json!({ "aircraft": "AT7" }))
        .await;
    assert_eq!(small.problem(), (409, "capacity_below_sold"));
    let said = "Economy has 80 seats sold and 0 held: 80 is the least capacity, and 70 is less.";
    assert_eq!(small.body["detail"], said);
    let large = desk
        .change_of(&path, seen.header("etag"), &json!({ "aircraft": "321" }))
        .await;
    assert_eq!(large.body["aircraft"], "321", "{large:?}");
    let seats: i64 = sqlx::query_scalar(
        "select count(*) from seat_layout where aircraft = '321' and cabin = 'economy'",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(cabin(&large.body, "economy")["capacity"], seats);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_flight_is_added_found_and_deleted_until_somebody_has_a_seat_on_it(pool: PgPool) {
    let sold = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let desk = staff(&app, &pool).await;
    let search = "/v1/flights/search?origin=DEL&destination=BOM&departure_date=2026-12-20";
    assert_eq!(
        desk.get(search).await.body["offers"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let new = json!({ "airline": "AI", "flight_number": "903", "origin": "DEL", "destination": "BOM",
        "departs_local": "2026-12-20T11:00", "block_minutes": 130, "aircraft": "32N", "base_fare_minor": 400_000 });
    let made = desk.post("/v1/admin/flights", &new).await;
    assert_eq!(made.status.as_u16(), 201, "{made:?}");
    let path = made.header("location").to_owned();
    assert_eq!(desk.get(&path).await.body, made.body);
    // The search of a moment ago is not answered again.
    assert_eq!(
        desk.get(search).await.body["offers"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let twice = desk.post("/v1/admin/flights", &new).await;
    assert_eq!(twice.wrong_fields(), ["flight_number: taken"]);
    let list = "/v1/admin/flights?airline=AI&departure_date=2026-12-20&flight_number=903";
    assert_eq!(desk.get(list).await.body["data"], json!([made.body]));
    let gone = desk.delete_any(&path).await;
    assert_eq!(gone.status.as_u16(), 204, "{gone:?}");
    assert_eq!(desk.get(&path).await.problem(), (404, "not_found"));
    assert_eq!(
        desk.get(search).await.body["offers"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    desk.book().await;
    let refused = desk.delete_any(&format!("/v1/admin/flights/{sold}")).await;
    assert_eq!(refused.problem(), (409, "in_use"));
    let said = "The flight AI 101 on 20 December 2026 is used by 1 booking and 1 hold: cancel it with \
        `POST /v1/admin/flights/{id}/disruptions`, which tells the travellers.";
    assert_eq!(refused.body["detail"], said);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_schedule_makes_flights_and_they_follow_it(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let desk = staff(&app, &pool).await;
    let mut new = json!({ "airline": "AI", "flight_number": "7", "origin": "DEL", "destination": "BOM", "weekdays": "18",
        "departs_local": "8:30", "block_minutes": 130, "aircraft": "QQQ", "effective_from": "2026-12-01",
        "effective_until": "2026-12-14", "base_fare_minor": 400_000 });
    let wrong = desk.post("/v1/admin/schedules", &new).await;
    let mut fields = wrong.wrong_fields();
    fields.sort();
    assert_eq!(
        fields,
        [
            "aircraft: unknown",
            "departs_local: format",
            "weekdays: format"
        ]
    );
    new["weekdays"] = json!("1");
    new["departs_local"] = json!("08:30");
    new["aircraft"] = json!("320");
    let made = desk.post("/v1/admin/schedules", &new).await;
    assert_eq!(
        (made.status.as_u16(), &made.body["flights_added"]),
        (201, &json!(2)),
        "{made:?}"
    );
    let path = made.header("location").to_owned();
    let twice = desk.post("/v1/admin/schedules", &new).await;
    assert_eq!(twice.wrong_fields(), ["flight_number: taken"]);
    let change =
        json!({ "weekdays": "12", "departs_local": "09:00", "business_fare_minor": 2_000_000 });
    let changed = desk.change(&path, &change).await.body;
    assert_eq!(
        (&changed["flights_moved"], &changed["flights_added"]),
        (&json!(2), &json!(2)),
        "{changed}"
    );
    let flights = desk
        .get("/v1/admin/flights?airline=AI&flight_number=7")
        .await
        .body;
    let first = &flights["data"][0];
    assert_eq!(first["departs_at"], "2026-12-01T03:30:00Z");
    assert_eq!(cabin(first, "business")["base_fare_minor"], 2_000_000);
    let refused = desk.delete_any(&path).await;
    assert_eq!(refused.problem(), (409, "in_use"));
    assert!(refused.text.contains("used by 4 flights"), "{refused:?}");
    let one = format!("/v1/admin/flights/{}", first["id"].as_str().unwrap());
    let refused = desk.delete_any(&one).await;
    assert_eq!(refused.problem(), (409, "in_use"));
}
