//! What silence means, and that the clock does it once.

use chrono::Duration;
use flightdesk_core::booking;
use flightdesk_core::config::{CancelDefault, RetimeDefault};
use serde_json::json;
use sqlx::PgPool;

use super::{answer, cancellation, disrupted, disruption, newest, retiming, staff};
use crate::cancellations::{buy, flights, quote, rupees};
use crate::consistent::assert_consistent;
use crate::support::TestApp;
use crate::trip::{self, adults, grown_ups};

async fn sweep(app: &TestApp, pool: &PgPool) -> u64 {
    let policy = &app.app.settings.disruptions;
    booking::sweep_disruptions(pool, &app.clock, policy)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn silence_gives_the_money_back_when_the_time_is_over_and_not_before(pool: PgPool) {
    let [out, back] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let offers = client.offers_of(&[out], &[back], adults(1)).await;
    let booking = buy(&app, &pool, &client, &offers, &grown_ups(1)).await;
    disrupted(&desk, out, &cancellation()).await;
    app.clock
        .advance(Duration::hours(72) - Duration::seconds(1));
    assert_eq!(sweep(&app, &pool).await, 0);
    app.clock.advance(Duration::seconds(1));
    // Too late to answer, also before the clock has come to it.
    let late = answer(&client, &booking, &json!({ "choice": "refund" })).await;
    assert_eq!(late.problem(), (409, "disruption_decided"));
    assert!(
        late.text
            .contains("without an answer everything is refunded"),
        "{late:?}"
    );
    let both = tokio::join!(sweep(&app, &pool), sweep(&app, &pool));
    assert_eq!(both.0 + both.1, 1);
    let told = disruption(&client, &booking).await;
    assert_eq!(told["status"], "refunded");
    assert_eq!(told["decided_by_default"], true);
    let shown = client.booking(&booking).await;
    assert_eq!(shown["status"], "partially_cancelled");
    assert_eq!(shown["payment"]["amount_refunded"], rupees("6788.00"));
    assert_eq!(
        newest(&client, &booking, 3).await,
        [
            "refund_promised by system",
            "partially_cancelled by system",
            "disruption_decided by system"
        ]
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn silence_accepts_a_small_move_and_not_a_large_one(pool: PgPool) {
    let [out, back] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let mut bookings = Vec::new();
    for (flight, name) in [(out, "Mai"), (back, "An")] {
        let offer = client.offer_of(&[flight], adults(1)).await;
        let who = [trip::passenger(name, "1990-05-17")];
        bookings.push(buy(&app, &pool, &client, &[offer], &who).await);
    }
    disrupted(&desk, out, &retiming("2026-12-20T05:30:00Z")).await;
    disrupted(&desk, back, &retiming("2026-12-22T05:30:01Z")).await;
    app.clock.advance(Duration::hours(72));
    assert_eq!(sweep(&app, &pool).await, 2);
    let small = disruption(&client, &bookings[0]).await;
    assert_eq!(small["status"], "accepted");
    assert_eq!(small["decided_by_default"], true);
    let large = disruption(&client, &bookings[1]).await;
    assert_eq!(large["status"], "refunded");
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn where_nothing_happens_by_itself_a_cancelled_flight_can_still_be_given_back(pool: PgPool) {
    let [out, back] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start_with(pool.clone(), |settings, _| {
        settings.disruptions.disruption_cancel_default = CancelDefault::Nothing;
        settings.disruptions.disruption_retime_default = RetimeDefault::Nothing;
    })
    .await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let offers = client.offers_of(&[out], &[back], adults(1)).await;
    let booking = buy(&app, &pool, &client, &offers, &grown_ups(1)).await;
    disrupted(&desk, out, &cancellation()).await;
    disrupted(&desk, back, &retiming("2026-12-22T03:30:00Z")).await;
    app.clock.advance(Duration::hours(72));
    assert_eq!(sweep(&app, &pool).await, 2);
    assert_eq!(sweep(&app, &pool).await, 0);
    let lapsed = "select count(*) from disrupted_booking where status = 'lapsed'";
    assert_eq!(trip::count(&pool, lapsed).await, 2);
    let quoted = quote(&client, &booking, &json!({ "scope": "both" }))
        .await
        .body;
    let rules: Vec<_> = quoted["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["rule"]["name"])
        .collect();
    assert_eq!(rules, ["schedule_change", "fare_tier"]);
    assert_consistent(&pool).await;
}

/// Of a journey that has begun the rest is for staff: its tickets are used.
#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_journey_that_has_begun_is_left_to_staff(pool: PgPool) {
    flightdesk_core::fixtures::load_small(&mut pool.acquire().await.unwrap())
        .await
        .unwrap();
    let fly = async |number: &str, route: [&str; 2], departs: &str| {
        trip::fly(&pool, "AI", number, route, departs).await
    };
    let first = fly("101", ["DEL", "BOM"], "2026-12-20T08:00:00").await;
    let second = fly("201", ["BOM", "MAA"], "2026-12-20T13:00:00").await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let offer = client.offer_of(&[first, second], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    let left = "2026-12-20T02:30:00Z".parse().unwrap();
    crate::cancellations::turn_to(&app, left, Duration::zero());
    let mut conn = pool.acquire().await.unwrap();
    let flown = flightdesk_core::ticket::mark_flown(&mut conn, &app.clock).await;
    assert_eq!(flown.unwrap(), 1);
    disrupted(&desk, second, &cancellation()).await;
    let told = disruption(&client, &booking).await;
    assert_eq!(told["options"], json!([]));
    let refused = answer(&client, &booking, &json!({ "choice": "refund" })).await;
    assert_eq!(refused.problem(), (409, "choice_unavailable"));
    let refused = quote(&client, &booking, &json!({})).await;
    assert_eq!(refused.problem(), (409, "too_late"));
    app.clock.advance(Duration::hours(72));
    assert_eq!(sweep(&app, &pool).await, 1);
    assert_eq!(disruption(&client, &booking).await["status"], "lapsed");
    assert_consistent(&pool).await;
}
