//! What cannot be quoted or confirmed, and what is said then.

use chrono::Duration;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::{a_day_later, confirm, quote, quoted};
use crate::cancellations::{buy, departure, flights, turn_to};
use crate::support::TestApp;
use crate::trip::{adults, fly, grown_ups, leave_seats};

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_offer_has_to_take_the_place_of_what_is_booked(pool: PgPool) {
    let [out, back] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let vistara = fly(&pool, "6E", "301", ["DEL", "BOM"], "2026-12-21T10:00:00").await;
    let elsewhere = fly(&pool, "AI", "401", ["BLR", "BOM"], "2026-12-21T10:00:00").await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offers = client.offers_of(&[out], &[back], adults(1)).await;
    let booking = buy(&app, &pool, &client, &offers, &grown_ups(1)).await;
    for (flight, party, wrong) in [
        (vistara, 1, "offer: other_airline"),
        (elsewhere, 1, "offer: other_route"),
        (later, 2, "offer: party_mismatch"),
        (out, 1, "offer: same_flights"),
    ] {
        let offer = client.offer_of(&[flight], adults(party)).await;
        let body = json!({ "direction": "departing", "offer": offer });
        let refused = quote(&client, &booking, &body).await;
        assert_eq!(refused.wrong_fields(), [wrong]);
    }
    let offer = client.offer_of(&[later], adults(1)).await;
    for (body, wrong) in [
        (json!({ "offer": offer }), "direction: required"),
        (json!({ "direction": "departing" }), "offer: one_of"),
        (
            json!({ "direction": "departing", "offers": [offer, offer] }),
            "direction: not_with_offers",
        ),
    ] {
        let refused = quote(&client, &booking, &body).await;
        assert_eq!(refused.wrong_fields(), [wrong], "{body}");
    }
    let stranger = app.sign_up().await;
    let body = json!({ "direction": "departing", "offer": offer });
    assert_eq!(
        quote(&stranger, &booking, &body).await.problem(),
        (404, "not_found")
    );
    let other = stranger.offer_of(&[later], adults(1)).await;
    let body = json!({ "direction": "departing", "offer": other });
    let refused = quote(&client, &booking, &body).await;
    assert_eq!(refused.wrong_fields(), ["offer: offer_invalid"]);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_light_fare_cannot_be_changed_and_no_fare_within_two_hours(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let light = client.offer_at(&[out], adults(1), "light", 500_000).await;
    let flex = client.offer_at(&[out], adults(1), "flex", 500_000).await;
    let light = buy(&app, &pool, &client, &[light], &grown_ups(1)).await;
    let mut people = grown_ups(1);
    people[0]["first_name"] = json!("Mai");
    let flex = buy(&app, &pool, &client, &[flex], &people).await;
    let can = |booking: &serde_json::Value| {
        let actions = booking["available_actions"].as_array().unwrap();
        actions.contains(&json!("change_flights"))
    };
    assert_eq!((can(&light), can(&flex)), (false, true));
    let offer = client.offer_of(&[later], adults(1)).await;
    let refused = quote(&client, &light, &json!({ "offer": offer })).await;
    assert_eq!(refused.problem(), (409, "change_not_allowed"));
    assert_eq!(
        refused.body["detail"],
        "The Light fare of the departing direction cannot be changed."
    );
    turn_to(&app, departure(), Duration::hours(2) + Duration::seconds(1));
    let offer = client.offer_of(&[later], adults(1)).await;
    quoted(&client, &flex, &json!({ "offer": offer })).await;
    app.clock.advance(Duration::seconds(1));
    let refused = quote(&client, &flex, &json!({ "offer": offer })).await;
    assert_eq!(refused.problem(), (409, "too_late"));
    assert!(!can(&client.booking(&flex).await));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn only_the_newest_quote_is_confirmed_and_an_outdated_one_is_answered_with_a_new_one(
    pool: PgPool,
) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    turn_to(
        &app,
        departure(),
        Duration::hours(168) + Duration::minutes(5),
    );
    let offer = client.offer_of(&[later], adults(1)).await;
    let body = json!({ "offer": offer });
    let old = quoted(&client, &booking, &body).await;
    let new = quoted(&client, &booking, &body).await;
    let refused = confirm(&client, &booking, &old).await;
    assert_eq!(refused.problem(), (409, "change_quote_outdated"));
    assert_eq!(refused.body["change_quote"]["to_pay"], new["to_pay"]);

    // The dearer tier has begun.
    let quote = refused.body["change_quote"].clone();
    app.clock.advance(Duration::minutes(5));
    let refused = confirm(&client, &booking, &quote).await;
    assert_eq!(refused.problem(), (409, "change_quote_outdated"));
    let fresh = &refused.body["change_quote"];
    assert_eq!(fresh["fee"]["amount"], "3000.00");
    let nobody = confirm(&client, &booking, &json!({ "quote_id": Uuid::now_v7() })).await;
    assert_eq!(nobody.problem(), (404, "not_found"));

    leave_seats(&pool, later, 0).await;
    let refused = confirm(&client, &booking, fresh).await;
    assert_eq!(refused.problem(), (409, "sold_out"));
    // The offer has expired before the quote would.
    app.clock.advance(Duration::minutes(10));
    let refused = confirm(&client, &booking, fresh).await;
    assert_eq!(refused.problem(), (410, "offer_expired"));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_unpaid_booking_is_changed_by_patch_and_not_by_a_quote(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(1)).await;
    let body =
        json!({ "offers": [offer], "passengers": grown_ups(1), "contact": crate::trip::contact() });
    let booking = client.post("/v1/bookings", &body).await.body;
    let offer = client.offer_of(&[later], adults(1)).await;
    let refused = quote(&client, &booking, &json!({ "offer": offer })).await;
    assert_eq!(refused.problem(), (409, "wrong_state"));
}
