//! Giving back what a change holds.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{ChangeKind, find_open};
use crate::booking::traveller;
use crate::booking_event::{self, ChangeLost, Event};
use crate::booking_lock::LockedBooking;
use crate::clock::Clock;
use crate::ids::{BookingId, FlightId};
use crate::inventory::{self, Change};
use crate::trade::Cabin;
use crate::{Result, payment};

/// Gives back the named seats of a change that nobody sits on yet.
pub(in crate::booking) async fn release(conn: &mut PgConnection, id: Uuid) -> Result<()> {
    sqlx::query!(
        r#"
        delete from passenger_seat s using booking_change_seat i
        where i.booking_change_id = $1 and s.passenger_id is null and s.reason = 'chosen'
          and (s.flight_id, s.seat_row, s.letter) = (i.flight_id, i.seat_row, i.letter)
          and s.hold_id = (select b.hold_id from booking_change c join booking b on b.id = c.booking_id where c.id = $1)
        "#,
        id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How many seats an open change of flights holds in which cabins.
pub(in crate::booking) async fn held(
    conn: &mut PgConnection,
    id: Uuid,
) -> Result<Vec<(FlightId, Cabin, i32)>> {
    let rows = sqlx::query!(
        r#"
        select f.flight_id as "flight_id: FlightId", f.cabin as "cabin: Cabin", f.seats
        from booking_change_flight f join booking_change c on c.id = f.booking_change_id and c.status = 'open'
        where c.id = $1 order by f.flight_id
        "#,
        id,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.flight_id, row.cabin, row.seats))
        .collect())
}

/// Gives back everything that a change holds, and ends it as `status`. The caller has locked the booking.
pub(in crate::booking) async fn drop_claims(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    id: Uuid,
    status: &str,
) -> Result<()> {
    release(conn, id).await?;
    let held = held(conn, id).await?;
    let changes = held.iter().map(|(flight_id, cabin, seats)| Change {
        flight_id: *flight_id,
        cabin: *cabin,
        held: -seats,
        sold: 0,
    });
    if held.is_empty() {
        return end(conn, clock, id, status).await;
    }
    inventory::apply(conn, changes.collect()).await?;
    end(conn, clock, id, status).await?;
    traveller::retain(conn, booking.id).await
}

/// Writes how a change ended.
pub(in crate::booking) async fn end(
    conn: &mut PgConnection,
    clock: &Clock,
    id: Uuid,
    status: &str,
) -> Result<()> {
    sqlx::query!(
        "update booking_change set status = $2, ended_at = $3 where id = $1",
        id,
        status,
        clock.now(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Nobody moves any more to the seats that were asked for, and not paid, on flights that have just been changed: money that
/// comes late for them goes back.
pub(in crate::booking) async fn replace_seats(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<()> {
    sqlx::query!(
        "update booking_change set status = 'replaced' where booking_id = $1 and kind = 'seats' and status = 'expired'",
        booking_id.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends a change that waits for its money: its checkout closes, what was stays. The caller has locked the booking.
pub(in crate::booking) async fn drop_open(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    id: Uuid,
) -> Result<()> {
    payment::abandon(conn, clock, booking).await?;
    drop_claims(conn, clock, booking, id, "expired").await
}

/// Ends a change that waited for its money, because another aircraft does not have its seats: its checkout closes, what
/// was stays, and the traveller is told. The caller has locked the booking and the cabins.
pub(in crate::booking) async fn lose(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    id: Uuid,
) -> Result<()> {
    let kind = find_open(conn, booking.id).await?.map(|open| open.kind);
    drop_open(conn, clock, booking, id).await?;
    let lost = match kind {
        Some(ChangeKind::Flights) => Event::FlightChangeLost {
            change_id: id,
            why: ChangeLost::SeatsGone,
        },
        Some(ChangeKind::Seats) | None => Event::SeatChangeLost {
            seat_change_id: id,
            why: ChangeLost::SeatsGone,
        },
    };
    booking_event::record(conn, clock, booking.account_id, booking.id, &lost).await?;
    Ok(())
}
