//! Rate limits.

use reqwest::Method;
use sqlx::PgPool;

use crate::support::{Send, TestApp, sign_up_form};

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_key_over_its_limit_waits_and_others_do_not(pool: PgPool) {
    let app = TestApp::start_with(pool, |_, limits| limits.rate_limit_per_minute = 5).await;
    let (busy, other) = (app.sign_up().await, app.sign_up().await);
    for left in (0..5).rev() {
        let answer = busy.get("/v1/account").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-limit"), "5");
        assert_eq!(answer.header("ratelimit-remaining"), left.to_string());
    }
    let refused = busy.get("/v1/account").await;
    assert_eq!(refused.problem(), (429, "rate_limited"));
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=12).contains(&wait), "{wait}");
    assert_eq!(refused.header("ratelimit-remaining"), "0");
    assert_eq!(other.get("/v1/account").await.status, 200);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn sign_ups_of_an_address_are_dearer_than_its_other_requests(pool: PgPool) {
    let app = TestApp::start_with(pool, |_, limits| {
        limits.rate_limit_sign_ups_per_hour = 2;
        limits.rate_limit_address_per_minute = 50;
    })
    .await;
    let mut statuses = Vec::new();
    for name in ["a", "b", "c"] {
        let form = sign_up_form(&format!("{name}@example.com"));
        let answer = app
            .request(Method::POST, "/v1/accounts")
            .json(&form)
            .answer()
            .await;
        statuses.push(answer.status.as_u16());
    }
    assert_eq!(statuses, [201, 201, 429]);
    let index = app.request(Method::GET, "/").answer().await;
    assert_eq!(
        (index.status.as_u16(), index.header("ratelimit-limit")),
        (200, "50")
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_refused_request_charges_no_limit(pool: PgPool) {
    let app = TestApp::start_with(pool, |_, limits| {
        limits.rate_limit_sign_ups_per_hour = 1;
        limits.rate_limit_address_per_minute = 10;
    })
    .await;
    for _ in 0..5 {
        let form = sign_up_form("ada@example.com");
        app.request(Method::POST, "/v1/accounts")
            .json(&form)
            .answer()
            .await;
    }
    let index = app.request(Method::GET, "/").answer().await;
    assert_eq!(
        index.header("ratelimit-remaining"),
        "8",
        "the first sign-up and this"
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_address_behind_a_trusted_proxy_is_what_the_proxy_saw(pool: PgPool) {
    let app = TestApp::start_with(pool, |_, limits| {
        limits.rate_limit_address_per_minute = 10;
        limits.trusted_proxies = 1;
    })
    .await;
    let call = |chain: &str| {
        app.request(Method::GET, "/")
            .header("X-Forwarded-For", chain)
    };
    assert_eq!(
        call("203.0.113.7")
            .answer()
            .await
            .header("ratelimit-remaining"),
        "9"
    );
    // What the caller puts before the proxy's own entry changes nothing.
    assert_eq!(
        call("8.8.8.8, 203.0.113.7")
            .answer()
            .await
            .header("ratelimit-remaining"),
        "8"
    );
    assert_eq!(
        call("203.0.113.8")
            .answer()
            .await
            .header("ratelimit-remaining"),
        "9"
    );
}

/// A way to Redis that is slow now and then: of each five answers one takes longer than anybody waits.
async fn slow_now_and_then(redis: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let url: url::Url = redis.parse().unwrap();
    let target = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(6379));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = tokio::net::TcpStream::connect(&target).await.unwrap();
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
            tokio::spawn(async move {
                let mut answers = 0;
                let mut buffer = vec![0; 64 * 1024];
                while let Ok(count @ 1..) = from_server.read(&mut buffer).await {
                    answers += 1;
                    if answers % 5 == 0 {
                        tokio::time::sleep(std::time::Duration::from_millis(120)).await;
                    }
                    if to_client.write_all(&buffer[..count]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    format!("redis://{address}")
}

/// How many of 3,000 requests over 1,000 connections were served with a limit of 40 a minute, and in how many minutes.
async fn served(app: &TestApp) -> (u32, f64) {
    let client = app.sign_up().await;
    let began = std::time::Instant::now();
    let calls = (0..1_000).map(|_| {
        let (address, key) = (app.address, client.key.clone());
        tokio::spawn(async move {
            let http = reqwest::Client::new();
            let mut served = 0;
            for _ in 0..3 {
                let call = http.get(format!("http://{address}/v1/account"));
                let answer = call.header("X-API-Key", &key).send().await.unwrap();
                served += u32::from(answer.status() == 200);
                assert!([200, 429, 503].contains(&answer.status().as_u16()));
            }
            served
        })
    });
    let mut total = 0;
    for call in calls.collect::<Vec<_>>() {
        total += call.await.unwrap();
    }
    (total, began.elapsed().as_secs_f64() / 60.0)
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_limit_holds_while_redis_is_slow_now_and_then(pool: PgPool) {
    use secrecy::ExposeSecret;
    let redis = crate::support::settings().redis.redis_url;
    let slow = slow_now_and_then(redis.expose_secret()).await;
    let app = TestApp::start_with(pool, |settings, limits| {
        settings.redis.redis_url = slow.into();
        limits.rate_limit_per_minute = 40;
    })
    .await;
    let (served, minutes) = served(&app).await;
    // Twice what is allowed: at once, and by what comes back meanwhile.
    let most = 2.0 * 40.0 * (1.0 + minutes);
    assert!(
        served >= 40 && f64::from(served) <= most,
        "{served} of {most}"
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_limit_holds_without_redis(pool: PgPool) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // It takes connections and says nothing.
    let app = TestApp::start_with(pool, |settings, limits| {
        settings.redis.redis_url = format!("redis://{address}").into();
        limits.rate_limit_per_minute = 40;
    })
    .await;
    let (served, minutes) = served(&app).await;
    let most = 40.0 * (1.0 + minutes);
    assert!(
        served >= 40 && f64::from(served) <= most,
        "{served} of {most}"
    );
    let client = app.sign_up().await;
    for left in (37..40).rev() {
        let answer = client.get("/v1/account").await;
        assert_eq!(answer.header("ratelimit-remaining"), left.to_string());
    }
    let refused = client.app.request(Method::GET, "/v1/account");
    assert_eq!(refused.answer().await.problem(), (401, "unauthenticated"));
}
