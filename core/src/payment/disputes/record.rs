//! Filing what Stripe says of a dispute, and what follows from it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::cover::cover;
use crate::Result;
use crate::booking_event::{self, Event};
use crate::booking_lock::{self, LockedBooking};
use crate::clock::Clock;
use crate::ids::{BookingId, DisputeId, PaymentId, RefundId};
use crate::ledger;
use crate::money::{self, Money};
use crate::outbox::{self, CreateRefund};
use crate::payment::shares;
use crate::payment::stripe::StripeDispute;
use crate::trade::DisputeStatus;

/// The payment that a dispute is of.
struct Paid {
    id: PaymentId,
    booking_id: BookingId,
    currency: String,
}

/// A dispute of one of our payments, locked.
struct Row {
    id: DisputeId,
    payment_id: Option<PaymentId>,
    status: DisputeStatus,
    reason: String,
    currency: String,
    amount_minor: i64,
    evidence_due_by: Option<DateTime<Utc>>,
}

/// Files what Stripe says of a dispute, and what follows from it for the payment's booking; once, however often and in
/// whichever order it is told.
///
/// Returns whether it is of a payment of ours that is known by now.
pub(crate) async fn record(
    conn: &mut PgConnection,
    clock: &Clock,
    told: &StripeDispute,
) -> Result<bool> {
    let Some(intent) = &told.payment_intent else {
        return Ok(false);
    };
    let paid = sqlx::query_as!(
        Paid,
        r#"
        select id as "id: PaymentId", booking_id as "booking_id: BookingId", currency from payment
        where stripe_payment_intent_id = $1 and status in ('succeeded', 'mismatched')
        "#,
        intent,
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(paid) = &paid
        && paid.currency != told.amount.currency().code()
    {
        tracing::error!(payment_id = %paid.id, dispute = told.id, "a dispute has another currency than its payment");
        return Ok(false);
    }
    let booking = match &paid {
        Some(paid) => {
            let booking = booking_lock::lock(conn, paid.booking_id).await?;
            shares::lock(conn, paid.id).await?;
            Some(booking)
        }
        None => None,
    };
    let (before, now) = write(conn, clock, told, intent, paid.as_ref()).await?;
    let Some((paid, booking)) = paid.zip(booking) else {
        return Ok(false);
    };
    follow(conn, clock, &booking, paid.id, before, &now).await?;
    Ok(true)
}

/// Writes a dispute as it stands by what is said now, and returns where it stood in the eyes of its booking (`None`: it was
/// not known there) and how it stands.
async fn write(
    conn: &mut PgConnection,
    clock: &Clock,
    told: &StripeDispute,
    intent: &str,
    paid: Option<&Paid>,
) -> Result<(Option<DisputeStatus>, Row)> {
    let closed_at = told.status.is_closed().then(|| clock.now());
    let inserted = sqlx::query!(
        r#"
        insert into dispute (id, stripe_dispute_id, stripe_payment_intent_id, payment_id, booking_id, status, reason, currency,
                             amount_minor, opened_at, evidence_due_by, closed_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        on conflict on constraint dispute_stripe_unique do nothing
        "#,
        DisputeId::new().0,
        told.id,
        intent,
        paid.map(|paid| paid.id.0),
        paid.map(|paid| paid.booking_id.0),
        told.status.as_str(),
        told.reason,
        told.amount.currency().code(),
        told.amount.minor(),
        told.opened_at,
        told.evidence_due_by,
        closed_at,
    )
    .execute(&mut *conn)
    .await?;
    let filed = sqlx::query_as!(
        Row,
        r#"
        select id as "id: DisputeId", payment_id as "payment_id: PaymentId", status as "status: DisputeStatus", reason, currency,
               amount_minor, evidence_due_by
        from dispute where stripe_dispute_id = $1 for update
        "#,
        told.id,
    )
    .fetch_one(&mut *conn)
    .await?;
    if inserted.rows_affected() == 1 {
        return Ok((None, filed));
    }
    let before = filed.payment_id.map(|_| filed.status);
    if filed.status.is_closed() && told.status.is_closed() && filed.status != told.status {
        tracing::error!(dispute_id = %filed.id, closed = filed.status.as_str(), said = told.status.as_str(), "a dispute that had ended ends otherwise: look at it in Stripe's dashboard");
    }
    let status = filed.status.moved_to(told.status);
    let is_current = status == told.status;
    let now = Row {
        // What the bank has taken stays what was posted.
        amount_minor: if is_current && !filed.status.is_chargeback() {
            told.amount.minor()
        } else {
            filed.amount_minor
        },
        reason: if is_current {
            told.reason.clone()
        } else {
            filed.reason
        },
        evidence_due_by: if is_current {
            told.evidence_due_by.or(filed.evidence_due_by)
        } else {
            filed.evidence_due_by
        },
        status,
        ..filed
    };
    sqlx::query!(
        r#"
        update dispute set payment_id = coalesce(payment_id, $2), booking_id = coalesce(booking_id, $3), status = $4, reason = $5,
               amount_minor = $6, evidence_due_by = $7, closed_at = coalesce(closed_at, $8)
        where id = $1
        "#,
        now.id.0,
        paid.map(|paid| paid.id.0),
        paid.map(|paid| paid.booking_id.0),
        now.status.as_str(),
        now.reason,
        now.amount_minor,
        now.evidence_due_by,
        closed_at,
    )
    .execute(conn)
    .await?;
    Ok((before, now))
}

/// Finds the payment of one dispute that came before it, and does what follows. Whether there was one: the caller goes on until
/// there is none, in a transaction for each, because each locks its booking.
pub async fn match_dispute(conn: &mut PgConnection, clock: &Clock) -> Result<bool> {
    let found = sqlx::query!(
        r#"
        select d.id as "id: DisputeId", p.id as "payment_id: PaymentId", p.booking_id as "booking_id: BookingId"
        from dispute d
        join payment p on p.stripe_payment_intent_id = d.stripe_payment_intent_id and p.currency = d.currency
        where d.payment_id is null and p.status in ('succeeded', 'mismatched')
        order by d.id limit 1
        "#,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(found) = found else {
        return Ok(false);
    };
    let booking = booking_lock::lock(conn, found.booking_id).await?;
    shares::lock(conn, found.payment_id).await?;
    let matched = sqlx::query_as!(
        Row,
        r#"
        update dispute set payment_id = $2, booking_id = $3 where id = $1 and payment_id is null
        returning id as "id: DisputeId", payment_id as "payment_id: PaymentId", status as "status: DisputeStatus", reason, currency,
                  amount_minor, evidence_due_by
        "#,
        found.id.0,
        found.payment_id.0,
        found.booking_id.0,
    )
    .fetch_optional(&mut *conn)
    .await?;
    // Otherwise a webhook was faster.
    if let Some(matched) = matched {
        follow(conn, clock, &booking, found.payment_id, None, &matched).await?;
    }
    Ok(true)
}

/// What follows from a dispute that stood somewhere and stands elsewhere now: entries, events, and what becomes of the refunds
/// of its payment.
async fn follow(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    payment_id: PaymentId,
    before: Option<DisputeStatus>,
    now: &Row,
) -> Result<()> {
    let amount = Money::new(now.amount_minor, money::known_currency(&now.currency)?);
    let dispute_id = now.id;
    let was = |is: fn(DisputeStatus) -> bool| before.is_some_and(is);
    let is_taken = now.status.is_chargeback() && !was(DisputeStatus::is_chargeback);
    if before.is_none() || is_taken {
        let opened = Event::DisputeOpened {
            dispute_id,
            payment_id,
            amount,
            reason: now.reason.clone(),
            is_inquiry: !now.status.is_chargeback(),
        };
        booking_event::record(conn, clock, booking.account_id, booking.id, &opened).await?;
    }
    if is_taken {
        ledger::dispute_withdrawn(conn, clock, booking.id, dispute_id, amount).await?;
    }
    if !now.status.is_closed() || was(DisputeStatus::is_closed) {
        return Ok(());
    }
    if now.status == DisputeStatus::Won {
        ledger::dispute_reinstated(conn, clock, booking.id, dispute_id, amount).await?;
    }
    let closed = Event::DisputeClosed {
        dispute_id,
        amount,
        outcome: now.status,
    };
    booking_event::record(conn, clock, booking.account_id, booking.id, &closed).await?;
    cover(conn, clock, booking, payment_id).await?;
    go_on(conn, clock, booking, payment_id).await
}

/// Promises the jobs of the refunds that waited for the end of a dispute.
async fn go_on(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    payment_id: PaymentId,
) -> Result<()> {
    let waiting = sqlx::query_scalar!(
        r#"
        update refund set failure = null, asked_at = $2
        where payment_id = $1 and status = 'pending' and stripe_refund_id is null
          and not exists (
              select from outbox o
              where o.kind = 'create_refund' and o.status = 'waiting' and o.payload ->> 'refund_id' = refund.id::text)
        returning id as "id: RefundId"
        "#,
        payment_id.0,
        clock.now(),
    )
    .fetch_all(&mut *conn)
    .await?;
    for refund_id in waiting {
        // A job that runs just now may have seen the dispute still: one more asks with the same key.
        outbox::put(
            conn,
            clock,
            Some(booking.account_id),
            &CreateRefund { refund_id },
        )
        .await?;
    }
    Ok(())
}
