//! What must hold over the whole database, over HTTP and on the command line.

use std::process::Command;

use reqwest::StatusCode;
use serde_json::json;
use sqlx::{ConnectOptions, PgPool};

use crate::support::TestApp;
use crate::trip;

async fn become_admin(pool: &PgPool) {
    sqlx::query("update api_key set scopes = array['search', 'bookings', 'admin']")
        .execute(pool)
        .await
        .unwrap();
}

/// Counts a seat that nobody holds.
async fn do_harm(pool: &PgPool) {
    sqlx::query("update flight_cabin set held = held + 1 where cabin = 'economy'")
        .execute(pool)
        .await
        .unwrap();
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn only_the_scope_admin_may_check_and_every_rule_is_answered(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    client.book().await;
    let path = "/v1/admin/invariants";
    assert_eq!(client.get(path).await.problem(), (403, "missing_scope"));
    become_admin(&pool).await;
    let answer = client.get(path).await;
    assert_eq!(
        (answer.status, &answer.body["holds"]),
        (StatusCode::OK, &json!(true)),
        "{answer:?}"
    );
    let checks = answer.body["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 20);
    assert!(checks.iter().all(|check| check["violations"] == 0));
    do_harm(&pool).await;
    let answer = client.get(path).await;
    assert_eq!(answer.body["holds"], false);
    let broken: Vec<_> = answer.body["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["violations"] != 0)
        .collect();
    assert_eq!(broken.len(), 1);
    assert_eq!(
        (&broken[0]["name"], &broken[0]["violations"]),
        (&json!("cabin_counters"), &json!(1))
    );
    let example = broken[0]["examples"][0].as_str().unwrap();
    assert_eq!(
        example,
        format!("flight {flight} economy: held 2 and sold 0 of 180, the rows say 1 and 0")
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_command_names_who_breaks_a_rule_and_fails(pool: PgPool) {
    trip::a_flight(&pool).await;
    let url = pool.connect_options().to_url_lossy().to_string();
    let manage = || {
        let output = Command::new(env!("CARGO_BIN_EXE_manage"))
            .arg("invariants")
            .env("DATABASE_URL", &url)
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (code, said) = manage();
    assert_eq!((code, said.matches("ok ").count()), (Some(0), 20), "{said}");
    do_harm(&pool).await;
    let (code, said) = manage();
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("BROKEN cabin_counters: ")
            && said.contains("held 1 and sold 0 of 180, the rows say 0 and 0"),
        "{said}"
    );
}
