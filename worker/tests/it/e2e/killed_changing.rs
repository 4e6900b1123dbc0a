//! R4 of a change of flights: the api is killed at each step of confirming a quote, and of hearing that a dearer one is paid.

use chrono::Duration as Days;
use flightdesk_core::fixtures::{AddFlight, add_flight};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::killed::{marker, try_checkout, without_caps, worker};
use super::killed_cancelling::{buy, kill_api_at};
use super::traveller::{Traveller, until_idle};
use super::{Deployment, PATIENCE, in_a_month};
use crate::consistent::assert_consistent;
use crate::support::smtp::Smtp;
use crate::support::until_true;

/// Where the api is killed (`fault::point`).
const API: [&str; 5] = [
    "change_seats_held",
    "change_flights_moved",
    "change_tickets_exchanged",
    "change_refunded",
    "change_committed",
];

/// Where the api is killed while it hears that a change is paid.
const WEBHOOK: [&str; 7] = [
    "event_verified",
    "event_stored",
    "money_booked",
    "change_flights_moved",
    "change_tickets_exchanged",
    "event_settled",
    "event_committed",
];

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn killed_at_any_step_of_hearing_that_a_change_is_paid_everybody_flies_once_for_one_payment(
    pool: PgPool,
) {
    let mut deployment = Deployment::start(&pool).await;
    a_day_later(&pool, "202", 900_000).await;
    // The timetable is read when the api begins.
    deployment.api.kill();
    deployment.api.restart_with(&without_caps()).await;
    let traveller = Traveller::sign_up(&deployment, "asha").await;
    let smtp = Smtp::start(&["ok"]);
    let _worker = worker(&deployment, &smtp, &[]);
    for (number, point) in WEBHOOK.into_iter().enumerate() {
        let reference = buy(&pool, &traveller, number).await;
        let quote = quote(&traveller, &reference).await;
        let waiting = confirm(&traveller, &reference, &quote).await.unwrap();
        assert!(waiting["flight_change"].is_object(), "{point}: {waiting}");
        let page = try_checkout(&traveller, &reference).await.unwrap();
        let marker = marker(&deployment, point);
        let die = async || {
            traveller.try_to_pay(&page).await;
            until_true("the api dies", PATIENCE, async || marker.exists()).await;
            None
        };
        kill_api_at(&mut deployment, point, die).await;
        // It died of an older event that came again, if the page is not paid.
        traveller.try_to_pay(&page).await;
        until_true("everybody has moved", PATIENCE, async || {
            let booking = traveller.get(&format!("/v1/bookings/{reference}")).await;
            booking["directions"][0]["flights"][0]["flight_number"] == "AI 202"
        })
        .await;
    }
    until_idle(&pool).await;
    let each = i64::try_from(WEBHOOK.len()).unwrap();
    for (what, query, expected) in [
        ("refund", "select count(*) from refund", 0),
        (
            "payment",
            "select count(*) from payment where status = 'succeeded'",
            2 * each,
        ),
        (
            "invoice",
            "select count(*) from document where kind = 'invoice' and status = 'ready'",
            2 * each,
        ),
        (
            "event",
            "select count(*) from booking_event where kind = 'flights_changed'",
            each,
        ),
        (
            "change",
            "select count(*) from booking_change where status = 'done'",
            each,
        ),
    ] {
        let count: i64 = sqlx::query_scalar(query).fetch_one(&pool).await.unwrap();
        assert_eq!(count, expected, "{what}");
    }
    let mails = smtp.accepted();
    for booking in references(&pool).await {
        let title = format!("You have new flights on booking {booking}");
        assert!(mails.iter().any(|mail| mail.contains(&title)), "{booking}");
    }
    assert_consistent(&pool).await;
}

