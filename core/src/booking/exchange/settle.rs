//! The difference is paid: everybody moves.

use sqlx::types::Json;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::model::ChangeContent;
use super::swap;
use crate::booking::cancel::load::trip;
use crate::booking::pending;
use crate::booking_lock::LockedBooking;
use crate::clock::Clock;
use crate::{Error, Result, inventory};

/// The money for other flights has come: everybody moves.
///
/// False when it was settled before, when its time had run out or the booking was changed since, or when a flight does not
/// leave any more: the money goes back, the old flights stay. The caller has locked the booking.
pub(crate) async fn settle(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    id: Uuid,
) -> Result<bool> {
    let found = sqlx::query!(
        r#"
        select q.content as "content: Json<ChangeContent>"
        from booking_change c join change_quote q on q.id = c.change_quote_id
        where c.id = $1 and c.status = 'open'
        "#,
        id,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(found) = found else { return Ok(false) };
    let content = found.content.0;
    inventory::lock_of_booking(conn, booking.id).await?;
    let mut attempt = conn.begin().await?;
    match take(&mut attempt, clock, booking, id, &content).await {
        Ok(true) => {
            attempt.commit().await?;
            Ok(true)
        }
        Ok(false) | Err(Error::SeatTaken { .. }) => {
            attempt.rollback().await?;
            pending::drop_claims(conn, clock, booking, id, "refunded").await?;
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Whether everybody has moved; else nothing of it may stay.
async fn take(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    id: Uuid,
    content: &ChangeContent,
) -> Result<bool> {
    let trip = trip(conn, clock, booking.into()).await?;
    let is_as_quoted = content.directions.iter().all(|changed| {
        let mut live = trip.live();
        live.any(|one| {
            one.direction == changed.direction
                && one.flights == changed.from
                && one.departs_at > clock.now()
        })
    });
    if !is_as_quoted || !all_leave(conn, clock, content).await? {
        return Ok(false);
    }
    swap::all(conn, clock, booking, &trip, id, content).await?;
    Ok(true)
}

/// Whether every new flight is still to leave.
async fn all_leave(
    conn: &mut PgConnection,
    clock: &Clock,
    content: &ChangeContent,
) -> Result<bool> {
    let flights = content.directions.iter().flat_map(|one| &one.to);
    let leaves = sqlx::query_scalar!(
        r#"
        select coalesce(bool_and(f.status = 'scheduled' and f.departs_at > $2), false) as "leaves!"
        from flight f where f.id = any($1)
        "#,
        &flights.map(|flight| flight.0).collect::<Vec<_>>(),
        clock.now(),
    )
    .fetch_one(conn)
    .await?;
    Ok(leaves)
}
