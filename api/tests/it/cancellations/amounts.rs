//! How much comes back, by which rule, to the second.

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{buy, cancel, confirm, departure, flights, pay, quote, rupees, turn_to};
use crate::consistent::assert_consistent;
use crate::seats::hold_seats;
use crate::support::TestApp;
use crate::trip::{self, adults, fly, grown_ups};

/// The rule, the charge and the refund of the first item of a quote.
fn said(quote: &Value) -> (&str, &str, &str) {
    let item = &quote["items"][0];
    (
        item["rule"]["name"].as_str().unwrap(),
        item["charge"]["amount"].as_str().unwrap(),
        item["refund"]["amount"].as_str().unwrap(),
    )
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn within_a_day_of_booking_all_but_the_convenience_fee_comes_back(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    assert_eq!(booking["price"]["total"], rupees("7088.00"));
    assert!(
        booking["available_actions"]
            .as_array()
            .unwrap()
            .contains(&json!("cancel"))
    );

    let quoted = quote(&client, &booking, &json!({})).await;
    assert_eq!(quoted.status.as_u16(), 201, "{quoted:?}");
    let path = quoted.header("location").to_owned();
    let quoted = quoted.body;
    assert_eq!(quoted["scope"], "departing");
    assert_eq!(quoted["paid"], rupees("6788.00"));
    assert_eq!(quoted["fees_kept"], rupees("300.00"));
    assert_eq!(quoted["refund"], rupees("6788.00"));
    let item = &quoted["items"][0];
    // The tier gives back as much: a free period is only named where it gives back more.
    assert_eq!(said(&quoted), ("fare_tier", "0.00", "6788.00"));
    assert_eq!(item["base_fare_refund"], rupees("6000.00"));
    assert_eq!(item["rule"]["more_than_hours"], 168);
    assert_eq!(
        trip::counters(&pool, out).await,
        (0, 1),
        "a quote cancels nothing"
    );

    let done = confirm(&client, &booking, &quoted).await;
    assert_eq!(done.status.as_u16(), 200, "{done:?}");
    let cancelled = done.body;
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(cancelled["available_actions"], json!([]));
    assert_eq!(cancelled["price"]["total"], rupees("300.00"));
    let payment = &cancelled["payment"];
    assert_eq!(payment["amount_paid"], rupees("7088.00"));
    assert_eq!(payment["amount_refunded"], rupees("6788.00"));
    assert_eq!(payment["amount_kept"], rupees("300.00"));
    assert_eq!(trip::counters(&pool, out).await, (0, 0));
    let left = trip::count(&pool, "select count(*) from passenger_seat").await;
    assert_eq!(left, 0, "the seat is free");
    let good = "select count(*) from ticket t join ticket_coupon c on c.ticket_id = t.id where t.status <> 'refunded' or c.status <> 'refunded'";
    assert_eq!(trip::count(&pool, good).await, 0);
    let explained = client.get(&path).await.body;
    assert_eq!(explained["items"], quoted["items"]);
    assert!(explained["confirmed_at"].is_string());
    let again = confirm(&client, &booking, &quoted).await;
    assert_eq!(
        (again.status.as_u16(), &again.body["status"]),
        (200, &json!("cancelled"))
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn each_tier_ends_at_its_second(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    let second = Duration::seconds(1);
    let free = ("fare_tier", "0.00", "6788.00");
    let three = ("fare_tier", "3000.00", "3638.00");
    let three_and_a_half = ("fare_tier", "3500.00", "3113.00");
    for (before, expected) in [
        (Duration::hours(168) + second, free),
        (Duration::hours(168), three),
        (Duration::hours(72) + second, three),
        (Duration::hours(72), three_and_a_half),
        (Duration::hours(2) + second, three_and_a_half),
    ] {
        turn_to(&app, departure(), before);
        let quoted = quote(&client, &booking, &json!({})).await;
        assert_eq!(said(&quoted.body), expected, "{before}");
    }
    turn_to(&app, departure(), Duration::hours(2));
    let late = quote(&client, &booking, &json!({})).await;
    assert_eq!(late.problem(), (409, "too_late"));
    let now = client.booking(&booking).await;
    let actions = now["available_actions"].as_array().unwrap();
    assert!(!actions.contains(&json!("cancel")), "{actions:?}");
}

/// Summer time begins in London on 28 March at 01:00 UTC, a day before the flight; the way to Los Angeles lands before it began.
#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn tiers_count_hours_that_pass_across_a_change_of_the_clocks_and_the_date_line(pool: PgPool) {
    flights(&pool, ["AI", "AI"]).await;
    let mut booked = Vec::new();
    for (airline, route, local, instant) in [
        (
            "NZ",
            ["AKL", "LAX"],
            "2026-12-20T20:00:00",
            "2026-12-20T07:00:00Z",
        ),
        (
            "BA",
            ["LHR", "MUC"],
            "2027-03-29T08:00:00",
            "2027-03-29T07:00:00Z",
        ),
    ] {
        let flight = fly(&pool, airline, "501", route, local).await;
        let departs_at: DateTime<Utc> = instant.parse().unwrap();
        booked.push((flight, departs_at));
    }
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let second = Duration::seconds(1);
    for (flight, departs_at) in booked {
        let offer = client.offer_of(&[flight], adults(1)).await;
        let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
        assert_eq!(
            booking["directions"][0]["flights"][0]["departs_at"],
            json!(departs_at)
        );
        for (before, charge) in [
            (Duration::hours(168) + second, "0.00"),
            (Duration::hours(168), "3000.00"),
            (Duration::hours(72) + second, "3000.00"),
            (Duration::hours(72), "3500.00"),
            (Duration::hours(2) + second, "3500.00"),
        ] {
            turn_to(&app, departs_at, before);
            let quoted = quote(&client, &booking, &json!({})).await.body;
            let (rule, charged, _) = said(&quoted);
            assert_eq!((rule, charged), ("fare_tier", charge), "{before}");
        }
        turn_to(&app, departs_at, Duration::hours(2));
        let late = quote(&client, &booking, &json!({})).await;
        assert_eq!(late.problem(), (409, "too_late"));
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn what_two_payments_paid_goes_back_to_the_newer_one_first(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    crate::seats::change(&client, &booking, &[(0, "2C")]).await;
    pay(&app, &pool, &client, &booking).await;
    let paid: Vec<uuid::Uuid> = sqlx::query_scalar("select id from payment order by id")
        .fetch_all(&pool)
        .await
        .unwrap();
    cancel(&client, &booking, &json!({})).await;
    let path = format!("/v1/bookings/{}/refunds", trip::reference(&booking));
    let refunds = client.get(&path).await.body;
    let refunds = refunds["data"].as_array().unwrap().iter();
    let refunds: Vec<_> = refunds
        .map(|refund| (refund["payment_id"].clone(), refund["amount"].clone()))
        .collect();
    assert_eq!(
        refunds,
        [
            (json!(paid[1]), rupees("600.00")),
            (json!(paid[0]), rupees("6788.00")),
        ]
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_light_fare_is_free_for_two_days_and_then_keeps_the_fare_and_what_was_bought_beside(
    pool: PgPool,
) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let held = hold_seats(&client, flight, "light", &["2B"]).await;
    let mut body = trip::booking_of(&held.body);
    body["passengers"][0]["baggage"] = json!([{ "direction": "departing", "kg": 5 }]);
    let booked = client.post("/v1/bookings", &body).await;
    assert_eq!(booked.status.as_u16(), 201, "{booked:?}");
    let booking = pay(&app, &pool, &client, &booked.body).await;
    // 5,000 and 5 % tax, 488 of airport charges, 300 for the booking, 2,250 for the bag, 600 for the seat.
    assert_eq!(booking["price"]["total"], rupees("8888.00"));

    app.clock.advance(Duration::hours(48));
    let quoted = quote(&client, &booking, &json!({})).await.body;
    assert_eq!(said(&quoted), ("free_after_booking", "0.00", "8588.00"));
    assert_eq!(quoted["items"][0]["rule"]["within_hours"], 48);

    app.clock.advance(Duration::seconds(1));
    let quoted = quote(&client, &booking, &json!({})).await.body;
    assert_eq!(said(&quoted), ("fare_tier", "5000.00", "488.00"));
    let lines = quoted["items"][0]["lines"].as_array().unwrap();
    let back = |code: &str| {
        let line = lines
            .iter()
            .find(|line| line["code"].as_str().unwrap().starts_with(code));
        let line = line.unwrap_or_else(|| panic!("no {code} in {lines:?}"));
        (
            line["paid"]["amount"].as_str().unwrap(),
            line["refund"]["amount"].as_str().unwrap(),
        )
    };
    assert_eq!(back("GST"), ("250.00", "0.00"));
    assert_eq!(back("ASF"), ("236.00", "236.00"));
    assert_eq!(back("5kg"), ("2250.00", "0.00"));
    assert_eq!(back("preferred"), ("600.00", "0.00"));
    let done = confirm(&client, &booking, &quoted).await.body;
    assert_eq!(done["payment"]["amount_kept"], rupees("8400.00"));
    assert_eq!(done["price"]["total"], rupees("8400.00"));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_coupons_share_comes_off_what_the_fare_gives_back(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(3)).await;
    let body = json!({ "offers": [offer], "passengers": grown_ups(3), "contact": trip::contact(), "coupon": "WELCOME10" });
    let booked = client.post("/v1/bookings", &body).await;
    assert_eq!(booked.status.as_u16(), 201, "{booked:?}");
    let discount: f64 = booked.body["price"]["discount"]["amount"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let booking = pay(&app, &pool, &client, &booked.body).await;
    turn_to(&app, departure(), Duration::hours(100));
    let one = json!({ "passengers": [booking["passengers"][1]["id"]] });
    let quoted = quote(&client, &booking, &one).await.body;
    let item = &quoted["items"][0];
    let share: f64 = item["coupon_share"]["amount"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(
        (share * 3.0 + discount).abs() < 0.03,
        "{share} is no third of {discount}"
    );
    let back: f64 = item["base_fare_refund"]["amount"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((back - (6000.0 - 3000.0 - share)).abs() < 0.001, "{item}");
    let cancelled = cancel(&client, &booking, &one).await;
    assert_eq!(cancelled["status"], "partially_cancelled");
    assert_eq!(trip::counters(&pool, out).await, (0, 2));
    assert_consistent(&pool).await;
    // The other two give back what they would have given back alone, and nothing of the party's is left but the fees.
    let cancelled = cancel(&client, &booking, &json!({})).await;
    assert_eq!(cancelled["status"], "cancelled");
    let kept: f64 = cancelled["payment"]["amount_kept"]["amount"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    // Three charges, half of the tax on each fare, and the convenience fee.
    assert!(
        (kept - (3.0 * 3000.0 + 3.0 * 150.0 + 300.0)).abs() < 0.001,
        "{kept}"
    );
    assert_consistent(&pool).await;
}
