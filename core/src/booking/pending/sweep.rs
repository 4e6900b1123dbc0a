//! Changes whose time has run out.

use sqlx::{Connection, PgConnection, PgPool};
use uuid::Uuid;

use super::{ChangeKind, drop_claims, find_open};
use crate::booking::end;
use crate::booking_event::{self, ChangeLost, Event};
use crate::booking_lock;
use crate::clock::Clock;
use crate::ids::BookingId;
use crate::{Result, inventory, payment};

/// Ends the changes whose time has run out unpaid and returns how many; a checkout that is open is expired first, as
/// that of a booking is. The traveller is told that the old flights or seats stand. One that cannot be ended hinders no other;
/// the first such error is returned at the end.
pub async fn sweep_changes(pool: &PgPool, clock: &Clock) -> Result<u64> {
    let mut conn = pool.acquire().await?;
    sweep_changes_with(&mut conn, clock).await
}

/// As [`sweep_changes`], on a connection of the caller's.
pub(crate) async fn sweep_changes_with(conn: &mut PgConnection, clock: &Clock) -> Result<u64> {
    let due = sqlx::query!(
        r#"
        select id, booking_id as "booking_id: BookingId" from booking_change
        where status = 'open' and expires_at <= $1 order by expires_at limit 500
        "#,
        clock.now(),
    )
    .fetch_all(&mut *conn)
    .await?;
    let (mut swept, mut failed) = (0, None);
    for row in due {
        match sweep(conn, clock, row.id, row.booking_id).await {
            Ok(ended) => swept += u64::from(ended),
            Err(error) => {
                tracing::error!(booking_change_id = %row.id, %error, "a change cannot be ended");
                failed.get_or_insert(error);
            }
        }
    }
    failed.map_or(Ok(swept), Err)
}

/// Whether it was this call that ended the change.
async fn sweep(
    conn: &mut PgConnection,
    clock: &Clock,
    id: Uuid,
    booking_id: BookingId,
) -> Result<bool> {
    let mut tx = conn.begin().await?;
    let booking = booking_lock::lock(&mut tx, booking_id).await?;
    let now = clock.now();
    let open = find_open(&mut tx, booking_id).await?;
    // It may have been paid, dropped or prolonged since it was found.
    let Some(open) = open.filter(|open| open.id == id && open.expires_at <= now) else {
        return Ok(false);
    };
    let state = payment::ask_to_expire(&mut tx, clock, &booking).await?;
    let waits = state == payment::CheckoutState::Asked && now < open.expires_at + end::PATIENCE;
    if !waits {
        inventory::lock_of_booking(&mut tx, booking_id).await?;
        payment::lapse(&mut tx, clock, &booking).await?;
        drop_claims(&mut tx, clock, &booking, id, "expired").await?;
        let why = ChangeLost::Unpaid;
        let lost = match open.kind {
            ChangeKind::Flights => Event::FlightChangeLost { change_id: id, why },
            ChangeKind::Seats => Event::SeatChangeLost {
                seat_change_id: id,
                why,
            },
        };
        booking_event::record(&mut tx, clock, booking.account_id, booking_id, &lost).await?;
    }
    tx.commit().await?;
    Ok(!waits)
}
