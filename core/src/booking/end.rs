//! How an unpaid booking ends: cancelled by its owner, or expired at its deadline. Seats and coupon are free again.
//!
//! **One conditional update decides, no status is read first.** Pay, cancel and expire race for one booking; each
//! is an `update … where status = 'pending_payment'` under the row's lock.

use chrono::Duration;
use sqlx::{Connection, PgConnection, PgPool};

use super::queries;
use super::traveller;
use crate::booking_event::{self, Before, Event};
use crate::booking_lock::{self, LockedBooking};
use crate::clock::Clock;
use crate::coupon;
use crate::ids::{AccountId, BookingId, BookingRef};
use crate::inventory::{self, Change};
use crate::payment::{self, CheckoutState};
use crate::trade::BookingStatus;
use crate::{Error, Result};

/// How long Stripe may take to say what became of a Checkout Session before the seats are freed without its answer.
pub(super) const PATIENCE: Duration = Duration::seconds(60);

/// Cancels a booking that is not paid: its seats are free at once, an open Checkout Session is expired by a job.
///
/// Errors: [`Error::NotFound`], [`Error::WrongState`] once it is paid, cancelled or expired.
pub async fn cancel_unpaid(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    reference: &BookingRef,
) -> Result<()> {
    let booking = booking_lock::lock_of_account(conn, account_id, reference).await?;
    match booking.status {
        BookingStatus::PendingPayment => cancel_locked(conn, clock, &booking).await,
        BookingStatus::Confirmed | BookingStatus::PartiallyCancelled => Err(Error::WrongState {
            status: booking.status.as_str(),
            action: "cancelled without a quote",
        }),
        BookingStatus::Cancelled | BookingStatus::Expired => Err(Error::WrongState {
            status: booking.status.as_str(),
            action: "cancelled",
        }),
    }
}

/// Cancels a locked booking that waits for its money.
pub(super) async fn cancel_locked(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
) -> Result<()> {
    payment::abandon(conn, clock, booking).await?;
    end(conn, clock, booking, BookingStatus::Cancelled).await
}

/// Expires a locked booking if it is pending; frees its seats.
pub async fn expire(conn: &mut PgConnection, clock: &Clock, booking: &LockedBooking) -> Result<()> {
    if booking.status != BookingStatus::PendingPayment {
        return Ok(());
    }
    end(conn, clock, booking, BookingStatus::Expired).await
}

/// Ends every booking whose deadline has passed, each in its own transaction, and returns how many ended.
///
/// One with an open Checkout Session first has the worker ask Stripe to expire it: complete settles it, expired ends
/// it. Without an answer in 60 s it ends all the same, and money that comes still is late money. A booking that cannot
/// be ended is left for the next sweep and hinders no other; the first such error is returned at the end.
pub async fn sweep_due(pool: &PgPool, clock: &Clock) -> Result<u64> {
    let mut conn = pool.acquire().await?;
    let due = queries::due(&mut conn, clock.now(), 500).await?;
    let (mut swept, mut failed) = (0, None);
    for id in due {
        match sweep(&mut conn, clock, id).await {
            Ok(ended) => swept += u64::from(ended),
            Err(error) => {
                tracing::error!(booking_id = %id, %error, "a booking cannot be ended");
                failed.get_or_insert(error);
            }
        }
    }
    failed.map_or(Ok(swept), Err)
}

/// Whether it was this call that ended the booking.
async fn sweep(conn: &mut PgConnection, clock: &Clock, id: BookingId) -> Result<bool> {
    let mut tx = conn.begin().await?;
    let booking = booking_lock::lock(&mut tx, id).await?;
    let now = clock.now();
    if booking.status != BookingStatus::PendingPayment || booking.payment_due_at > now {
        return Ok(false);
    }
    let state = payment::ask_to_expire(&mut tx, clock, &booking).await?;
    let waits = state == CheckoutState::Asked && now < booking.payment_due_at + PATIENCE;
    if !waits {
        payment::lapse(&mut tx, clock, &booking).await?;
        end(&mut tx, clock, &booking, BookingStatus::Expired).await?;
    }
    tx.commit().await?;
    Ok(!waits)
}

async fn end(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    status: BookingStatus,
) -> Result<()> {
    let ended = sqlx::query!(
        "update booking set status = $2, ended_at = $3 where id = $1 and status = 'pending_payment'",
        booking.id.0,
        status.as_str(),
        clock.now(),
    )
    .execute(&mut *conn)
    .await?;
    if ended.rows_affected() == 0 {
        return Err(Error::WrongState {
            status: booking.status.as_str(),
            action: "ended",
        });
    }
    traveller::release(conn, booking.id).await?;
    let seats = queries::booked_seats(conn, booking.id).await?;
    let changes = seats
        .into_iter()
        .map(|booked| Change {
            flight_id: booked.flight_id,
            cabin: booked.cabin,
            held: -booked.seats,
            sold: 0,
        })
        .collect();
    inventory::apply(conn, changes).await?;
    inventory::release_seats(conn, booking.hold_id).await?;
    coupon::give_back(conn, clock, booking.id).await?;
    let before = Before::of(booking);
    let ended = if status == BookingStatus::Cancelled {
        // Money that comes still goes back; an expired booking may come to life by it and keeps its directions.
        sqlx::query!(
            "update direction set status = 'cancelled', cancelled_at = $2 where booking_id = $1 and status = 'booked'",
            booking.id.0,
            clock.now(),
        )
        .execute(&mut *conn)
        .await?;
        Event::Cancelled { before }
    } else {
        Event::Expired { before }
    };
    booking_event::record(conn, clock, booking.account_id, booking.id, &ended).await?;
    Ok(())
}
