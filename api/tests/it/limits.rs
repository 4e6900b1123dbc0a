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
