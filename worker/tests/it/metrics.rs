//! What Prometheus reads.

use std::net::TcpListener;
use std::time::Duration;

use flightdesk_core::Clock;
use flightdesk_core::ids::BookingId;
use flightdesk_core::outbox::{self, MailKind, SendMail};
use sqlx::PgPool;

use crate::support::process::Worker;
use crate::support::redis::Redis;
use crate::support::until_true;

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_dead_job_and_a_living_worker_are_numbers(pool: PgPool) {
    let redis = Redis::start();
    let addr = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let _worker = Worker::start(&pool, &redis, &[("WORKER_METRICS_ADDR", &addr)]);
    let job = SendMail {
        mail: MailKind::BookingConfirmed,
        booking_id: BookingId::new(),
    };
    outbox::put(
        &mut pool.acquire().await.unwrap(),
        &Clock::system(),
        None,
        &job,
    )
    .await
    .unwrap();

    let url = format!("http://{addr}/metrics");
    for line in [
        r#"flightdesk_jobs_total{kind="send_mail",outcome="dead"} 1"#,
        r#"flightdesk_queue_jobs{queue="mail",status="dead"} 1"#,
        r#"flightdesk_queue_jobs{queue="mail",status="waiting"} 0"#,
        r#"flightdesk_relay_lag_seconds{queue="mail"} 0"#,
        r#"flightdesk_consumers_up{queue="mail"} 1"#,
        "flightdesk_workers_living 1",
    ] {
        until_true(line, Duration::from_secs(30), async || {
            let page = match reqwest::get(&url).await {
                Ok(answer) => answer.text().await.unwrap_or_default(),
                // It has not begun to listen yet.
                Err(_) => String::new(),
            };
            page.lines().any(|found| found == line)
        })
        .await;
    }
}
