//! The money of a split: what was sold, and what was paid for it.

use sqlx::PgConnection;

use super::lines::InvoicedLine;
use crate::booking_lock::LockedBooking;
use crate::clock::Clock;
use crate::ids::{BookingId, PaymentId};
use crate::money::Money;
use crate::{Error, Result, ledger, payment};

/// Posts that what is moved was sold in the new booking instead of the other.
pub(super) async fn post(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    new_id: BookingId,
    total: Money,
    moved: &[InvoicedLine],
) -> Result<()> {
    let lines: Vec<_> = moved.iter().map(|one| one.line.clone()).collect();
    ledger::sale_split(conn, clock, (booking.id, new_id), total.currency(), &lines).await
}

/// Moves a share of the payments that covers the total, the oldest payment first: it bought the journey, the others changed it.
pub(super) async fn shares(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    new_id: BookingId,
    total: Money,
) -> Result<()> {
    let mut owed = total.minor();
    let mut parts: Vec<(PaymentId, i64)> = Vec::new();
    let mut kept = payment::shares_kept(conn, booking.id).await?;
    kept.sort_by_key(|one| one.payment_id);
    // What staff gave back out of goodwill is still paid for: it is taken last.
    for with_goodwill in [false, true] {
        for one in &mut kept {
            let left = if with_goodwill {
                one.share_minor
            } else {
                one.left_minor
            };
            let part = owed.min(left);
            if part <= 0 {
                continue;
            }
            owed -= part;
            one.left_minor -= part;
            one.share_minor -= part;
            match parts.iter_mut().find(|(id, _)| *id == one.payment_id) {
                Some((_, minor)) => *minor += part,
                None => parts.push((one.payment_id, part)),
            }
        }
    }
    if owed > 0 {
        return Err(Error::Internal(format!(
            "booking {} has paid less than its passengers cost",
            booking.id
        )));
    }
    let (payments, amounts): (Vec<_>, Vec<_>) =
        parts.iter().map(|(id, minor)| (id.0, *minor)).unzip();
    sqlx::query!(
        r#"
        insert into payment_split (new_booking_id, payment_id, booking_id, amount_minor)
        select $2, payment_id, $1, amount from unnest($3::uuid[], $4::bigint[]) as t (payment_id, amount)
        "#,
        booking.id.0,
        new_id.0,
        &payments,
        &amounts,
    )
    .execute(&mut *conn)
    .await?;
    ledger::payment_split(conn, clock, (booking.id, new_id), total).await
}
