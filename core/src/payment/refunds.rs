//! Refunds: promised as rows in the transaction of their cause, asked for by a job, settled by Stripe's word.
//!
//! **A refund's booking is locked before the refund.** Its entries refer to the booking; whoever holds the
//! booking's lock may want the refund next.

use crate::booking_event::{self, Event, RefundCause};
use crate::booking_lock;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::Payment;
use super::stripe::{StripeRefund, StripeRefundStatus};
use super::{disputes, external_refunds, retry, shares};
use crate::booking_lock::LockedBooking;
use crate::clock::Clock;
use crate::document;
use crate::fault;
use crate::ids::{AccountId, BookingId, JobId, PaymentId, RefundId};
use crate::ledger;
use crate::money::{self, Money};
use crate::outbox::{self, CreateRefund};
use crate::{Error, Result};

/// Why money goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It came when the booking had ended; the traveller is told with what became of the booking.
    Late,
    /// It pays a price that the booking does not have any more.
    OldPrice,
    /// The other seats it was for cannot be had any more.
    SeatsGone,
    Duplicate,
    Mismatched,
    /// The part that was for chosen seats which could not be had.
    SeatFees,
    /// The part that was for chosen seats which another aircraft does not have, or has in a cheaper class; the mail with
    /// the new tickets tells it.
    SeatSwap,
    /// What a cancellation gives back; its own mail tells it.
    Cancellation(Uuid),
    /// What a change of flights gives back; its own mail tells it.
    Change(Uuid),
    /// The other flights it was for cannot be had any more.
    FlightsGone,
}

impl Reason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Late | Self::OldPrice | Self::SeatsGone | Self::FlightsGone => "late_payment",
            Self::Duplicate => "duplicate_payment",
            Self::Mismatched => "mismatched_payment",
            Self::SeatFees => "seat_fees",
            Self::SeatSwap => "seat_swap",
            Self::Cancellation(_) => "cancellation",
            Self::Change(_) => "change",
        }
    }

    const fn cancellation(self) -> Option<Uuid> {
        match self {
            Self::Cancellation(id) => Some(id),
            Self::Late
            | Self::OldPrice
            | Self::SeatsGone
            | Self::FlightsGone
            | Self::Duplicate
            | Self::Mismatched
            | Self::SeatFees
            | Self::SeatSwap
            | Self::Change(_) => None,
        }
    }

    const fn change(self) -> Option<Uuid> {
        match self {
            Self::Change(id) => Some(id),
            Self::Late
            | Self::OldPrice
            | Self::SeatsGone
            | Self::FlightsGone
            | Self::Duplicate
            | Self::Mismatched
            | Self::SeatFees
            | Self::SeatSwap
            | Self::Cancellation(_) => None,
        }
    }

    const fn cause(self) -> RefundCause {
        match self {
            Self::Late => RefundCause::LatePayment,
            Self::OldPrice => RefundCause::OldPrice,
            Self::SeatsGone => RefundCause::SeatsGone,
            Self::Duplicate => RefundCause::DuplicatePayment,
            Self::Mismatched => RefundCause::MismatchedPayment,
            Self::SeatFees => RefundCause::SeatFees,
            Self::SeatSwap => RefundCause::SeatSwap,
            Self::Cancellation(_) => RefundCause::Cancellation,
            Self::Change(_) => RefundCause::Change,
            Self::FlightsGone => RefundCause::FlightsGone,
        }
    }
}

/// A refund that Stripe has not finished.
#[derive(Clone, Debug)]
pub struct PendingRefund {
    /// The refund.
    pub id: RefundId,
    /// The booking it is about.
    pub booking_id: BookingId,
    /// How much.
    pub amount: Money,
    /// Stripe's `PaymentIntent` that was paid.
    pub payment_intent: String,
    /// Stripe's refund, once it was asked for.
    pub stripe_refund_id: Option<String>,
    /// Whether the bank decides about the payment: Stripe refunds nothing of it meanwhile, and is not asked to.
    pub is_disputed: bool,
}

/// Promises the whole payment back, once: a second promise for the same payment is the first.
pub(crate) async fn promise(
    conn: &mut PgConnection,
    clock: &Clock,
    payment: &Payment,
    booking: &LockedBooking,
    reason: Reason,
) -> Result<()> {
    promise_part(conn, clock, payment, booking, reason, payment.amount).await
}

