//! Passwords that are forgotten, and changed.

use chrono::Duration;
use flightdesk_core::account::{self, ResetLinks};
use flightdesk_core::ids::AccountId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::sessions::{log_in, sign_up, try_password};
use crate::support::{Answer, Send, TestApp};

const ADA: &str = "ada@example.com";
const OLD: &str = "correct horse battery";
const NEW: &str = "wrong staple elephant";

async fn ask(app: &TestApp, email: &str) -> Answer {
    let request = app.request(Method::POST, "/v1/password-resets");
    request.json(&json!({ "email": email })).answer().await
}

async fn confirm(app: &TestApp, token: &str, password: &str) -> Answer {
    let body = json!({ "token": token, "password": password });
    let request = app.request(Method::POST, "/v1/password-resets/confirm");
    request.json(&body).answer().await
}

/// The accounts that a link was promised to.
async fn promised(pool: &PgPool) -> Vec<Uuid> {
    let ids = "select (payload ->> 'account_id')::uuid from outbox where kind = 'send_password_reset' order by id";
    sqlx::query_scalar(ids).fetch_all(pool).await.unwrap()
}

/// The path of a link that works so long from now, as the worker would mail it.
async fn link(app: &TestApp, account_id: Uuid, works: Duration) -> String {
    let mut conn = app.app.db.acquire().await.unwrap();
    let whose = account::find_resettable(&mut conn, AccountId(account_id)).await;
    let whose = whose.unwrap().unwrap();
    let until = app.clock.now() + works;
    let page = ResetLinks::new(&app.app.settings).page(&whose, until);
    page.split_once("/reset-password")
        .map(|(_, query)| format!("/reset-password{query}"))
        .unwrap()
}

