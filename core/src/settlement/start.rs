//! Opening a payment: what has to be paid is the booking's business, how is the payment's.

use sqlx::PgConnection;

use crate::booking::pending;
use crate::booking_lock;
use crate::charge;
use crate::clock::Clock;
use crate::ids::{AccountId, BookingRef};
use crate::payment::open::{self, SESSION, close, find_open, window_closes_at};
use crate::payment::{PaymentStatus, ReturnUrls, Started};
use crate::trade::BookingStatus;
use crate::{Error, Result};

/// Opens a payment of the booking's whole total, or of the difference that its change waits for, or finds
/// the one that is open; idempotent by its row.
///
/// The booking's deadline moves to the end of the session. Errors: [`Error::AlreadyPaid`], [`Error::WrongState`],
/// [`Error::PaymentWindowClosed`] with less than 31 minutes left, [`charge::OutsideLimits`].
pub async fn start(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    reference: &BookingRef,
    urls: &ReturnUrls,
) -> Result<Started> {
    let booking = booking_lock::lock_of_account(conn, account_id, reference).await?;
    let now = clock.now();
    let change = pending::find_open(conn, booking.id).await?;
    match booking.status {
        BookingStatus::Confirmed | BookingStatus::PartiallyCancelled if change.is_some() => {}
        BookingStatus::PendingPayment if booking.payment_due_at > now => {}
        BookingStatus::PendingPayment => {
            return Err(Error::WrongState {
                status: "expired",
                action: "paid",
            });
        }
        BookingStatus::Confirmed | BookingStatus::PartiallyCancelled => {
            return Err(Error::AlreadyPaid);
        }
        BookingStatus::Cancelled | BookingStatus::Expired => {
            return Err(Error::WrongState {
                status: booking.status.as_str(),
                action: "paid",
            });
        }
    }
    if let Some(open) = find_open(conn, booking.id).await? {
        match (&open.checkout_url, open.expires_at > now) {
            (Some(_), true) => return Ok(Started::Open(open)),
            (None, true) => return Ok(Started::New(open)),
            (_, false) => close(conn, clock, open.id, PaymentStatus::Expired).await?,
        }
    }
    let amount = change
        .as_ref()
        .map_or(booking.total, |change| change.amount);
    charge::require_payable(amount)?;
    let booked_at = change.is_none().then_some(booking.created_at);
    // Of a booking that is flown in part, a change is about what is not flown.
    let departs_at = match &change {
        Some(_) => pending::next_departure(conn, booking.id, now).await?,
        None => Some(booking.first_departs_at),
    };
    let closes_at = window_closes_at(departs_at.unwrap_or(now), booked_at);
    if now + SESSION > closes_at {
        return Err(Error::PaymentWindowClosed { closes_at });
    }
    let payment = open::open(
        conn,
        now,
        &booking,
        change.as_ref().map(|change| change.id),
        amount,
        urls,
    )
    .await?;
    if let Some(change) = change {
        pending::prolong(conn, change.id, payment.expires_at).await?;
    }
    Ok(Started::New(payment))
}
