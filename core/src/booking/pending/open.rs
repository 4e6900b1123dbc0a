//! Reading open changes, and keeping them as long as their checkout.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{ChangeKind, PendingChange};
use crate::Result;
use crate::ids::BookingId;
use crate::money::{self, Money};

/// The change of a booking that waits for its money, or `None`.
pub async fn find_open(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Option<PendingChange>> {
    Ok(list_open(conn, &[booking_id]).await?.remove(&booking_id))
}

/// The open change of each booking that has one.
pub(in crate::booking) async fn list_open(
    conn: &mut PgConnection,
    booking_ids: &[BookingId],
) -> Result<HashMap<BookingId, PendingChange>> {
    if booking_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let booking_ids: Vec<_> = booking_ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"
        select booking_id as "booking_id: BookingId", id, kind as "kind: ChangeKind", expires_at, currency, amount_minor
        from booking_change where booking_id = any($1) and status = 'open'
        "#,
        &booking_ids,
    )
    .fetch_all(conn)
    .await?;
    let mut changes = HashMap::with_capacity(rows.len());
    for row in rows {
        let currency = money::known_currency(&row.currency)?;
        let change = PendingChange {
            id: row.id,
            kind: row.kind,
            expires_at: row.expires_at,
            amount: Money::new(row.amount_minor, currency),
        };
        changes.insert(row.booking_id, change);
    }
    Ok(changes)
}

/// Moves the end of a change to the end of the checkout that pays it.
pub(crate) async fn prolong(conn: &mut PgConnection, id: Uuid, until: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update booking_change set expires_at = greatest(expires_at, $2) where id = $1 and status = 'open'",
        id,
        until,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What a change is about, whatever became of it.
pub(crate) async fn kind(conn: &mut PgConnection, id: Uuid) -> Result<ChangeKind> {
    let kind = sqlx::query_scalar!(
        r#"select kind as "kind: ChangeKind" from booking_change where id = $1"#,
        id,
    )
    .fetch_one(conn)
    .await?;
    Ok(kind)
}

/// When the next flight of a booking that is not flown yet leaves, or `None` when all have left.
pub(crate) async fn next_departure(
    conn: &mut PgConnection,
    booking_id: BookingId,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>> {
    let departs_at = sqlx::query_scalar!(
        r#"
        select min(f.departs_at) from booked_flight bf
        join direction d on d.id = bf.direction_id and d.status = 'booked'
        join flight f on f.id = bf.flight_id
        where bf.booking_id = $1 and f.departs_at > $2
        "#,
        booking_id.0,
        now,
    )
    .fetch_one(conn)
    .await?;
    Ok(departs_at)
}
