//! The timeline of a booking.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ids::{AccountId, ApiKeyId, BookingRef, SessionId};
use crate::{Error, Result};

/// An event as it was recorded. Kind, actor and details are as they were written, by whichever version of the program.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The event.
    pub id: Uuid,
    /// Which change it was: a [`super::Kind`].
    pub kind: String,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// Who did it: an [`crate::actor::Actor`].
    pub actor: String,
    /// With which API key.
    pub api_key_id: Option<ApiKeyId>,
    /// In which session.
    pub session_id: Option<SessionId>,
    /// The request that caused it.
    pub request_id: Option<String>,
    /// What it was before and is after.
    pub details: Value,
}

/// The events of an account's booking after a given one, oldest first, at most `limit`.
///
/// [`Error::NotFound`] for anybody else's booking.
pub async fn list(
    conn: &mut PgConnection,
    account_id: AccountId,
    reference: &BookingRef,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Recorded>> {
    let booking_id = sqlx::query_scalar!(
        "select id from booking where booking_ref = $1 and account_id = $2",
        reference.as_str(),
        account_id.0,
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(Error::NotFound("booking"))?;
    let events = sqlx::query_as!(
        Recorded,
        r#"
        select id, kind, occurred_at, actor, api_key_id as "api_key_id: ApiKeyId", session_id as "session_id: SessionId", request_id, details
        from booking_event
        where booking_id = $1 and ($2::uuid is null or position > (select position from booking_event where id = $2 and booking_id = $1))
        order by position limit $3
        "#,
        booking_id,
        after,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(events)
}