/// Promises some of a payment back, once for its reason.
pub(crate) async fn promise_part(
    conn: &mut PgConnection,
    clock: &Clock,
    payment: &Payment,
    booking: &LockedBooking,
    reason: Reason,
    amount: Money,
) -> Result<()> {
    let inserted = sqlx::query_scalar!(
        r#"
        insert into refund (id, payment_id, booking_id, reason, currency, amount_minor, created_at, cancellation_id, booking_change_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        on conflict do nothing
        returning id as "id: RefundId"
        "#,
        RefundId::new().0,
        payment.id.0,
        booking.id.0,
        reason.as_str(),
        amount.currency().code(),
        amount.minor(),
        clock.now(),
        reason.cancellation(),
        reason.change(),
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(refund_id) = inserted else {
        return Ok(());
    };
    let told = (amount, reason.cause());
    let whose = (booking.account_id, booking.id);
    promised(conn, clock, whose, payment.id, refund_id, told).await?;
    // The bank may have given it back already.
    disputes::cover(conn, clock, booking, payment.id).await
}

/// Promises back what is left of a refund that stepped back for one that was made at Stripe, or for a dispute.
pub(crate) async fn promise_remainder(
    conn: &mut PgConnection,
    clock: &Clock,
    (account_id, booking_id): (AccountId, BookingId),
    payment_id: PaymentId,
    amount: Money,
) -> Result<()> {
    let refund_id = RefundId::new();
    sqlx::query!(
        r#"
        insert into refund (id, payment_id, booking_id, reason, currency, amount_minor, created_at)
        values ($1, $2, $3, 'remainder', $4, $5, $6)
        "#,
        refund_id.0,
        payment_id.0,
        booking_id.0,
        amount.currency().code(),
        amount.minor(),
        clock.now(),
    )
    .execute(&mut *conn)
    .await?;
    let told = (amount, RefundCause::Remainder);
    let whose = (account_id, booking_id);
    promised(conn, clock, whose, payment_id, refund_id, told).await?;
    Ok(())
}

/// Posts a refund whose row is written, promises its job, which is returned, and records it.
pub(crate) async fn promised(
    conn: &mut PgConnection,
    clock: &Clock,
    (account_id, booking_id): (AccountId, BookingId),
    payment_id: PaymentId,
    refund_id: RefundId,
    (amount, cause): (Money, RefundCause),
) -> Result<JobId> {
    ledger::refund_promised(conn, clock, booking_id, refund_id, amount).await?;
    let job = CreateRefund { refund_id };
    let job_id = outbox::put(conn, clock, Some(account_id), &job).await?;
    let promised = Event::RefundPromised {
        refund_id,
        payment_id,
        amount,
        cause,
    };
    booking_event::record(conn, clock, account_id, booking_id, &promised).await?;
    Ok(job_id)
}

/// Promises back what was paid for chosen seats. The caller has locked the booking.
pub(crate) async fn give_back_seat_swap(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    amount: Money,
) -> Result<()> {
    give_back(conn, clock, booking, Reason::SeatSwap, amount).await
}

/// Promises back what a cancellation gives back. The caller has locked the booking.
pub(crate) async fn give_back_cancelled(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    cancellation_id: Uuid,
    amount: Money,
) -> Result<()> {
    let reason = Reason::Cancellation(cancellation_id);
    give_back(conn, clock, booking, reason, amount).await
}

/// Promises back what a change of flights gives back. The caller has locked the booking.
pub(crate) async fn give_back_changed(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    change_id: Uuid,
    amount: Money,
) -> Result<()> {
    give_back(conn, clock, booking, Reason::Change(change_id), amount).await
}

/// Promises an amount back from the booking's payments, the newest first, as far as each has something left: a change of
/// seats may have been paid by itself. What refunds that failed owe is taken last.
async fn give_back(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    reason: Reason,
    amount: Money,
) -> Result<()> {
    let payments = shares::lock_left(conn, booking.id).await?;
    let (parts, owed) = parts_of(&payments, amount.minor());
    for (payment_id, part) in parts {
        let payment = super::find(conn, payment_id).await?;
        let payment = payment.ok_or(Error::NotFound("payment"))?;
        let part = Money::new(part, amount.currency());
        promise_part(conn, clock, &payment, booking, reason, part).await?;
    }
    if owed > 0 {
        // Staff have given it back already; the nightly check compares.
        tracing::error!(booking_id = %booking.id, reason = reason.as_str(), "more is to go back than what is left of the payments");
    }
    Ok(())
}

/// Which part of an amount each payment gives back, in their order, and what is in none of them.
fn parts_of(payments: &[shares::Returnable], mut amount: i64) -> (Vec<(PaymentId, i64)>, i64) {
    let free =
        |row: &shares::Returnable| row.left_minor - row.owed_minor.clamp(0, row.left_minor.max(0));
    let mut parts = Vec::new();
    let take = |wanted: &mut i64, left: i64| {
        let part = left.clamp(0, *wanted);
        *wanted -= part;
        part
    };
    for row in payments {
        parts.push((row.payment_id, take(&mut amount, free(row))));
    }
    for ((_, part), row) in parts.iter_mut().zip(payments) {
        *part += take(&mut amount, row.left_minor - free(row));
    }
    parts.retain(|(_, part)| *part > 0);
    (parts, amount)
}

/// A refund that is still pending, or `None`.
pub async fn find_refund(conn: &mut PgConnection, id: RefundId) -> Result<Option<PendingRefund>> {
    let row = sqlx::query!(
        r#"
        select r.id as "id: RefundId", r.booking_id as "booking_id: BookingId", r.currency, r.amount_minor, r.stripe_refund_id,
               p.stripe_payment_intent_id,
               exists (select from dispute d where d.payment_id = p.id and d.status in ('needs_response', 'under_review')) as "is_disputed!"
        from refund r join payment p on p.id = r.payment_id
        where r.id = $1 and r.status = 'pending'
        "#,
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let currency = money::known_currency(&row.currency)?;
    let payment_intent = row.stripe_payment_intent_id.ok_or_else(|| {
        Error::Catalogue(format!(
            "refund {id} is of a payment without a PaymentIntent"
        ))
    })?;
    Ok(Some(PendingRefund {
        id: row.id,
        booking_id: row.booking_id,
        amount: Money::new(row.amount_minor, currency),
        payment_intent,
        stripe_refund_id: row.stripe_refund_id,
        is_disputed: row.is_disputed,
    }))
}

/// Files what Stripe answered under the refund; a success has its receipt numbered. One that has ended stays as it is,
/// but for a success that the bank sent back: Stripe fails it days later, staff have to see that, and its receipt is
/// void.
///
/// Belongs at the end of a transaction: the counter of receipts is locked until the commit.
pub async fn record_refund(
    conn: &mut PgConnection,
    clock: &Clock,
    id: RefundId,
    answer: &StripeRefund,
) -> Result<()> {
    let Some(refund) = lock_refund(conn, id).await? else {
        return Ok(());
    };
    let status = match answer.status {
        StripeRefundStatus::Pending => "pending",
        StripeRefundStatus::Succeeded => "succeeded",
        StripeRefundStatus::Failed => "failed",
    };
    let changed = sqlx::query!(
        r#"
        update refund set stripe_refund_id = coalesce(stripe_refund_id, $2), status = $3, failure = $4,
               ended_at = case when $3 = 'pending' then null else $5::timestamptz end
        where id = $1 and (status = 'pending' or (status = 'succeeded' and $3 = 'failed'))
        "#,
        id.0,
        answer.id,
        status,
        answer.failure,
        clock.now(),
    )
    .execute(&mut *conn)
    .await?;
    if changed.rows_affected() == 0 {
        return Ok(());
    }
    match answer.status {
        StripeRefundStatus::Pending => Ok(()),
        StripeRefundStatus::Succeeded => {
            let (refund_id, amount) = (id, refund.amount);
            ledger::refund_paid(conn, clock, refund.booking.id, id, amount).await?;
            let paid = Event::RefundPaid { refund_id, amount };
            refund.record(conn, clock, &paid).await?;
            fault::point("refund_booked");
            document::request_refund_receipt(conn, clock, refund.booking.account_id, id).await
        }
        StripeRefundStatus::Failed => {
            refund.fail(conn, clock, id).await?;
            retry::retry_by_itself(conn, clock, &refund, id).await?;
            document::void_refund_receipt(conn, clock, refund.booking.account_id, id).await
        }
    }
}

/// Leaves a refund pending that Stripe refused because the payment is disputed, when nobody has told us of the dispute yet. It
/// is asked for again every hour; the bank's decision makes it sooner.
///
/// Stripe answers the same to the same key for 24 hours, so what was refused a moment before the dispute was won is paid
/// a day later.
pub async fn refund_waits(conn: &mut PgConnection, clock: &Clock, id: RefundId) -> Result<()> {
    sqlx::query!(
        "update refund set failure = $2, asked_at = $3 where id = $1 and status = 'pending'",
        id.0,
        disputes::CHARGE_DISPUTED,
        clock.now(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Marks a refund failed that Stripe refused; staff see it.
pub async fn refund_failed(
    conn: &mut PgConnection,
    clock: &Clock,
    id: RefundId,
    why: &str,
) -> Result<()> {
    let Some(refund) = lock_refund(conn, id).await? else {
        return Ok(());
    };
    let failed = sqlx::query!(
        "update refund set status = 'failed', failure = $2, ended_at = $3 where id = $1 and status = 'pending'",
        id.0,
        why,
        clock.now(),
    )
    .execute(&mut *conn)
    .await?;
    if failed.rows_affected() == 0 {
        return Ok(());
    }
    refund.fail(conn, clock, id).await
}

/// Ends a refund that Stripe was not asked for, because the money went back otherwise: its booking may be another one than the
/// caller has locked. The caller has locked the payment ([`shares::lock`]) and the refund.
pub(super) async fn step_back(
    conn: &mut PgConnection,
    clock: &Clock,
    (account_id, booking_id): (AccountId, BookingId),
    refund_id: RefundId,
    amount: Money,
) -> Result<()> {
    sqlx::query!(
        "update refund set status = 'failed', failure = 'refunded_at_stripe', ended_at = $2 where id = $1",
        refund_id.0,
        clock.now(),
    )
    .execute(&mut *conn)
    .await?;
    ledger::refund_failed(conn, clock, booking_id, refund_id, amount).await?;
    let failed = Event::RefundFailed { refund_id, amount };
    booking_event::record(conn, clock, account_id, booking_id, &failed).await?;
    Ok(())
}

/// A refund that moves, and its booking, which is locked.
pub(super) struct Moved {
    pub booking: LockedBooking,
    pub payment_id: PaymentId,
    pub amount: Money,
}

impl Moved {
    async fn fail(&self, conn: &mut PgConnection, clock: &Clock, id: RefundId) -> Result<()> {
        let (refund_id, amount) = (id, self.amount);
        ledger::refund_failed(conn, clock, self.booking.id, id, amount).await?;
        let failed = Event::RefundFailed { refund_id, amount };
        self.record(conn, clock, &failed).await?;
        // Nobody owes what the bank has given back over a dispute.
        disputes::cover(conn, clock, &self.booking, self.payment_id).await
    }

    async fn record(&self, conn: &mut PgConnection, clock: &Clock, event: &Event) -> Result<()> {
        let booking = &self.booking;
        booking_event::record(conn, clock, booking.account_id, booking.id, event).await?;
        Ok(())
    }
}

/// Locks the refund's booking, which comes before everything else of it; what the refund is of never changes.
pub(super) async fn lock_refund(conn: &mut PgConnection, id: RefundId) -> Result<Option<Moved>> {
    let row = sqlx::query!(
        r#"
        select booking_id as "booking_id: BookingId", payment_id as "payment_id: PaymentId", currency, amount_minor
        from refund where id = $1
        "#,
        id.0,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let booking = booking_lock::lock(conn, row.booking_id).await?;
    shares::lock(conn, row.payment_id).await?;
    let currency = money::known_currency(&row.currency)?;
    Ok(Some(Moved {
        booking,
        payment_id: row.payment_id,
        amount: Money::new(row.amount_minor, currency),
    }))
}

/// Settles what a webhook says of a refund: matched by our id in its metadata, else by Stripe's. One that was made at
/// Stripe is filed.
///
/// Returns whether it is of a payment of ours, of our amount.
pub async fn settle_refund(
    conn: &mut PgConnection,
    clock: &Clock,
    refund: &StripeRefund,
) -> Result<bool> {
    let found = sqlx::query!(
        r#"
        select id as "id: RefundId", currency, amount_minor from refund where id = $1 or stripe_refund_id = $2
        "#,
        refund.refund_id.map(|id| id.0),
        refund.id,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(found) = found else {
        return external_refunds::file(conn, clock, refund).await;
    };
    let ours = refund.amount.minor() == found.amount_minor
        && refund.amount.currency().code() == found.currency;
    if !ours {
        tracing::error!(refund_id = %found.id, "a refund at the payment provider differs from ours");
        return Ok(false);
    }
    record_refund(conn, clock, found.id, refund).await?;
    Ok(true)
}
