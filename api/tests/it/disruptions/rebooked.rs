//! Other flights at the airline's expense.

use chrono::Duration;
use flightdesk_core::booking;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{answer, cancellation, disrupted, disruption, newest, retiming, staff};
use crate::cancellations::{buy, flights, rupees};
use crate::changes::{flights_of, quote, quoted, tickets_of};
use crate::consistent::assert_consistent;
use crate::support::TestApp;
use crate::trip::{adults, counters, fly, grown_ups};

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn another_flight_within_three_days_costs_nothing_whatever_the_fare(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = fly(&pool, "AI", "201", ["DEL", "BOM"], "2026-12-23T08:00:00").await;
    let too_late = fly(&pool, "AI", "203", ["DEL", "BOM"], "2026-12-23T08:05:00").await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let light = client.offer_at(&[out], adults(2), "light", 500_000).await;
    let booking = buy(&app, &pool, &client, &[light], &grown_ups(2)).await;
    disrupted(&desk, out, &cancellation()).await;
    let told = disruption(&client, &booking).await;
    let options = told["options"].as_array().unwrap();
    assert!(
        options.contains(&json!({ "choice": "rebook" })),
        "{options:?}"
    );

    // A flight without seats for both is none, and the one after it leaves too late.
    for (seats, is_offered) in [(1, false), (2, true)] {
        sqlx::query("update flight_cabin set capacity = held + sold + $2 where flight_id = $1")
            .bind(later.0)
            .bind(seats)
            .execute(&pool)
            .await
            .unwrap();
        let told = disruption(&client, &booking).await;
        let options = told["options"].as_array().unwrap();
        let mut options = options.iter();
        let is_listed = options.any(|option| option["choice"] == "rebook");
        assert_eq!(is_listed, is_offered, "{seats} seats: {told}");
    }

    let none = answer(&client, &booking, &json!({ "choice": "rebook" })).await;
    assert_eq!(none.wrong_fields(), ["offer: required"]);
    // A light fare cannot be changed by its own rules.
    let offer = client.offer_of(&[too_late], adults(2)).await;
    let body = json!({ "choice": "rebook", "offer": offer });
    let far = answer(&client, &booking, &body).await;
    assert_eq!(far.problem(), (409, "change_not_allowed"));

    let dearer = client.offer_at(&[later], adults(2), "flex", 900_000).await;
    let body = json!({ "choice": "rebook", "offer": dearer });
    let done = answer(&client, &booking, &body).await;
    assert_eq!(done.status.as_u16(), 200, "{done:?}");
    assert_eq!(done.body["status"], "rebooked");
    assert_eq!(
        newest(&client, &booking, 2).await,
        [
            "disruption_decided by account",
            "flights_changed by account"
        ]
    );
    let after = client.booking(&booking).await;
    assert_eq!(flights_of(&after, 0), [later.to_string()]);
    assert_eq!(after["directions"][0]["fare_family"], "light");
    assert_eq!(after["price"]["total"], booking["price"]["total"]);
    assert_eq!(after["disruption"], Value::Null);
    assert_ne!(tickets_of(&after, 0), tickets_of(&booking, 0));
    assert_eq!(counters(&pool, out).await, (0, 0));
    assert_eq!(counters(&pool, later).await, (0, 2));
    assert_consistent(&pool).await;

    let again = answer(&client, &booking, &json!({ "choice": "refund" })).await;
    assert_eq!(again.problem(), (409, "disruption_decided"));
    // Nobody is sent home by the clock afterwards, and the fare keeps what it always kept.
    app.clock.advance(Duration::days(4));
    let policy = &app.app.settings.disruptions;
    booking::sweep_disruptions(&pool, &app.clock, policy)
        .await
        .unwrap();
    let after = client.booking(&booking).await;
    assert_eq!(
        (&after["status"], flights_of(&after, 0)),
        (&json!("confirmed"), vec![later.to_string()])
    );
    let quote = crate::cancellations::quote(&client, &booking, &json!({}))
        .await
        .body;
    assert_eq!(quote["items"][0]["rule"]["name"], "fare_tier");
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_quote_of_a_change_is_free_while_the_disruption_is_open_and_is_paid_for_farther_flights(
    pool: PgPool,
) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let near = fly(&pool, "AI", "201", ["DEL", "BOM"], "2026-12-21T08:00:00").await;
    let far = fly(&pool, "AI", "205", ["DEL", "BOM"], "2026-12-27T08:00:00").await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    disrupted(&desk, out, &retiming("2026-12-20T08:30:00Z")).await;
    for (flight, to_pay) in [(near, "0.00"), (far, "2520.00")] {
        let offer = client
            .offer_at(&[flight], adults(1), "standard", 700_000)
            .await;
        let quote = quoted(&client, &booking, &json!({ "offer": offer })).await;
        assert_eq!(quote["to_pay"], rupees(to_pay), "{flight}");
        let body = json!({ "choice": "rebook", "offer": offer });
        if flight == far {
            let refused = answer(&client, &booking, &body).await;
            assert_eq!(refused.wrong_fields(), ["offer: not_free"]);
        }
    }
    answer(&client, &booking, &json!({ "choice": "accept" })).await;
    let offer = client
        .offer_at(&[near], adults(1), "standard", 700_000)
        .await;
    let quote = quote(&client, &booking, &json!({ "offer": offer }))
        .await
        .body;
    assert_eq!(
        quote["to_pay"],
        rupees("2520.00"),
        "the new times were accepted"
    );
    assert_consistent(&pool).await;
}
