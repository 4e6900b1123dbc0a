//! What Prometheus reads.

use std::net::TcpListener;
use std::time::Duration;

use flightdesk_core::Clock;
use flightdesk_core::ids::BookingId;
use flightdesk_core::outbox::{self, MailKind, SendMail};
use sqlx::PgPool;

use crate::support::api::Api;
use crate::support::process::Worker;
use crate::support::redis::Redis;
use crate::support::until_true;

fn free_address() -> String {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().to_string()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_answer_is_counted_by_operation_and_status_on_a_port_of_its_own(pool: PgPool) {
    let (redis, addr) = (Redis::start(), free_address());
    let settings = [
        ("REDIS_URL", redis.url()),
        ("API_METRICS_ADDR", addr.clone()),
    ];
    let settings = settings
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let api = Api::start(&pool, &settings).await;
    let search = format!("{}/v1/flights/search?origin=DEL", api.address);
    for _ in 0..3 {
        assert_eq!(reqwest::get(&search).await.unwrap().status(), 401);
    }
    let page = reqwest::get(format!("http://{addr}/metrics"))
        .await
        .unwrap();
    let page = page.text().await.unwrap();
    for line in [
        r#"flightdesk_requests_total{operation="-",status="401"} 3"#,
        r#"flightdesk_request_seconds_bucket{operation="health_live",le="+Inf"} 1"#,
    ] {
        assert!(page.lines().any(|found| found == line), "{line}: {page}");
    }
    let public = reqwest::get(format!("{}/metrics", api.address)).await;
    assert_eq!(public.unwrap().status(), 404);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_dead_job_and_a_living_worker_are_numbers(pool: PgPool) {
    let redis = Redis::start();
    let addr = free_address();
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
        r#"flightdesk_queue_paused{queue="mail"} 0"#,
        r#"flightdesk_backend_outage_seconds{backend="storage"} 0"#,
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

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn of_two_workers_one_measures_for_all_and_says_which_queue_is_paused(pool: PgPool) {
    let redis = Redis::start();
    let addresses = [free_address(), free_address()];
    let workers = addresses
        .each_ref()
        .map(|addr| Worker::start(&pool, &redis, &[("WORKER_METRICS_ADDR", addr)]));
    sqlx::query(
        "insert into backend_outage (backend, queue, began_at, probe_at, last_error)
         values ('mail', 'mail', now(), now() + interval '1 hour', 'refused')",
    )
    .execute(&pool)
    .await
    .unwrap();
    let pages = async || {
        let mut pages = Vec::new();
        for addr in &addresses {
            let page = match reqwest::get(format!("http://{addr}/metrics")).await {
                Ok(answer) => answer.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            pages.push(page);
        }
        pages
    };
    let with = |pages: &[String], line: &str| {
        let found = pages
            .iter()
            .filter(|page| page.lines().any(|found| found == line));
        found.count()
    };
    for line in [
        "flightdesk_workers_living 2",
        r#"flightdesk_queue_paused{queue="mail"} 1"#,
    ] {
        until_true(line, Duration::from_secs(40), async || {
            with(&pages().await, line) == 1
        })
        .await;
    }
    // Several looks later it is still one.
    tokio::time::sleep(Duration::from_secs(11)).await;
    let now = pages().await;
    assert_eq!(with(&now, "flightdesk_workers_living 2"), 1, "{now:?}");
    drop(workers);
}
