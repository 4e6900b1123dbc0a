//! A paid booking that waits for a change of flights is cancelled, paid, swept and loses its flight at the same moment.

use std::collections::BTreeMap;
use std::time::Duration as Pause;

use chrono::Duration;
use flightdesk_core::booking;
use serde_json::json;
use sqlx::PgPool;

use super::wide;
use crate::cancellations::{self, buy};
use crate::changes::{self, a_day_later};
use crate::consistent::assert_consistent;
use crate::disruptions::{cancellation, disrupted, staff};
use crate::payments::{open, paid, session, settle};
use crate::support::TestApp;
use crate::trip::{self, adults, fly};

const ROUNDS: u64 = 25;

/// Waits while another one has its head start; in the last kind of round nobody has one.
async fn after(starter: u64, mine: u64) {
    let wait = if starter == mine || starter == 4 {
        0
    } else {
        15
    };
    tokio::time::sleep(Pause::from_millis(wait)).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn of_cancelling_changing_sweeping_and_disrupting_each_finds_what_the_others_left(
    pool: PgPool,
) {
    trip::a_flight(&pool).await;
    let (wide, later) = (wide(&pool).await, a_day_later(&pool).await);
    let mut flights = Vec::new();
    for round in 0..ROUNDS {
        let number = (300 + round).to_string();
        flights.push(fly(&pool, "AI", &number, ["DEL", "BOM"], "2026-12-20T08:00:00").await);
    }
    let app = TestApp::start(wide.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let mut endings = BTreeMap::<String, u32>::new();
    for (round, out) in (0..).zip(flights) {
        let offer = client.offer_of(&[out], adults(1)).await;
        let somebody = trip::somebody(&uuid::Uuid::new_v4().to_string());
        let people = [trip::passenger(&somebody, "1990-05-17")];
        let booking = buy(&app, &pool, &client, &[offer], &people).await;
        let dearer = client
            .offer_at(&[later], adults(1), "standard", 700_000)
            .await;
        changes::change(&client, &booking, &json!({ "offer": dearer })).await;
        open(&client, &booking).await;
        let money = paid(&session(&app, &pool).await);
        // Past the page's end and Stripe's sixty seconds: the sweep needs no answer.
        app.clock.advance(Duration::minutes(35));
        let quoted = cancellations::quote(&client, &booking, &json!({})).await;
        assert_eq!(quoted.status.as_u16(), 201, "{quoted:?}");

        let starter = round % 5;
        let cancel = async {
            after(starter, 0).await;
            cancellations::confirm(&client, &booking, &quoted.body).await
        };
        let pay = async {
            after(starter, 1).await;
            settle(&app, &money).await
        };
        let sweep = async {
            after(starter, 2).await;
            booking::sweep_changes(&wide, &app.clock).await.unwrap()
        };
        let lose = async {
            after(starter, 3).await;
            disrupted(&desk, out, &cancellation()).await
        };
        let (cancelled, settled, swept, _) = tokio::join!(cancel, pay, sweep, lose);
        let facts = format!("round {round}: {cancelled:?}, {settled:?}, swept {swept}");
        let is_done = cancelled.status.as_u16() == 200;
        assert!(
            is_done || cancelled.problem() == (409, "quote_outdated"),
            "{facts}"
        );
        let (cancellations, changes, paid, refunded): (i64, i64, i64, i64) = sqlx::query_as(
            "select (select count(*) from cancellation where booking_id = b.id),
                    (select count(*) from booking_change where booking_id = b.id and status = 'done'),
                    (select sum(amount_minor)::bigint from payment where booking_id = b.id and status = 'succeeded'),
                    (select coalesce(sum(amount_minor), 0)::bigint from refund where booking_id = b.id and status <> 'failed')
             from booking b where booking_ref = $1",
        )
        .bind(trip::reference(&booking))
        .fetch_one(&pool)
        .await
        .unwrap();
        assert_eq!(cancellations, i64::from(is_done), "{facts}");
        assert!(refunded <= paid, "{facts}: {refunded} of {paid} goes back");
        assert_consistent(&pool).await;
        let now = client.booking(&booking).await;
        let ending = format!("{}, {changes} changed", now["status"].as_str().unwrap());
        *endings.entry(ending).or_default() += 1;
    }
    // Whoever had the head start did decide: otherwise this would be no race.
    for ending in ["cancelled, 0 changed", "confirmed, 1 changed"] {
        assert!(
            endings.contains_key(ending),
            "no round ended {ending}: {endings:?}"
        );
    }
    wide.close().await;
}
