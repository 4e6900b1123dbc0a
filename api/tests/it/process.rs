//! The `api` binary itself: what it refuses, and how it stops.

use std::process::Command;

use sqlx::PgPool;

use crate::binary::{Api, api};
use crate::support::sign_up_form;

#[test]
fn production_refuses_every_development_default_by_name() {
    let output = api().env("FLIGHTDESK_ENV", "production").output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    let names = [
        "SECRET_KEY",
        "PUBLIC_URL",
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRET",
        "S3_BUCKET",
        "SMTP_URL",
    ];
    for name in names {
        assert!(said.contains(name), "{name} is not named: {said}");
    }
}

/// Whether somebody waits for a lock in the test's database.
pub async fn is_waiting(pool: &PgPool) -> bool {
    let waits = "select exists (select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')";
    sqlx::query_scalar(waits).fetch_one(pool).await.unwrap()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn told_to_stop_it_answers_what_it_accepted_and_ends_well(pool: PgPool) {
    let mut api = Api::start(&pool, &[]).await;
    let address = api.address.clone();
    // The sign-up is under way for as long as the test holds the table.
    let mut lock = pool.begin().await.unwrap();
    sqlx::query("lock table account")
        .execute(&mut *lock)
        .await
        .unwrap();
    let http = reqwest::Client::new();
    let form = sign_up_form("ada@example.com");
    let call = http
        .post(format!("http://{address}/v1/accounts"))
        .json(&form);
    let answer = tokio::spawn(call.send());
    while !is_waiting(&pool).await {}
    let pid = api.child.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    assert!(sent.success());
    lock.rollback().await.unwrap();
    assert_eq!(answer.await.unwrap().unwrap().status(), 201);
    let ended = tokio::task::spawn_blocking(move || api.child.wait().unwrap())
        .await
        .unwrap();
    assert!(ended.success());
    let later = http
        .get(format!("http://{address}/health/live"))
        .send()
        .await;
    assert!(later.is_err());
}
