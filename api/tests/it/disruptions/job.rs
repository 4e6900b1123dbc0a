//! A full flight: the job that tells its bookings may be stopped anywhere and run twice at once.

use std::time::Duration;

use flightdesk_core::booking;
use flightdesk_core::outbox;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::{cancellation, disrupt, staff};
use crate::cancellations::{buy, flights};
use crate::consistent::assert_consistent;
use crate::support::{Client, TestApp};
use crate::trip::{self, adults, passenger};

const BOOKINGS: usize = 100;

/// Somebody of another name than everybody else.
fn name(index: usize) -> String {
    let letter = |index: usize| char::from(b'a' + u8::try_from(index % 26).unwrap());
    format!(
        "Linh {}{}",
        letter(index / 26).to_uppercase(),
        letter(index)
    )
}

async fn told(pool: &PgPool) -> i64 {
    trip::count(pool, "select count(*) from disrupted_booking").await
}

async fn progress(desk: &Client<'_>, made: &serde_json::Value) -> serde_json::Value {
    let path = format!("/v1/jobs/{}", made["job_id"].as_str().unwrap());
    desk.get(&path).await.body["progress"].clone()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_job_that_is_stopped_in_the_middle_tells_each_booking_once(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    for index in 0..BOOKINGS {
        let offer = client.offer_of(&[out], adults(1)).await;
        let who = [passenger(&name(index), "1990-05-17")];
        buy(&app, &pool, &client, &[offer], &who).await;
    }
    let made = disrupt(&desk, out, &cancellation()).await.body;
    assert_eq!(made["bookings"], BOOKINGS);
    assert_eq!(
        progress(&desk, &made).await,
        json!({ "done": 0, "total": BOOKINGS })
    );
    let id: Uuid = made["disruption_id"].as_str().unwrap().parse().unwrap();

    let run = || {
        let (pool, clock) = (pool.clone(), app.clock.clone());
        let policy = app.app.settings.disruptions.clone();
        tokio::spawn(async move {
            let mut conn = pool.acquire().await.unwrap();
            booking::notify_disrupted(&mut conn, &clock, &policy, id).await
        })
    };
    let first = run();
    while told(&pool).await < 20 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled(), "it was stopped");
    let done = told(&pool).await;
    assert!((20..100).contains(&done), "{done}");
    let shown = progress(&desk, &made).await;
    assert_eq!(shown["total"], BOOKINGS);
    assert!(shown["done"].as_i64().unwrap() >= done, "{shown}");

    // Two at once tell the rest, and a third finds nothing left to do.
    let (one, two) = tokio::join!(run(), run());
    let rest = one.unwrap().unwrap() + two.unwrap().unwrap();
    assert!(rest <= 100 - 20, "{rest}");
    assert_eq!(run().await.unwrap().unwrap(), 0);
    for (what, query) in [
        ("row", "select count(*) from disrupted_booking"),
        (
            "event",
            "select count(*) from booking_event where kind = 'disrupted'",
        ),
        (
            "told",
            "select count(distinct booking_id) from booking_event where kind = 'disrupted'",
        ),
        (
            "mail",
            "select count(*) from outbox where kind = 'send_mail' and payload -> 'mail' ? 'flight_cancelled'",
        ),
        (
            "told by mail",
            "select count(distinct payload ->> 'booking_id') from outbox where payload -> 'mail' ? 'flight_cancelled'",
        ),
    ] {
        assert_eq!(trip::count(&pool, query).await, 100, "{what}");
    }
    let job_id = made["job_id"].as_str().unwrap().parse::<Uuid>().unwrap();
    let mut tx = pool.begin().await.unwrap();
    let started = outbox::start(&mut tx, &app.clock, job_id.into(), 1)
        .await
        .unwrap();
    booking::mark_disruption_told(&mut tx, &app.clock, id)
        .await
        .unwrap();
    outbox::finish(&mut tx, &app.clock, &started.unwrap().lease)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        progress(&desk, &made).await,
        json!({ "done": 100, "total": 100 })
    );

    // Silence gives everything back, to each once.
    app.clock.advance(chrono::Duration::hours(72));
    let policy = &app.app.settings.disruptions;
    let both = tokio::join!(
        booking::sweep_disruptions(&pool, &app.clock, policy),
        booking::sweep_disruptions(&pool, &app.clock, policy),
    );
    assert_eq!(both.0.unwrap() + both.1.unwrap(), 100);
    let given = "select count(*) from refund where amount_minor = 708800";
    assert_eq!(trip::count(&pool, given).await, 100);
    assert_eq!(trip::counters(&pool, out).await, (0, 0));
    assert_consistent(&pool).await;
}
