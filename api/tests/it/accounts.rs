//! Signing up.

use reqwest::Method;
use serde_json::json;
use sqlx::PgPool;

use crate::support::{Send, TestApp, sign_up_form};

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_sign_up_answers_the_account_and_a_key_that_works(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let form = sign_up_form("  Ada@Example.com ");
    let made = app
        .request(Method::POST, "/v1/accounts")
        .json(&form)
        .answer()
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.body["account"]["email"], "ada@example.com");
    assert_eq!(made.body["account"]["created_at"], "2026-11-20T12:00:00Z");
    assert_eq!(
        made.body["api_key"]["scopes"],
        json!(["search", "bookings"])
    );
    let key = made.body["api_key"]["key"].as_str().unwrap();
    assert!(key.starts_with("fd_test_") && key.len() == 51, "{key}");
    assert!(!made.text.contains("correct horse"));

    let account = app
        .request(Method::GET, "/v1/account")
        .header("X-API-Key", key)
        .answer()
        .await;
    assert_eq!(
        (account.status.as_u16(), &account.body),
        (200, &made.body["account"])
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_address_that_has_an_account_is_taken(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let form = sign_up_form("ada@example.com");
    app.request(Method::POST, "/v1/accounts")
        .json(&form)
        .answer()
        .await;
    let again = app
        .request(Method::POST, "/v1/accounts")
        .json(&form)
        .answer()
        .await;
    assert_eq!(again.problem(), (409, "email_taken"));
    let rows: i64 = sqlx::query_scalar("select count(*) from account")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(rows, 1);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn twenty_sign_ups_of_one_address_at_once_make_one_account(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let form = sign_up_form("ada@example.com");
    let calls = (0..20).map(|_| {
        app.request(Method::POST, "/v1/accounts")
            .json(&form)
            .answer()
    });
    let answers = futures::future::join_all(calls).await;
    let mut statuses: Vec<_> = answers
        .iter()
        .map(|answer| answer.status.as_u16())
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201);
    assert!(
        statuses[1..].iter().all(|status| *status == 409),
        "{statuses:?}"
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn every_wrong_field_is_named_at_once(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let shape = json!({ "email": 7, "password": "short", "frist_name": "Ada", "last_name": "" });
    let answer = app
        .request(Method::POST, "/v1/accounts")
        .json(&shape)
        .answer()
        .await;
    let expected = [
        "email: type",
        "first_name: required",
        "frist_name: unknown_field",
        "last_name: min_length",
        "password: min_length",
    ];
    assert_eq!(answer.wrong_fields(), expected);

    let meaning = json!({ "email": "ada@nowhere", "password": "password123", "first_name": " ", "last_name": "L", "phone": "0123" });
    let answer = app
        .request(Method::POST, "/v1/accounts")
        .json(&meaning)
        .answer()
        .await;
    let expected = [
        "email: email",
        "first_name: length",
        "phone: phone",
        "password: too_common",
    ];
    assert_eq!(answer.wrong_fields(), expected);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_role_cannot_be_signed_up_for(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let mut form = sign_up_form("ada@example.com");
    form["role"] = json!("admin");
    let answer = app
        .request(Method::POST, "/v1/accounts")
        .json(&form)
        .answer()
        .await;
    assert_eq!(answer.wrong_fields(), ["role: unknown_field"]);
}
