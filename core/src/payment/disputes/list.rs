//! Disputes as the booking shows them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::Result;
use crate::ids::{BookingId, DisputeId, PaymentId};
use crate::money::{self, Money};
use crate::trade::DisputeStatus;

/// Money that a bank has taken back, or asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// The dispute.
    pub id: DisputeId,
    /// The payment that it is of.
    pub payment_id: PaymentId,
    /// Where it stands.
    pub status: DisputeStatus,
    /// What the cardholder says, in Stripe's word: `fraudulent`.
    pub reason: String,
    /// How much is disputed.
    pub amount: Money,
    /// When it began.
    pub opened_at: DateTime<Utc>,
    /// When we heard of its end.
    pub closed_at: Option<DateTime<Utc>>,
}

/// The disputes of bookings, in the order in which they began.
pub async fn list_disputes(
    conn: &mut PgConnection,
    booking_ids: &[BookingId],
) -> Result<HashMap<BookingId, Vec<Dispute>>> {
    if booking_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let booking_ids: Vec<_> = booking_ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"
        select id as "id: DisputeId", booking_id as "booking_id!: BookingId", payment_id as "payment_id!: PaymentId",
               status as "status: DisputeStatus", reason, currency, amount_minor, opened_at, closed_at
        from dispute where booking_id = any($1) order by opened_at, id
        "#,
        &booking_ids,
    )
    .fetch_all(conn)
    .await?;
    let mut disputes: HashMap<BookingId, Vec<Dispute>> = HashMap::new();
    for row in rows {
        let currency = money::known_currency(&row.currency)?;
        let of_booking = disputes.entry(row.booking_id).or_default();
        of_booking.push(Dispute {
            id: row.id,
            payment_id: row.payment_id,
            status: row.status,
            reason: row.reason,
            amount: Money::new(row.amount_minor, currency),
            opened_at: row.opened_at,
            closed_at: row.closed_at,
        });
    }
    Ok(disputes)
}
