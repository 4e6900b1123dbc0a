//! The connections themselves: that fall silent, that a pooler refuses, that are encrypted.

use flightdesk_core::db_error;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use flightdesk_core::config::{self, Settings};
use flightdesk_core::db;
use flightdesk_core::redis::Redis as Connection;
use flightdesk_worker::settings::Cli;
use redis::AsyncCommands;
use secrecy::SecretString;
use sqlx::{ConnectOptions, PgPool};

use crate::support::proxy::Proxy;
use crate::support::redis::Redis;
use crate::support::{Folder, until_true};

/// What it takes to find out that connections are silent, and more than twice that.
const RENEWAL: Duration = Duration::from_secs(10);

fn settings() -> Settings {
    Cli::parse_from(["worker"]).settings
}

/// A test's database through a proxy.
fn through(pool: &PgPool, proxy: &Proxy) -> config::Database {
    let mut url = pool.connect_options().to_url_lossy();
    url.set_port(Some(proxy.port())).unwrap();
    let mut database = settings().database;
    database.database_url = SecretString::from(url.to_string());
    database.database_max_connections = 2;
    database
}

fn before(pool: &PgPool) -> Proxy {
    Proxy::start(pool.connect_options().get_port())
}

async fn setting(pool: &PgPool, name: &str) -> String {
    sqlx::query_scalar("select current_setting($1)")
        .bind(name)
        .fetch_one(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrations = false)]
async fn silent_connections_are_replaced_their_users_told_and_their_locks_freed(pool: PgPool) {
    let proxy = before(&pool);
    let db = db::pool(&through(&pool, &proxy), "test").unwrap();
    db::watch(&[&db]);
    sqlx::query("create table seat (id integer primary key)")
        .execute(&pool)
        .await
        .unwrap();
    sqlx::query("insert into seat values (1)")
        .execute(&pool)
        .await
        .unwrap();
    // All of the pool: one holds a lock, the other waits for an answer.
    let mut holder = db.begin().await.unwrap();
    sqlx::query("update seat set id = 1")
        .execute(&mut *holder)
        .await
        .unwrap();
    let session: i32 = sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(&mut *holder)
        .await
        .unwrap();
    let waiting = db.clone();
    let waiting = tokio::spawn(async move {
        let mut conn = waiting.acquire().await.unwrap();
        let answer = sqlx::query("select pg_sleep(9)").execute(&mut *conn);
        waiting
            .within(Duration::from_mins(1), answer)
            .await
            .is_some()
    });
    // The pool counts a connection that is still being made: the server says when the second one asks.
    until_true("both connections are taken", RENEWAL, async || {
        let asks = "select exists (select from pg_stat_activity where datname = current_database() and application_name = 'test' and wait_event = 'PgSleep')";
        sqlx::query_scalar::<_, bool>(asks).fetch_one(&pool).await.unwrap()
    })
    .await;
    // The watch has a connection before they fall silent.
    until_true("the watch is there", RENEWAL, async || {
        let watches = "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'test watch'";
        sqlx::query_scalar::<_, i64>(watches).fetch_one(&pool).await.unwrap() == 1
    })
    .await;
    proxy.silence();
    assert!(
        !waiting.await.unwrap(),
        "an answer came through a silent connection"
    );
    until_true("somebody else gets the lock", RENEWAL, async || {
        let mut conn = db.acquire().await.unwrap();
        let update = sqlx::query("update seat set id = 1").execute(&mut *conn);
        db.within(Duration::from_secs(2), update)
            .await
            .is_some_and(|answer| answer.is_ok())
    })
    .await;
    let lives = "select exists (select from pg_stat_activity where pid = $1)";
    let lives: bool = sqlx::query_scalar(lives)
        .bind(session)
        .fetch_one(&pool)
        .await
        .unwrap();
    assert!(!lives, "the old session lives");
}

#[sqlx::test(migrations = false)]
async fn a_database_that_is_only_slow_keeps_its_connections(pool: PgPool) {
    let proxy = before(&pool);
    let db = db::pool(&through(&pool, &proxy), "test").unwrap();
    db::watch(&[&db]);
    // Longer than the watch waits for an answer.
    let slow = sqlx::query("select pg_sleep(5)").execute(&*db);
    assert!(db.within(Duration::from_mins(1), slow).await.is_some());
}

