//! R6: what was promised while nobody worked is done once somebody does.

use std::collections::HashSet;
use std::time::Duration;

use sqlx::PgPool;

use crate::support::bookings::late_payments;
use crate::support::process::Worker;
use crate::support::redis::Redis;
use crate::support::{Folder, Tally, until};

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn ten_thousand_jobs_promised_while_no_worker_runs_are_all_done_afterwards(pool: PgPool) {
    late_payments(&pool, 0, 10_000).await;
    let (redis, mails) = (Redis::start(), Folder::new());
    let settings = [("MAIL_DIR", mails.path().to_str().unwrap())];
    let _one = Worker::start(&pool, &redis, &settings);
    let _other = Worker::start(&pool, &redis, &settings);
    until(&pool, Tally::done(10_000), Duration::from_mins(4)).await;

    let files: HashSet<_> = mails.mails().into_iter().collect();
    assert_eq!(files.len(), 10_000);
    let tried_twice = sqlx::query_scalar!("select count(*) from outbox where attempts <> 1")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(tried_twice, Some(0));
}
