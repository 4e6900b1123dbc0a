//! Reminders: 24 hours before a direction's first flight that is recorded, and whoever flies it gets a mail.

use chrono::Duration;
use sqlx::PgConnection;

use crate::Result;
use crate::booking_event::{self, Event};
use crate::clock::Clock;
use crate::ids::{AccountId, BookingId};
use crate::trade::Direction;

/// How long before departure the mail leaves.
const AHEAD: Duration = Duration::hours(24);

/// Records every paid direction that leaves within 24 hours, which promises the mail, at most 500, and returns how many.
///
/// Once per booking and direction, however often and by however many processes it is asked for. Who booked within
/// those 24 hours has just read the confirmation and gets none. A booking that somebody has locked is left for the next
/// time.
pub async fn promise_due(conn: &mut PgConnection, clock: &Clock) -> Result<usize> {
    let now = clock.now();
    let due = sqlx::query!(
        r#"
        select booking.id as "booking_id: BookingId", booking.account_id as "account_id: AccountId", direction.ordinal
        from flight
        join booked_flight on booked_flight.flight_id = flight.id
        join direction on direction.id = booked_flight.direction_id and direction.status = 'booked'
        join booking on booking.id = direction.booking_id and booking.status in ('confirmed', 'partially_cancelled')
        where flight.departs_at > $1 and flight.departs_at <= $2 and flight.status = 'scheduled'
            and booking.confirmed_at <= flight.departs_at - make_interval(hours => 24)
            and not exists (
                select from booked_flight earlier
                where earlier.direction_id = direction.id and earlier.ordinal < booked_flight.ordinal
            )
            and not exists (
                select from outbox
                where unique_key = 'departure_reminder.' || direction.ordinal || ':' || booking.id
            )
        order by flight.departs_at, booking.id limit 500
        for no key update of booking skip locked
        "#,
        now,
        now + AHEAD,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut promised = 0;
    for row in due {
        let direction = Direction::from_ordinal(u8::try_from(row.ordinal).unwrap_or_default());
        let near = Event::DepartureNear { direction };
        if booking_event::record(conn, clock, row.account_id, row.booking_id, &near).await? {
            promised += 1;
        }
    }
    Ok(promised)
}