#[sqlx::test(migrations = false)]
async fn behind_a_pooler_no_start_up_parameter_is_refused_and_sessions_are_set(pool: PgPool) {
    let pooler = Proxy::start_pooler(pool.connect_options().get_port());
    let db = db::pool(&through(&pool, &pooler), "test").unwrap();
    for (name, value) in [
        ("statement_timeout", "10s"),
        ("idle_in_transaction_session_timeout", "10s"),
        ("plan_cache_mode", "force_generic_plan"),
        ("TimeZone", "UTC"),
        ("application_name", "test"),
    ] {
        assert_eq!(setting(&db, name).await, value, "{name}");
    }
}

#[sqlx::test(migrations = false)]
async fn a_refused_start_up_parameter_is_named(pool: PgPool) {
    let pooler = Proxy::start_pooler(pool.connect_options().get_port());
    let mut database = through(&pool, &pooler);
    let mut url = pool.connect_options().to_url_lossy();
    url.set_port(Some(pooler.port())).unwrap();
    url.query_pairs_mut().append_pair("options", "-c geqo=off");
    database.database_url = SecretString::from(url.to_string());
    let db = db::pool(&database, "test").unwrap();
    let error = db.acquire().await.unwrap_err();
    assert!(db_error::is_away(&error), "{error:?}");
    assert_eq!(
        db_error::explain(&error),
        "it refuses a start-up parameter (unsupported startup parameter: options)"
    );
}

#[tokio::test]
async fn redis_is_used_again_after_its_connection_fell_silent() {
    let server = Redis::start();
    let proxy = Proxy::start(server.port());
    let mut redis = settings().redis;
    redis.redis_url = SecretString::from(format!("redis://127.0.0.1:{}", proxy.port()));
    let mut connection = Connection::new(&redis, Duration::from_secs(1)).unwrap();
    let _: () = connection.set("seat", "12A").await.unwrap();
    proxy.silence();
    // Whoever asks has less patience than the connection itself, as the limits of requests do.
    until_true("Redis answers", RENEWAL, async || {
        let mut connection = connection.clone();
        let asked = connection.get::<_, String>("seat");
        let answer = tokio::time::timeout(Duration::from_millis(50), asked).await;
        matches!(answer, Ok(Ok(seat)) if seat == "12A")
    })
    .await;
    assert!(
        connection
            .answered_ago()
            .is_some_and(|ago| ago < Duration::from_secs(1))
    );
}

/// A Redis with a certificate that it has signed itself, and the file of the certificate.
fn encrypted(folder: &Folder) -> (Redis, PathBuf) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (
        folder.path().join("certificate.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (Redis::start_encrypted(&certificate, &key), certificate)
}

#[tokio::test]
async fn redis_is_reached_with_tls_of_an_authority_or_of_nobody_when_told_so() {
    let folder = Folder::new();
    let (server, certificate) = encrypted(&folder);
    let ping = async |authority: Option<&PathBuf>, insecure: bool| {
        let mut redis = settings().redis;
        redis.redis_url = SecretString::from(format!("rediss://localhost:{}", server.port()));
        redis.redis_ca_file = authority.cloned();
        redis.redis_tls_insecure = insecure;
        let mut connection = Connection::new(&redis, Duration::from_secs(5)).unwrap();
        connection.ping::<String>().await
    };
    assert_eq!(ping(Some(&certificate), false).await.unwrap(), "PONG");
    assert_eq!(ping(None, true).await.unwrap(), "PONG");
    assert!(
        ping(None, false).await.is_err(),
        "a certificate that nobody has signed was taken"
    );
}

#[tokio::test]
async fn a_certificate_authority_that_is_none_is_named() {
    let mut redis = settings().redis;
    redis.redis_url = SecretString::from("rediss://localhost:1");
    for file in ["no-such-file.pem", "Cargo.toml"] {
        redis.redis_ca_file = Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file));
        let error = Connection::new(&redis, Duration::from_secs(1)).unwrap_err();
        assert!(error.to_string().contains("REDIS_CA_FILE"), "{error}");
    }
    redis.redis_url = SecretString::from("redis://localhost:1");
    let error = Connection::new(&redis, Duration::from_secs(1)).unwrap_err();
    assert!(error.to_string().contains("rediss://"), "{error}");
}
