//! Both binaries behind the servers that operators put before PostgreSQL, and over TLS.

use std::path::Path;
use std::process::Command;

use flightdesk_core::db::UNREACHABLE;
use sqlx::{ConnectOptions, PgPool};

use super::Deployment;
use super::buyers::buyers_go_on;
use crate::support::Folder;
use crate::support::balancers::{Balancer, Pooling, keeps_track_of_statements};
use crate::support::redis::Redis;

/// Buyers under whom something is restarted.
const BUYERS: usize = 2;

/// A certificate for `localhost` that has signed itself.
fn certificate(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("certificate.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
}

/// The test's database at another port of this machine.
fn at(pool: &PgPool, host: &str, port: u16) -> url::Url {
    let mut url = pool.connect_options().to_url_lossy();
    url.set_host(Some(host)).unwrap();
    url.set_port(Some(port)).unwrap();
    url.set_query(None);
    url
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn people_buy_over_tls_while_pgbouncer_is_restarted(pool: PgPool) {
    let folder = Folder::new();
    certificate(folder.path());
    let (authority, key) = (
        folder.path().join("certificate.pem"),
        folder.path().join("key.pem"),
    );
    let pooling = Pooling {
        mode: if keeps_track_of_statements() {
            "transaction"
        } else {
            "session"
        },
        statements: 100,
        tls: Some(folder.path()),
    };
    let mut pooler = Balancer::pgbouncer(&pool.connect_options(), &pooling);
    let redis = Redis::start_encrypted(&authority, &key);
    let mut database = at(&pool, "localhost", pooler.port());
    database.set_query(Some("sslmode=verify-full"));
    let (direct, queue) = (
        pool.connect_options().to_url_lossy(),
        format!("rediss://localhost:{}", redis.port()),
    );
    let settings = [
        ("DATABASE_URL", database.as_str()),
        ("DIRECT_DATABASE_URL", direct.as_str()),
        ("DATABASE_CA_FILE", authority.to_str().unwrap()),
        ("REDIS_URL", &queue),
        ("REDIS_CA_FILE", authority.to_str().unwrap()),
    ];
    let deployment = Deployment::start_with(&pool, redis, &settings).await;
    let mut worker = deployment.worker_with(&settings);
    buyers_go_on(&deployment, &mut worker, BUYERS, async || pooler.restart()).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn people_buy_while_haproxy_is_restarted_and_all_sessions_are_ended(pool: PgPool) {
    let mut balancer = Balancer::haproxy(pool.connect_options().get_port());
    let database = at(&pool, "127.0.0.1", balancer.port());
    let settings = [("DATABASE_URL", database.as_str())];
    let deployment = Deployment::start_with(&pool, Redis::start(), &settings).await;
    let mut worker = deployment.worker_with(&settings);
    buyers_go_on(&deployment, &mut worker, BUYERS, async || {
        balancer.restart();
        sqlx::query(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and application_name like 'flightdesk%'",
        )
        .execute(&pool)
        .await
        .unwrap();
    })
    .await;
}

/// What a program says that does not start on a database, and with which code it ends.
fn refusal(program: &Path, settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = Command::new(program)
        .envs(settings.iter().copied())
        .env("DATABASE_START_SECONDS", "1")
        .env("REDIS_URL", "redis://127.0.0.1:1")
        .env("PORT", "0")
        .env("RUST_LOG", "error")
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// Both programs end with that code and say all of that.
fn assert_refused(settings: &[(&str, &str)], code: u8, expected: &[&str]) {
    let worker = Path::new(env!("CARGO_BIN_EXE_worker"));
    for program in [worker, &worker.with_file_name("api")] {
        let (ended, said) = refusal(program, settings);
        assert_eq!(ended, Some(i32::from(code)), "{said}");
        for words in expected {
            assert!(said.contains(words), "{words:?} is not in {said:?}");
        }
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_pooler_that_mixes_up_prepared_statements_is_refused_by_name(pool: PgPool) {
    let pooling = Pooling {
        mode: "transaction",
        statements: 0,
        tls: None,
    };
    let pooler = Balancer::pgbouncer(&pool.connect_options(), &pooling);
    let database = at(&pool, "127.0.0.1", pooler.port());
    let settings = [("DATABASE_URL", database.as_str())];
    let words = ["DATABASE_URL", "max_prepared_statements"];
    assert_refused(&settings, UNREACHABLE, &words);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_database_whose_certificate_is_of_another_authority_is_refused_by_name(pool: PgPool) {
    let (ours, another) = (Folder::new(), Folder::new());
    certificate(ours.path());
    certificate(another.path());
    let pooling = Pooling {
        mode: "session",
        statements: 0,
        tls: Some(ours.path()),
    };
    let pooler = Balancer::pgbouncer(&pool.connect_options(), &pooling);
    let database = at(&pool, "localhost", pooler.port());
    let refused = |authority: &Path, database: &str, code, words: &[&str]| {
        let settings = [
            ("DATABASE_URL", database),
            ("DATABASE_CA_FILE", authority.to_str().unwrap()),
        ];
        assert_refused(&settings, code, words);
    };
    let (other, own) = (
        another.path().join("certificate.pem"),
        ours.path().join("certificate.pem"),
    );
    let words = ["certificate", "DATABASE_CA_FILE"];
    refused(&other, database.as_str(), UNREACHABLE, &words);
    let wrong_name = at(&pool, "127.0.0.1", pooler.port());
    refused(
        &own,
        wrong_name.as_str(),
        UNREACHABLE,
        &["certificate", "127.0.0.1"],
    );
    for file in [
        "/nowhere/ca.pem",
        concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
    ] {
        let words = ["DATABASE_CA_FILE", file];
        refused(Path::new(file), database.as_str(), 1, &words);
    }
}
