//! The `api` binary itself: what it refuses, and how it stops.

use std::process::Command;

use sqlx::{ConnectOptions, PgPool};

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
        "MAIL_FROM",
    ];
    for name in names {
        assert!(said.contains(name), "{name} is not named: {said}");
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn another_currency_than_the_catalogues_is_refused_with_the_rows(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    flightdesk_core::fixtures::load_small(&mut conn)
        .await
        .unwrap();
    let url = pool.connect_options().to_url_lossy();
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).env("DATABASE_URL", url.as_str());
        let output = command
            .env("SALE_CURRENCY", "JPY")
            .env("PORT", "0")
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (output.status.success(), said.concat())
    };
    for (program, arguments) in [
        (env!("CARGO_BIN_EXE_api"), &[][..]),
        (env!("CARGO_BIN_EXE_manage"), &["check"][..]),
    ] {
        let (went_well, said) = run(program, arguments);
        assert!(!went_well, "{said}");
        for row in [
            "SALE_CURRENCY is JPY",
            "IN CONV",
            "economy preferred",
            "economy flex",
            "prepaid 10 kg",
        ] {
            assert!(said.contains(row), "{program} does not name {row}: {said}");
        }
    }
}

/// Settings that production takes.
const FIT: &[(&str, &str)] = &[
    ("FLIGHTDESK_ENV", "production"),
    ("SECRET_KEY", "0f1c86e2a9b04d7e8c3f5a6b7d9e1f20"),
    ("PUBLIC_URL", "https://flights.example"),
    ("STRIPE_SECRET_KEY", "sk_test_51Hq8ZkLrT3vYw9XbN2mPc7Jd"),
    (
        "STRIPE_WEBHOOK_SECRET",
        "whsec_Zk3vQ9s0TtYw2mXbLr8Hn5Jd7Fg1Pc6A",
    ),
    ("S3_BUCKET", "documents"),
    ("S3_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
    (
        "S3_SECRET_ACCESS_KEY",
        "wJ4rXUtnF3MI7K9MDENGbPxRfiCYz2QhVbT8sLpE",
    ),
    ("SMTP_URL", "smtps://mail.example"),
    ("MAIL_FROM", "Tickets <tickets@flights.example>"),
    ("SMS_BACKEND", "off"),
    (
        "DATABASE_URL",
        "postgres://flightdesk@db.example/flightdesk?sslmode=require",
    ),
    ("REDIS_URL", "redis://127.0.0.1:6379"),
];

/// Starts with settings of which one is changed, where it cannot listen: what it says, and whether it got that far.
fn refusal(name: &str, value: &str) -> String {
    let output = api()
        .envs(FIT.iter().copied())
        .env(name, value)
        // An address that no machine has: only settings that are fit come so far, and nothing comes further.
        .env("API_METRICS_ADDR", "192.0.2.1:9463")
        .output()
        .unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn each_setting_that_is_not_fit_for_production_is_refused_by_its_name() {
    let fit = refusal("PORT", "8000");
    assert!(fit.contains("cannot listen"), "{fit}");
    let url = |scheme: &str, password: &str| format!("{scheme}://u:{password}@host.example/0");
    let unfit = [
        ("SECRET_KEY", String::new()),
        ("SECRET_KEY", "a".repeat(32)),
        ("SECRET_KEY", "short-but-random-7Qx2".to_owned()),
        (
            "SECRET_KEY",
            flightdesk_core::config::DEVELOPMENT_SECRET.to_owned(),
        ),
        ("PUBLIC_URL", "http://flights.example".to_owned()),
        ("PUBLIC_URL", "http://127.0.0.1:8000".to_owned()),
        ("STRIPE_SECRET_KEY", String::new()),
        ("STRIPE_SECRET_KEY", "sk_live_1".to_owned()),
        ("STRIPE_WEBHOOK_SECRET", String::new()),
        ("STRIPE_WEBHOOK_SECRET", "whsec_".to_owned()),
        ("STRIPE_WEBHOOK_SECRET", format!("whsec_{}", "a".repeat(32))),
        (
            "STRIPE_WEBHOOK_SECRET",
            flightdesk_core::config::SANDBOX_WEBHOOK_SECRET.to_owned(),
        ),
        ("STRIPE_API_BASE", "http://stripe.example".to_owned()),
        (
            "RETURN_URL_ORIGINS",
            "https://a.example,http://b.example".to_owned(),
        ),
        ("S3_BUCKET", String::new()),
        ("S3_SECRET_ACCESS_KEY", "minioadmin".to_owned()),
        ("S3_ENDPOINT", "http://s3.example".to_owned()),
        ("S3_PUBLIC_ENDPOINT", "http://s3.example".to_owned()),
        ("SMTP_URL", String::new()),
        ("SMTP_URL", "smtp://mail.example:25".to_owned()),
        ("SMTP_URL", url("smtps", "password1234")),
        ("MAIL_FROM", String::new()),
        ("SMS_BACKEND", "log".to_owned()),
        (
            "DATABASE_URL",
            "postgres://flightdesk@db.example/flightdesk".to_owned(),
        ),
        (
            "DATABASE_URL",
            "postgres://u@db.example/f?sslmode=prefer".to_owned(),
        ),
        (
            "DATABASE_URL",
            "postgres://u:postgres@db.example/f?sslmode=require".to_owned(),
        ),
        ("REDIS_URL", "redis://redis.example".to_owned()),
        ("REDIS_URL", url("rediss", "redis")),
    ];
    for (name, value) in unfit {
        let said = refusal(name, &value);
        let named = said.lines().filter(|line| line.contains(name)).count();
        assert_eq!(named, 1, "{name}={value}: {said}");
        assert!(!said.contains("cannot listen"), "{name}={value}: {said}");
        let secret = value.len() > 8 && (name.contains("SECRET") || value.contains("u:"));
        assert!(!secret || !said.contains(&value), "{name} is told: {said}");
    }
}

#[test]
fn what_stays_on_the_machine_or_is_said_to_be_safe_needs_no_encryption() {
    let local = [
        (
            "DATABASE_URL",
            "postgres:///flightdesk?host=/run/postgresql",
        ),
        ("DATABASE_URL", "postgres://flightdesk@127.0.0.1/flightdesk"),
        ("REDIS_URL", "redis://127.0.0.1:6379"),
        ("REDIS_URL", "redis://[::1]:6379"),
        ("STRIPE_API_BASE", "http://127.0.0.1:12111"),
        ("SMTP_URL", "smtp://127.0.0.1:1025"),
        ("SMTP_URL", "smtp://mail.example:587?tls=required"),
    ];
    for (name, value) in local {
        let said = refusal(name, value);
        assert!(said.contains("cannot listen"), "{name}={value}: {said}");
    }
    for (name, value) in [
        (
            "DATABASE_URL",
            "postgres://flightdesk@db.example/flightdesk",
        ),
        ("REDIS_URL", "redis://redis.example"),
    ] {
        let output = api()
            .envs(FIT.iter().copied())
            .env(name, value)
            .env("TRUSTED_NETWORK", "true")
            .env("API_METRICS_ADDR", "192.0.2.1:9463")
            .output();
        let said = String::from_utf8(output.unwrap().stderr).unwrap();
        assert!(said.contains("cannot listen"), "{name}={value}: {said}");
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

/// A port that nobody listens on.
fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn a_database_that_cannot_be_reached_is_named_and_waited_for_so_long() {
    let url = format!(
        "postgres://somebody:secret@127.0.0.1:{}/flights",
        closed_port()
    );
    let mut command = api();
    command
        .env("DATABASE_URL", url)
        .env("DATABASE_START_SECONDS", "1")
        .env("RUST_BACKTRACE", "1")
        .env("PORT", "0");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(69));
    let said = String::from_utf8(output.stderr).unwrap();
    for word in ["DATABASE_URL", "127.0.0.1", "/flights", "refused"] {
        assert!(said.contains(word), "{word} is not in {said}");
    }
    for word in ["secret", "backtrace", "serving on"] {
        assert!(!said.contains(word), "{word} is in {said}");
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_port_in_use_is_named_with_its_setting(pool: PgPool) {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut command = api();
    command
        .env(
            "DATABASE_URL",
            pool.connect_options().to_url_lossy().as_str(),
        )
        .env("RUST_BACKTRACE", "1")
        .env("PORT", &port);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("PORT") && said.contains(&port), "{said}");
    assert!(
        !said.contains("serving on") && !said.contains("backtrace"),
        "{said}"
    );
}
