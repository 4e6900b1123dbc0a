//! The daily job that makes flights: promised by the clock, run like any other.

use flightdesk_core::fixtures::{self, load_small};
use flightdesk_core::outbox::{self, Queue};
use flightdesk_core::schedule;
use flightdesk_core::storage::Storage;
use flightdesk_worker::jobs::materialise_flights;
use sqlx::PgPool;

use crate::booked::context;

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_daily_job_makes_the_flights_of_every_schedule_and_is_done(pool: PgPool) {
    let ctx = context(pool, Storage::memory());
    let mut conn = ctx.db.acquire().await.unwrap();
    load_small(&mut conn).await.unwrap();
    let today = ctx.clock.now().date_naive();
    let flight = fixtures::AddFlight {
        airline: "AI",
        number: "12",
        origin: "DEL",
        destination: "BOM",
        departs_local: today.and_hms_opt(8, 0, 0).unwrap() + chrono::Duration::days(1),
        block_minutes: 130,
        aircraft: "320",
        base_fare_minor: 500_000,
    };
    let given = fixtures::add_flight(&mut conn, flight).await.unwrap();
    sqlx::query("update schedule set weekdays = 127, effective_until = effective_until + 4")
        .execute(&mut *conn)
        .await
        .unwrap();
    schedule::promise(&mut conn, &ctx.clock, 330).await.unwrap();
    let claimed = outbox::claim(&mut conn, &ctx.clock, Queue::Timetable, 10)
        .await
        .unwrap();
    let started = outbox::start(&mut conn, &ctx.clock, claimed[0].job_id, claimed[0].attempt)
        .await
        .unwrap()
        .unwrap();
    let job = serde_json::from_value(started.payload).unwrap();
    materialise_flights::run(&ctx, job, &started.lease)
        .await
        .unwrap();
    let flights: Vec<uuid::Uuid> =
        sqlx::query_scalar("select id from flight order by departure_date")
            .fetch_all(&mut *conn)
            .await
            .unwrap();
    assert_eq!((flights.len(), flights[0]), (5, given.0));
    let status: String = sqlx::query_scalar("select status from outbox")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(status, "done");
}
