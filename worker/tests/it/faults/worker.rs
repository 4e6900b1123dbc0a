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
        "MAIL_FROM",
    ] {
        assert!(log.contains(setting), "{setting} is not named in\n{log}");
    }
}

#[test]
fn the_manual_names_every_setting_of_logs_and_a_grace_below_that_of_platforms() {
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_worker"))
        .arg("--help")
        .env_remove("SHUTDOWN_GRACE_SECONDS")
        .output()
        .unwrap();
    let said = String::from_utf8(help.stdout).unwrap();
    for setting in ["RUST_LOG", "LOG_FORMAT"] {
        assert!(said.contains(setting), "{setting}: {said}");
    }
    let cli = <flightdesk_worker::settings::Cli as clap::Parser>::parse_from(["worker"]);
    // Heroku, Kubernetes and ECS kill after 30.
    assert!(cli.worker.shutdown_grace_seconds <= 27);
}

/// Starts with settings of which one is changed, and metrics on an address that no machine has: only settings that are
/// fit come so far.
fn refusal(name: &str, value: &str) -> String {
    let fit = [
        ("FLIGHTDESK_ENV", "production"),
        ("SECRET_KEY", "0f1c86e2a9b04d7e8c3f5a6b7d9e1f20"),
        ("PUBLIC_URL", "https://flights.example"),
        ("STRIPE_SECRET_KEY", "sk_test_51Hq8ZkLrT3vYw9XbN2mPc7Jd"),
        (
            "STRIPE_WEBHOOK_SECRET",
            "whsec_Zk3vQ9s0TtYw2mXbLr8Hn5Jd7Fg1Pc6A",
        ),
        ("S3_BUCKET", "documents"),
        ("SMTP_URL", "smtps://mail.example"),
        ("MAIL_FROM", "Tickets <tickets@flights.example>"),
        ("SMS_BACKEND", "off"),
        ("DATABASE_URL", "postgres://u@db.example/f?sslmode=require"),
        ("REDIS_URL", "redis://127.0.0.1:6379"),
        ("WORKER_METRICS_ADDR", "192.0.2.1:9464"),
    ];
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_worker"))
        .envs(fit)
        .env(name, value)
        .output()
        .unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn each_setting_that_is_not_fit_for_production_is_refused_by_its_name() {
    let fit = refusal("RUST_LOG", "info");
    assert!(!fit.contains("SECRET"), "{fit}");
    for (name, value) in [
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        ("PUBLIC_URL", "http://flights.example"),
        ("STRIPE_SECRET_KEY", ""),
        ("STRIPE_WEBHOOK_SECRET", ""),
        (
            "STRIPE_WEBHOOK_SECRET",
            "whsec_aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ),
        ("STRIPE_API_BASE", "http://stripe.example"),
        ("S3_BUCKET", ""),
        ("S3_ENDPOINT", "http://s3.example"),
        ("SMTP_URL", ""),
        ("SMTP_URL", "smtp://mail.example"),
        ("MAIL_FROM", ""),
        ("SMS_BACKEND", "log"),
        ("DATABASE_URL", "postgres://u@db.example/f"),
        ("REDIS_URL", "redis://redis.example"),
    ] {
        let said = refusal(name, value);
        assert!(said.contains(name), "{name}={value}: {said}");
    }
}
