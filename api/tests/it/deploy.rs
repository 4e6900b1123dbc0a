//! What `manage check --deploy` knows, what `--help` says of logs, and what a line of the log names.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use sqlx::{ConnectOptions, PgPool};

use crate::binary::api;
use crate::support::sign_up_form;
use crate::trip;

/// The line of a check, with settings of the environment.
fn line(pool: &PgPool, arguments: &[&str], check: &str, settings: &[(&str, &str)]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_manage"))
        .arg("check")
        .args(arguments)
        .env(
            "DATABASE_URL",
            pool.connect_options().to_url_lossy().as_str(),
        )
        .envs(settings.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let wanted = format!("  {check} ");
    let found = said.lines().find(|line| line.contains(&wanted));
    found.unwrap_or_else(|| panic!("{said}")).to_owned()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_deployment_behind_a_proxy_must_say_so(pool: PgPool) {
    let alone = line(&pool, &["--deploy"], "proxies", &[]);
    assert!(
        alone.starts_with("FAIL") && alone.contains("TRUSTED_PROXIES"),
        "{alone}"
    );
    let said = line(&pool, &["--deploy"], "proxies", &[("TRUSTED_PROXIES", "1")]);
    assert!(said.starts_with("ok"), "{said}");
    let here = line(&pool, &[], "proxies", &[]);
    assert!(here.starts_with("ok"), "{here}");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_catalogue_in_another_currency_than_the_sale_is_named(pool: PgPool) {
    trip::a_flight(&pool).await;
    let same = line(&pool, &["--deploy"], "currency", &[]);
    assert!(same.starts_with("ok"), "{same}");
    let other = line(
        &pool,
        &["--deploy"],
        "currency",
        &[("SALE_CURRENCY", "USD")],
    );
    assert!(
        other.starts_with("FAIL") && other.contains("tax_rule") && other.contains("INR"),
        "{other}"
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn zone_data_older_than_that_of_the_flights_is_refused(pool: PgPool) {
    let same = line(&pool, &["--deploy"], "zones", &[]);
    assert!(same.starts_with("ok"), "{same}");
    sqlx::query(
        "insert into zone_release (release, adopted_at) values ('2999z', now())
         on conflict on constraint zone_release_pkey do update set release = excluded.release",
    )
    .execute(&pool)
    .await
    .unwrap();
    let older = line(&pool, &["--deploy"], "zones", &[]);
    assert!(
        older.starts_with("FAIL") && older.contains("2999z"),
        "{older}"
    );
}

#[test]
fn the_manual_names_every_setting_of_logs() {
    for program in [env!("CARGO_BIN_EXE_api"), env!("CARGO_BIN_EXE_manage")] {
        let output = Command::new(program).arg("--help").output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        for setting in ["RUST_LOG", "LOG_FORMAT", "json"] {
            assert!(said.contains(setting), "{program}: {setting}: {said}");
        }
    }
}

#[test]
fn a_filter_of_logs_that_cannot_be_read_is_refused_by_name() {
    let output = api().env("RUST_LOG", "info,=wrong=").output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("RUST_LOG"), "{said}");
}

/// Ended with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_line_names_account_and_beginning_of_the_key_and_nothing_secret(pool: PgPool) {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let log = std::env::temp_dir().join(format!("flightdesk-log-{port}-{}", std::process::id()));
    let child = Command::new(env!("CARGO_BIN_EXE_api"))
        .env(
            "DATABASE_URL",
            pool.connect_options().to_url_lossy().as_str(),
        )
        .env("PORT", port.to_string())
        .env("RUST_LOG", "info")
        .env("LOG_FORMAT", "json")
        .stderr(Stdio::from(std::fs::File::create(&log).unwrap()))
        .spawn()
        .unwrap();
    let _api = Process(child);
    let base = format!("http://127.0.0.1:{port}");
    let http = reqwest::Client::new();
    while http
        .get(format!("{base}/health/live"))
        .send()
        .await
        .is_err()
    {}
    let form = sign_up_form("ada@example.com");
    let account: Value = http
        .post(format!("{base}/v1/accounts"))
        .json(&form)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let key = account["api_key"]["key"].as_str().unwrap();
    let answer = http
        .get(format!("{base}/v1/bookings?limit=1"))
        .header("X-API-Key", key)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);

    let said = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    let line = said
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .find(|line| line["path"] == "/v1/bookings")
        .unwrap_or_else(|| panic!("{said}"));
    assert_eq!(
        line["span"]["account_id"], account["account"]["id"],
        "{line}"
    );
    let prefix = line["span"]["key_prefix"].as_str().unwrap();
    assert!(
        key.starts_with(prefix) && prefix.len() * 2 < key.len(),
        "{prefix}"
    );
    for secret in [key, "ada@example.com", "Ada", "correct horse"] {
        assert!(!said.contains(secret), "{secret}: {said}");
    }
}

#[test]
fn the_procfile_names_programs_where_the_rust_buildpack_leaves_them() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../Procfile");
    let text = std::fs::read_to_string(root).unwrap();
    let programs: Vec<_> = text
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("target/release/"))
        .collect();
    assert_eq!(programs, ["manage", "api", "worker"], "{text}");
    assert_eq!(text.lines().count(), 3);
}
