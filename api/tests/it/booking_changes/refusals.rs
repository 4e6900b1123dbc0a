//! A change that is refused changes nothing at all.

use serde_json::json;
use sqlx::PgPool;

use super::days;
use crate::consistent::assert_consistent;
use crate::coupons::coupon;
use crate::payments::open;
use crate::support::TestApp;
use crate::trip::{self, adults, grown_ups, reference};

/// Everything that a booking consists of, and the counters.
async fn everything(pool: &PgPool) -> Vec<String> {
    let query = "select 'booking' || row_to_json(t)::text from booking t
         union all select 'hold' || row_to_json(t)::text from hold t
         union all select 'hold_line' || row_to_json(t)::text from hold_line t
         union all select 'direction' || row_to_json(t)::text from direction t
         union all select 'booked_flight' || row_to_json(t)::text from booked_flight t
         union all select 'passenger' || row_to_json(t)::text from passenger t
         union all select 'seat' || row_to_json(t)::text from passenger_seat t
         union all select 'choice' || row_to_json(t)::text from seat_choice t
         union all select 'line' || row_to_json(t)::text from price_line t
         union all select 'bag' || row_to_json(t)::text from baggage_item t
         union all select 'traveller' || row_to_json(t)::text from live_traveller t
         union all select 'coupon' || row_to_json(t)::text from coupon t
         union all select 'redemption' || row_to_json(t)::text from coupon_redemption t
         union all select 'account' || row_to_json(t)::text from coupon_account t
         union all select 'payment' || row_to_json(t)::text from payment t
         union all select 'job' || row_to_json(t)::text from outbox t
         union all select 'cabin' || row_to_json(t)::text from flight_cabin t
         order by 1";
    sqlx::query_scalar(query).fetch_all(pool).await.unwrap()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn what_is_refused_changes_nothing_at_all(pool: PgPool) {
    let days = days(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, stranger) = (app.sign_up().await, app.sign_up().await);
    coupon(&pool, "GONE", "valid_until = '2026-01-01'").await;
    coupon(&pool, "TEN", "").await;
    let booking = client.book_flights(days.first, Some(days.back), 2).await;
    let booking = client
        .patch_at_new_price(
            &booking,
            json!({ "coupon": "TEN", "seats": [{ "flight_id": days.first.0, "seat": "2A" }] }),
        )
        .await;
    open(&client, &booking).await;
    let rival = stranger.book_flights(days.second, None, 1).await;
    let taken = json!({ "seats": [{ "flight_id": days.second.0, "seat": "3A" }] });
    stranger.patch_at_new_price(&rival, taken).await;
    let elsewhere = client.book_flights(days.second, None, 1).await;
    trip::leave_seats(&pool, days.second, 1).await;
    let (one, two) = (
        client.offer_of(&[days.second], adults(1)).await,
        client.offer_of(&[days.second], adults(2)).await,
    );
    let theirs = stranger.offer_of(&[days.second], adults(2)).await;
    let too_soon = client
        .offers_of(&[days.back], &[days.first], adults(2))
        .await;
    let mut junk = grown_ups(2);
    junk[1]["gender"] = json!("?");
    junk[0]["baggage"] = json!([{ "direction": "back", "kg": 10 }]);
    let strange = json!({
        "passengers": junk,
        "contact": { "email": "nowhere", "phone": "1" },
        "seats": [{ "flight_id": days.second.0, "seat": "1A" }],
        "coupon": "GONE",
    });
    let eleven = grown_ups(11);
    let before = everything(&pool).await;
    for (body, expected) in [
        (
            strange,
            "contact.email: email, contact.phone: phone, passengers[1].gender: unknown, passengers[0].baggage[0].direction: unknown_direction, seats[0].flight_id: not_in_offers, coupon: expired",
        ),
        (json!({ "airline": "AI" }), "airline: unknown_field"),
        (json!({ "open_jaw": true }), "open_jaw: only_with_offers"),
        (
            json!({ "expected_total": { "amount": "1.234", "currency": "USD" } }),
            "expected_total.currency: currency_mismatch, expected_total.amount: format",
        ),
        (
            json!({ "expected_total": { "amount": "1.00", "currency": "INR" } }),
            "price_changed",
        ),
        (
            json!({ "offers": [one] }),
            "passengers: passenger_type_mismatch",
        ),
        (json!({ "offers": [theirs] }), "offers[0]: offer_invalid"),
        (
            json!({ "offers": too_soon }),
            "offers[1]: returns_too_early",
        ),
        (json!({ "passengers": eleven }), "passengers: too_many"),
        (json!({ "passengers": grown_ups(3) }), "price_changed"),
        (json!({ "coupon": "GONE" }), "coupon: expired"),
        (json!({ "coupon": null }), "price_changed"),
        (json!({ "seats": [] }), "price_changed"),
    ] {
        let answer = client.patch_booking(&booking, &body).await;
        let told = match answer.problem() {
            (422, _) => answer.wrong_fields().join(", "),
            (_, code) => code.to_owned(),
        };
        assert_eq!(told, expected, "{body}");
        assert_eq!(everything(&pool).await, before, "{body}");
    }
    // What is decided under locks is taken back whole as well.
    let mut full = json!({ "offers": [two] });
    for expected in ["price_changed", "duplicate_passenger"] {
        let answer = client.patch_booking(&booking, &full).await;
        assert_eq!(answer.problem().1, expected, "{answer:?}");
        if expected == "price_changed" {
            full["expected_total"] = answer.body["price"]["total"].clone();
        }
        assert_eq!(everything(&pool).await, before);
    }
    assert_eq!(
        stranger.patch_booking(&booking, &json!({})).await.problem(),
        (404, "not_found")
    );
    let cancel = format!("/v1/bookings/{}/cancellations", reference(&elsewhere));
    client.post(&cancel, &json!({})).await;
    trip::leave_seats(&pool, days.second, 1).await;
    let before = everything(&pool).await;
    let answer = client.patch_booking(&booking, &full).await;
    assert_eq!(answer.problem(), (409, "sold_out"));
    assert_eq!(everything(&pool).await, before);
    trip::leave_seats(&pool, days.second, 9).await;
    let before = everything(&pool).await;
    full["seats"] = json!([{ "flight_id": days.second.0, "seat": "3A" }]);
    let answer = client.patch_booking(&booking, &full).await;
    full["expected_total"] = answer.body["price"]["total"].clone();
    let answer = client.patch_booking(&booking, &full).await;
    assert_eq!(answer.problem(), (409, "seat_taken"));
    assert_eq!(everything(&pool).await, before);
    assert_consistent(&pool).await;
}
