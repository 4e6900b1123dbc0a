//! Other flights and other seats of a booking that is not paid.

use chrono::Duration;
use flightdesk_core::payment::Settlement;
use serde_json::json;
use sqlx::PgPool;

use super::{days, ids};
use crate::consistent::assert_consistent;
use crate::payments::{open, paid, session, settle};
use crate::support::TestApp;
use crate::trip::{self, adults, grown_ups};

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn another_date_moves_the_seats_and_keeps_people_and_deadline(pool: PgPool) {
    let days = days(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book_flights(days.first, None, 2).await;
    assert_eq!(
        booking["available_actions"],
        json!(["pay", "change", "change_contact", "cancel"])
    );
    app.clock.advance(Duration::minutes(5));
    let offer = client.offer_of(&[days.second], adults(2)).await;
    let changed = client
        .patch_booking(&booking, &json!({ "offers": [offer] }))
        .await;
    assert_eq!(changed.status.as_u16(), 200, "{changed:?}");
    let flown = &changed.body["directions"][0]["flights"][0]["flight_id"];
    assert_eq!(*flown, json!(days.second.0));
    assert_eq!(changed.body["payment_due_at"], booking["payment_due_at"]);
    assert_eq!(ids(&changed.body), ids(&booking));
    assert_eq!(trip::counters(&pool, days.first).await, (0, 0));
    assert_eq!(trip::counters(&pool, days.second).await, (2, 0));
    assert_consistent(&pool).await;

    // A returning direction joins, and it all is paid and ticketed.
    let offers = client
        .offers_of(&[days.second], &[days.back], adults(2))
        .await;
    let both = client
        .patch_at_new_price(&booking, json!({ "offers": offers }))
        .await;
    assert_eq!(both["directions"].as_array().unwrap().len(), 2);
    assert_eq!(trip::counters(&pool, days.back).await, (2, 0));
    assert_consistent(&pool).await;
    open(&client, &both).await;
    let settled = settle(&app, &paid(&session(&app, &pool).await)).await;
    assert_eq!(settled, Settlement::Confirmed);
    let refused = client
        .patch_booking(&booking, &json!({ "seats": [] }))
        .await;
    assert_eq!(refused.problem(), (409, "already_paid"));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_full_flight_lets_a_party_keep_and_shrink_its_own_seats(pool: PgPool) {
    let days = days(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book_flights(days.first, None, 2).await;
    trip::leave_seats(&pool, days.first, 0).await;
    let offer = client.offer_of(&[days.first], adults(2)).await;
    let mut other = grown_ups(2);
    other[1] = trip::passenger("Somebody", "1970-01-01");
    let same = client
        .patch_booking(&booking, &json!({ "offers": [offer], "passengers": other }))
        .await;
    assert_eq!(same.status.as_u16(), 200, "{same:?}");
    let three = json!({ "passengers": grown_ups(3) });
    let told = client.patch_booking(&booking, &three).await;
    let mut three = three;
    three["expected_total"] = told.body["price"]["total"].clone();
    let refused = client.patch_booking(&booking, &three).await;
    assert_eq!(refused.problem(), (409, "sold_out"));
    client
        .patch_at_new_price(&booking, json!({ "passengers": grown_ups(1) }))
        .await;
    assert_eq!(trip::counters(&pool, days.first).await, (1, 0));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_cap_of_unpaid_seats_counts_what_the_change_adds(pool: PgPool) {
    let days = days(&pool).await;
    let app = TestApp::start_with(pool.clone(), |settings, _| {
        settings.sales.max_held_seats = 3;
    })
    .await;
    let client = app.sign_up().await;
    let booking = client.book_flights(days.first, None, 2).await;
    let grow = |people| json!({ "passengers": grown_ups(people) });
    client.patch_at_new_price(&booking, grow(3)).await;
    let mut four = grow(4);
    four["expected_total"] =
        client.patch_booking(&booking, &four).await.body["price"]["total"].clone();
    let refused = client.patch_booking(&booking, &four).await;
    assert_eq!(refused.problem(), (409, "too_many_held_seats"));
    assert_consistent(&pool).await;
}
