//! Webhooks get lost. Whoever was silent for too long is asked about, by jobs.

use chrono::Duration;
use sqlx::PgConnection;

use crate::clock::Clock;
use crate::ids::{AccountId, BookingId, PaymentId, RefundId};
use crate::outbox::{self, CreateRefund, ReconcilePayment};
use crate::{Result, booking_lock, document};

/// How old an open payment is before Stripe is asked, and how long until it is asked again.
const SILENCE: Duration = Duration::seconds(90);

/// How long until Stripe is asked again for a refund that it refused because of a dispute that we have not heard of.
const DISPUTED: Duration = Duration::hours(1);

/// How long after its success a refund without a receipt is still looked for.
const RECENT: Duration = Duration::days(7);

/// Promises a question to Stripe for every payment that has been open for 90 s and was not asked about since. While a
/// question waits, because Stripe is away for a day for example, there is no second one.
pub async fn promise_questions(conn: &mut PgConnection, clock: &Clock) -> Result<u64> {
    let now = clock.now();
    let silent = sqlx::query!(
        r#"
        with silent as (
            select p.id from payment p
            where p.status = 'open' and p.stripe_session_id is not null and coalesce(p.asked_at, p.created_at) < $2
              and not exists (
                  select from outbox o
                  where o.kind = 'reconcile_payment' and o.status in ('waiting', 'queued', 'running') and o.payload ->> 'payment_id' = p.id::text)
            order by p.created_at limit 200 for update skip locked
        )
        update payment p set asked_at = $1 from silent, booking b
        where p.id = silent.id and b.id = p.booking_id
        returning p.id as "id: PaymentId", b.account_id as "account_id: AccountId"
        "#,
        now,
        now - SILENCE,
    )
    .fetch_all(&mut *conn)
    .await?;
    for payment in &silent {
        outbox::put(
            conn,
            clock,
            Some(payment.account_id),
            &ReconcilePayment {
                payment_id: payment.id,
            },
        )
        .await?;
    }
    Ok(silent.len() as u64)
}

/// Ends the questions that were given up about payments that are settled by now: nobody needs the answer any more.
pub async fn close_needless_questions(conn: &mut PgConnection, clock: &Clock) -> Result<u64> {
    let closed = sqlx::query!(
        r#"
        update outbox o set status = 'done', finished_at = $1
        from payment p
        where o.queue = 'payments' and o.status = 'dead' and o.kind = 'reconcile_payment'
          and p.id = (o.payload ->> 'payment_id')::uuid and p.status <> 'open'
        "#,
        clock.now(),
    )
    .execute(conn)
    .await?;
    Ok(closed.rows_affected())
}

/// The same for refunds: those that Stripe said are pending, and those that Stripe did not answer and nobody asks about
/// any more. The key is made of the refund's id: asking again makes no second refund. One of a disputed payment waits for
/// the bank; `core/src/payment/disputes/` promises it when the dispute has ended.
pub async fn promise_refund_questions(conn: &mut PgConnection, clock: &Clock) -> Result<u64> {
    let now = clock.now();
    let silent = sqlx::query!(
        r#"
        with silent as (
            select r.id from refund r
            where r.status = 'pending'
              and coalesce(r.asked_at, r.created_at) < case when r.failure is null then $2::timestamptz else $3 end
              and (r.stripe_refund_id is not null or not exists (
                  select from dispute d where d.payment_id = r.payment_id and d.status in ('needs_response', 'under_review')))
              and not exists (
                  select from outbox o
                  where o.kind = 'create_refund' and o.status in ('waiting', 'queued', 'running') and o.payload ->> 'refund_id' = r.id::text)
            order by r.created_at limit 200 for update skip locked
        )
        update refund r set asked_at = $1 from silent, booking b
        where r.id = silent.id and b.id = r.booking_id
        returning r.id as "id: RefundId", b.account_id as "account_id: AccountId"
        "#,
        now,
        now - SILENCE * 4,
        now - DISPUTED,
    )
    .fetch_all(&mut *conn)
    .await?;
    for refund in &silent {
        outbox::put(
            conn,
            clock,
            Some(refund.account_id),
            &CreateRefund {
                refund_id: refund.id,
            },
        )
        .await?;
    }
    Ok(silent.len() as u64)
}

/// Numbers the receipt of one refund that has none: a process of an older version settled it. Whether there was one.
///
/// One a transaction: the counter is locked last, after a single booking.
pub async fn number_missing_receipt(conn: &mut PgConnection, clock: &Clock) -> Result<bool> {
    let refund = sqlx::query!(
        r#"
        select refund.id as "id: RefundId", refund.booking_id as "booking_id: BookingId" from refund
        where refund.status = 'succeeded' and not refund.predates_receipts and refund.ended_at > $1
            and not exists (select from document where document.refund_id = refund.id)
        order by refund.ended_at limit 1
        "#,
        clock.now() - RECENT,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(refund) = refund else {
        return Ok(false);
    };
    let booking = booking_lock::lock(conn, refund.booking_id).await?;
    document::request_refund_receipt(conn, clock, booking.account_id, refund.id).await?;
    Ok(true)
}
