//! The second factor of log-ins.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use totp_rs::{Builder, Secret};

use crate::sessions::{Person, log_in, sign_up};
use crate::support::{Answer, Send, TestApp};

const ADA: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery";

/// What an app shows that was set up with a secret.
fn code(secret: &str, at: DateTime<Utc>) -> String {
    let secret = Secret::try_from_base32(secret).unwrap();
    let totp = Builder::new().with_secret(secret).build().unwrap();
    totp.generate(u64::try_from(at.timestamp()).unwrap())
        .to_string()
}

async fn log_in_with(app: &TestApp, code: Option<&str>) -> Answer {
    let mut body = json!({ "email": ADA, "password": PASSWORD });
    if let Some(code) = code {
        body["code"] = json!(code);
    }
    let request = app.request(Method::POST, "/v1/sessions").json(&body);
    request.answer().await
}

/// Sets a factor up: the secret and the recovery codes.
async fn set_up(app: &TestApp, person: &Person<'_>) -> (String, Vec<String>) {
    let begun = person
        .post("/v1/second-factor", &json!({ "password": PASSWORD }))
        .await;
    assert_eq!(begun.status, 201, "{begun:?}");
    let secret = begun.body["secret"].as_str().unwrap().to_owned();
    let uri = begun.body["uri"].as_str().unwrap();
    assert!(
        uri.starts_with("otpauth://totp/") && uri.contains(&secret),
        "{uri}"
    );
    let wrong = json!({ "code": "000000" });
    let refused = person.post("/v1/second-factor/confirm", &wrong).await;
    assert_eq!(refused.wrong_fields(), ["code: wrong_code"]);
    assert_eq!(
        log_in_with(app, None).await.status,
        201,
        "not asked for yet"
    );
    let right = json!({ "code": code(&secret, app.clock.now()) });
    let confirmed = person.post("/v1/second-factor/confirm", &right).await;
    assert_eq!(confirmed.status, 200, "{confirmed:?}");
    let codes = confirmed.body["recovery_codes"].as_array().unwrap();
    let codes = codes.iter().map(|code| code.as_str().unwrap().to_owned());
    (secret, codes.collect())
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_log_in_needs_a_code_that_is_taken_once(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    sign_up(&app, ADA).await;
    let person = log_in(&app, ADA).await;
    let (secret, recovery) = set_up(&app, &person).await;
    assert_eq!(recovery.len(), 10);
    let again = person
        .post("/v1/second-factor", &json!({ "password": PASSWORD }))
        .await;
    assert_eq!(again.problem(), (409, "second_factor_exists"));

    assert_eq!(
        log_in_with(&app, None).await.problem(),
        (401, "second_factor_required")
    );
    // The code that confirmed it is used.
    let used = code(&secret, app.clock.now());
    assert_eq!(
        log_in_with(&app, Some(&used)).await.problem(),
        (401, "wrong_code")
    );
    app.clock.advance(chrono::Duration::seconds(30));
    let next = code(&secret, app.clock.now());
    for expected in [201, 401] {
        assert_eq!(log_in_with(&app, Some(&next)).await.status, expected);
    }
    for expected in [201, 401] {
        let written = recovery[0].to_uppercase().replace('-', " ");
        assert_eq!(log_in_with(&app, Some(&written)).await.status, expected);
    }
    let state = person.get("/v1/second-factor").await.body;
    assert_eq!(
        state,
        json!({ "confirmed_at": "2026-11-20T12:00:00Z", "recovery_codes": 9 })
    );
    // A wrong password says nothing of the factor.
    let body = json!({ "email": ADA, "password": "wrong horse battery" });
    let wrong = app
        .request(Method::POST, "/v1/sessions")
        .json(&body)
        .answer()
        .await;
    assert_eq!(wrong.problem(), (401, "wrong_credentials"));

    let rows: Vec<String> = sqlx::query_scalar(
        "select t::text from second_factor t union all select t::text from recovery_code t",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let letters = recovery[1].replace('-', "");
    assert!(
        rows.iter()
            .all(|row| !row.contains(&secret) && !row.contains(&letters))
    );

    let take_away = json!({ "password": PASSWORD, "code": recovery[1] });
    let removed = person.post("/v1/second-factor/removal", &take_away).await;
    assert_eq!(removed.status, 204, "{removed:?}");
    assert_eq!(log_in_with(&app, None).await.status, 201);
    assert_eq!(
        person.get("/v1/second-factor").await.body["confirmed_at"],
        Value::Null
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn staff_without_a_second_factor_may_do_what_travellers_may_where_it_is_required(
    pool: PgPool,
) {
    let app = TestApp::start_with(pool.clone(), |settings, _| {
        settings.require_second_factor = true;
    })
    .await;
    sign_up(&app, ADA).await;
    let person = log_in(&app, ADA).await;
    let staff_only = "/v1/admin/jobs";
    assert_eq!(
        person.get(staff_only).await.problem(),
        (403, "missing_scope")
    );
    sqlx::query("update account set role = 'admin'")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(
        person.get(staff_only).await.problem(),
        (403, "second_factor_missing")
    );
    assert_eq!(person.get("/v1/account").await.status, 200);
    set_up(&app, &person).await;
    assert_eq!(person.get(staff_only).await.status, 200);
}
