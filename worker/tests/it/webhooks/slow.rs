//! An endpoint that does not answer, beside one that does.

use std::time::{Duration, Instant};

use flightdesk_core::Clock;
use sqlx::PgPool;

use super::receiver::Receiver;
use super::{ctx_with, endpoint, happen};
use crate::support::process::Worker;
use crate::support::redis::Redis;
use crate::support::until_true;

/// Events that happen at once.
const EVENTS: usize = 40;

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn an_endpoint_that_never_answers_delays_no_other(pool: PgPool) {
    let (mut ctx, redis) = (ctx_with(&pool, true), Redis::start());
    ctx.clock = Clock::system();
    let (slow, quick) = (Receiver::start().await, Receiver::start().await);
    slow.hangs();
    endpoint(&ctx, &slow.url()).await;
    endpoint(&ctx, &quick.url()).await;
    for _ in 0..EVENTS {
        happen(&ctx).await;
    }
    let settings = [
        ("WEBHOOK_ALLOW_LOOPBACK", "true"),
        ("WEBHOOK_CONCURRENCY", "8"),
    ];
    let _worker = Worker::start(&pool, &redis, &settings);
    let began = Instant::now();
    until_true("all are delivered", Duration::from_mins(1), async || {
        quick.received().len() == EVENTS
    })
    .await;
    let took = began.elapsed();
    let waiting = slow.received().len();
    eprintln!(
        "{EVENTS} events were delivered after {took:?}, while {waiting} waited for the other endpoint"
    );
    // Each of the others' takes ten seconds: behind them these would take more than a minute.
    assert!((1..=8).contains(&waiting), "{waiting} wait at once");
    assert!(took < Duration::from_secs(40), "{took:?}");
}
