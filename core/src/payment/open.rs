//! Opening a payment and closing one that nobody paid.
//!
//! **`attach` returns a result inside a result.** A session that arrives for a payment that was cancelled meanwhile
//! must be filed (so that it is expired at Stripe) and refused to the caller: the outer result is the
//! transaction's, the inner one the caller's.

use crate::booking_lock;
use crate::charge;
use chrono::{DateTime, Duration, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{CheckoutState, Payment, PaymentStatus, ReturnUrls};
use super::stripe::CheckoutSession;
use crate::booking_lock::LockedBooking;
use crate::clock::Clock;
use crate::ids::{BookingId, PaymentId};
use crate::money::{self, Money};
use crate::outbox::{self, ExpireCheckout};
use crate::{Error, Result};

/// A session lives 31 minutes: Stripe's least is 30, measured at its own clock.
pub(crate) const SESSION: Duration = Duration::minutes(31);
/// No checkout moves a booking's deadline further from its making than this…
const LONGEST: Duration = Duration::minutes(75);
/// …nor nearer to departure.
pub(crate) const BEFORE_DEPARTURE: Duration = Duration::minutes(60);

/// The last moment to pay: before the first departure, and of a booking that is not paid yet not long after it was made.
pub(crate) fn window_closes_at(
    first_departs_at: DateTime<Utc>,
    booked_at: Option<DateTime<Utc>>,
) -> DateTime<Utc> {
    let closes_at = first_departs_at - BEFORE_DEPARTURE;
    booked_at.map_or(closes_at, |booked_at| closes_at.min(booked_at + LONGEST))
}

/// Whether a payment of this amount could be opened now ([`crate::settlement::start`]); `booked_at` of a booking that is not paid yet.
pub fn can_start(
    now: DateTime<Utc>,
    amount: Money,
    first_departs_at: DateTime<Utc>,
    booked_at: Option<DateTime<Utc>>,
) -> bool {
    let closes_at = window_closes_at(first_departs_at, booked_at);
    now + SESSION <= closes_at && charge::within_limits(amount)
}

pub(crate) async fn open(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    booking: &LockedBooking,
    booking_change_id: Option<Uuid>,
    amount: Money,
    urls: &ReturnUrls,
) -> Result<Payment> {
    let payment = Payment {
        id: PaymentId::new(),
        booking_id: booking.id,
        booking_change_id,
        status: PaymentStatus::Open,
        amount,
        created_at: now,
        expires_at: chrono::SubsecRound::trunc_subsecs(now + SESSION, 0),
        session_id: None,
        checkout_url: None,
        payment_intent: None,
        success_url: urls.success.clone(),
        cancel_url: urls.cancel.clone(),
    };
    sqlx::query!(
        r#"
        with moved as (update booking set payment_due_at = greatest(payment_due_at, $6) where id = $2 and status = 'pending_payment')
        insert into payment (id, booking_id, currency, amount_minor, created_at, expires_at, success_url, cancel_url, booking_change_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        "#,
        payment.id.0,
        booking.id.0,
        payment.amount.currency().code(),
        payment.amount.minor(),
        payment.created_at,
        payment.expires_at,
        payment.success_url,
        payment.cancel_url,
        payment.booking_change_id,
    )
    .execute(conn)
    .await?;
    Ok(payment)
}

/// Files Stripe's session under its payment and returns the page to pay on.
///
/// A payment that ended while Stripe was asked has its session expired by a job: [`Error::WrongState`], which the
/// caller returns *after* committing.
pub async fn attach(
    conn: &mut PgConnection,
    clock: &Clock,
    id: PaymentId,
    session: &CheckoutSession,
) -> Result<Result<Payment>> {
    let booking_id = find(conn, id)
        .await?
        .ok_or(Error::NotFound("payment"))?
        .booking_id;
    let booking = booking_lock::lock(conn, booking_id).await?;
    sqlx::query!(
        "update payment set stripe_session_id = $2, checkout_url = $3 where id = $1 and stripe_session_id is null",
        id.0,
        session.id,
        session.url,
    )
    .execute(&mut *conn)
    .await?;
    let payment = find(conn, id).await?.ok_or(Error::NotFound("payment"))?;
    match payment.status {
        PaymentStatus::Open => Ok(Ok(payment)),
        PaymentStatus::Succeeded => Ok(Err(Error::AlreadyPaid)),
        PaymentStatus::Expired | PaymentStatus::Cancelled | PaymentStatus::Mismatched => {
            promise_expiry(conn, clock, &booking, id).await?;
            Ok(Err(Error::WrongState {
                status: booking.status.as_str(),
                action: "paid",
            }))
        }
    }
}

/// Closes a payment that Stripe refused to open a session for.
pub async fn refuse(conn: &mut PgConnection, clock: &Clock, id: PaymentId) -> Result<()> {
    close(conn, clock, id, PaymentStatus::Cancelled).await
}

/// Closes the open payment of a booking that is being cancelled and promises that its session is expired.
pub async fn abandon(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
) -> Result<()> {
    if let Some(open) = find_open(conn, booking.id).await? {
        close(conn, clock, open.id, PaymentStatus::Cancelled).await?;
        if open.session_id.is_some() {
            promise_expiry(conn, clock, booking, open.id).await?;
        }
    }
    Ok(())
}

/// Has the worker ask Stripe to expire the booking's open session, once.
pub async fn ask_to_expire(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
) -> Result<CheckoutState> {
    match find_open(conn, booking.id).await? {
        Some(Payment {
            id,
            session_id: Some(_),
            ..
        }) => {
            promise_expiry(conn, clock, booking, id).await?;
            Ok(CheckoutState::Asked)
        }
        _ => Ok(CheckoutState::None),
    }
}

/// Marks the booking's open payment expired.
pub async fn lapse(conn: &mut PgConnection, clock: &Clock, booking: &LockedBooking) -> Result<()> {
    match find_open(conn, booking.id).await? {
        Some(open) => close(conn, clock, open.id, PaymentStatus::Expired).await,
        None => Ok(()),
    }
}

async fn promise_expiry(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    payment_id: PaymentId,
) -> Result<()> {
    let key = format!("expire_checkout:{payment_id}");
    outbox::put_once(
        conn,
        clock,
        Some(booking.account_id),
        &key,
        &ExpireCheckout { payment_id },
    )
    .await?;
    Ok(())
}

pub(crate) async fn close(
    conn: &mut PgConnection,
    clock: &Clock,
    id: PaymentId,
    status: PaymentStatus,
) -> Result<()> {
    sqlx::query!(
        "update payment set status = $2, ended_at = $3 where id = $1 and status = 'open'",
        id.0,
        status.as_str(),
        clock.now(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A payment, or `None`.
pub async fn find(conn: &mut PgConnection, id: PaymentId) -> Result<Option<Payment>> {
    let found = select(
        conn,
        Keys {
            id: Some(id),
            ..Keys::default()
        },
    )
    .await?;
    Ok(found.map(|found| found.payment))
}

/// The payment that a session is of, by the id that it carries or else by its own, and whether its money is filed as a
/// mismatch. The caller has locked the booking.
pub(crate) async fn find_of_session(
    conn: &mut PgConnection,
    session: &CheckoutSession,
) -> Result<Option<(Payment, bool)>> {
    let session_id = match session.payment_id {
        Some(_) => None,
        None => Some(session.id.as_str()),
    };
    let keys = Keys {
        id: session.payment_id,
        session_id,
        intent: session.payment_intent.as_deref(),
        ..Keys::default()
    };
    let found = select(conn, keys).await?;
    Ok(found.map(|found| (found.payment, found.is_mismatched)))
}

/// The payment of a session, for those whom Stripe sends back. [`Error::NotFound`] when there is none.
pub async fn get_by_session(conn: &mut PgConnection, session_id: &str) -> Result<Payment> {
    let keys = Keys {
        session_id: Some(session_id),
        ..Keys::default()
    };
    let found = select(conn, keys).await?;
    let found = found.ok_or(Error::NotFound("payment"))?;
    Ok(found.payment)
}

pub(crate) async fn find_open(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Option<Payment>> {
    let keys = Keys {
        open_of: Some(booking_id),
        ..Keys::default()
    };
    let found = select(conn, keys).await?;
    Ok(found.map(|found| found.payment))
}

/// By what a payment is found: the first three; the last is a question beside.
#[derive(Default)]
struct Keys<'a> {
    id: Option<PaymentId>,
    session_id: Option<&'a str>,
    open_of: Option<BookingId>,
    intent: Option<&'a str>,
}

struct Found {
    payment: Payment,
    /// Whether the money of the `PaymentIntent` that was asked about is filed as a mismatch.
    is_mismatched: bool,
}

/// One statement for three keys, each nullable; a booking finds its open payment.
async fn select(conn: &mut PgConnection, keys: Keys<'_>) -> Result<Option<Found>> {
    let row = sqlx::query!(
        r#"
        select id as "id: PaymentId", booking_id as "booking_id: BookingId", booking_change_id, status as "status: PaymentStatus", currency, amount_minor,
               created_at, expires_at, stripe_session_id, checkout_url, stripe_payment_intent_id, success_url, cancel_url,
               exists (select from payment other where other.stripe_payment_intent_id = $4 and other.status = 'mismatched') as "is_mismatched!"
        from payment
        where id = $1 or stripe_session_id = $2 or (booking_id = $3 and status = 'open')
        "#,
        keys.id.map(|id| id.0),
        keys.session_id,
        keys.open_of.map(|id| id.0),
        keys.intent,
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let currency = money::known_currency(&row.currency)?;
    let payment = Payment {
        id: row.id,
        booking_id: row.booking_id,
        booking_change_id: row.booking_change_id,
        status: row.status,
        amount: Money::new(row.amount_minor, currency),
        created_at: row.created_at,
        expires_at: row.expires_at,
        session_id: row.stripe_session_id,
        checkout_url: row.checkout_url,
        payment_intent: row.stripe_payment_intent_id,
        success_url: row.success_url,
        cancel_url: row.cancel_url,
    };
    Ok(Some(Found {
        payment,
        is_mismatched: row.is_mismatched,
    }))
}
