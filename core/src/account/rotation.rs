//! Another key in the place of one, both good for some hours.

use chrono::{DateTime, Duration, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::key::{KeyMode, NewApiKey};
use super::principal::Principal;
use super::{KeyWish, insert_key, queries};
use crate::audit::{self, Act};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::ids::ApiKeyId;

/// Makes a key of the same name, scopes and end as another, which ends after some hours: programs change over meanwhile. A key
/// that ends sooner by itself does so. The secret in the answer is shown once.
///
/// Errors: [`Error::NotFound`] when the account has no such key that is good, [`Error::MissingScope`] for one that may do more
/// than the caller, [`Error::TooManyKeys`].
pub async fn rotate_key(
    conn: &mut PgConnection,
    clock: &Clock,
    principal: &Principal,
    key_id: ApiKeyId,
    overlap: Duration,
    mode: KeyMode,
) -> Result<NewApiKey> {
    let old = queries::lock_key(conn, principal, key_id).await?;
    let has_ended =
        old.revoked_at.is_some() || old.expires_at.is_some_and(|end| end <= clock.now());
    if has_ended {
        return Err(Error::NotFound("API key that is good"));
    }
    let wish = KeyWish {
        name: old.name.clone(),
        scopes: old.scopes.clone(),
        // As with any key: none outlives the one that makes it.
        expires_at: earlier(old.expires_at, principal.credential.expires_at()),
    };
    let new = insert_key(conn, clock, principal.account_id, wish, mode).await?;
    let ends_at = clock.now() + overlap;
    let ends_at = old.expires_at.map_or(ends_at, |end| end.min(ends_at));
    sqlx::query!(
        "update api_key set expires_at = $2 where id = $1",
        key_id.0,
        ends_at,
    )
    .execute(&mut *conn)
    .await?;
    let rotated = Act {
        action: "api_key_rotated",
        object_kind: "api_key",
        object_id: key_id.to_string(),
        before: Some(old.to_json()),
        after: Some(json!({ "expires_at": ends_at.to_rfc3339(), "key": new.key.to_json() })),
    };
    audit::record(conn, clock, &rotated).await?;
    Ok(new)
}

/// The end that comes first; `None` never comes.
fn earlier(a: Option<DateTime<Utc>>, b: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (end, None) | (None, end) => end,
    }
}