async fn references(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar("select booking_ref from booking")
        .fetch_all(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn killed_at_any_step_of_a_change_everybody_flies_once_and_the_difference_goes_back_once(
    pool: PgPool,
) {
    let mut deployment = Deployment::start(&pool).await;
    a_day_later(&pool, "201", 300_000).await;
    // The timetable is read when the api begins.
    deployment.api.kill();
    deployment.api.restart_with(&without_caps()).await;
    let traveller = Traveller::sign_up(&deployment, "asha").await;
    let smtp = Smtp::start(&["ok"]);
    let _worker = worker(&deployment, &smtp, &[]);
    let mut changed = Vec::new();
    for point in API {
        let reference = buy(&pool, &traveller, changed.len()).await;
        // The first tickets are mailed before.
        until_idle(&pool).await;
        let quote = quote(&traveller, &reference).await;
        let die = async || confirm(&traveller, &reference, &quote).await;
        kill_api_at(&mut deployment, point, die).await;
        let booking = confirm(&traveller, &reference, &quote).await.unwrap();
        let flight = &booking["directions"][0]["flights"][0];
        assert_eq!(flight["flight_number"], "AI 201", "{point}");
        changed.push(reference);
    }
    until_idle(&pool).await;
    until_true("every refund succeeds", PATIENCE, async || {
        let open = "select count(*) from refund where status <> 'succeeded'";
        let open = sqlx::query_scalar::<_, i64>(open);
        open.fetch_one(&pool).await.unwrap() == 0
    })
    .await;
    until_idle(&pool).await;
    for (what, query) in [
        ("refund at Stripe", "select count(*) from sandbox.refund"),
        (
            "refund",
            "select count(*) from refund where reason = 'change'",
        ),
        (
            "credit note",
            "select count(*) from document where kind = 'refund_receipt' and status = 'ready'",
        ),
        (
            "event",
            "select count(*) from booking_event where kind = 'flights_changed'",
        ),
        (
            "change",
            "select count(*) from booking_change where status = 'done'",
        ),
    ] {
        let count: i64 = sqlx::query_scalar(query).fetch_one(&pool).await.unwrap();
        assert_eq!(count, i64::try_from(changed.len()).unwrap(), "{what}");
    }
    let mails = smtp.accepted();
    for reference in &changed {
        let title = format!("You have new flights on booking {reference}");
        let own = mails.iter().filter(|mail| mail.contains(&title));
        assert!(own.count() >= 1, "{reference} is told");
        let title = format!("New tickets for booking {reference}");
        let mut own = mails.iter().filter(|mail| mail.contains(&title));
        // Long lines are folded on the way.
        let newest = own
            .next_back()
            .unwrap()
            .replace("=\r\n", "")
            .replace("=\n", "");
        assert!(newest.contains("They have new ticket numbers"), "{newest}");
    }
    assert_consistent(&pool).await;
}

async fn a_day_later(pool: &PgPool, number: &str, base_fare_minor: i64) {
    let day = in_a_month() + Days::days(1);
    let flight = AddFlight {
        airline: "AI",
        number,
        origin: "DEL",
        destination: "BOM",
        departs_local: day.and_hms_opt(8, 0, 0).unwrap(),
        block_minutes: 130,
        aircraft: "32N",
        base_fare_minor,
    };
    add_flight(&mut pool.acquire().await.unwrap(), flight)
        .await
        .unwrap();
}

async fn quote(traveller: &Traveller, reference: &str) -> Value {
    let day = in_a_month() + Days::days(1);
    let booking = traveller.get(&format!("/v1/bookings/{reference}")).await;
    let family = &booking["directions"][0]["fare_family"];
    let path = format!(
        "/v1/flights/search?origin=DEL&destination=BOM&departure_date={day}&adults=2&fare_family={}",
        family.as_str().unwrap()
    );
    let found = traveller.get(&path).await;
    let body = json!({ "direction": "departing", "offer": found["offers"][0]["offer_id"] });
    let path = format!("/v1/bookings/{reference}/change-quotes");
    traveller.post(&path, &body).await
}

/// The booking, unless the api dies before it answers.
async fn confirm(traveller: &Traveller, reference: &str, quote: &Value) -> Option<Value> {
    let path = format!("/v1/bookings/{reference}/changes");
    let body = json!({ "quote_id": quote["quote_id"] });
    traveller.attempt(Method::POST, &path, Some(&body)).await
}
