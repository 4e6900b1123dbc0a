//! Addresses that are verified before the first hold, where a deployment asks for that.

use chrono::Duration;
use flightdesk_core::account::VerificationLinks;
use flightdesk_core::ids::AccountId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::{Answer, Client, Send, TestApp, sign_up_form};
use crate::trip;

/// An api that asks for verified addresses.
async fn strict(pool: &PgPool) -> TestApp {
    TestApp::start_with(pool.clone(), |settings, _| {
        settings.sales.require_verified_email = true;
    })
    .await
}

/// The path of the link that was mailed to a client and works so long from now.
async fn link(client: &Client<'_>, works: Duration) -> String {
    let email = client.get("/v1/account").await.body["email"].clone();
    let links = VerificationLinks::new(&client.app.app.settings);
    let until = client.app.clock.now() + works;
    let page = links.page(AccountId(client.account_id), email.as_str().unwrap(), until);
    let (_, path) = page.split_once("/verify-email").unwrap();
    format!("/verify-email{path}")
}

async fn page(app: &TestApp, method: Method, path: &str) -> Answer {
    let page = app.request(method, path).answer().await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    page
}

async fn try_to_hold(client: &Client<'_>) -> Answer {
    let offer = client.offer(1).await;
    client
        .post("/v1/holds", &json!({ "offers": [offer["offer_id"]] }))
        .await
}

