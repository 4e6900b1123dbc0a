//! R5: Redis is flushed, killed or frozen.

use std::time::Duration;

use sqlx::PgPool;

use super::RECOVERY;
use crate::support::bookings::late_payments;
use crate::support::process::Worker;
use crate::support::redis::Redis;
use crate::support::{Folder, Tally, tally, until, until_true};

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_redis_flushed_under_load_loses_no_job(pool: PgPool) {
    let (redis, mails) = (Redis::start(), Folder::new());
    let _worker = Worker::start(
        &pool,
        &redis,
        &[("MAIL_DIR", mails.path().to_str().unwrap())],
    );
    for wave in 0..5 {
        late_payments(&pool, wave * 400, 400).await;
        let before = tally(&pool).await.done;
        until_true("jobs in the middle of a wave", RECOVERY, async || {
            let tally = tally(&pool).await;
            tally.queued > 50 || tally.done > before + 300
        })
        .await;
        let _: String = redis.query(&["FLUSHALL"]);
    }
    until(&pool, Tally::done(2_000), RECOVERY).await;
    assert_eq!(mails.mails().len(), 2_000);
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_redis_that_was_killed_and_came_back_empty_loses_no_job(pool: PgPool) {
    let (mut redis, mails) = (Redis::start(), Folder::new());
    let mut worker = Worker::start(
        &pool,
        &redis,
        &[("MAIL_DIR", mails.path().to_str().unwrap())],
    );
    late_payments(&pool, 0, 1_000).await;
    until_true("some jobs done", RECOVERY, async || {
        tally(&pool).await.done > 100
    })
    .await;
    redis.kill();
    late_payments(&pool, 1_000, 200).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(worker.is_running(), "{}", worker.log());
    redis.restart();
    until(&pool, Tally::done(1_200), RECOVERY).await;
    assert_eq!(mails.mails().len(), 1_200);
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_redis_that_answers_nobody_for_a_minute_loses_no_job(pool: PgPool) {
    let (redis, mails) = (Redis::start(), Folder::new());
    let mut worker = Worker::start(
        &pool,
        &redis,
        &[("MAIL_DIR", mails.path().to_str().unwrap())],
    );
    late_payments(&pool, 0, 1_000).await;
    until_true("some jobs done", RECOVERY, async || {
        tally(&pool).await.done > 100
    })
    .await;
    redis.freeze();
    // Longer than the client waits for an answer, than a lease lasts, and than workers are missed; jobs are promised
    // all the while.
    for wave in 0..12 {
        late_payments(&pool, 1_000 + wave * 20, 20).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(worker.is_running(), "{}", worker.log());
    }
    redis.thaw();
    until(&pool, Tally::done(1_240), RECOVERY).await;
    assert_eq!(mails.mails().len(), 1_240);
}
