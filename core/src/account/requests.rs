//! The last requests of a key.

use chrono::{DateTime, Duration, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::clock::Clock;
use crate::ids::{AccountId, ApiKeyId};
use crate::{Error, Result};

/// How long requests are kept.
const KEPT: Duration = Duration::days(7);
/// How many are forgotten at once.
const AT_ONCE: i64 = 50_000;

/// A request that was made with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRequest {
    /// What tells it from the others; ordered by time.
    pub id: Uuid,
    /// With which key.
    pub api_key_id: ApiKeyId,
    /// When.
    pub at: DateTime<Utc>,
    /// `GET`, `POST`, …
    pub method: String,
    /// As the document of the API writes it: nothing that was asked for stands in it.
    pub path: String,
    /// The status of the answer.
    pub status: i16,
    /// `X-Request-Id`.
    pub request_id: Option<String>,
}

/// Writes requests, all of them in one statement.
pub async fn insert_requests(conn: &mut PgConnection, requests: &[KeyRequest]) -> Result<()> {
    let each = || requests.iter();
    sqlx::query!(
        r#"
        insert into api_key_request (id, api_key_id, at, method, path, status, request_id)
        select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::smallint[], $7::text[])
        "#,
        &each().map(|one| one.id).collect::<Vec<_>>(),
        &each().map(|one| one.api_key_id.0).collect::<Vec<_>>(),
        &each().map(|one| one.at).collect::<Vec<_>>(),
        &each().map(|one| one.method.clone()).collect::<Vec<_>>(),
        &each().map(|one| one.path.clone()).collect::<Vec<_>>(),
        &each().map(|one| one.status).collect::<Vec<_>>(),
        &each().map(|one| one.request_id.clone()).collect::<Vec<_>>() as &[Option<String>],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets requests that are older than seven days, some at once; how many they were.
pub async fn forget_requests(conn: &mut PgConnection, clock: &Clock) -> Result<u64> {
    let forgotten = sqlx::query!(
        "delete from api_key_request where id in (select id from api_key_request where at < $1 order by at limit $2)",
        clock.now() - KEPT,
        AT_ONCE,
    )
    .execute(conn)
    .await?;
    Ok(forgotten.rows_affected())
}

/// The requests of a key of the account within seven days, newest first, `limit` of them before a given one.
///
/// Errors: [`Error::NotFound`] when the account has no such key.
pub async fn list_requests(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    key_id: ApiKeyId,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<KeyRequest>> {
    sqlx::query_scalar!(
        "select id from api_key where id = $1 and account_id = $2",
        key_id.0,
        account_id.0,
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(Error::NotFound("API key"))?;
    Ok(sqlx::query_as!(
        KeyRequest,
        r#"
        select id, api_key_id as "api_key_id: ApiKeyId", at, method, path, status, request_id
        from api_key_request
        where api_key_id = $1 and at > $2 and ($3::uuid is null or id < $3)
        order by id desc limit $4
        "#,
        key_id.0,
        clock.now() - KEPT,
        before,
        limit,
    )
    .fetch_all(conn)
    .await?)
}
