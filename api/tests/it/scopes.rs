//! What a key may do: every operation with a key of each scope.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::{Client, Send, TestApp};

/// The scope that an operation needs; `None` for those that any key, or nobody's, may call.
///
/// Whatever says something of a person or an account needs more than `search`.
const NEEDS: [(&str, Option<&str>); 37] = [
    ("cancel_booking", Some("bookings")),
    ("change_seats", Some("bookings")),
    ("check_invariants", Some("admin")),
    ("create_account", None),
    ("create_api_key", None),
    ("create_booking", Some("bookings")),
    ("create_hold", Some("bookings")),
    ("download_document", Some("bookings")),
    ("get_account", Some("bookings")),
    ("get_airport", Some("search")),
    ("get_booking", Some("bookings")),
    ("get_calendar", Some("search")),
    ("get_document", Some("bookings")),
    ("get_file", None),
    ("get_flight", Some("search")),
    ("get_hold", Some("bookings")),
    ("get_job", Some("bookings")),
    ("get_ledger", Some("bookings")),
    ("get_seat_map", Some("search")),
    ("health_live", None),
    ("health_ready", None),
    ("list_aircraft", Some("search")),
    ("list_airlines", Some("search")),
    ("list_api_keys", Some("bookings")),
    ("list_bookings", Some("bookings")),
    ("list_documents", Some("bookings")),
    ("patch_booking", Some("bookings")),
    ("receive_stripe_event", None),
    ("release_hold", Some("bookings")),
    // Of keys that may do no more than the calling one.
    ("revoke_api_key", None),
    ("request_email_verification", None),
    ("search_flights", Some("search")),
    ("list_jobs", Some("admin")),
    ("retry_job", Some("admin")),
    ("start_payment", Some("bookings")),
    ("suggest_airports", Some("search")),
    ("validate_coupon", Some("bookings")),
];

const NOBODY: &str = "01900000-0000-7000-8000-000000000000";

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn every_operation_is_refused_to_a_key_without_its_scope(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let owner = app.sign_up().await;
    let document: Value = serde_json::from_str(&flightdesk_api::openapi_json()).unwrap();
    let needs = BTreeMap::from(NEEDS);
    let mut walked = Vec::new();
    for scope in ["search", "bookings", "admin"] {
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
                let Some(needed) = needed else { continue };
                let answer = call(&client, &document, method, path, operation).await;
                let refused = answer.status == 403 && answer.body["code"] == "missing_scope";
                assert_eq!(refused, *needed != scope, "{id} with {scope}: {answer:?}");
                if refused {
                    let detail = format!("The API key lacks the scope `{needed}`.");
                    assert_eq!(answer.body["detail"], detail);
                }
            }
        }
    }
    assert_eq!(
        walked.len(),
        3 * NEEDS.len(),
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
    let mut path = path
        .replace("{booking_ref}", "ZZZZZZ")
        .replace("{iata}", "DEL");
    for id in ["id", "hold_id", "flight_id"] {
        path = path.replace(&format!("{{{id}}}"), NOBODY);
    }
    if path.contains("/flights/search") || path.contains("/flights/calendar") {
        path += "?origin=DEL&destination=BOM&departure_date=2026-12-20";
    } else if path.ends_with("/airports") {
        path += "?q=del";
    }
    let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
    let mut request = client.request(method, &path);
    let body = &operation["requestBody"]["content"]["application/json"];
    let examples = body["examples"].as_object();
    if let Some(example) = examples.and_then(|all| all.values().next()) {
        let pointer = example["$ref"].as_str().unwrap().trim_start_matches('#');
        request = request.json(&document.pointer(pointer).unwrap()["value"]);
    }
    request.answer().await
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