fn token(path: &str) -> &str {
    path.split_once("link=").unwrap().1
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_forgotten_password_is_set_once_by_a_link_and_ends_every_session(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    sign_up(&app, ADA).await;
    let (phone, laptop) = (log_in(&app, ADA).await, log_in(&app, ADA).await);
    assert_eq!(
        ask(&app, " Ada@Example.com").await.status,
        StatusCode::ACCEPTED
    );
    let account_id = promised(&pool).await[0];
    let first = link(&app, account_id, Duration::minutes(30)).await;
    let second = link(&app, account_id, Duration::minutes(29)).await;

    let weak = confirm(&app, token(&first), "lovelace12").await;
    assert_eq!(weak.wrong_fields(), ["password: too_common"]);
    assert_eq!(
        phone.get("/v1/account").await.status,
        200,
        "nothing was changed"
    );
    let set = confirm(&app, token(&first), NEW).await;
    assert_eq!(set.status, 204, "{set:?}");
    for person in [&phone, &laptop] {
        assert_eq!(
            person.get("/v1/account").await.problem(),
            (401, "unauthenticated")
        );
        assert_eq!(person.refreshed().await.problem(), (401, "unauthenticated"));
    }
    // Neither this link nor another of the same password works again.
    for used in [&first, &second] {
        let again = confirm(&app, token(used), "yet another elephant").await;
        assert_eq!(again.wrong_fields(), ["token: link_expired"]);
    }
    assert_eq!(try_password(&app, ADA, OLD).await.status, 401);
    let again = try_password(&app, ADA, NEW).await;
    assert_eq!(again.status, 201, "{again:?}");
    let account = crate::sessions::Person::of(&app, &again);
    let account = account.get("/v1/account").await.body;
    assert_eq!(account["email_verified_at"], "2026-11-20T12:00:00Z");

    let late = link(&app, account_id, Duration::minutes(30)).await;
    app.clock.advance(Duration::minutes(30));
    let expired = confirm(&app, token(&late), OLD).await;
    assert_eq!(expired.wrong_fields(), ["token: link_expired"]);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn two_who_use_one_link_at_once_set_one_password(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    sign_up(&app, ADA).await;
    ask(&app, ADA).await;
    let path = link(&app, promised(&pool).await[0], Duration::minutes(1)).await;
    let passwords = [NEW, "yet another elephant"];
    let calls = passwords.map(|password| confirm(&app, token(&path), password));
    let answers = futures::future::join_all(calls).await;
    let mut statuses: Vec<_> = answers
        .iter()
        .map(|answer| answer.status.as_u16())
        .collect();
    let winner = passwords[usize::from(statuses[0] != 204)];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 422]);
    assert_eq!(try_password(&app, ADA, winner).await.status, 201);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn asking_for_a_password_does_not_tell_who_has_an_account(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    sign_up(&app, ADA).await;
    let mut answers = Vec::new();
    for email in [ADA, "nobody@example.com"] {
        let answer = ask(&app, email).await;
        let names: Vec<_> = answer.headers.keys().cloned().collect();
        answers.push((answer.status, answer.text, names));
    }
    assert_eq!(answers[0], answers[1]);
    let [known, unknown] = promised(&pool).await.try_into().unwrap();
    assert_ne!(known, unknown, "as many jobs for nobody as for somebody");
    assert_eq!(
        ask(&app, "no address").await.wrong_fields(),
        ["email: email"]
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_page_of_a_link_sets_the_password_and_a_forged_one_does_not(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    sign_up(&app, ADA).await;
    ask(&app, ADA).await;
    let path = link(&app, promised(&pool).await[0], Duration::minutes(1)).await;
    let send = async |path: &str, password: &str| {
        let request = app
            .request(Method::POST, path)
            .form(&[("password", password)]);
        request.answer().await
    };
    let shown = app.request(Method::GET, &path).answer().await;
    assert!(
        shown.text.contains("<input type=\"password\""),
        "{}",
        shown.text
    );
    for forged in [
        "/reset-password",
        "/reset-password?link=x.y",
        &path[..path.len() - 2],
    ] {
        let shown = app.request(Method::GET, forged).answer().await;
        let sent = send(forged, NEW).await;
        assert_eq!(
            (shown.status.as_u16(), sent.status.as_u16()),
            (404, 404),
            "{forged}"
        );
    }
    let weak = send(&path, "password123").await;
    assert_eq!(weak.status, 422);
    assert!(
        weak.text.contains("The password is too easy to guess"),
        "{}",
        weak.text
    );
    assert_eq!(try_password(&app, ADA, OLD).await.status, 201);
    assert_eq!(send(&path, NEW).await.status, 200);
    assert_eq!(try_password(&app, ADA, NEW).await.status, 201);
    assert_eq!(app.request(Method::GET, &path).answer().await.status, 404);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn who_knows_the_old_password_sets_another_and_is_logged_out_everywhere(pool: PgPool) {
    let app = TestApp::start_with(pool, |_, limits| limits.rate_limit_passwords_per_hour = 5).await;
    sign_up(&app, ADA).await;
    let (here, there) = (log_in(&app, ADA).await, log_in(&app, ADA).await);
    let change = async |old: &str, new: &str| {
        let body = json!({ "current_password": old, "new_password": new });
        here.request(Method::PUT, "/v1/account/password")
            .json(&body)
            .answer()
            .await
    };
    let wrong: Value = json!(change(NEW, NEW).await.wrong_fields());
    assert_eq!(wrong, json!(["current_password: wrong_password"]));
    assert_eq!(
        change(OLD, "adalovelace").await.wrong_fields(),
        ["new_password: too_common"]
    );
    assert_eq!(change(OLD, NEW).await.status, 204);
    for person in [&here, &there] {
        assert_eq!(person.get("/v1/account").await.status, 401);
    }
    assert_eq!(try_password(&app, ADA, OLD).await.status, 401);
    let again = try_password(&app, ADA, NEW).await;
    assert_eq!(again.status, 201, "{again:?}");
}
