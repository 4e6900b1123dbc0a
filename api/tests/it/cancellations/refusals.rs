//! What cannot be quoted or confirmed, and what is said then.

use chrono::Duration;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::{buy, confirm, departure, flights, quote, turn_to};
use crate::support::TestApp;
use crate::trip::{self, adults, grown_ups};

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_scope_has_to_be_said_where_two_directions_are_left_and_names_what_is_booked(
    pool: PgPool,
) {
    let [out, back] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offers = client.offers_of(&[out], &[back], adults(1)).await;
    let round = buy(&app, &pool, &client, &offers, &grown_ups(1)).await;
    let asked = quote(&client, &round, &json!({})).await;
    assert_eq!(asked.wrong_fields(), ["scope: required"]);
    let stranger = json!({ "scope": "both", "passengers": [Uuid::now_v7(), round["passengers"][0]["id"], round["passengers"][0]["id"]] });
    let asked = quote(&client, &round, &stranger).await;
    assert_eq!(
        asked.wrong_fields(),
        ["passengers[0]: unknown", "passengers[2]: duplicate"]
    );

    let other = client.offer_of(&[out], adults(1)).await;
    let mut people = grown_ups(1);
    people[0]["first_name"] = json!("Mai");
    let one_way = buy(&app, &pool, &client, &[other], &people).await;
    for scope in ["returning", "both"] {
        let asked = quote(&client, &one_way, &json!({ "scope": scope })).await;
        assert_eq!(asked.wrong_fields(), ["scope: not_booked"], "{scope}");
    }
    super::cancel(&client, &round, &json!({ "scope": "departing" })).await;
    let asked = quote(&client, &round, &json!({ "scope": "both" })).await;
    assert_eq!(asked.wrong_fields(), ["scope: already_cancelled"]);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn only_the_newest_quote_is_confirmed_and_an_outdated_one_is_answered_with_a_new_one(
    pool: PgPool,
) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;

    let old = quote(&client, &booking, &json!({})).await.body;
    quote(&client, &booking, &json!({})).await;
    let refused = confirm(&client, &booking, &old).await;
    assert_eq!(refused.problem(), (409, "quote_outdated"));

    let quoted = refused.body["quote"].clone();
    app.clock.advance(Duration::minutes(10));
    let refused = confirm(&client, &booking, &quoted).await;
    assert_eq!(refused.problem(), (409, "quote_outdated"));

    // Into the next tier between quote and confirmation.
    turn_to(
        &app,
        departure(),
        Duration::hours(168) + Duration::seconds(1),
    );
    let quoted = quote(&client, &booking, &json!({})).await.body;
    app.clock.advance(Duration::seconds(1));
    let refused = confirm(&client, &booking, &quoted).await;
    assert_eq!(refused.problem(), (409, "quote_outdated"));
    assert_eq!(refused.body["quote"]["charge"]["amount"], "3000.00");
    assert_eq!(
        trip::counters(&pool, out).await,
        (0, 1),
        "nothing was cancelled"
    );
    let done = confirm(&client, &booking, &refused.body["quote"]).await;
    assert_eq!(done.body["status"], "cancelled", "{done:?}");
    let closed = quote(&client, &booking, &json!({})).await;
    assert_eq!(closed.problem(), (409, "wrong_state"));

    let other = app.sign_up().await;
    let foreign = confirm(&other, &booking, &quoted).await;
    assert_eq!(foreign.problem(), (404, "not_found"));
    let foreign = quote(&other, &booking, &json!({})).await;
    assert_eq!(foreign.problem(), (404, "not_found"));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn what_is_not_paid_has_no_quote_and_what_is_paid_is_not_cancelled_without_one(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let unpaid = client.book().await;
    let asked = quote(&client, &unpaid, &json!({})).await;
    assert_eq!(asked.problem(), (409, "wrong_state"));
    let nothing = confirm(&client, &unpaid, &json!({ "quote_id": Uuid::now_v7() })).await;
    assert_eq!(nothing.problem(), (404, "not_found"));
    let paid = super::pay(&app, &pool, &client, &unpaid).await;
    let path = format!("/v1/bookings/{}/cancellations", trip::reference(&paid));
    let refused = client.post(&path, &json!({})).await;
    assert_eq!(refused.problem(), (409, "wrong_state"));
}
