//! What refunds owe after the bank has given the money back itself.

use sqlx::PgConnection;

use super::LOST_DISPUTE;
use crate::Result;
use crate::booking_event::{self, Event};
use crate::booking_lock::LockedBooking;
use crate::clock::Clock;
use crate::ids::{AccountId, BookingId, PaymentId, RefundId};
use crate::ledger;
use crate::money::{self, Money};
use crate::payment::refunds;

/// What was lost of a payment in disputes, in minor units.
pub(in crate::payment) async fn lost_of(
    conn: &mut PgConnection,
    payment_id: PaymentId,
) -> Result<i64> {
    let lost = sqlx::query_scalar!(
        r#"select coalesce(sum(amount_minor), 0)::bigint as "lost!" from dispute where payment_id = $1 and status = 'lost'"#,
        payment_id.0,
    )
    .fetch_one(conn)
    .await?;
    Ok(lost)
}

/// A refund whose money has not reached the traveller.
struct Owed {
    id: RefundId,
    /// Another one than that of the payment where some of a party have a booking of their own.
    booking_id: BookingId,
    currency: String,
    amount_minor: i64,
    is_pending: bool,
}

/// Ends the refunds of a payment whose money the traveller has by a dispute that was lost: the oldest first, up to what was
/// lost and has ended none yet. What is left of the last one is promised anew. The caller has locked the booking, and the
/// payment where other bookings share it.
pub(in crate::payment) async fn cover(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    payment_id: PaymentId,
) -> Result<()> {
    let lost = lost_of(conn, payment_id).await?;
    if lost == 0 {
        return Ok(());
    }
    let used = sqlx::query_scalar!(
        r#"
        select coalesce(sum(e.amount_minor), 0)::bigint as "used!"
        from refund r join ledger_entry e on e.kind = 'refund_by_dispute' and e.reference = r.id
        where r.payment_id = $1
        "#,
        payment_id.0,
    )
    .fetch_one(&mut *conn)
    .await?;
    let owed = sqlx::query_as!(
        Owed,
        r#"
        select id as "id: RefundId", booking_id as "booking_id: BookingId", currency, amount_minor, status = 'pending' as "is_pending!" from refund
        where payment_id = $1 and (
            status = 'pending' and stripe_refund_id is null
            or status = 'failed' and coalesce(failure, '') not in ('refunded_at_stripe', 'lost_dispute')
               and not exists (select from refund other where other.replaces_id = refund.id))
        order by id for update
        "#,
        payment_id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut left = lost - used;
    for refund in owed {
        if left <= 0 {
            break;
        }
        let currency = money::known_currency(&refund.currency)?;
        let money = |minor| Money::new(minor, currency);
        let covered = left.min(refund.amount_minor);
        let whose = (booking.account_id, refund.booking_id);
        end(conn, clock, whose, &refund, money(refund.amount_minor)).await?;
        ledger::refund_by_dispute(conn, clock, whose.1, refund.id, money(covered)).await?;
        let rest = refund.amount_minor - covered;
        if rest > 0 {
            refunds::promise_remainder(conn, clock, whose, payment_id, money(rest)).await?;
        }
        left -= covered;
    }
    Ok(())
}

/// Ends a refund that nobody owes any more. One that had failed keeps its entries and events.
async fn end(
    conn: &mut PgConnection,
    clock: &Clock,
    (account_id, booking_id): (AccountId, BookingId),
    refund: &Owed,
    amount: Money,
) -> Result<()> {
    sqlx::query!(
        "update refund set status = 'failed', failure = $2, ended_at = coalesce(ended_at, $3) where id = $1",
        refund.id.0,
        LOST_DISPUTE,
        clock.now(),
    )
    .execute(&mut *conn)
    .await?;
    if !refund.is_pending {
        return Ok(());
    }
    let refund_id = refund.id;
    ledger::refund_failed(conn, clock, booking_id, refund_id, amount).await?;
    let failed = Event::RefundFailed { refund_id, amount };
    booking_event::record(conn, clock, account_id, booking_id, &failed).await?;
    Ok(())
}
