//! R3 over HTTP: the process or the connection dies, the client repeats with the same key, and there is one effect.

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::Value;
use sqlx::PgPool;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{Traveller, a_flight, hold_of, travellers};
use crate::binary::{Api, UNLIMITED};
use crate::consistent::assert_consistent;
use crate::process::is_waiting;
use crate::support::{Answer, Send, TestApp};
use crate::trip;

async fn post_once(http: &Client, api: &Api, traveller: &Traveller, body: &Value) -> Answer {
    traveller
        .request(http, Method::POST, &api.address, "/v1/holds")
        .header("Idempotency-Key", "the-same")
        .json(body)
        .answer()
        .await
}

async fn holds(pool: &PgPool) -> i64 {
    trip::count(pool, "select count(*) from hold").await
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn killed_before_its_commit_a_request_has_no_effect_until_it_is_repeated(pool: PgPool) {
    let flight = a_flight(&pool).await;
    let (mut api, http) = (Api::start(&pool, UNLIMITED).await, Client::new());
    let traveller = travellers(&pool, 1).await.swap_remove(0);
    let body = hold_of(&traveller.offer(&http, &api.address, 1).await);
    // The hold is under way for as long as the test keeps the cabin.
    let mut lock = pool.begin().await.unwrap();
    sqlx::query("select from flight_cabin for update")
        .execute(&mut *lock)
        .await
        .unwrap();
    let call = traveller
        .request(&http, Method::POST, &api.address, "/v1/holds")
        .header("Idempotency-Key", "the-same")
        .json(&body);
    let lost = tokio::spawn(call.send());
    while !is_waiting(&pool).await {}
    api.kill();
    assert!(lost.await.unwrap().is_err(), "nobody answers");

    let other = Api::start(&pool, UNLIMITED).await;
    // PostgreSQL has not noticed yet that nobody is there: the first request still runs.
    let meanwhile = post_once(&http, &other, &traveller, &body).await;
    assert_eq!(meanwhile.problem(), (409, "idempotency_key_in_progress"));
    assert!(!meanwhile.header("retry-after").is_empty());
    lock.rollback().await.unwrap();
    let answer = loop {
        let answer = post_once(&http, &other, &traveller, &body).await;
        if answer.status.as_u16() != 409 {
            break answer;
        }
    };
    assert_eq!(
        (answer.status.as_u16(), answer.header("idempotent-replayed")),
        (201, ""),
        "{answer:?}"
    );
    assert_eq!(
        (holds(&pool).await, trip::counters(&pool, flight).await),
        (1, (1, 0))
    );
    assert_consistent(&pool).await;
}

/// Sends a hold, waits until it is committed, and has the process killed with the answer unread.
async fn commit_and_die(
    pool: &PgPool,
    api: &mut Api,
    traveller: &Traveller,
    head: &str,
    body: &Value,
) {
    let (before, body) = (holds(pool).await, body.to_string());
    let mut socket = TcpStream::connect(&api.address).await.unwrap();
    let request = format!(
        "POST /v1/holds HTTP/1.1\r\nHost: {}\r\nX-API-Key: {}\r\n{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        api.address,
        traveller.key,
        body.len()
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    while holds(pool).await == before {}
    api.kill();
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn killed_between_commit_and_answer_a_request_is_answered_when_it_is_repeated(pool: PgPool) {
    let flight = a_flight(&pool).await;
    let (mut api, http) = (Api::start(&pool, UNLIMITED).await, Client::new());
    let traveller = travellers(&pool, 1).await.swap_remove(0);
    let body = hold_of(&traveller.offer(&http, &api.address, 1).await);
    let key = "Idempotency-Key: the-same\r\n";
    commit_and_die(&pool, &mut api, &traveller, key, &body).await;

    let mut other = Api::start(&pool, UNLIMITED).await;
    let answer = post_once(&http, &other, &traveller, &body).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("idempotent-replayed")),
        (201, "true"),
        "{answer:?}"
    );
    let made: String = sqlx::query_scalar("select id::text from hold")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(answer.body["id"], made.as_str());
    assert_eq!(trip::counters(&pool, flight).await, (1, 0));

    // The same without a key is two effects: it is the key that makes it one.
    commit_and_die(&pool, &mut other, &traveller, "", &body).await;
    let third = Api::start(&pool, UNLIMITED).await;
    let again = traveller
        .post(&http, &third.address, "/v1/holds", &body)
        .await;
    assert_eq!(again.status.as_u16(), 201, "{again:?}");
    assert_eq!(trip::counters(&pool, flight).await, (3, 0));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_client_that_hangs_up_at_any_moment_and_repeats_has_one_hold(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start_with(pool.clone(), |settings, _| {
        settings.sales.max_open_holds = 1000;
        settings.sales.max_held_seats = 1000;
        settings.sales.max_unpaid_seats = 0;
    })
    .await;
    let client = app.sign_up().await;
    let body = hold_of(client.offer(1).await["offer_id"].as_str().unwrap());
    for round in 0..40 {
        let key = format!("round-{round}");
        let patience = Duration::from_micros(500 * round);
        let _ = tokio::time::timeout(patience, client.post_once("/v1/holds", &key, &body)).await;
        let answer = loop {
            let answer = client.post_once("/v1/holds", &key, &body).await;
            if answer.status.as_u16() != 409 {
                break answer;
            }
            assert_eq!(answer.problem(), (409, "idempotency_key_in_progress"));
        };
        assert_eq!(answer.status.as_u16(), 201, "{answer:?}");
        let made = i64::try_from(round).unwrap() + 1;
        assert_eq!(holds(&pool).await, made);
    }
    assert_eq!(trip::counters(&pool, flight).await, (40, 0));
    assert_consistent(&pool).await;
}
