//! Files for spreadsheets: they read back, none of their cells is a formula, and no connection waits for a slow reader.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use crate::audit::staff;
use crate::cancellations::buy;
use crate::support::{Answer, TestApp};
use crate::trip::{self, adults, reference};

/// The rows of a file as Python's `csv` reads them.
fn read(answer: &Answer) -> Vec<Vec<String>> {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    let program = "import csv, json, sys; print(json.dumps(list(csv.reader(open(0, newline='', encoding='utf-8'), strict=True))))";
    let mut python = Command::new("python3")
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = python.stdin.take().unwrap();
    input.write_all(answer.text.as_bytes()).unwrap();
    drop(input);
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A column of a file by its name.
fn column<'a>(rows: &'a [Vec<String>], name: &str) -> Vec<&'a str> {
    let at = rows[0].iter().position(|column| column == name).unwrap();
    rows[1..].iter().map(|row| row[at].as_str()).collect()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn every_file_reads_back_and_no_cell_is_a_formula(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let offer = client.offer_of(&[flight], adults(1)).await;
    let person = json!({ "title": "ms", "first_name": "Ada", "last_name": "-Lovelace", "gender": "female", "date_of_birth": "1990-05-17" });
    let paid = buy(&app, &pool, &client, &[offer], &[person]).await;
    // As nobody could write it over HTTP.
    sqlx::query("update booking set contact_email = '=cmd|\"a\",\n1@example.com'")
        .execute(&pool)
        .await
        .unwrap();
    let days = "from=2026-11-20&until=2026-11-20";
    let path = format!("/v1/admin/exports/bookings.csv?{days}");
    let bookings = read(&desk.get(&path).await);
    assert_eq!(column(&bookings, "booking_ref"), [reference(&paid)]);
    assert_eq!(
        column(&bookings, "contact_email"),
        ["'=cmd|\"a\",\n1@example.com"]
    );
    assert_eq!(column(&bookings, "contact_phone"), ["'+919876543210"]);
    let total = paid["price"]["total"]["amount"].as_str().unwrap();
    assert_eq!(column(&bookings, "total"), [total]);
    let empty = "/v1/admin/exports/bookings.csv?from=2026-11-21&until=2026-11-21";
    assert_eq!(
        read(&desk.get(empty).await).len(),
        1,
        "the names of the columns"
    );

    let ledger = read(
        &desk
            .get(&format!("/v1/admin/exports/ledger.csv?{days}"))
            .await,
    );
    let posted = trip::count(&pool, "select count(*) from ledger_entry").await;
    assert_eq!(ledger.len() - 1, usize::try_from(posted).unwrap());

    let days = "from=2026-12-20&until=2026-12-20&airline=AI";
    let flights = read(
        &desk
            .get(&format!("/v1/admin/exports/flights.csv?{days}"))
            .await,
    );
    assert_eq!(column(&flights, "flight_number"), ["AI 101"]);
    assert_eq!(column(&flights, "sold"), ["1"]);
    let load = read(
        &desk
            .get(&format!("/v1/admin/exports/load.csv?{days}"))
            .await,
    );
    assert_eq!(column(&load, "revenue"), ["", "6000.00"]);

    let manifest = format!("/v1/admin/exports/flights/{flight}/manifest.csv");
    let answer = desk.get(&manifest).await;
    let disposition = "attachment; filename=\"manifest.csv\"";
    assert_eq!(answer.header("content-disposition"), disposition);
    assert_eq!(column(&read(&answer), "last_name"), ["'-Lovelace"]);
    let nobody = manifest.replace(&flight.to_string(), "01900000-0000-7000-8000-000000000000");
    assert_eq!(desk.get(&nobody).await.problem(), (404, "not_found"));
    let files = "select count(*) from audit_entry where action = 'export_made'";
    assert_eq!(trip::count(&pool, files).await, 6);
    assert_eq!(client.get(&path).await.problem(), (403, "missing_scope"));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_file_of_several_pages_has_each_row_once_and_a_slow_reader_holds_no_connection(
    pool: PgPool,
) {
    trip::a_flight(&pool).await;
    let one = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(5))
        .connect_lazy_with((*pool.connect_options()).clone());
    let app = TestApp::start(one).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    client.book().await;
    let many = 60_000;
    sqlx::query(
        "insert into ledger_entry (id, booking_id, posted_at, kind, reference, debit, credit, amount_minor, currency)
         select gen_random_uuid(), b.id, b.created_at + n / 7 * interval '1 millisecond', 'sale', gen_random_uuid(), 'customer', 'base_fare', n, 'INR'
         from booking b, generate_series(1, $1) n",
    )
    .bind(many)
    .execute(&pool)
    .await
    .unwrap();
    let path = "/v1/admin/exports/ledger.csv?from=2026-11-20&until=2026-11-20";
    let answer = desk.request(Method::GET, path).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    // Nothing of the file is read yet, and the only connection serves others.
    let served = desk.get("/v1/admin/queues").await;
    assert_eq!(served.status, 200, "{served:?}");
    let text = answer.text().await.unwrap();
    let positions: BTreeSet<_> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').next())
        .collect();
    let rows = usize::try_from(many).unwrap();
    assert_eq!((text.lines().count() - 1, positions.len()), (rows, rows));
}
