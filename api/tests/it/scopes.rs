//! What a key may do: every operation with a key of each scope.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::{Client, Send, TestApp};

/// What may be called without a key; everything else says what it needs by its `Access`.
const PUBLIC: [&str; 10] = [
    "confirm_password_reset",
    "create_account",
    "create_session",
    "get_file",
    "health_live",
    "health_ready",
    "receive_stripe_event",
    "refresh_session",
    "request_email_verification",
    "request_password_reset",
];

/// The need of each operation, as `api/routes.txt` says it: whatever says something of a person or an account needs more
/// than `search`.
fn needs() -> BTreeMap<&'static str, &'static str> {
    let lines = include_str!("../../routes.txt").lines();
    let rows = lines.filter(|line| !line.starts_with('#')).skip(1);
    let rows = rows.map(|row| row.split_whitespace().collect::<Vec<_>>());
    let of_operations = rows.filter(|row| row[2] != "-");
    of_operations.map(|row| (row[2], row[3])).collect()
}

#[test]
fn the_table_of_routes_is_that_of_the_code_and_says_who_needs_no_key() {
    let table = include_str!("../../routes.txt");
    assert_eq!(flightdesk_api::routes(), table, "run scripts/generate");
    let needs = needs();
    let public = needs.iter().filter(|(_, need)| **need == "-");
    let public: Vec<_> = public.map(|(operation, _)| *operation).collect();
    assert_eq!(public, PUBLIC);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn every_operation_that_needs_a_key_is_refused_without_a_good_one(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let document: Value = serde_json::from_str(&flightdesk_api::openapi_json()).unwrap();
    let needs = needs();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            if needs[id] == "-" {
                continue;
            }
            for key in [
                None,
                Some("fd_test_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            ] {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let request = app.request(method, &path_of(path));
                let request = match key {
                    Some(key) => request.header("X-API-Key", key),
                    None => request,
                };
                let answer = with_body(request, &document, operation).answer().await;
                assert_eq!(answer.problem(), (401, "unauthenticated"), "{id} {key:?}");
            }
        }
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn every_page_of_the_table_is_there(pool: PgPool) {
    let app = TestApp::start(pool).await;
    for (method, path) in flightdesk_api::routes::PAGES {
        if method == "ANY" {
            continue;
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let path = path.replace("{code}", "not_found");
        let answer = app.request(method, &path).answer().await;
        let is_problem = answer.text.contains("\"not_found\"") && answer.body["code"].is_string();
        assert!(!is_problem && answer.status != 405, "{path}: {answer:?}");
    }
}

const NOBODY: &str = "01900000-0000-7000-8000-000000000000";

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn every_operation_is_refused_to_a_key_without_its_scope(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let owner = app.sign_up().await;
    let document: Value = serde_json::from_str(&flightdesk_api::openapi_json()).unwrap();
    let needs = needs();
    let mut walked = Vec::new();
    for scope in ["search", "bookings", "admin", "catalogue"] {
        let client = key_of(&app, &owner, &pool, scope).await;
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                let Some(id) = operation["operationId"].as_str() else {
                    continue;
                };
                let needed = needs
                    .get(id)
                    .unwrap_or_else(|| panic!("{id}: which scope?"));
                walked.push(id.to_owned());
                if *needed == "-" {
                    continue;
                }
                let answer = call(&client, &document, method, path, operation).await;
                let code = answer.body["code"].as_str().unwrap_or_default();
                let is_person = answer.status == 403 && code == "session_required";
                assert_eq!(is_person, *needed == "session", "{id}: {answer:?}");
                let refused = answer.status == 403 && code == "missing_scope";
                let lacks = !["key", "session", scope].contains(needed);
                assert_eq!(refused, lacks, "{id} with {scope}: {answer:?}");
                if refused {
                    let detail = format!("The API key lacks the scope `{needed}`.");
                    assert_eq!(answer.body["detail"], detail);
                }
            }
        }
    }
    assert_eq!(
        walked.len(),
        4 * needs.len(),
        "an operation is gone: {walked:?}"
    );
}

/// A key of one scope alone. No account has one of `admin` but the superuser's, so it is written.
async fn key_of<'a>(
    app: &'a TestApp,
    owner: &Client<'a>,
    pool: &PgPool,
    scope: &str,
) -> Client<'a> {
    let made = owner.post("/v1/api-keys", &json!({ "name": scope })).await;
    sqlx::query("update api_key set scopes = array[$1] where id = $2")
        .bind(scope)
        .bind(
            made.body["id"]
                .as_str()
                .unwrap()
                .parse::<uuid::Uuid>()
                .unwrap(),
        )
        .execute(pool)
        .await
        .unwrap();
    Client {
        app,
        key: made.body["key"].as_str().unwrap().to_owned(),
        account_id: owner.account_id,
    }
}

/// A request in the form that the document gives as its example, about things that do not exist.
async fn call(
    client: &Client<'_>,
    document: &Value,
    method: &str,
    path: &str,
    operation: &Value,
) -> crate::support::Answer {
    let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
    let request = client.request(method, &path_of(path));
    with_body(request, document, operation).answer().await
}

/// A path with names of things that do not exist, and what its query must have.
fn path_of(path: &str) -> String {
    let mut path = path
        .replace("{booking_ref}", "ZZZZZZ")
        .replace("{key}", "ZZZ")
        .replace("{iata}", "DEL");
    for id in ["id", "hold_id", "flight_id", "quote_id", "delivery_id"] {
        path = path.replace(&format!("{{{id}}}"), NOBODY);
    }
    if path.contains("/flights/search") || path.contains("/flights/calendar") {
        path += "?origin=DEL&destination=BOM&departure_date=2026-12-20";
    } else if path.ends_with("/airports") {
        path += "?q=del";
    }
    path
}

fn with_body(
    request: reqwest::RequestBuilder,
    document: &Value,
    operation: &Value,
) -> reqwest::RequestBuilder {
    let body = &operation["requestBody"]["content"]["application/json"];
    let examples = body["examples"].as_object();
    if let Some(example) = examples.and_then(|all| all.values().next()) {
        let pointer = example["$ref"].as_str().unwrap().trim_start_matches('#');
        return request.json(&document.pointer(pointer).unwrap()["value"]);
    }
    request
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_key_that_may_only_search_is_answered_no_personal_data_again(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let owner = app.sign_up().await;
    crate::trip::a_flight(&pool).await;
    let searching = key_of(&app, &owner, &pool, "search").await;
    let hold = owner.hold(1).await;
    let body = crate::trip::booking_of(&hold);
    let booked = owner.post_once("/v1/bookings", "once", &body).await;
    assert_eq!(booked.status, 201, "{booked:?}");
    // The answer is stored under the account and this Idempotency-Key.
    let again = searching.post_once("/v1/bookings", "once", &body).await;
    assert_eq!(again.problem(), (403, "missing_scope"));
    assert!(!again.text.contains("asha@example.com"), "{again:?}");
}
