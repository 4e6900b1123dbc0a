//! One key, one effect: what the core promises to every POST that creates or charges (R3).

use chrono::Duration;
use flightdesk_core::error::Error;
use flightdesk_core::idempotency::{Begun, Key, begin, purge};
use flightdesk_core::ids::AccountId;
use serde_json::json;
use sqlx::{PgConnection, PgPool};

use crate::support::TestApp;

const ONE_REQUEST: [u8; 32] = [1; 32];
const ANOTHER_REQUEST: [u8; 32] = [2; 32];

async fn start(
    conn: &mut PgConnection,
    app: &TestApp,
    account: AccountId,
    request: [u8; 32],
) -> Result<Begun, Error> {
    begin(
        conn,
        &app.clock,
        account,
        Key::parse("order-7").unwrap(),
        request,
    )
    .await
}

/// Runs a first request to its end.
async fn complete(pool: &PgPool, app: &TestApp, account: AccountId) {
    let mut tx = pool.begin().await.unwrap();
    let Ok(Begun::Fresh(guard)) = start(&mut tx, app, account, ONE_REQUEST).await else {
        panic!("the first request is not the first");
    };
    guard
        .store(&mut tx, &app.clock, 201, &json!({ "id": 7 }))
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_same_request_gets_the_same_answer_and_another_is_refused(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let account = AccountId(app.sign_up().await.account_id);
    complete(&pool, &app, account).await;
    let mut tx = pool.begin().await.unwrap();
    let again = start(&mut tx, &app, account, ONE_REQUEST).await;
    assert!(
        matches!(again, Ok(Begun::Replay(stored)) if stored.status == 201 && stored.body == json!({ "id": 7 }))
    );
    let other = start(&mut tx, &app, account, ANOTHER_REQUEST).await;
    assert!(
        matches!(other, Err(Error::IdempotencyKeyReused)),
        "{other:?}"
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn while_the_first_request_runs_the_second_is_told_so(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let account = AccountId(app.sign_up().await.account_id);
    let mut first = pool.begin().await.unwrap();
    assert!(matches!(
        start(&mut first, &app, account, ONE_REQUEST).await,
        Ok(Begun::Fresh(_))
    ));
    let mut second = pool.begin().await.unwrap();
    let answer = start(&mut second, &app, account, ONE_REQUEST).await;
    assert!(
        matches!(answer, Err(Error::IdempotencyKeyInProgress)),
        "{answer:?}"
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_request_that_dies_leaves_nothing(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let account = AccountId(app.sign_up().await.account_id);
    let mut first = pool.begin().await.unwrap();
    let Ok(Begun::Fresh(guard)) = start(&mut first, &app, account, ONE_REQUEST).await else {
        panic!("the first request is not the first");
    };
    guard
        .store(&mut first, &app.clock, 201, &json!({}))
        .await
        .unwrap();
    first.rollback().await.unwrap();
    complete(&pool, &app, account).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn another_account_may_use_the_same_key(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let (one, two) = (app.sign_up().await, app.sign_up().await);
    complete(&pool, &app, AccountId(one.account_id)).await;
    complete(&pool, &app, AccountId(two.account_id)).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn fifty_equal_requests_at_once_have_one_effect(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let account = AccountId(app.sign_up().await.account_id);
    let attempt = async || {
        let mut tx = pool.begin().await.unwrap();
        let Begun::Fresh(guard) = start(&mut tx, &app, account, ONE_REQUEST).await? else {
            return Ok(0);
        };
        guard.store(&mut tx, &app.clock, 201, &json!({})).await?;
        tx.commit().await?;
        Ok(1)
    };
    let results: Vec<Result<i32, Error>> =
        futures::future::join_all((0..50).map(|_| attempt())).await;
    let effects: i32 = results
        .iter()
        .filter_map(|result| result.as_ref().ok())
        .sum();
    assert_eq!(effects, 1);
    let refused = results.iter().filter_map(|result| result.as_ref().err());
    assert!(
        refused
            .into_iter()
            .all(|error| matches!(error, Error::IdempotencyKeyInProgress)),
        "{results:?}"
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_answer_is_forgotten_after_a_day_swept_or_not(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let account = AccountId(app.sign_up().await.account_id);
    complete(&pool, &app, account).await;
    app.clock.advance(Duration::hours(24));
    complete(&pool, &app, account).await;
    app.clock.advance(Duration::hours(24));
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(purge(&mut conn, &app.clock).await.unwrap(), 1);
    drop(conn);
    complete(&pool, &app, account).await;
}

#[test]
fn a_key_is_visible_ascii_of_at_most_255_characters() {
    for good in ["x", "order-7/retry", &"x".repeat(255)] {
        assert!(Key::parse(good).is_some(), "{good}");
    }
    for bad in ["", "two words", "ключ", "tab\t", &"x".repeat(256)] {
        assert!(Key::parse(bad).is_none(), "{bad}");
    }
}
