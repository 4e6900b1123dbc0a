//! What the relay puts into Redis, and what the sweeper leaves of it.

use std::time::Duration;

use flightdesk_core::outbox::{MailKind, Queue};
use flightdesk_core::{Clock, telemetry};
use flightdesk_worker::transport::queue;
use flightdesk_worker::transport::relay::{DEPTH, Relay, RelayError};
use flightdesk_worker::transport::sweeper::sweep;
use sqlx::PgPool;

use crate::support::bookings::{late_payments, promise};
use crate::support::process::Worker;
use crate::support::redis::Redis;
use crate::support::{Folder, Tally, ctx, tally, until};

fn relay(pool: &PgPool, redis: &Redis) -> Relay {
    let ctx = ctx(pool, Clock::system());
    let mut settings = ctx.settings.redis.clone();
    settings.redis_url = redis.url().into();
    Relay::new(
        ctx.db,
        ctx.clock,
        queue::connect(&settings).unwrap(),
        Queue::Mail,
        "flightdesk",
    )
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn redis_holds_ids_and_the_request_and_nothing_about_anybody(pool: PgPool) {
    let redis = Redis::start();
    let context = telemetry::Context {
        request_id: Some("req-7".to_owned()),
        trace_parent: None,
    };
    let job = telemetry::within(
        context,
        promise(&pool, &Clock::system(), MailKind::BookingConfirmed),
    )
    .await;
    assert_eq!(relay(&pool, &redis).pump().await.unwrap(), 1);

    let payloads: Vec<String> = redis.query(&["HVALS", "flightdesk:mail:data"]);
    let payload: serde_json::Value = serde_json::from_str(&payloads[0]).unwrap();
    assert_eq!(
        payload,
        serde_json::json!({"job_id": job, "attempt": 1, "kind": "send_mail", "request_id": "req-7"})
    );
    let keys: Vec<String> = redis.query(&["KEYS", "flightdesk:mail:idempotency:*"]);
    let [key] = keys.as_slice() else {
        panic!("{keys:?}")
    };
    assert!(
        key.starts_with(&format!("flightdesk:mail:idempotency:{job}:1:")),
        "{key}"
    );
    let lifetime: i64 = redis.query(&["TTL", key]);
    assert!(
        (86_000..=86_400).contains(&lifetime),
        "it lives for {lifetime} s"
    );
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn two_relays_keep_a_queue_far_below_what_apalis_can_bear(pool: PgPool) {
    late_payments(&pool, 0, 3_000).await;
    let redis = Redis::start();
    let (mut one, mut other) = (relay(&pool, &redis), relay(&pool, &redis));
    loop {
        let (first, second) = tokio::join!(one.pump(), other.pump());
        if first.unwrap() + second.unwrap() == 0 {
            break;
        }
    }
    let pushed: i64 = redis.query(&["ZCARD", "flightdesk:mail:scheduled"]);
    assert!(
        (DEPTH..1_000).contains(&pushed),
        "{pushed} tasks lie in Redis"
    );
    let tally = tally(&pool).await;
    assert_eq!((tally.queued, tally.waiting), (pushed, 3_000 - pushed));
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn without_redis_jobs_wait_and_lose_no_attempt(pool: PgPool) {
    late_payments(&pool, 0, 10).await;
    let mut redis = Redis::start();
    let mut relay = relay(&pool, &redis);
    redis.kill();
    assert!(matches!(relay.pump().await, Err(RelayError::Redis(_))));
    assert_eq!(
        tally(&pool).await,
        Tally {
            waiting: 10,
            ..Tally::default()
        }
    );
    redis.restart();
    let mut moved = 0;
    for _ in 0..20 {
        // The first tries may still meet the broken connection.
        moved += relay.pump().await.unwrap_or_default();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(moved, 10);
    assert_eq!(
        tally(&pool).await,
        Tally {
            queued: 10,
            ..Tally::default()
        }
    );
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn nothing_of_a_finished_job_stays_in_redis(pool: PgPool) {
    late_payments(&pool, 0, 700).await;
    let redis = Redis::start();
    let mail = Folder::new();
    let mut worker = Worker::start(
        &pool,
        &redis,
        &[("MAIL_DIR", mail.path().to_str().unwrap())],
    );
    until(&pool, Tally::done(700), Duration::from_mins(1)).await;
    assert_eq!(worker.terminate(), Some(0));

    let ctx = ctx(&pool, Clock::system());
    let mut settings = ctx.settings.redis.clone();
    settings.redis_url = redis.url().into();
    sweep(
        &mut queue::connect(&settings).unwrap(),
        "flightdesk",
        Queue::Mail,
    )
    .await
    .unwrap();
    let mut left: Vec<String> = redis.query(&["KEYS", "flightdesk:mail:*"]);
    // The worker itself is remembered until its heartbeats are missed.
    left.retain(|key| !key.starts_with("flightdesk:mail:workers"));
    assert_eq!(left, [] as [&str; 0]);
}
