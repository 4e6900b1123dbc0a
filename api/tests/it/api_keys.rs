//! API keys: made, listed, ended.

use chrono::Duration;
use reqwest::Method;
use serde_json::json;
use sqlx::PgPool;

use crate::support::{Client, Send, TestApp};

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_revoked_key_is_no_longer_good_and_revoking_it_again_is_fine(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let owner = app.sign_up().await;
    let made = owner.post("/v1/api-keys", &json!({ "name": "CI" })).await;
    assert_eq!(made.status, 201, "{made:?}");
    let second = Client {
        app: &app,
        key: made.body["key"].as_str().unwrap().to_owned(),
        account_id: owner.account_id,
    };
    assert_eq!(second.get("/v1/account").await.status, 200);
    let path = format!("/v1/api-keys/{}", made.body["id"].as_str().unwrap());
    for _ in 0..2 {
        let ended = owner.delete(&path).await;
        assert_eq!((ended.status.as_u16(), ended.text.as_str()), (204, ""));
    }
    assert_eq!(
        second.get("/v1/account").await.problem(),
        (401, "unauthenticated")
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_key_ends_at_its_hour(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let owner = app.sign_up().await;
    let wish =
        json!({ "name": "guest", "scopes": ["search"], "expires_at": "2026-11-20T13:00:00Z" });
    let made = owner.post("/v1/api-keys", &wish).await;
    let guest = Client {
        app: &app,
        key: made.body["key"].as_str().unwrap().to_owned(),
        account_id: owner.account_id,
    };
    app.clock.advance(Duration::minutes(59));
    assert_eq!(guest.get("/v1/airlines").await.status, 200);
    app.clock.advance(Duration::minutes(1));
    assert_eq!(
        guest.get("/v1/airlines").await.problem(),
        (401, "unauthenticated")
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_key_makes_none_that_outlives_it_and_no_account_has_more_than_fifty(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let owner = app.sign_up().await;
    let wish =
        json!({ "name": "guest", "scopes": ["search"], "expires_at": "2026-11-20T13:00:00Z" });
    let made = owner.post("/v1/api-keys", &wish).await;
    let guest = Client {
        app: &app,
        key: made.body["key"].as_str().unwrap().to_owned(),
        account_id: owner.account_id,
    };
    let later = json!({ "name": "mine", "expires_at": "2026-11-20T13:00:01Z" });
    let refused = guest.post("/v1/api-keys", &later).await;
    assert_eq!(refused.wrong_fields(), ["expires_at: outlives_caller"]);
    assert_eq!(
        refused.body["errors"][0]["message"],
        "write 2026-11-20T13:00:00Z or earlier: a key makes none that outlives it"
    );
    let unsaid = guest.post("/v1/api-keys", &json!({ "name": "mine" })).await;
    assert_eq!(unsaid.status, 201, "{unsaid:?}");
    assert_eq!(unsaid.body["expires_at"], "2026-11-20T13:00:00Z");
    assert_eq!(unsaid.body["scopes"], json!(["search"]));

    for _ in 0..47 {
        let made = owner
            .post("/v1/api-keys", &json!({ "name": "one more" }))
            .await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    let over = owner
        .post("/v1/api-keys", &json!({ "name": "one more" }))
        .await;
    assert_eq!(over.problem(), (409, "too_many_api_keys"));
    app.clock.advance(Duration::hours(1));
    let again = owner
        .post("/v1/api-keys", &json!({ "name": "one more" }))
        .await;
    assert_eq!(again.status, 201, "two have expired: {again:?}");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn what_nobody_sees_is_in_no_name(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let owner = app.sign_up().await;
    for invisible in [
        '\u{202e}', '\u{2066}', '\u{200b}', '\u{7}', '\u{85}', '\u{feff}',
    ] {
        let name = format!("my{invisible}key");
        let answer = owner.post("/v1/api-keys", &json!({ "name": name })).await;
        assert_eq!(answer.wrong_fields(), ["name: invisible_character"]);
        let mut form = crate::support::sign_up_form("someone@example.com");
        form["last_name"] = json!(name);
        let answer = app.request(Method::POST, "/v1/accounts").json(&form);
        let answer = answer.answer().await;
        assert_eq!(answer.wrong_fields(), ["last_name: invisible_character"]);
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn another_accounts_key_does_not_exist_for_you(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let (owner, stranger) = (app.sign_up().await, app.sign_up().await);
    let keys = owner.get("/v1/api-keys").await;
    let path = format!(
        "/v1/api-keys/{}",
        keys.body["data"][0]["id"].as_str().unwrap()
    );
    assert_eq!(stranger.delete(&path).await.problem(), (404, "not_found"));
    assert_eq!(owner.get("/v1/account").await.status, 200);
    assert_eq!(
        owner.delete("/v1/api-keys/not-an-id").await.problem(),
        (404, "not_found")
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_key_gives_no_scope_it_lacks_and_no_end_in_the_past(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let owner = app.sign_up().await;
    let wish = json!({ "name": "more", "scopes": ["admin"], "expires_at": "2026-11-20T12:00:00Z" });
    let answer = owner.post("/v1/api-keys", &wish).await;
    assert_eq!(
        answer.wrong_fields(),
        ["expires_at: in_the_past", "scopes: not_granted"]
    );
    let wish = json!({ "name": "odd", "scopes": ["root", 1], "expires_at": "tomorrow" });
    let answer = owner.post("/v1/api-keys", &wish).await;
    let expected = [
        "expires_at: format",
        "scopes[0]: enum",
        "scopes[1]: enum",
        "scopes[1]: type",
    ];
    assert_eq!(answer.wrong_fields(), expected);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn pages_show_every_key_once_newest_first(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let owner = app.sign_up().await;
    for name in ["two", "three", "four", "five"] {
        owner.post("/v1/api-keys", &json!({ "name": name })).await;
    }
    let mut names = Vec::new();
    let mut path = "/v1/api-keys?limit=2".to_owned();
    loop {
        let page = owner.get(&path).await;
        let data = page.body["data"].as_array().unwrap();
        assert!(data.iter().all(|key| key.get("key").is_none()), "{page:?}");
        names.extend(
            data.iter()
                .map(|key| key["name"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page.body["next_cursor"].as_str() else {
            break;
        };
        path = format!("/v1/api-keys?limit=2&cursor={cursor}");
    }
    assert_eq!(names, ["five", "four", "three", "two", "First key"]);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_wrong_query_names_every_wrong_parameter(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let owner = app.sign_up().await;
    let answer = owner
        .get("/v1/api-keys?limit=many&page=2&cursor=a&cursor=b")
        .await;
    assert_eq!(
        answer.wrong_fields(),
        ["limit: type", "page: unknown_field", "cursor: repeated"]
    );
    let answer = owner.get("/v1/api-keys?limit=101").await;
    assert_eq!(answer.wrong_fields(), ["limit: maximum"]);
    let answer = owner.get("/v1/api-keys?cursor=AAAA").await;
    assert_eq!(answer.wrong_fields(), ["cursor: invalid"]);
    let nobody = app
        .request(Method::GET, "/v1/api-keys?page=2")
        .answer()
        .await;
    assert_eq!(nobody.problem(), (401, "unauthenticated"));
    assert!(nobody.header("www-authenticate").contains("X-API-Key"));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_key_ends_itself_and_those_that_may_do_no_more(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let id = |answer: &crate::support::Answer| answer.body["id"].as_str().unwrap().to_owned();
    let wish = json!({ "name": "search", "scopes": ["search"] });
    let searching = client.post("/v1/api-keys", &wish).await;
    let both = client.get("/v1/api-keys").await.body["data"][1]["id"].clone();
    let lesser = crate::support::Client {
        app: &app,
        key: searching.body["key"].as_str().unwrap().to_owned(),
        account_id: client.account_id,
    };
    let refused = lesser
        .delete(&format!("/v1/api-keys/{}", both.as_str().unwrap()))
        .await;
    assert_eq!(refused.problem(), (403, "missing_scope"));
    let ended = lesser
        .delete(&format!("/v1/api-keys/{}", id(&searching)))
        .await;
    assert_eq!(ended.status.as_u16(), 204, "{ended:?}");
    assert_eq!(client.get("/v1/account").await.status.as_u16(), 200);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_rotated_key_goes_on_for_some_hours_beside_the_one_that_takes_its_place(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let owner = app.sign_up().await;
    let wish = json!({ "name": "shop", "scopes": ["search"] });
    let old = owner.post("/v1/api-keys", &wish).await.body;
    let path = format!("/v1/api-keys/{}/rotations", old["id"].as_str().unwrap());
    let made = owner.post(&path, &json!({ "overlap_hours": 2 })).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(
        (&made.body["name"], &made.body["scopes"]),
        (&old["name"], &old["scopes"])
    );
    let with = |key: &serde_json::Value| Client {
        app: &app,
        key: key["key"].as_str().unwrap().to_owned(),
        account_id: owner.account_id,
    };
    let (old, new) = (with(&old), with(&made.body));
    app.clock.advance(Duration::minutes(119));
    for key in [&old, &new] {
        assert_eq!(key.get("/v1/airlines").await.status, 200);
    }
    app.clock.advance(Duration::minutes(1));
    assert_eq!(
        old.get("/v1/airlines").await.problem(),
        (401, "unauthenticated")
    );
    assert_eq!(new.get("/v1/airlines").await.status, 200);
    assert_eq!(
        owner.post(&path, &json!({})).await.problem(),
        (404, "not_found")
    );
    // A key that may only search gets none that may book in the place of one.
    let keys = owner.get("/v1/api-keys").await.body["data"].clone();
    let first = keys.as_array().unwrap().last().unwrap()["id"].clone();
    let path = format!("/v1/api-keys/{}/rotations", first.as_str().unwrap());
    let refused = new.post(&path, &json!({})).await;
    assert_eq!(refused.problem(), (403, "missing_scope"));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_key_says_what_it_was_used_for_without_what_was_asked_for(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let owner = app.sign_up().await;
    let asked = owner.get("/v1/bookings/K7XQ3M").await;
    let written = async {
        while crate::trip::count(&pool, "select count(*) from api_key_request").await == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let patience = std::time::Duration::from_secs(30);
    tokio::time::timeout(patience, written).await.unwrap();
    let key = owner.get("/v1/api-keys").await.body["data"][0]["id"].clone();
    let path = format!("/v1/api-keys/{}/requests", key.as_str().unwrap());
    let listed = owner.get(&path).await;
    let entries = listed.body["data"].as_array().unwrap();
    let first = entries.last().unwrap();
    assert_eq!(first["path"], "/v1/bookings/{booking_ref}", "{listed:?}");
    assert_eq!(
        (&first["method"], &first["status"], &first["request_id"]),
        (
            &json!("GET"),
            &json!(404),
            &json!(asked.header("x-request-id"))
        )
    );
    assert_eq!(
        app.sign_up().await.get(&path).await.problem(),
        (404, "not_found")
    );
}
