//! Other people, and what they take along and use.

use flightdesk_core::trade::Party;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{days, ids, used};
use crate::consistent::assert_consistent;
use crate::coupons::coupon;
use crate::support::TestApp;
use crate::trip::{self, adults, grown_ups, reference};

fn kinds(booking: &Value) -> Vec<&str> {
    let people = booking["passengers"].as_array().unwrap();
    people
        .iter()
        .map(|person| person["type"].as_str().unwrap())
        .collect()
}

fn amount(booking: &Value) -> i64 {
    let total = booking["price"]["total"]["amount"].as_str().unwrap();
    total.replace('.', "").parse().unwrap()
}

fn chosen(booking: &Value) -> Vec<&str> {
    let people = booking["passengers"].as_array().unwrap();
    people
        .iter()
        .map(|person| person["seats"][0]["seat"].as_str().unwrap_or("-"))
        .collect()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn more_and_fewer_people_are_priced_by_their_dates_of_birth(pool: PgPool) {
    let days = days(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book_flights(days.first, None, 1).await;
    let mut family = grown_ups(2);
    family.push(trip::passenger("Mai", "2018-05-17"));
    family.push(trip::passenger("Bao", "2026-05-17"));
    family[3]["adult_index"] = json!(0);
    let changed = client
        .patch_at_new_price(&booking, json!({ "passengers": family }))
        .await;
    assert_eq!(kinds(&changed), ["adult", "adult", "child", "infant"]);
    let people = ids(&changed);
    assert_eq!(people[0], ids(&booking)[0], "who stays is the same person");
    assert_eq!(changed["passengers"][3]["adult_id"], people[0]);
    assert_eq!(trip::counters(&pool, days.first).await, (3, 0));
    assert_consistent(&pool).await;

    // Without the first adult, the infant sits on the other's lap; two of one name are two people.
    let fewer = json!([
        family[1],
        family[3],
        trip::passenger("Bao", "1980-05-17"),
        trip::passenger("Bao", "1980-05-17")
    ]);
    let mut fewer = json!({ "passengers": fewer });
    fewer["passengers"][1]["adult_index"] = json!(0);
    let changed = client.patch_at_new_price(&booking, fewer).await;
    assert_eq!(kinds(&changed), ["adult", "infant", "adult", "adult"]);
    assert_eq!(ids(&changed)[..2], [people[1].clone(), people[3].clone()]);
    assert_consistent(&pool).await;

    let alone = client
        .patch_at_new_price(&booking, json!({ "passengers": grown_ups(1) }))
        .await;
    assert_eq!(alone["price"]["total"], booking["price"]["total"]);
    assert_eq!(trip::counters(&pool, days.first).await, (1, 0));
    // Nobody was left aboard: the second adult may be booked again.
    client.book_flights(days.second, None, 2).await;
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn contact_bags_seats_and_coupon_change_alone_and_together(pool: PgPool) {
    let days = days(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    coupon(&pool, "TEN", "").await;
    coupon(&pool, "FIVE", "amount = 5").await;
    let booking = client.book_flights(days.first, None, 2).await;
    let path = format!("/v1/bookings/{}", reference(&booking));

    let nothing = client.patch(&path, &json!({})).await;
    assert_eq!(nothing.body, client.booking(&booking).await);
    let other = json!({ "email": "linh@example.com", "phone": "+84901234567" });
    let changed = client.patch(&path, &json!({ "contact": other })).await;
    assert_eq!(changed.body["contact"], other, "{changed:?}");

    let mut people = grown_ups(2);
    people[1]["baggage"] = json!([{ "direction": "departing", "kg": 10 }]);
    let seat = |seat: &str| json!({ "flight_id": days.first.0, "seat": seat });
    let together =
        json!({ "passengers": people, "seats": [seat("1C"), seat("1D")], "coupon": "ten" });
    let changed = client.patch_at_new_price(&booking, together).await;
    assert_eq!(chosen(&changed), ["1C", "1D"]);
    assert_eq!(changed["coupon"]["code"], "TEN");
    assert_eq!(changed["passengers"][1]["baggage"][0]["kg"], 10);
    assert_eq!(used(&pool, "TEN").await, 1);
    assert_consistent(&pool).await;

    // The seat of who leaves is free; who stays keeps theirs, at what it cost.
    let one = client
        .patch_at_new_price(&booking, json!({ "passengers": [people[1]] }))
        .await;
    assert_eq!(chosen(&one), ["1D"]);
    assert_consistent(&pool).await;
    // Another coupon, and none.
    let five = client
        .patch_at_new_price(&booking, json!({ "coupon": "FIVE" }))
        .await;
    assert_eq!(
        (used(&pool, "TEN").await, used(&pool, "FIVE").await),
        (0, 1)
    );
    assert_consistent(&pool).await;
    let none = client
        .patch_at_new_price(&booking, json!({ "coupon": null, "seats": [] }))
        .await;
    assert_eq!(used(&pool, "FIVE").await, 0);
    assert!(none.get("coupon").is_none() && amount(&none) != amount(&five));
    assert_eq!(chosen(&none), ["-"]);
    assert_eq!(
        trip::count(&pool, "select count(*) from passenger_seat").await,
        0
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn types_are_derived_anew_on_the_new_day(pool: PgPool) {
    let days = days(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let party = Party {
        adults: 1,
        children: 1,
        infants: 0,
    };
    let offer = client.offer_of(&[days.first], party).await;
    // Twelve on the second day.
    let people = [
        trip::passenger("Linh", "1990-05-17"),
        trip::passenger("Mai", "2014-12-21"),
    ];
    let body = json!({ "offers": [offer], "passengers": people, "contact": trip::contact() });
    let booking = client.post("/v1/bookings", &body).await.body;
    let as_child = client.offer_of(&[days.second], party).await;
    let refused = client
        .patch_booking(&booking, &json!({ "offers": [as_child] }))
        .await;
    assert_eq!(
        refused.wrong_fields(),
        ["passengers: passenger_type_mismatch"]
    );
    let as_adult = client.offer_of(&[days.second], adults(2)).await;
    let changed = client
        .patch_at_new_price(&booking, json!({ "offers": [as_adult] }))
        .await;
    assert_eq!(kinds(&changed), ["adult", "adult"]);
    assert_eq!(ids(&changed), ids(&booking));
    assert_consistent(&pool).await;
}
