//! One dated flight that staff cancel or move: it no longer follows its schedule.

use chrono::{DateTime, NaiveTime, Utc};
use sqlx::PgConnection;

use crate::Result;
use crate::ids::FlightId;

/// When a flight leaves and lands that is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewTimes {
    pub departs_at: DateTime<Utc>,
    pub arrives_at: DateTime<Utc>,
    /// By the clocks at the origin.
    pub departs_local: NaiveTime,
    /// Days from the local date that the flight is known by to the one on which it leaves: -1, 0 or 1.
    pub days_later: i16,
}

/// Says that a flight does not fly. The caller has locked the timetable and closed its cabins.
///
/// It is not `off_schedule`: an amended schedule does not bring it back.
pub(crate) async fn set_cancelled(conn: &mut PgConnection, flight_id: FlightId) -> Result<()> {
    sqlx::query!(
        "update flight set status = 'cancelled' where id = $1 and status = 'scheduled'",
        flight_id.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Moves a flight; the first departure of its bookings follows. The caller has locked the timetable.
///
/// Bookings are locked before the flight, in the order of their ids (invariant 4). Its own local time stays its own when
/// newer zone data comes, and it is found under the date that it had.
pub(crate) async fn set_times(
    conn: &mut PgConnection,
    flight_id: FlightId,
    times: NewTimes,
) -> Result<()> {
    let bookings = sqlx::query_scalar!(
        "
        select id from booking
        where id in (select booking_id from booked_flight where flight_id = $1) order by id for no key update
        ",
        flight_id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    sqlx::query!(
        "update flight set departs_at = $2, arrives_at = $3, departs_local = $4, departs_days_later = $5 where id = $1",
        flight_id.0,
        times.departs_at,
        times.arrives_at,
        times.departs_local,
        times.days_later,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "
        update booking set first_departs_at = first.departs_at
        from (
            select booking_id, min(departs_at) as departs_at
            from booked_flight join flight on flight.id = flight_id
            where booking_id = any($1) group by booking_id
        ) as first
        where booking.id = first.booking_id and booking.first_departs_at <> first.departs_at
        ",
        &bookings,
    )
    .execute(conn)
    .await?;
    Ok(())
}
