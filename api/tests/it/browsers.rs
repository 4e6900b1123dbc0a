//! Sessions of browsers: cookies that no script reads, and changes that no other site makes.

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use sqlx::PgPool;

use crate::sessions::sign_up;
use crate::support::{Answer, Send, TestApp};

const ADA: &str = "ada@example.com";

/// A change that a page of ours makes.
fn ours(request: RequestBuilder) -> RequestBuilder {
    request
        .header("Sec-Fetch-Site", "same-origin")
        .header("X-Flightdesk-Browser", "1")
}

fn log_in(app: &TestApp) -> RequestBuilder {
    let body = json!({ "email": ADA, "password": "correct horse battery", "cookies": true });
    app.request(Method::POST, "/v1/sessions").json(&body)
}

/// The cookies that an answer sets, as a browser would send them back, and what else is said of each.
fn cookies(answer: &Answer) -> Vec<(String, String)> {
    let all = answer.headers.get_all("set-cookie").iter();
    all.map(|value| {
        let (pair, about) = value.to_str().unwrap().split_once("; ").unwrap();
        (pair.to_owned(), about.to_owned())
    })
    .collect()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_browser_logs_in_goes_on_and_out_and_no_script_sees_a_token(pool: PgPool) {
    let app = TestApp::start(pool).await;
    sign_up(&app, ADA).await;
    let opened = ours(log_in(&app)).answer().await;
    assert_eq!(opened.status, 201, "{opened:?}");
    assert!(opened.body["access_token"].is_null() && opened.body["refresh_token"].is_null());
    let [(access, of_access), (refresh, of_refresh)] = cookies(&opened).try_into().unwrap();
    assert!(access.starts_with("__Host-fd_access=ey"), "{access}");
    assert_eq!(
        of_access,
        "Path=/; Max-Age=900; Secure; HttpOnly; SameSite=Lax"
    );
    assert!(
        refresh.starts_with("__Secure-fd_refresh=fd_refresh_"),
        "{refresh}"
    );
    assert_eq!(
        of_refresh,
        "Path=/v1/sessions; Max-Age=2592000; Secure; HttpOnly; SameSite=Strict"
    );
    let reads = app
        .request(Method::GET, "/v1/account")
        .header("Cookie", &access);
    assert_eq!(reads.answer().await.body["email"], ADA);

    let goes_on = app
        .request(Method::POST, "/v1/sessions/refresh")
        .header("Cookie", &refresh);
    let refreshed = ours(goes_on).answer().await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    assert!(!refreshed.text.contains("fd_refresh_") && !refreshed.text.contains("access_token"));
    let [(access, _), (next, _)] = cookies(&refreshed).try_into().unwrap();
    assert_ne!(next, refresh);

    let leaves = app
        .request(Method::DELETE, "/v1/sessions")
        .header("Cookie", &access);
    let left = ours(leaves).answer().await;
    assert_eq!(left.status, 204);
    let forgotten = cookies(&left)
        .into_iter()
        .map(|(pair, _)| pair)
        .collect::<Vec<_>>();
    assert_eq!(forgotten, ["__Host-fd_access=", "__Secure-fd_refresh="]);
    let reads = app
        .request(Method::GET, "/v1/account")
        .header("Cookie", &access);
    assert_eq!(reads.answer().await.problem(), (401, "unauthenticated"));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn another_site_changes_nothing_with_a_cookie(pool: PgPool) {
    let app = TestApp::start(pool).await;
    sign_up(&app, ADA).await;
    let opened = ours(log_in(&app)).answer().await;
    let both: Vec<_> = cookies(&opened).into_iter().map(|(pair, _)| pair).collect();
    let cookie = both.join("; ");
    let origin = format!("http://{}", app.address);
    let foreign: [&[(&str, &str)]; 8] = [
        &[],
        &[("X-Flightdesk-Browser", "1")],
        &[("Sec-Fetch-Site", "same-origin")],
        &[
            ("Sec-Fetch-Site", "same-site"),
            ("X-Flightdesk-Browser", "1"),
        ],
        &[
            ("Sec-Fetch-Site", "cross-site"),
            ("X-Flightdesk-Browser", "1"),
            ("Origin", &origin),
        ],
        &[("Sec-Fetch-Site", "none"), ("X-Flightdesk-Browser", "1")],
        &[
            ("Origin", "https://evil.example"),
            ("X-Flightdesk-Browser", "1"),
        ],
        &[("Origin", "null"), ("X-Flightdesk-Browser", "1")],
    ];
    for headers in foreign {
        let with = |request: RequestBuilder| {
            headers.iter().fold(request, |request, (name, value)| {
                request.header(*name, *value)
            })
        };
        let key = json!({ "name": "theirs" });
        for request in [
            app.request(Method::POST, "/v1/api-keys").json(&key),
            app.request(Method::POST, "/v1/sessions/refresh"),
            app.request(Method::DELETE, "/v1/sessions"),
        ] {
            let answer = with(request).header("Cookie", &cookie).answer().await;
            assert_eq!(answer.problem(), (403, "cross_site_request"), "{headers:?}");
            assert!(answer.headers.get("access-control-allow-origin").is_none());
        }
        let answer = with(log_in(&app)).answer().await;
        assert_eq!(answer.problem(), (403, "cross_site_request"), "{headers:?}");
    }
    // An older browser says only where the page is.
    let key = json!({ "name": "ours" });
    let request = app.request(Method::POST, "/v1/api-keys").json(&key);
    let request = request.header("Cookie", &cookie).header("Origin", &origin);
    let made = request.header("X-Flightdesk-Browser", "1").answer().await;
    assert_eq!(made.status, 201, "{made:?}");
}
