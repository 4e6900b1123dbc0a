//! The timeline of a booking.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ids::{AccountId, ApiKeyId, BookingId, BookingRef, SessionId};
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
    let booking_id = booking_of(conn, account_id, reference).await?.0;
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

/// Which booking of an account a reference names. [`Error::NotFound`] for anybody else's.
pub async fn booking_of(
    conn: &mut PgConnection,
    account_id: AccountId,
    reference: &BookingRef,
) -> Result<BookingId> {
    let id = sqlx::query_scalar!(
        "select id from booking where booking_ref = $1 and account_id = $2",
        reference.as_str(),
        account_id.0,
    )
    .fetch_optional(conn)
    .await?;
    id.map(BookingId).ok_or(Error::NotFound("booking"))
}

/// Whether an event is one of a booking's.
pub async fn is_of(conn: &mut PgConnection, booking_id: BookingId, id: Uuid) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from booking_event where id = $1 and booking_id = $2) as "is_of!""#,
        id,
        booking_id.0,
    )
    .fetch_one(conn)
    .await?)
}

/// An event, and the reference of its booking; `None` when there is no such event.
pub async fn find(conn: &mut PgConnection, id: Uuid) -> Result<Option<(Recorded, String)>> {
    let row = sqlx::query!(
        r#"
        select e.id, e.kind, e.occurred_at, e.actor, e.api_key_id as "api_key_id: ApiKeyId", e.session_id as "session_id: SessionId", e.request_id, e.details, b.booking_ref
        from booking_event e join booking b on b.id = e.booking_id
        where e.id = $1
        "#,
        id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let event = Recorded {
            id: row.id,
            kind: row.kind,
            occurred_at: row.occurred_at,
            actor: row.actor,
            api_key_id: row.api_key_id,
            session_id: row.session_id,
            request_id: row.request_id,
            details: row.details,
        };
        (event, row.booking_ref)
    }))
}

/// The position of the newest event of each of these bookings that has one.
pub async fn newest(
    conn: &mut PgConnection,
    bookings: &[BookingId],
) -> Result<Vec<(BookingId, i64)>> {
    let ids: Vec<_> = bookings.iter().map(|booking| booking.0).collect();
    let rows = sqlx::query!(
        r#"select booking_id as "booking_id: BookingId", max(position) as "position!" from booking_event where booking_id = any($1) group by booking_id"#,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.booking_id, row.position))
        .collect())
}
