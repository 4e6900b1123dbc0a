//! PostgreSQL or Redis away.

use std::time::Duration;

use reqwest::Method;
use secrecy::SecretString;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use crate::own_redis::OwnRedis;
use crate::support::{Send, TestApp, sign_up_form};

/// A port on which nobody listens.
async fn closed_port() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn without_redis_everything_is_served_and_health_says_degraded(pool: PgPool) {
    let port = closed_port().await;
    let app = TestApp::start_with(pool, |settings, limits| {
        settings.redis.redis_url = SecretString::from(format!("redis://127.0.0.1:{port}"));
        // Without Redis the process counts by itself.
        limits.rate_limit_per_minute = 1_000;
        limits.rate_limit_address_per_minute = 1_000;
    })
    .await;
    let traveller = app.sign_up().await;
    for _ in 0..5 {
        assert_eq!(traveller.get("/v1/account").await.status, 200);
    }
    let ready = app.request(Method::GET, "/health/ready").answer().await;
    assert_eq!(
        (ready.status.as_u16(), &ready.body["status"]),
        (200, &"degraded".into())
    );
    let checks = ready.body["checks"].as_array().unwrap();
    let redis = checks
        .iter()
        .find(|check| check["name"] == "redis")
        .unwrap();
    assert_eq!(redis["status"], "degraded");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_redis_that_hangs_is_waited_for_once_and_not_by_every_request(pool: PgPool) {
    // It accepts connections and never says a word.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let app = TestApp::start_with(pool, |settings, limits| {
        settings.redis.redis_url = SecretString::from(format!("redis://127.0.0.1:{port}"));
        limits.rate_limit_per_minute = 1_000;
    })
    .await;
    let traveller = app.sign_up().await;
    for _ in 0..20 {
        assert_eq!(traveller.get("/v1/account").await.status, 200);
    }
    drop(listener);
}

#[tokio::test]
async fn without_postgresql_the_answer_is_503_and_the_process_lives() {
    let port = closed_port().await;
    let pool = PgPoolOptions::new()
        .acquire_timeout(Duration::from_millis(200))
        .connect_lazy(&format!("postgres://nobody@127.0.0.1:{port}/nothing"))
        .unwrap();
    let app = TestApp::start(pool).await;
    let form = sign_up_form("ada@example.com");
    let answer = app
        .request(Method::POST, "/v1/accounts")
        .json(&form)
        .answer()
        .await;
    assert_eq!(answer.problem(), (503, "unavailable"));
    assert!(!answer.header("retry-after").is_empty());
    let key = format!("fd_test_{}", "x".repeat(43));
    let answer = app
        .request(Method::GET, "/v1/account")
        .header("X-API-Key", key)
        .answer()
        .await;
    assert_eq!(answer.problem(), (503, "unavailable"));
    let ready = app.request(Method::GET, "/health/ready").answer().await;
    assert_eq!(
        (ready.status.as_u16(), &ready.body["status"]),
        (503, &"down".into())
    );
    assert_eq!(
        app.request(Method::GET, "/health/live")
            .answer()
            .await
            .status,
        200
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn connections_that_are_cut_are_made_again(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let traveller = app.sign_up().await;
    let mut other = pool.acquire().await.unwrap();
    sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
        .execute(&mut *other)
        .await
        .unwrap();
    drop(other);
    let mut last = 0;
    for _ in 0..5 {
        let answer = traveller.get("/v1/account").await;
        last = answer.status.as_u16();
        assert!(
            last == 200 || answer.problem() == (503, "unavailable"),
            "{answer:?}"
        );
    }
    assert_eq!(last, 200);
}

#[sqlx::test(migrations = false)]
async fn a_database_without_our_schema_gets_no_traffic(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let ready = app.request(Method::GET, "/health/ready").answer().await;
    assert_eq!(ready.status, 503);
    assert!(ready.text.contains("manage migrate"), "{ready:?}");
}

/// What readiness says of one thing: its status, and what was found.
async fn ready(app: &TestApp, name: &str) -> (u16, String, String) {
    let ready = app.request(Method::GET, "/health/ready").answer().await;
    let checks = ready.body["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == name).unwrap();
    let word = |member: &str| check[member].as_str().unwrap_or_default().to_owned();
    (ready.status.as_u16(), word("status"), word("detail"))
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_read_only_database_gets_no_traffic_and_its_refusals_are_503(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    assert_eq!(
        ready(&app, "database").await,
        (200, "ok".to_owned(), String::new())
    );
    sqlx::query("do $$ begin execute format('alter database %I set default_transaction_read_only = on', current_database()); end $$")
        .execute(&pool)
        .await
        .unwrap();
    sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
        .execute(&pool)
        .await
        .unwrap();
    let standby = PgPoolOptions::new().connect_lazy_with((*pool.connect_options()).clone());
    let app = TestApp::start(standby).await;
    let (status, database, detail) = ready(&app, "database").await;
    assert_eq!((status, &*database), (503, "down"));
    assert!(detail.contains("read-only"), "{detail}");
    let form = sign_up_form("ada@example.com");
    let answer = app
        .request(Method::POST, "/v1/accounts")
        .json(&form)
        .answer()
        .await;
    assert_eq!(answer.problem(), (503, "unavailable"));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_refused_user_is_named_by_readiness(pool: PgPool) {
    let options = (*pool.connect_options())
        .clone()
        .username("nobody_of_this_name");
    let app = TestApp::start(PgPoolOptions::new().connect_lazy_with(options)).await;
    let (status, database, detail) = ready(&app, "database").await;
    assert_eq!((status, &*database), (503, "down"));
    assert!(
        detail.contains("refuses the user or the password"),
        "{detail}"
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_redis_that_cannot_run_our_scripts_is_named_by_readiness(pool: PgPool) {
    let server = OwnRedis::start();
    let client = redis::Client::open(server.url()).unwrap();
    let mut admin = client.get_multiplexed_async_connection().await.unwrap();
    let user = [
        "SETUSER", "reader", "on", ">secret", "~*", "+ping", "+get", "+client", "+info",
    ];
    let _: () = redis::cmd("ACL")
        .arg(&user)
        .query_async(&mut admin)
        .await
        .unwrap();
    let port = server.url().rsplit(':').next().unwrap().to_owned();
    for (url, expected) in [
        (
            format!("redis://reader:secret@127.0.0.1:{port}"),
            "may not run our scripts",
        ),
        (
            format!("redis://reader:wrong@127.0.0.1:{port}"),
            "refuses the user or the password",
        ),
    ] {
        let app = TestApp::start_with(pool.clone(), |settings, _| {
            settings.redis.redis_url = SecretString::from(url);
        })
        .await;
        let (status, redis, detail) = ready(&app, "redis").await;
        assert_eq!((status, &*redis), (200, "degraded"));
        assert!(detail.contains(expected), "{detail}");
    }
    let _: () = redis::cmd("CONFIG")
        .arg(&["SET", "maxmemory", "1"])
        .query_async(&mut admin)
        .await
        .unwrap();
    let app = TestApp::start_with(pool, |settings, _| {
        settings.redis.redis_url = SecretString::from(server.url());
    })
    .await;
    let (_, redis, detail) = ready(&app, "redis").await;
    assert_eq!(
        (&*redis, detail.contains("memory is full")),
        ("degraded", true),
        "{detail}"
    );
}
