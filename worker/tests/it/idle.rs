//! What a worker costs that has nothing to do, and how late it notices that it has.

use std::time::{Duration, Instant};

use flightdesk_core::Clock;
use flightdesk_core::outbox::{self, MailKind};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool};

use crate::support::bookings::{late_payments, promise};
use crate::support::process::Worker;
use crate::support::redis::Redis;
use crate::support::{Folder, Tally, until, until_true};

/// Commits in the test's database so far, asked from another one: the question must not count itself.
async fn commits(outside: &mut PgConnection, database: &str) -> i64 {
    sqlx::query_scalar("select xact_commit from pg_stat_database where datname = $1")
        .bind(database)
        .fetch_one(outside)
        .await
        .unwrap()
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn an_idle_worker_makes_a_few_commits_a_second(pool: PgPool) {
    let options = (*pool.connect_options()).clone();
    let database = options.get_database().unwrap().to_owned();
    let outside = options.database("postgres").to_url_lossy();
    let mut outside = PgConnection::connect(outside.as_str()).await.unwrap();
    let (redis, mails) = (Redis::start(), Folder::new());
    let settings = [("MAIL_DIR", mails.path().to_str().unwrap())];
    let _worker = Worker::start(&pool, &redis, &settings);
    late_payments(&pool, 0, 1).await;
    until(&pool, Tally::done(1), Duration::from_mins(1)).await;
    // It becomes idle, and what it counted so far is told: a connection of PostgreSQL does so within ten seconds.
    tokio::time::sleep(Duration::from_secs(12)).await;
    let (before, began) = (commits(&mut outside, &database).await, Instant::now());
    tokio::time::sleep(Duration::from_secs(20)).await;
    let commits = commits(&mut outside, &database).await - before;
    let seconds = began.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let rate = commits as f64 / seconds;
    eprintln!("an idle worker makes {rate:.1} commits a second");
    assert!(rate < 10.0, "{rate:.1} commits a second");
    assert!(rate > 0.5, "{rate:.1}: it must look by itself");
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_job_that_is_promised_to_an_idle_worker_is_done_with_and_without_a_hint(pool: PgPool) {
    let (redis, mails) = (Redis::start(), Folder::new());
    let settings = [("MAIL_DIR", mails.path().to_str().unwrap())];
    let _worker = Worker::start(&pool, &redis, &settings);
    sqlx::query("update booking set status = 'expired'")
        .execute(&pool)
        .await
        .unwrap();
    let mut done = 0;
    for hinted in [true, false] {
        let mut took = Vec::new();
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(4)).await;
            let began = Instant::now();
            promise(&pool, &Clock::system(), MailKind::BookingExpired).await;
            if hinted {
                let mut conn = pool.acquire().await.unwrap();
                outbox::hint(&mut conn).await.unwrap();
            }
            done += 1;
            // The clock may promise a job of its own meanwhile.
            until_true("the mail is sent", Duration::from_mins(1), async || {
                let sent =
                    "select count(*) from outbox where kind = 'send_mail' and status = 'done'";
                let sent = sqlx::query_scalar::<_, i64>(sent).fetch_one(&pool);
                sent.await.unwrap() == done
            })
            .await;
            took.push(began.elapsed().as_millis());
        }
        took.sort_unstable();
        eprintln!("promised while idle, hinted {hinted}: done after {took:?} ms");
    }
}
