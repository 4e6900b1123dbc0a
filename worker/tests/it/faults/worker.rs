//! The worker is killed, stopped, slowed down, or loses PostgreSQL.

use sqlx::PgPool;

use super::RECOVERY;
use crate::support::bookings::late_payments;
use crate::support::process::Worker;
use crate::support::redis::Redis;
use crate::support::smtp::Smtp;
use crate::support::{Folder, Tally, tally, until, until_true};

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_worker_whose_database_connections_are_all_cut_goes_on(pool: PgPool) {
    let (redis, mails) = (Redis::start(), Folder::new());
    let _worker = Worker::start(
        &pool,
        &redis,
        &[("MAIL_DIR", mails.path().to_str().unwrap())],
    );
    late_payments(&pool, 0, 1_500).await;
    for done in [100, 400, 700] {
        until_true("some jobs done", RECOVERY, async || {
            tally(&pool).await.done > done
        })
        .await;
        sqlx::query!(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'flightdesk-worker'"
        )
        .fetch_all(&pool)
        .await
        .unwrap();
    }
    until(&pool, Tally::done(1_500), RECOVERY).await;
    assert_eq!(mails.mails().len(), 1_500);
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_job_whose_worker_is_killed_runs_again_and_takes_effect_once(pool: PgPool) {
    let (redis, smtp) = (Redis::start(), Smtp::start(&["hang", "ok"]));
    let mut killed = Worker::start(&pool, &redis, &[("SMTP_URL", smtp.url())]);
    late_payments(&pool, 0, 1).await;
    until_true("the mail is on its way", RECOVERY, async || {
        smtp.offers() == 1
    })
    .await;
    killed.kill();
    assert_eq!(
        tally(&pool).await,
        Tally {
            running: 1,
            ..Tally::default()
        }
    );

    let _other = Worker::start(&pool, &redis, &[("SMTP_URL", smtp.url())]);
    until(&pool, Tally::done(1), RECOVERY).await;
    assert_eq!(smtp.accepted().len(), 1);
    let attempts = sqlx::query_scalar!("select attempts from outbox")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(attempts, 2, "the crash counts as the attempt it was");
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_job_that_takes_longer_than_a_lease_is_not_run_twice(pool: PgPool) {
    // 18 seconds: more than a lease (15), less than the client's patience with a mail server (20).
    let (redis, smtp) = (Redis::start(), Smtp::start(&["slow:18"]));
    let settings = [("SMTP_URL", smtp.url())];
    let _one = Worker::start(&pool, &redis, &settings);
    let _other = Worker::start(&pool, &redis, &settings);
    late_payments(&pool, 0, 1).await;
    until(&pool, Tally::done(1), RECOVERY).await;
    assert_eq!((smtp.offers(), smtp.accepted().len()), (1, 1));
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_worker_that_is_told_to_stop_finishes_what_it_began_and_begins_nothing(pool: PgPool) {
    let (redis, smtp) = (Redis::start(), Smtp::start(&["slow:3"]));
    let mut worker = Worker::start(
        &pool,
        &redis,
        &[("SMTP_URL", smtp.url()), ("MAIL_CONCURRENCY", "2")],
    );
    late_payments(&pool, 0, 6).await;
    until_true("two mails are on their way", RECOVERY, async || {
        smtp.offers() == 2
    })
    .await;
    assert_eq!(worker.terminate(), Some(0));
    let tally = tally(&pool).await;
    assert_eq!(
        (tally.done, tally.running, smtp.offers()),
        (2, 0, 2),
        "{tally:?}"
    );
    let living = sqlx::query_scalar!("select count(*) from worker_heartbeat")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(living, Some(0));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn production_refuses_to_start_on_defaults_and_names_each(pool: PgPool) {
    let redis = Redis::start();
    let mut worker = Worker::start(&pool, &redis, &[("FLIGHTDESK_ENV", "production")]);
    assert_eq!(worker.wait(), Some(2));
    let log = worker.log();
    for setting in [
        "SECRET_KEY",
        "PUBLIC_URL",
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRET",
        "S3_BUCKET",
        "SMTP_URL",
    ] {
        assert!(log.contains(setting), "{setting} is not named in\n{log}");
    }
}
