//! Money that is not what was asked for: it came, so it is filed as a payment of its own and goes back whole.
//!
//! **Money that differs is a payment of its own.** A paid session of another amount, currency or booking, or a
//! second session of a payment, is filed as a `mismatched` payment of what really came, and goes back whole by the
//! usual refund; the booking shows it. It is recognised by its `PaymentIntent` (`payment_intent_once`), so that no
//! event can turn it into something else later. Only money in a currency nobody knows, or without a
//! `PaymentIntent`, is left to people: we could not ask for its refund.

use std::collections::HashMap;

use sqlx::PgConnection;

use super::model::{Payment, PaymentStatus};
use super::open;
use super::refunds::{self, Reason};
use super::stripe::CheckoutSession;
use crate::Result;
use crate::booking_lock::LockedBooking;
use crate::clock::Clock;
use crate::ids::{BookingId, PaymentId};
use crate::ledger::{self, Kind, MoneyCame};
use crate::money::{self, Money};

/// Money that was not what was asked for, and how far its way back is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What really came.
    pub received: Money,
    /// `pending`, `succeeded` or `failed`: of the refund of all of it.
    pub refund_status: String,
}

/// Files what really came, posts it and promises all of it back; once for a `PaymentIntent`. The payment that was
/// meant is closed when this was its own session, so that another can be opened.
///
/// Money in a currency nobody knows, or without a `PaymentIntent`, cannot be given back by us: it is logged, and its
/// event is kept.
pub(crate) async fn give_back(
    conn: &mut PgConnection,
    clock: &Clock,
    meant: &Payment,
    booking: &LockedBooking,
    session: &CheckoutSession,
) -> Result<()> {
    tracing::error!(payment_id = %meant.id, session = %session.id, "a paid session differs from our payment: its money goes back");
    let (Some(amount), Some(intent)) = (session.amount, &session.payment_intent) else {
        tracing::error!(session = %session.id, "money came that only a person can give back");
        return Ok(());
    };
    if meant.session_id.as_ref() == Some(&session.id) {
        open::close(conn, clock, meant.id, PaymentStatus::Cancelled).await?;
    }
    let received = Payment {
        id: PaymentId::new(),
        status: PaymentStatus::Mismatched,
        amount,
        session_id: None,
        checkout_url: None,
        payment_intent: Some(intent.clone()),
        ..meant.clone()
    };
    if file(conn, clock, &received).await? {
        let money = MoneyCame {
            payment_id: received.id,
            amount,
            kind: Kind::MismatchedPayment,
        };
        ledger::money_came(conn, clock, received.booking_id, &money).await?;
        refunds::promise(conn, clock, &received, booking, Reason::Mismatched).await?;
    }
    Ok(())
}

/// Whether it was new.
async fn file(conn: &mut PgConnection, clock: &Clock, received: &Payment) -> Result<bool> {
    let inserted = sqlx::query!(
        r#"
        insert into payment (id, booking_id, status, currency, amount_minor, created_at, expires_at, success_url, cancel_url,
                             stripe_payment_intent_id, ended_at)
        values ($1, $2, 'mismatched', $3, $4, $5, $6, $7, $8, $9, $5)
        on conflict (stripe_payment_intent_id) where stripe_payment_intent_id is not null do nothing
        "#,
        received.id.0,
        received.booking_id.0,
        received.amount.currency().code(),
        received.amount.minor(),
        clock.now(),
        received.expires_at,
        received.success_url,
        received.cancel_url,
        received.payment_intent,
    )
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// The mismatched payments of a booking, in the order they came.
pub async fn list_mismatches(
    conn: &mut PgConnection,
    booking_ids: &[BookingId],
) -> Result<HashMap<BookingId, Vec<Mismatch>>> {
    if booking_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let booking_ids: Vec<_> = booking_ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"
        select p.booking_id as "booking_id: BookingId", p.currency, p.amount_minor,
               (select r.status from refund r where r.payment_id = p.id order by (r.status = 'failed'), r.id desc limit 1) as "refund_status!"
        from payment p where p.booking_id = any($1) and p.status = 'mismatched' order by p.id
        "#,
        &booking_ids,
    )
    .fetch_all(conn)
    .await?;
    let mut mismatches: HashMap<BookingId, Vec<Mismatch>> = HashMap::new();
    for row in rows {
        let currency = money::known_currency(&row.currency)?;
        mismatches
            .entry(row.booking_id)
            .or_default()
            .push(Mismatch {
                received: Money::new(row.amount_minor, currency),
                refund_status: row.refund_status,
            });
    }
    Ok(mismatches)
}
