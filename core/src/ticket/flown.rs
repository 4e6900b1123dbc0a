//! What becomes of coupons when their flights have left: flown, or a no-show that staff have marked.
//!
//! **The clock takes everybody for flown.** Nobody tells us who was aboard. Staff who know that somebody was not say so within
//! three days; until then the clock's word can be taken back, and after that the accounts of the flight are closed.

use chrono::Duration;
use serde_json::json;
use sqlx::PgConnection;

use crate::audit::{self, Act};
use crate::booking_event::{self, Event};
use crate::clock::Clock;
use crate::error::Violations;
use crate::ids::{BookingId, BookingRef, FlightId, PassengerId};
use crate::{Error, Result, booking_lock};

/// How long after departure a no-show can be marked.
const NO_SHOW_TIME: Duration = Duration::days(3);

/// Marks the open coupons of flights that have left as flown and returns how many. Flights that were cancelled do not leave.
///
/// Several workers may do it at once: a coupon that another one has locked is left to it.
pub async fn mark_flown(conn: &mut PgConnection, clock: &Clock) -> Result<u64> {
    let now = clock.now();
    let flown = sqlx::query!(
        r#"
        with gone as (
            select c.ticket_id, c.ordinal
            from flight f
            join booked_flight bf on bf.flight_id = f.id
            join ticket_coupon c on c.booked_flight_id = bf.id and c.status = 'open'
            where f.departs_at <= $1 and f.departs_at > $2 and f.status <> 'cancelled'
            order by c.ticket_id, c.ordinal limit 2000
            for update of c skip locked
        )
        update ticket_coupon c set status = 'flown'
        from gone where c.ticket_id = gone.ticket_id and c.ordinal = gone.ordinal
        "#,
        now,
        // A worker that was away for a week finds those that left meanwhile.
        now - Duration::days(30),
    )
    .execute(conn)
    .await?;
    Ok(flown.rows_affected())
}

/// Marks passengers of a booking as not aboard a flight that has left, all of them or none, and returns which booking it is.
///
/// Errors: [`Error::NotFound`] for the booking or when the flight is not of it, [`Error::TooLate`] more than three days after departure,
/// [`Error::WrongState`] before it, [`Error::Invalid`] for who was not booked on it.
pub async fn mark_no_show(
    conn: &mut PgConnection,
    clock: &Clock,
    reference: &BookingRef,
    flight_id: FlightId,
    passengers: &[PassengerId],
) -> Result<BookingId> {
    let booking = booking_lock::lock_of_anybody(conn, reference).await?;
    let flight = sqlx::query!(
        r#"
        select f.departs_at from booked_flight bf join flight f on f.id = bf.flight_id
        where bf.booking_id = $1 and bf.flight_id = $2
        "#,
        booking.id.0,
        flight_id.0,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let departs_at = flight
        .ok_or(Error::NotFound("flight of this booking"))?
        .departs_at;
    let now = clock.now();
    if now < departs_at {
        return Err(Error::WrongState {
            status: booking.status.as_str(),
            action: "marked as a no-show before departure",
        });
    }
    if now > departs_at + NO_SHOW_TIME {
        return Err(Error::TooLate {
            action: "mark a no-show",
            ended_at: departs_at + NO_SHOW_TIME,
        });
    }
    let ids: Vec<_> = passengers.iter().map(|id| id.0).collect();
    let marked = sqlx::query_scalar!(
        r#"
        update ticket_coupon c set status = 'no_show'
        from ticket t, booked_flight bf
        where t.booking_id = $1 and t.passenger_id = any($3) and c.ticket_id = t.id and bf.id = c.booked_flight_id
          and bf.flight_id = $2 and c.status in ('open', 'flown', 'no_show')
        returning t.passenger_id as "passenger_id: PassengerId"
        "#,
        booking.id.0,
        flight_id.0,
        &ids,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut wrong = Violations::new();
    for (index, id) in passengers.iter().enumerate() {
        if !marked.contains(id) {
            let message = "write the `id` of a passenger who was booked on this flight";
            wrong.add(format!("passengers[{index}]"), "not_booked", message);
        }
    }
    wrong.into_result()?;
    let absent = Event::NoShow {
        flight_id,
        passengers: passengers.to_vec(),
    };
    booking_event::record(conn, clock, booking.account_id, booking.id, &absent).await?;
    let marked = Act {
        action: "no_show_marked",
        object_kind: "booking",
        object_id: booking.reference.to_string(),
        before: None,
        after: Some(json!({ "flight_id": flight_id, "passenger_ids": passengers })),
    };
    audit::record(conn, clock, &marked).await?;
    Ok(booking.id)
}
