//! Staff change what is sold, over HTTP.

mod coupons;
mod flights;
mod search;

use reqwest::Method;
use serde_json::Value;
use sqlx::PgPool;

use crate::support::{Answer, Client, Send, TestApp};

/// Somebody whose key may change the catalogue.
async fn staff<'a>(app: &'a TestApp, pool: &PgPool) -> Client<'a> {
    let client = app.sign_up().await;
    sqlx::query("update api_key set scopes = '{search,bookings,catalogue}' where account_id = $1")
        .bind(client.account_id)
        .execute(pool)
        .await
        .unwrap();
    client
}

impl Client<'_> {
    /// Changes what is at a path, whatever version it is of.
    async fn change(&self, path: &str, body: &Value) -> Answer {
        let seen = self.get(path).await;
        let changed = self.change_of(path, seen.header("etag"), body).await;
        assert_eq!(changed.status.as_u16(), 200, "{changed:?}");
        changed
    }

    /// Changes the version of what is at a path that a tag names.
    async fn change_of(&self, path: &str, tag: &str, body: &Value) -> Answer {
        let request = self.request(Method::PATCH, path).header("If-Match", tag);
        request.json(body).answer().await
    }

    /// Deletes what is at a path, whatever version it is of.
    async fn delete_any(&self, path: &str) -> Answer {
        let request = self.request(Method::DELETE, path).header("If-Match", "*");
        request.answer().await
    }
}
