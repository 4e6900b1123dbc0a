//! Reading what was done.

use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{AuditFilter, Entry};
use crate::Result;
use crate::ids::{AccountId, ApiKeyId, SessionId};

/// The entries that a filter leaves, newest first, `limit` of them older than `before`.
pub async fn list(
    conn: &mut PgConnection,
    filter: &AuditFilter,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Entry>> {
    Ok(sqlx::query_as!(
        Entry,
        r#"
        select id, at, actor, account_id as "account_id: AccountId", api_key_id as "api_key_id: ApiKeyId",
               session_id as "session_id: SessionId", address, action,
               object_kind, object_id, before, after, request_id
        from audit_entry
        where ($1::uuid is null or account_id = $1)
          and ($2::text is null or action = $2)
          and ($3::text is null or object_kind = $3)
          and ($4::text is null or object_id = $4)
          and ($5::text is null or request_id = $5)
          and ($6::timestamptz is null or at >= $6)
          and ($7::timestamptz is null or at < $7)
          and ($8::uuid is null or (at, id) < (select last.at, last.id from audit_entry last where last.id = $8))
        order by at desc, id desc limit $9
        "#,
        filter.account_id.map(|id| id.0),
        filter.action,
        filter.object_kind,
        filter.object_id,
        filter.request_id,
        filter.from,
        filter.until,
        before,
        limit,
    )
    .fetch_all(conn)
    .await?)
}
