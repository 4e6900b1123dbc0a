//! Whatever goes wrong is a problem with a code and the request's id, wherever it goes wrong.

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::{Send, TestApp};

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn what_the_framework_refuses_is_a_problem_too(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let call = |method: Method, path: &str| app.request(method, path);
    let json = |body: &'static str| {
        call(Method::POST, "/v1/accounts")
            .header("content-type", "application/json")
            .body(body)
    };

    assert_eq!(
        call(Method::GET, "/nowhere").answer().await.problem(),
        (404, "not_found")
    );
    assert_eq!(
        call(Method::GET, "/v1").answer().await.problem(),
        (404, "not_found")
    );
    assert_eq!(
        call(Method::GET, "/v1/%ff%00").answer().await.problem(),
        (404, "not_found")
    );
    let put = call(Method::PUT, "/v1/api-keys").answer().await;
    assert_eq!(put.problem(), (405, "method_not_allowed"));
    assert_eq!(put.header("allow"), "GET, HEAD, POST");
    let form = call(Method::POST, "/v1/accounts")
        .form(&[("email", "a")])
        .answer()
        .await;
    assert_eq!(form.problem(), (415, "unsupported_media_type"));
    let bare = call(Method::POST, "/v1/accounts").answer().await;
    assert_eq!(bare.problem(), (415, "unsupported_media_type"));
    assert_eq!(json("").answer().await.problem(), (400, "malformed_json"));
    assert_eq!(json("[]").answer().await.wrong_fields(), [": type"]);
    assert_eq!(json("null").answer().await.wrong_fields(), [": type"]);
    let broken = json("{\n \"email\": \"a@b.co\",\n oops }").answer().await;
    assert_eq!(broken.problem(), (400, "malformed_json"));
    assert!(
        broken.body["detail"]
            .as_str()
            .unwrap()
            .contains("line 3, column 2"),
        "{broken:?}"
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_body_over_one_mebibyte_is_refused_also_in_chunks(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let post = || {
        app.request(Method::POST, "/v1/accounts")
            .header("content-type", "application/json")
    };
    let whole = post().body("x".repeat(1024 * 1024 + 1)).answer().await;
    assert_eq!(whole.problem(), (413, "body_too_large"));
    // One byte less is read, and found not to be JSON.
    let most = post().body("x".repeat(1024 * 1024)).answer().await;
    assert_eq!(most.problem(), (400, "malformed_json"));
    let (status, body) = in_chunks(&app, 1024 * 1024 + 1).await;
    assert!(status.starts_with("HTTP/1.1 413"), "{status}");
    assert_eq!(body["code"], "body_too_large");
}

/// Sends a chunked body by hand; the client library has no streams here.
async fn in_chunks(app: &TestApp, bytes: usize) -> (String, Value) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut socket = tokio::net::TcpStream::connect(app.address).await.unwrap();
    let head = "POST /v1/accounts HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    let body = format!("{bytes:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(bytes));
    socket.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), serde_json::from_str(body).unwrap())
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_request_id_goes_in_and_out_unless_it_is_unfit_for_a_log(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let call = |id: &str| {
        app.request(Method::GET, "/nowhere")
            .header("X-Request-Id", id)
    };
    let ours = call("order-7/retry-2").answer().await;
    assert_eq!(ours.header("x-request-id"), "order-7/retry-2");
    assert_eq!(ours.body["request_id"], "order-7/retry-2");
    for unfit in ["two words", "", &"x".repeat(129)] {
        let replaced = call(unfit).answer().await;
        assert_eq!(replaced.header("x-request-id").len(), 32, "{unfit}");
        replaced.problem();
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn answers_are_not_sniffed_stored_or_framed_and_the_docs_load_nothing(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let answer = app.sign_up().await.get("/v1/account").await;
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("cache-control"), "no-store");
    let docs = app.request(Method::GET, "/docs").answer().await;
    assert_eq!(docs.status, 200);
    assert!(
        docs.header("content-security-policy")
            .starts_with("default-src 'none';")
    );
    for outside in ["<script src", "<link", "@import"] {
        assert!(!docs.text.contains(outside), "{outside}");
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn every_operation_has_an_id_a_summary_and_every_error_in_the_document(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let document = app
        .request(Method::GET, "/openapi.json")
        .answer()
        .await
        .body;
    assert_eq!(
        document,
        serde_json::from_str::<Value>(&flightdesk_api::openapi_json()).unwrap()
    );
    let mut seen = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let name = format!("{method} {path}");
            assert!(operation["operationId"].is_string(), "{name}");
            assert!(operation["summary"].is_string(), "{name}");
            if path.starts_with("/v1/") {
                for status in ["400", "401", "404", "409", "422", "429", "500", "503"] {
                    let content = &operation["responses"][status]["content"];
                    assert!(
                        content["application/problem+json"].is_object(),
                        "{name} {status}"
                    );
                }
            }
            seen += 1;
        }
    }
    assert!(seen >= 7, "{seen}");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_nul_anywhere_is_the_callers_mistake(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let search = client
        .get("/v1/flights/search?origin=A%00B&destination=BOM&departure_date=2026-12-20&adults=1")
        .await;
    assert!(
        search.wrong_fields().contains(&"origin: nul".to_owned()),
        "{search:?}"
    );
    let key = client
        .post(
            "/v1/api-keys",
            &json!({ "name": "a\0b", "scopes": ["search"] }),
        )
        .await;
    assert!(
        key.wrong_fields().contains(&"name: nul".to_owned()),
        "{key:?}"
    );
    for path in [
        "/v1/bookings/%00/documents",
        "/return?session_id=%00",
        "/sandbox/checkout/%00",
    ] {
        assert_eq!(
            client.get(path).await.problem(),
            (404, "not_found"),
            "{path}"
        );
    }
}
