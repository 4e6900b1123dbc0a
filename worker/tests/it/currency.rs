//! A worker in another currency than the catalogue's.

use flightdesk_core::fixtures::load_small;
use sqlx::PgPool;

use crate::support::process::Worker;
use crate::support::redis::Redis;

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn it_refuses_to_start_and_names_the_rows(pool: PgPool) {
    load_small(&mut pool.acquire().await.unwrap())
        .await
        .unwrap();
    let redis = Redis::start();
    let mut worker = Worker::start(&pool, &redis, &[("SALE_CURRENCY", "KWD")]);
    assert_eq!(worker.wait(), Some(1));
    let log = worker.log();
    assert!(
        log.contains("SALE_CURRENCY is KWD") && log.contains("IN CONV"),
        "{log}"
    );
}
