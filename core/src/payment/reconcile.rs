//! Webhooks get lost. Whoever was silent for too long is asked about, by jobs.

use chrono::Duration;
use sqlx::PgConnection;

use crate::Result;
use crate::clock::Clock;
use crate::ids::{AccountId, PaymentId, RefundId};
use crate::outbox::{self, CreateRefund, ReconcilePayment};

/// How old an open payment is before Stripe is asked, and how long until it is asked again.
const SILENCE: Duration = Duration::seconds(90);

/// By then a refund's job has used up its attempts. The key is made of the refund's id: asking again makes no second.
const GIVEN_UP: Duration = Duration::hours(3);

/// Promises a question to Stripe for every payment that has been open for 90 s and was not asked about since.
pub async fn promise_questions(conn: &mut PgConnection, clock: &Clock) -> Result<u64> {
    let now = clock.now();
    let silent = sqlx::query!(
        r#"
        with silent as (
            select p.id from payment p
            where p.status = 'open' and p.stripe_session_id is not null and coalesce(p.asked_at, p.created_at) < $2
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

/// The same for refunds: those that Stripe said are pending, and those whose job was given up before Stripe answered.
pub async fn promise_refund_questions(conn: &mut PgConnection, clock: &Clock) -> Result<u64> {
    let now = clock.now();
    let silent = sqlx::query!(
        r#"
        with silent as (
            select r.id from refund r
            where r.status = 'pending'
              and coalesce(r.asked_at, r.created_at) < case when r.stripe_refund_id is null then $3::timestamptz else $2::timestamptz end
            order by r.created_at limit 200 for update skip locked
        )
        update refund r set asked_at = $1 from silent, booking b
        where r.id = silent.id and b.id = r.booking_id
        returning r.id as "id: RefundId", b.account_id as "account_id: AccountId"
        "#,
        now,
        now - SILENCE * 4,
        now - GIVEN_UP,
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
