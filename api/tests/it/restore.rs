//! The way back from a lost database, as OPERATIONS.md describes it: dump, restore, migrate, check the invariants.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::StatusCode;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool};

use crate::support::{Client, TestApp};
use crate::trip;

/// A program of PostgreSQL, of the newest version that is here: Debian keeps them off PATH.
fn program(name: &str) -> PathBuf {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let folder = entry.ok()?.path();
            let version = folder.file_name()?.to_str()?.parse().ok()?;
            Some((version, folder.join("bin").join(name)))
        })
        .filter(|(_, file)| file.exists())
        .collect();
    versions.sort();
    versions
        .pop()
        .map_or_else(|| PathBuf::from(name), |(_, file)| file)
}

/// The program on a database, by what libpq knows.
fn on(name: &str, options: &PgConnectOptions, database: &str) -> Command {
    let url = options.to_url_lossy();
    let mut command = Command::new(program(name));
    command
        .env("PGHOST", options.get_host())
        .env("PGPORT", options.get_port().to_string())
        .env("PGUSER", options.get_username())
        .env("PGPASSWORD", url.password().unwrap_or_default())
        .env("PGDATABASE", database);
    command
}

fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

/// How many rows each table has.
async fn rows(pool: &PgPool) -> BTreeMap<String, i64> {
    let counted: Vec<(String, i64)> = sqlx::query_as(
        "select relname::text, (xpath('/row/n/text()', query_to_xml(format('select count(*) as n from %I', relname), false, true, '')))[1]::text::bigint
         from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    counted.into_iter().collect()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn what_was_dumped_is_restored_whole_and_every_invariant_holds(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    client.book().await;
    let payment = client.open_payment(&booking).await;
    assert!(payment.status.is_success(), "{payment:?}");
    let before = rows(&pool).await;
    assert!(before["booking"] == 2 && before["outbox"] > 0, "{before:?}");

    let options = (*pool.connect_options()).clone();
    let database = options.get_database().unwrap().to_owned();
    let restored = format!("restored_{}", uuid::Uuid::now_v7().simple());
    let file = std::env::temp_dir().join(format!("{restored}.dump"));
    let path = |file: &Path| file.display().to_string();
    succeed(on("pg_dump", &options, &database).args(["--format=custom", "--file", &path(&file)]));
    let outside = options.clone().database("postgres");
    let mut outside = PgConnection::connect_with(&outside).await.unwrap();
    let create = sqlx::AssertSqlSafe(format!("create database {restored}"));
    sqlx::raw_sql(create).execute(&mut outside).await.unwrap();
    succeed(on("pg_restore", &options, &restored).args([
        "--exit-on-error",
        "--no-owner",
        "--dbname",
        &restored,
        &path(&file),
    ]));
    std::fs::remove_file(file).unwrap();

    let there = options.clone().database(&restored);
    let url = there.to_url_lossy();
    for command in ["migrate", "invariants"] {
        let mut manage = Command::new(env!("CARGO_BIN_EXE_manage"));
        succeed(manage.arg(command).env("DATABASE_URL", url.as_str()));
    }
    let back = PgPoolOptions::new().connect_with(there).await.unwrap();
    assert_eq!(rows(&back).await, before);
    // The key and the booking of before are known there.
    let app = TestApp::start(back.clone()).await;
    let client = Client {
        app: &app,
        key: client.key.clone(),
        account_id: client.account_id,
    };
    let path = format!("/v1/bookings/{}", trip::reference(&booking));
    let answer = client.get(&path).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.body["total"], booking["total"]);
    back.close().await;
    let drop = sqlx::AssertSqlSafe(format!("drop database {restored} with (force)"));
    sqlx::raw_sql(drop).execute(&mut outside).await.unwrap();
}
