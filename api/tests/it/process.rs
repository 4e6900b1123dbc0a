//! The `api` binary itself: what it refuses, and how it stops.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use sqlx::PgPool;

use crate::support::sign_up_form;

fn api() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_api"));
    command.stderr(Stdio::piped());
    command
}

/// A process that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

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

/// Starts the binary on a test's database, and reads its log until it serves.
async fn serve(pool: &PgPool) -> (Running, String) {
    let database: String = sqlx::query_scalar("select current_database()::text")
        .fetch_one(pool)
        .await
        .unwrap();
    let mut url: url::Url = std::env::var("DATABASE_URL").unwrap().parse().unwrap();
    url.set_path(&database);
    let started = move || {
        let mut child = api()
            .env("DATABASE_URL", url.as_str())
            .env("PORT", "0")
            .env("RUST_LOG", "info")
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(&line).ok())
            .find(|line| line["message"] == "listening")
            .map(|line| line["addr"].as_str().unwrap().replace("socket://", ""))
            .expect("it ended before it served");
        std::thread::spawn(move || lines.for_each(drop));
        (Running(child), address)
    };
    tokio::task::spawn_blocking(started).await.unwrap()
}

/// Whether somebody waits for a lock in the test's database.
async fn is_waiting(pool: &PgPool) -> bool {
    let waits = "select exists (select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')";
    sqlx::query_scalar(waits).fetch_one(pool).await.unwrap()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn told_to_stop_it_answers_what_it_accepted_and_ends_well(pool: PgPool) {
    let (mut api, address) = serve(&pool).await;
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
    let pid = api.0.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    assert!(sent.success());
    lock.rollback().await.unwrap();
    assert_eq!(answer.await.unwrap().unwrap().status(), 201);
    let ended = tokio::task::spawn_blocking(move || api.0.wait().unwrap())
        .await
        .unwrap();
    assert!(ended.success());
    let later = http
        .get(format!("http://{address}/health/live"))
        .send()
        .await;
    assert!(later.is_err());
}
