//! Admins see accounts and give roles.

use reqwest::Method;
use serde_json::json;
use sqlx::PgPool;

use crate::sessions::{Person, log_in, sign_up};
use crate::support::{Answer, Send, TestApp};

const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com";

async fn give(person: &Person<'_>, id: &str, role: &str) -> Answer {
    let path = format!("/v1/admin/users/{id}");
    let request = person.request(Method::PATCH, &path);
    request.json(&json!({ "role": role })).answer().await
}

async fn id_of(person: &Person<'_>, email: &str) -> String {
    let found = person.get(&format!("/v1/admin/users?email={email}")).await;
    found.body["data"][0]["id"].as_str().unwrap().to_owned()
}

async fn two_admins(app: &TestApp, pool: &PgPool) {
    for email in [ADA, EVE] {
        sign_up(app, email).await;
    }
    sqlx::query("update account set role = 'admin'")
        .execute(pool)
        .await
        .unwrap();
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_role_holds_with_the_next_request_and_keys_that_may_more_end(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    two_admins(&app, &pool).await;
    let (ada, eve) = (log_in(&app, ADA).await, log_in(&app, EVE).await);
    let key = json!({ "name": "all", "scopes": ["search", "admin"] });
    let made = eve.post("/v1/api-keys", &key).await;
    assert_eq!(made.status, 201, "{made:?}");
    let by_key = async |path: &str| {
        let request = app.request(Method::GET, path);
        let key = made.body["key"].as_str().unwrap();
        request
            .header("X-API-Key", key)
            .answer()
            .await
            .status
            .as_u16()
    };
    assert_eq!(by_key("/v1/admin/users").await, 200);
    let id = id_of(&ada, EVE).await;
    let changed = give(&ada, &id, "agent").await;
    assert_eq!(
        (changed.status.as_u16(), &changed.body["role"]),
        (200, &json!("agent"))
    );
    assert_eq!(by_key("/v1/admin/users").await, 401);
    assert_eq!(
        eve.get("/v1/admin/users").await.problem(),
        (403, "missing_scope")
    );
    assert_eq!(eve.get("/v1/account").await.body["role"], "agent");
    let admins = ada.get("/v1/admin/users?role=admin").await.body;
    assert_eq!(admins["data"].as_array().unwrap().len(), 1);
    let nobody = "01900000-0000-7000-8000-000000000000";
    assert_eq!(
        give(&ada, nobody, "staff").await.problem(),
        (404, "not_found")
    );
    assert_eq!(give(&ada, &id, "root").await.wrong_fields(), ["role: enum"]);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn two_admins_who_take_the_role_from_each_other_leave_one(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    two_admins(&app, &pool).await;
    let (ada, eve) = (log_in(&app, ADA).await, log_in(&app, EVE).await);
    let (of_ada, of_eve) = (id_of(&ada, ADA).await, id_of(&ada, EVE).await);
    for _ in 0..10 {
        let (one, two) = tokio::join!(give(&ada, &of_eve, "staff"), give(&eve, &of_ada, "staff"));
        let admins: i64 = sqlx::query_scalar("select count(*) from account where role = 'admin'")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(admins, 1, "{one:?} {two:?}");
        for answer in [one, two] {
            let code = answer.body["code"].as_str().unwrap_or("done");
            assert!(
                ["done", "last_admin", "missing_scope"].contains(&code),
                "{answer:?}"
            );
        }
        sqlx::query("update account set role = 'admin'")
            .execute(&pool)
            .await
            .unwrap();
    }
    let alone = give(&ada, &of_eve, "staff").await;
    assert_eq!(alone.status, 200);
    assert_eq!(
        give(&ada, &of_ada, "traveller").await.problem(),
        (409, "last_admin")
    );
    let deleted = sqlx::query("delete from account where role = 'admin'")
        .execute(&pool)
        .await;
    assert!(deleted.is_err());
}
