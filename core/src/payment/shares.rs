//! Payments that several bookings share, because some of a party have a booking of their own.
//!
//! **A payment may be shared, and is never given back twice.** Who has a booking of their own has a share of the payment
//! (`payment_split`). A booking gives back no more of a payment than its share, and whoever gives some of it back locks its row
//! after the booking: the other bookings' refunds are counted too.
//!
//! **A refund that failed keeps its place.** It is owed until another goes in its place, and that one has to be of the same
//! payment: what else goes back is taken from elsewhere as long as it can be.

use sqlx::PgConnection;

use crate::Result;
use crate::ids::{BookingId, PaymentId};

/// What a booking has of a payment.
pub(crate) struct ShareKept {
    pub payment_id: PaymentId,
    /// What was paid for it.
    pub share_minor: i64,
    /// What of that has not gone back, and is not owed because a refund failed.
    pub left_minor: i64,
}

/// What a booking that is locked has of each of its payments; those that went back whole, because they were late or came twice,
/// are not among them.
pub(crate) async fn shares_kept(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Vec<ShareKept>> {
    let shares = sqlx::query_as!(
        ShareKept,
        r#"
        select s.payment_id as "payment_id!: PaymentId", sum(s.amount_minor)::bigint as "share_minor!",
               (sum(s.amount_minor) - coalesce((
                   select sum(r.amount_minor) from refund r
                   where r.payment_id = s.payment_id and r.booking_id = $1
                     and (r.status <> 'failed' or coalesce(r.failure, '') not in ('refunded_at_stripe', 'lost_dispute')
                          and not exists (select from refund other where other.replaces_id = r.id))), 0))::bigint as "left_minor!"
        from payment_share s
        where s.booking_id = $1 and s.status = 'succeeded'
          and not exists (select from refund w where w.payment_id = s.payment_id and w.reason in ('late_payment', 'duplicate_payment'))
        group by s.payment_id
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(shares)
}

/// What of a payment a booking can give back.
pub(super) struct Returnable {
    pub payment_id: PaymentId,
    /// At most its share, and at most what the bookings that share the payment have left of it.
    pub left_minor: i64,
    /// What of that is owed already, because refunds of the payment failed.
    pub owed_minor: i64,
}

/// Locks the payments of a booking that is locked, and says what can go back of each, the newest first.
pub(super) async fn lock_left(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Vec<Returnable>> {
    sqlx::query!(
        r#"
        select id from payment
        where id in (select payment_id from payment_share where booking_id = $1 and status = 'succeeded')
        order by id desc for no key update
        "#,
        booking_id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let left = sqlx::query_as!(
        Returnable,
        r#"
        select s.payment_id as "payment_id!: PaymentId", least(
                   sum(s.amount_minor) - coalesce((
                       select sum(r.amount_minor) from refund r
                       where r.payment_id = s.payment_id and r.booking_id = $1 and r.status <> 'failed'), 0),
                   (select p.amount_minor from payment p where p.id = s.payment_id) - coalesce((
                       select sum(r.amount_minor) from refund r where r.payment_id = s.payment_id and r.status <> 'failed'), 0)
               )::bigint as "left_minor!",
               coalesce((
                   select sum(r.amount_minor) from refund r
                   where r.payment_id = s.payment_id and r.status = 'failed'
                     and coalesce(r.failure, '') not in ('refunded_at_stripe', 'lost_dispute')
                     and not exists (select from refund other where other.replaces_id = r.id)), 0)::bigint as "owed_minor!"
        from payment_share s
        where s.booking_id = $1 and s.status = 'succeeded'
        group by s.payment_id
        order by s.payment_id desc
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(left)
}

/// Locks a payment, after the booking and before its refunds: bookings that came of one share it, and what each of them gives
/// back is decided one after the other.
pub(super) async fn lock(conn: &mut PgConnection, id: PaymentId) -> Result<()> {
    sqlx::query!(
        "select id from payment where id = $1 for no key update",
        id.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(())
}
