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
    let policy = docs.header("content-security-policy");
    assert!(
        !policy.contains("unsafe") && policy.contains("script-src 'sha256-"),
        "{policy}"
    );
    assert_eq!(
        docs.header("strict-transport-security"),
        "",
        "not on a developer's machine"
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
                let schemes = operation["security"].as_array();
                let secured = schemes.is_some_and(|schemes| !schemes.is_empty());
                let of_path = path.contains('{').then_some("404");
                let of_key = secured.then_some(["401", "403"]);
                let everywhere = ["400", "422", "429", "500", "503"];
                let statuses = everywhere.into_iter().chain(of_path);
                for status in statuses.chain(of_key.into_iter().flatten()) {
                    let response = &operation["responses"][status];
                    let shared = response["$ref"].as_str().map(|path| &path[1..]);
                    let response = shared.map_or(response, |path| document.pointer(path).unwrap());
                    assert!(
                        response["content"]["application/problem+json"].is_object(),
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
async fn a_nul_character_is_a_wrong_field_and_never_a_fault_of_ours(pool: PgPool) {
    crate::trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    assert_eq!(
        client.get("/v1/airports/%00").await.problem(),
        (404, "not_found")
    );
    assert_eq!(
        client.get("/v1/bookings/%00/documents").await.problem(),
        (404, "not_found")
    );
    let search = client
        .get("/v1/flights/search?origin=%00&destination=B%FFM&departure_date=2026-12-20")
        .await;
    let expected = ["origin: nul_character", "destination: utf8"];
    assert_eq!(search.wrong_fields(), expected);
    let key = client
        .post("/v1/api-keys", &json!({ "name": "a\0b" }))
        .await;
    assert_eq!(key.wrong_fields(), ["name: nul_character"]);
    let page = app.request(Method::GET, "/return?session_id=%00");
    assert_eq!(page.answer().await.status, 404);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn what_could_be_read_in_two_ways_is_refused(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let twice = client.request(Method::GET, "/v1/account");
    let twice = twice.header("X-API-Key", "another").answer().await;
    assert_eq!(twice.wrong_fields(), ["X-API-Key: repeated"]);
    let packed = client.request(Method::POST, "/v1/api-keys");
    let packed = packed.header("Content-Encoding", "gzip");
    let packed = packed.json(&json!({ "name": "a" })).answer().await;
    assert_eq!(packed.problem(), (415, "unsupported_media_type"));
    assert_eq!(packed.header("accept-encoding"), "identity");
    let untyped = client.request(Method::POST, "/v1/bookings/ABCDEF/payment");
    let untyped = untyped.body("{}").answer().await;
    assert_eq!(untyped.problem(), (415, "unsupported_media_type"));
    let part = json!({ "scope": "departing" });
    let part = client
        .post("/v1/bookings/ABCDEF/cancellations", &part)
        .await;
    assert_eq!(part.wrong_fields(), ["scope: unknown_field"]);
    let number = client.get("/v1/api-keys?limit=%2B1").await;
    assert_eq!(number.wrong_fields(), ["limit: type"]);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_body_of_junk_makes_no_answer_larger_than_itself(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let junk: serde_json::Map<_, _> = (0..10_000).map(|n| (n.to_string(), json!(n))).collect();
    let answer = app.request(Method::POST, "/v1/accounts").json(&junk);
    let answer = answer.answer().await;
    assert_eq!(answer.wrong_fields().len(), 100);
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(detail.contains("10004 wrong fields"), "{detail}");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_type_of_a_problem_leads_to_a_page_that_explains_it(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let problem = app.request(Method::GET, "/v1/account").answer().await;
    assert_eq!(problem.problem(), (401, "unauthenticated"));
    let page = problem.body["type"].as_str().unwrap();
    let page = app.request(Method::GET, page).answer().await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    for words in [
        "HTTP 401",
        "<code>unauthenticated</code>",
        "<code>X-API-Key</code>",
    ] {
        assert!(page.text.contains(words), "{}", page.text);
    }
    let index = app.request(Method::GET, "/problems").answer().await;
    assert_eq!(index.status, 200);
    for words in [
        "Not enough seats left",
        "<a href=\"/problems/sold_out\">",
        "Missing or invalid API key",
    ] {
        assert!(
            index.text.contains(words),
            "{words} is not in {}",
            index.text
        );
    }
    for nothing in ["/problems/sold-out", "/problems/", "/problems/%3Cb%3E"] {
        let answer = app.request(Method::GET, nothing).answer().await;
        assert_eq!(answer.problem(), (404, "not_found"), "{nothing}");
    }
}

/// What a caller may put where a text is asked for.
fn odd_texts() -> [String; 9] {
    [
        "\0".to_owned(),
        "a\0b".to_owned(),
        "x".repeat(10_240),
        "✈️👩‍👩‍👧".to_owned(),
        "\u{301}\u{308}".to_owned(),
        "\u{202e}DEL\u{feff}".to_owned(),
        "' or 1=1 --".to_owned(),
        "%_\\[".to_owned(),
        String::new(),
    ]
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn no_text_in_a_query_is_our_fault(pool: PgPool) {
    crate::trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let mut asked = 0;
    for (method, path, operation) in crate::contract::operations() {
        let path = path
            .replace("{iata}", "DEL")
            .replace("{booking_ref}", "ABCDEF");
        let path = path.replace("{flight_id}", "01900000-0000-7000-8000-000000000000");
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let parameters: Vec<_> = parameters.filter(|one| one["in"] == "query").collect();
        let of_text = parameters
            .iter()
            .filter(|one| one["schema"]["type"] == "string");
        for parameter in of_text {
            for text in odd_texts() {
                // The others as they should be, so that this one is read.
                let required = parameters.iter().filter(|one| one["required"] == true);
                let others = required.filter(|one| one["name"] != parameter["name"]);
                let example = |one: &Value| match &one["example"] {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                let mut query: Vec<_> = others
                    .map(|one| (one["name"].as_str().unwrap(), example(one)))
                    .collect();
                query.push((parameter["name"].as_str().unwrap(), text));
                let call = client.request(method.parse().unwrap(), &path).query(&query);
                let answer = call.answer().await;
                let status = answer.status.as_u16();
                assert!(status < 500, "{method} {path} {query:?}: {answer:?}");
                asked += 1;
            }
        }
    }
    assert!(asked > 200, "{asked}");
}