/// The accounts that a link was promised to, in order; each must exist or be nobody's.
async fn promised(pool: &PgPool) -> Vec<Value> {
    let payloads = "select payload from outbox where kind = 'send_verification' order by id";
    let payloads: Vec<Value> = sqlx::query_scalar(payloads).fetch_all(pool).await.unwrap();
    let ids = payloads.iter().map(|payload| payload["account_id"].clone());
    ids.collect()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_account_holds_seats_once_its_address_is_verified(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = strict(&pool).await;
    let client = app.sign_up().await;
    assert_eq!(promised(&pool).await, [json!(client.account_id)]);

    let refused = try_to_hold(&client).await;
    assert_eq!(refused.problem(), (403, "email_not_verified"));
    let says = "The account's e-mail address is not verified: open the link in the mail that we sent to it. `POST /v1/email-verifications` sends a new one.";
    assert_eq!(refused.body["detail"], says);
    let offer = client.offer(1).await;
    let booking = json!({
        "offers": [offer["offer_id"]],
        "passengers": [trip::passenger("Asha", "1990-05-17")],
        "contact": trip::contact(),
    });
    let refused = client.post("/v1/bookings", &booking).await;
    assert_eq!(refused.problem(), (403, "email_not_verified"));
    assert_eq!(trip::counters(&pool, flight).await, (0, 0));

    // Programs that scan mails open the link: that verifies nothing.
    let path = link(&client, Duration::hours(1)).await;
    let shown = page(&app, Method::GET, &path).await;
    assert_eq!(shown.status, StatusCode::OK);
    assert!(shown.text.contains("<button"), "{}", shown.text);
    assert_eq!(try_to_hold(&client).await.problem().0, 403);
    let account = client.get("/v1/account").await.body;
    assert_eq!(account["email_verified_at"], Value::Null);

    // The button does, and pressing it again changes nothing.
    for _ in 0..2 {
        let verified = page(&app, Method::POST, &path).await;
        assert_eq!(verified.status, StatusCode::OK);
        let says = "Your e-mail address is verified";
        assert!(verified.text.contains(says), "{}", verified.text);
        app.clock.advance(Duration::minutes(1));
    }
    let account = client.get("/v1/account").await.body;
    assert_eq!(account["email_verified_at"], "2026-11-20T12:00:00Z");
    let shown = page(&app, Method::GET, &path).await;
    assert!(!shown.text.contains("<button"), "{}", shown.text);
    assert_eq!(try_to_hold(&client).await.status, StatusCode::CREATED);
    let booked = client.post("/v1/bookings", &booking).await;
    assert_eq!(booked.status, StatusCode::CREATED, "{booked:?}");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn nobody_is_asked_to_verify_an_address_unless_the_deployment_says_so(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    assert_eq!(try_to_hold(&client).await.status, StatusCode::CREATED);
    assert!(promised(&pool).await.is_empty());
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_expired_link_says_so_and_sends_another(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = strict(&pool).await;
    let client = app.sign_up().await;
    let path = link(&client, Duration::hours(1)).await;
    app.clock.advance(Duration::hours(1));
    for method in [Method::GET, Method::POST] {
        let expired = page(&app, method, &path).await;
        assert_eq!(expired.status, StatusCode::GONE);
        let says = "This link has expired";
        assert!(expired.text.contains(says), "{}", expired.text);
    }
    assert_eq!(try_to_hold(&client).await.problem().0, 403);
    let again = path.replace("/verify-email?", "/verify-email/again?");
    let sent = page(&app, Method::POST, &again).await;
    assert!(sent.text.contains("on its way"), "{}", sent.text);
    let id = json!(client.account_id);
    assert_eq!(promised(&pool).await, [id.clone(), id]);
    // A link that still works sends none.
    let fresh = link(&client, Duration::hours(1)).await;
    let again = fresh.replace("/verify-email?", "/verify-email/again?");
    assert_eq!(page(&app, Method::POST, &again).await.status, 200);
    assert_eq!(promised(&pool).await.len(), 2);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_forged_link_verifies_nothing(pool: PgPool) {
    let app = strict(&pool).await;
    let client = app.sign_up().await;
    let path = link(&client, Duration::hours(1)).await;
    let (start, token) = path.split_once('=').unwrap();
    let (payload, signature) = token.split_once('.').unwrap();
    let mut other = app.app.settings.as_ref().clone();
    other.secret_key = "another secret of another deployment".to_owned().into();
    let email = client.get("/v1/account").await.body["email"].clone();
    let foreign = VerificationLinks::new(&other).page(
        AccountId(client.account_id),
        email.as_str().unwrap(),
        app.clock.now() + Duration::hours(1),
    );
    let foreign = foreign.split_once("link=").unwrap().1;
    for forged in [
        "",
        "x.y",
        payload,
        &format!("{payload}."),
        &format!("A{}.{signature}", &payload[1..]),
        foreign,
    ] {
        for (method, at) in [
            (Method::GET, "/verify-email"),
            (Method::POST, "/verify-email"),
            (Method::POST, "/verify-email/again"),
        ] {
            let refused = page(&app, method, &format!("{at}?link={forged}")).await;
            assert_eq!(refused.status, StatusCode::NOT_FOUND, "{forged}");
            assert!(refused.text.contains("This link does not work"));
        }
    }
    assert_eq!(start, "/verify-email?link");
    let account = client.get("/v1/account").await.body;
    assert_eq!(account["email_verified_at"], Value::Null);
    assert_eq!(promised(&pool).await.len(), 1, "only that of the sign-up");

    // A link of an address that the account no longer has.
    sqlx::query("update account set email = 'new@example.com'")
        .execute(&pool)
        .await
        .unwrap();
    let stale = page(&app, Method::POST, &path).await;
    assert_eq!(stale.status, StatusCode::NOT_FOUND);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn who_has_paid_and_staff_need_no_verified_address(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = strict(&pool).await;
    for role in ["staff", "admin"] {
        let client = app.sign_up().await;
        assert_eq!(try_to_hold(&client).await.problem().0, 403);
        sqlx::query("update account set role = $2 where id = $1")
            .bind(client.account_id)
            .bind(role)
            .execute(&pool)
            .await
            .unwrap();
        assert_eq!(try_to_hold(&client).await.status, StatusCode::CREATED);
    }
    // Somebody who booked before it was asked for: not paid, then paid.
    let client = app.sign_up().await;
    verify(&pool, &client, true).await;
    client.book().await;
    verify(&pool, &client, false).await;
    assert_eq!(try_to_hold(&client).await.problem().0, 403);
    let paid = "update booking set confirmed_at = created_at where account_id = $1";
    sqlx::query(paid)
        .bind(client.account_id)
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(try_to_hold(&client).await.status, StatusCode::CREATED);
}

async fn verify(pool: &PgPool, client: &Client<'_>, is_verified: bool) {
    sqlx::query("update account set email_verified_at = case when $2 then now() end where id = $1")
        .bind(client.account_id)
        .bind(is_verified)
        .execute(pool)
        .await
        .unwrap();
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn asking_for_the_link_again_does_not_tell_who_has_an_account(pool: PgPool) {
    let app = strict(&pool).await;
    let form = sign_up_form("ada@example.com");
    let sign_up = app.request(Method::POST, "/v1/accounts").json(&form);
    assert_eq!(sign_up.answer().await.status, StatusCode::CREATED);
    let [of_sign_up] = promised(&pool).await.try_into().unwrap();
    let mut answers = Vec::new();
    for email in ["ada@example.com", " ADA@Example.com", "nobody@example.com"] {
        let asked = app
            .request(Method::POST, "/v1/email-verifications")
            .json(&json!({ "email": email }))
            .answer()
            .await;
        let names: Vec<_> = asked.headers.keys().cloned().collect();
        answers.push((asked.status, asked.text, names));
    }
    assert_eq!(answers[0].0, StatusCode::ACCEPTED);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    // As many jobs for nobody as for somebody; the worker finds out.
    let [_, known, shouted, unknown] = promised(&pool).await.try_into().unwrap();
    assert_eq!((&known, &shouted), (&of_sign_up, &of_sign_up));
    assert_ne!(unknown, of_sign_up);

    let wrong = app
        .request(Method::POST, "/v1/email-verifications")
        .json(&json!({ "email": "not an address" }))
        .answer()
        .await;
    assert_eq!(wrong.wrong_fields(), ["email: email"]);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn asking_for_the_link_again_counts_as_a_sign_up(pool: PgPool) {
    let app = TestApp::start_with(pool, |_, limits| limits.rate_limit_sign_ups_per_hour = 3).await;
    let ask = async || {
        let asked = app
            .request(Method::POST, "/v1/email-verifications")
            .json(&json!({ "email": "ada@example.com" }));
        asked.answer().await
    };
    for _ in 0..3 {
        assert_eq!(ask().await.status, StatusCode::ACCEPTED);
    }
    let refused = ask().await;
    assert_eq!(refused.problem(), (429, "rate_limited"));
    assert!(!refused.header("retry-after").is_empty());
}
