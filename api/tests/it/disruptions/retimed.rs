//! A flight that moves: new times are accepted with new tickets, or everything goes back.

use chrono::{DateTime, Utc};
use flightdesk_core::schedule;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{
    answer, cancellation, disrupt, disrupted, disruption, mails, newest, options, retiming, staff,
    tell,
};
use crate::cancellations::{buy, flights, rupees};
use crate::consistent::assert_consistent;
use crate::support::TestApp;
use crate::trip::{self, adults, grown_ups};

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn new_times_are_accepted_and_the_tickets_are_made_anew(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    disrupted(&desk, out, &retiming("2026-12-20T04:30:00Z")).await;

    let told = disruption(&client, &booking).await;
    assert_eq!(told["kind"], "retimed");
    assert_eq!(told["before"]["departs_local"], "2026-12-20T08:00:00+05:30");
    assert_eq!(told["after"]["departs_local"], "2026-12-20T10:00:00+05:30");
    assert_eq!(
        told["after"]["arrives_at"], "2026-12-20T06:30:00Z",
        "as long as before"
    );
    assert_eq!(told["flight"]["departs_at"], "2026-12-20T04:30:00Z");
    assert_eq!(told["default_choice"], "accept");
    let choices: Vec<_> = options(&told).into_iter().map(|one| one.0).collect();
    assert_eq!(choices, ["accept", "refund"]);
    assert_eq!(mails(&pool, "flight_retimed").await, 1);
    let first: DateTime<Utc> = sqlx::query_scalar("select first_departs_at from booking")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(
        first,
        "2026-12-20T04:30:00Z".parse::<DateTime<Utc>>().unwrap()
    );
    // It is sold at its new times.
    let found = client.offer(1).await;
    assert_eq!(found["flights"][0]["departs_at"], "2026-12-20T04:30:00Z");

    let done = answer(&client, &booking, &json!({ "choice": "accept" })).await;
    assert_eq!(done.status.as_u16(), 200, "{done:?}");
    assert_eq!(done.body["status"], "accepted");
    let shown = client.booking(&booking).await;
    let ticket = &shown["documents"][0];
    assert_eq!(
        (&ticket["kind"], &ticket["revision"]),
        (&json!("ticket"), &json!(2))
    );
    assert_eq!(shown["status"], "confirmed");
    assert_eq!(
        newest(&client, &booking, 2).await,
        ["disrupted by staff", "disruption_decided by account"]
    );
    let again = answer(&client, &booking, &json!({ "choice": "refund" })).await;
    assert_eq!(again.problem(), (409, "disruption_decided"));
    assert!(again.text.contains("accepted already"), "{again:?}");
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn who_misses_a_connection_cannot_accept(pool: PgPool) {
    flightdesk_core::fixtures::load_small(&mut pool.acquire().await.unwrap())
        .await
        .unwrap();
    let fly = async |number: &str, route: [&str; 2], departs: &str| {
        trip::fly(&pool, "AI", number, route, departs).await
    };
    // Two hours each, with an hour in Mumbai.
    let first = fly("101", ["DEL", "BOM"], "2026-12-20T08:00:00").await;
    let second = fly("201", ["BOM", "MAA"], "2026-12-20T11:00:00").await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let offer = client.offer_of(&[first, second], adults(1)).await;
    let connecting = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    let offer = client.offer_of(&[first], adults(1)).await;
    let mai = [trip::passenger("Mai", "1990-05-17")];
    let direct = buy(&app, &pool, &client, &[offer], &mai).await;

    let late = retiming("2026-12-20T03:01:00Z");
    let mut dry = late.clone();
    dry["dry_run"] = json!(true);
    let seen = disrupt(&desk, first, &dry).await.body;
    assert_eq!(
        seen["connections_broken"], 1,
        "31 minutes late leave 29 of 30"
    );
    disrupted(&desk, first, &late).await;
    let broken = |told: &Value| told["connection_broken"].clone();
    let told = disruption(&client, &connecting).await;
    assert_eq!(broken(&told), true);
    assert_eq!(told["default_choice"], "refund");
    let choices: Vec<_> = options(&told).into_iter().map(|one| one.0).collect();
    assert_eq!(choices, ["refund"]);
    let refused = answer(&client, &connecting, &json!({ "choice": "accept" })).await;
    assert_eq!(refused.problem(), (409, "choice_unavailable"));
    assert!(
        refused.text.contains("A connection is missed"),
        "{refused:?}"
    );
    assert_eq!(broken(&disruption(&client, &direct).await), false);

    // A minute earlier there is time enough.
    disrupted(&desk, first, &retiming("2026-12-20T03:00:00Z")).await;
    let told = disruption(&client, &connecting).await;
    assert_eq!(broken(&told), false);
    assert_eq!(
        told["before"]["departs_at"], "2026-12-20T02:30:00Z",
        "as it was booked"
    );
    let done = answer(&client, &connecting, &json!({ "choice": "accept" })).await;
    assert_eq!(done.body["status"], "accepted", "{done:?}");
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_newer_disruption_takes_the_place_of_the_one_before(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    let moved = disrupted(&desk, out, &retiming("2026-12-20T04:30:00Z")).await;
    let made = disrupt(&desk, out, &cancellation()).await.body;
    // Not told yet, and the old terms are no more.
    let refused = answer(&client, &booking, &json!({ "choice": "accept" })).await;
    assert_eq!(refused.problem(), (409, "disruption_decided"));
    assert!(refused.text.contains("changed again"), "{refused:?}");
    // The older job has nothing to say any more.
    assert_eq!(tell(&app, &moved).await, 0);
    assert_eq!(tell(&app, &made).await, 1);
    let told = disruption(&client, &booking).await;
    assert_eq!(told["kind"], "cancelled");
    assert_eq!(told["disruption_id"], made["disruption_id"]);
    assert_eq!(
        newest(&client, &booking, 3).await,
        [
            "disrupted by staff",
            "disruption_decided by staff",
            "disrupted by staff"
        ]
    );
    let old = json!({ "choice": "refund", "disruption_id": moved["disruption_id"] });
    let refused = answer(&client, &booking, &old).await;
    assert_eq!(refused.problem(), (409, "disruption_decided"));
    let new = json!({ "choice": "refund", "disruption_id": made["disruption_id"] });
    let done = answer(&client, &booking, &new).await;
    assert_eq!(done.body["status"], "refunded", "{done:?}");
    assert_eq!(
        client.booking(&booking).await["payment"]["amount_kept"],
        rupees("0.00")
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_flight_that_moves_over_midnight_keeps_its_date_and_its_time(pool: PgPool) {
    flightdesk_core::fixtures::load_small(&mut pool.acquire().await.unwrap())
        .await
        .unwrap();
    let late = trip::fly(&pool, "AI", "101", ["DEL", "BOM"], "2026-12-20T23:30:00").await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let offer = client.offer_of(&[late], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    // 00:15 on the 21st.
    disrupted(&desk, late, &retiming("2026-12-20T18:45:00Z")).await;
    let told = disruption(&client, &booking).await;
    assert_eq!(told["after"]["departs_local"], "2026-12-21T00:15:00+05:30");
    let found = client.offer(1).await;
    let flight = &found["flights"][0];
    assert_eq!(
        flight["departs_at"], "2026-12-20T18:45:00Z",
        "found by its date"
    );

    // Newer zone data does not take it a day back.
    let mut conn = pool.acquire().await.unwrap();
    let rezoned = schedule::rezone(&mut conn, &app.clock).await.unwrap();
    assert_eq!((rezoned.flights, rezoned.moved), (1, 0));
    assert_consistent(&pool).await;
}
