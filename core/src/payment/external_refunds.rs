//! Refunds that were made at Stripe and not by us: staff use its dashboard. They are filed, so that the ledger stays
//! true and nothing goes back twice.
//!
//! **A refund of ours steps back for one made at Stripe.** Staff may refund in Stripe's dashboard. Such a refund is
//! filed when its event comes; one of ours that Stripe was not asked for yet, and that would not fit any more,
//! fails as `refunded_at_stripe`, and what is left of it is promised anew.

use crate::booking_event::{self, Event, RefundCause};
use crate::booking_lock;
use sqlx::PgConnection;

use super::stripe::{StripeRefund, StripeRefundStatus};
use super::{disputes, refunds, shares};
use crate::Result;
use crate::booking_lock::LockedBooking;
use crate::clock::Clock;
use crate::ids::{BookingId, PaymentId, RefundId};
use crate::ledger;
use crate::money::Money;

struct Paid {
    id: PaymentId,
    booking_id: BookingId,
    currency: String,
    amount_minor: i64,
}

/// Files a refund that we did not ask for, once. Refunds of ours that Stripe was not asked for yet make room: what
/// is left of them is promised anew, so that no more goes back than came.
///
/// Returns whether it is of a payment of ours and fits into it.
pub(crate) async fn file(
    conn: &mut PgConnection,
    clock: &Clock,
    refund: &StripeRefund,
) -> Result<bool> {
    let paid = sqlx::query_as!(
        Paid,
        r#"
        select id as "id: PaymentId", booking_id as "booking_id: BookingId", currency, amount_minor from payment
        where stripe_payment_intent_id = $1 and status in ('succeeded', 'mismatched')
        "#,
        refund.payment_intent,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(paid) = paid else { return Ok(false) };
    let booking = booking_lock::lock(conn, paid.booking_id).await?;
    shares::lock(conn, paid.id).await?;
    if is_filed(conn, refund).await? {
        return Ok(true);
    }
    if refund.status != StripeRefundStatus::Failed
        && !make_room(conn, clock, &booking, &paid, refund).await?
    {
        tracing::error!(payment_id = %paid.id, refund = refund.id, "a refund at the payment provider is more than was paid");
        return Ok(false);
    }
    let id = RefundId::new();
    insert(conn, clock, &paid, id, refund).await?;
    ledger::refund_promised(conn, clock, booking.id, id, refund.amount).await?;
    let promised = Event::RefundPromised {
        refund_id: id,
        payment_id: paid.id,
        amount: refund.amount,
        cause: RefundCause::MadeAtStripe,
    };
    booking_event::record(conn, clock, booking.account_id, booking.id, &promised).await?;
    refunds::record_refund(conn, clock, id, refund).await?;
    Ok(true)
}

async fn is_filed(conn: &mut PgConnection, refund: &StripeRefund) -> Result<bool> {
    let filed = sqlx::query_scalar!(
        r#"select exists (select from refund where stripe_refund_id = $1) as "filed!""#,
        refund.id,
    )
    .fetch_one(conn)
    .await?;
    Ok(filed)
}

/// Whether the refund fits into what was paid, after those of ours that Stripe does not know have stepped back.
async fn make_room(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    paid: &Paid,
    refund: &StripeRefund,
) -> Result<bool> {
    let currency = refund.amount.currency();
    if currency.code() != paid.currency {
        return Ok(false);
    }
    let others = sqlx::query!(
        r#"
        select id as "id: RefundId", booking_id as "booking_id: BookingId", amount_minor, (status = 'pending' and stripe_refund_id is null) as "is_ours_to_give!"
        from refund where payment_id = $1 and status <> 'failed' order by id for update
        "#,
        paid.id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let sum = |given: bool| -> i64 {
        let of = others.iter().filter(|other| other.is_ours_to_give != given);
        of.map(|other| other.amount_minor).sum()
    };
    let (given, promised) = (sum(true), sum(false));
    // What the bank gave back after a dispute is not there to be given again.
    let lost = disputes::lost_of(conn, paid.id).await?;
    let left = paid.amount_minor - lost - given - refund.amount.minor();
    if left < 0 {
        return Ok(false);
    }
    if promised <= left {
        return Ok(true);
    }
    // What each booking that shares the payment is owed: what is left of it is promised anew, in the order of the refunds.
    let mut owed: Vec<(BookingId, i64)> = Vec::new();
    for other in others.iter().filter(|other| other.is_ours_to_give) {
        let whose = (booking.account_id, other.booking_id);
        let amount = Money::new(other.amount_minor, currency);
        refunds::step_back(conn, clock, whose, other.id, amount).await?;
        match owed.iter_mut().find(|(id, _)| *id == other.booking_id) {
            Some((_, minor)) => *minor += other.amount_minor,
            None => owed.push((other.booking_id, other.amount_minor)),
        }
    }
    let mut left = left;
    for (booking_id, minor) in owed {
        let part = left.min(minor);
        if part > 0 {
            let (whose, amount) = ((booking.account_id, booking_id), Money::new(part, currency));
            refunds::promise_remainder(conn, clock, whose, paid.id, amount).await?;
            left -= part;
        }
    }
    Ok(true)
}

async fn insert(
    conn: &mut PgConnection,
    clock: &Clock,
    paid: &Paid,
    id: RefundId,
    refund: &StripeRefund,
) -> Result<()> {
    sqlx::query!(
        r#"
        insert into refund (id, payment_id, booking_id, reason, currency, amount_minor, created_at, stripe_refund_id)
        values ($1, $2, $3, 'made_at_stripe', $4, $5, $6, $7)
        "#,
        id.0,
        paid.id.0,
        paid.booking_id.0,
        paid.currency,
        refund.amount.minor(),
        clock.now(),
        refund.id,
    )
    .execute(conn)
    .await?;
    Ok(())
}
