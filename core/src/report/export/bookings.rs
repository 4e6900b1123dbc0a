//! Bookings, a row each.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{ExportPage, Position, ROWS, has_more, head_at, instant};
use crate::Result;
use crate::ids::BookingId;
use crate::money::{self, Money};
use crate::report::csv::{self, Cell};

const COLUMNS: [&str; 14] = [
    "booking_ref",
    "status",
    "booked_at",
    "confirmed_at",
    "first_departs_at",
    "passengers",
    "flights",
    "contact_email",
    "contact_phone",
    "currency",
    "total",
    "paid",
    "refunded",
    "account_id",
];

/// The bookings that were made in a time, after a position.
pub(super) async fn page(
    conn: &mut PgConnection,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    at: Position,
) -> Result<ExportPage> {
    let after = match at {
        Position::Booking(id) => Some(id.0),
        Position::Start | Position::Flight(_) | Position::Entry(_) => None,
    };
    let rows = sqlx::query!(
        r#"
        select b.id as "id: BookingId", b.booking_ref, b.status, b.created_at, b.confirmed_at, b.first_departs_at, b.contact_email,
               b.contact_phone, b.currency, b.total_minor, b.account_id,
               (select count(*) from passenger p where p.booking_id = b.id) as "passengers!",
               (select coalesce(string_agg(f.airline || ' ' || f.flight_number || ' ' || f.departure_date, '; ' order by bf.ordinal), '')
                from booked_flight bf join flight f on f.id = bf.flight_id where bf.booking_id = b.id) as "flights!",
               (select coalesce(sum(s.amount_minor), 0)::bigint from payment_share s
                where s.booking_id = b.id and s.currency = b.currency and s.status in ('succeeded', 'mismatched')) as "paid!",
               (select coalesce(sum(r.amount_minor), 0)::bigint from refund r
                where r.booking_id = b.id and r.currency = b.currency and r.status <> 'failed') as "refunded!"
        from booking b
        where b.created_at >= $1 and b.created_at < $2
          and ($3::uuid is null or (b.created_at, b.id) > (select last.created_at, last.id from booking last where last.id = $3))
        order by b.created_at, b.id limit $4
        "#,
        from,
        until,
        after,
        ROWS,
    )
    .fetch_all(conn)
    .await?;
    let last = rows.last().map(|row| Position::Booking(row.id));
    let next = last.filter(|_| has_more(rows.len()));
    let mut written = Vec::with_capacity(rows.len() + 1);
    written.extend(head_at(at, &COLUMNS));
    for row in rows {
        let currency = money::known_currency(&row.currency)?;
        let amount = |minor| Cell::number(&Money::new(minor, currency).decimal());
        written.push(vec![
            Cell::text(row.booking_ref),
            Cell::text(row.status),
            Cell::text(instant(row.created_at)),
            Cell::optional(row.confirmed_at.map(instant)),
            Cell::text(instant(row.first_departs_at)),
            Cell::number(&row.passengers),
            Cell::text(row.flights),
            Cell::text(row.contact_email),
            Cell::text(row.contact_phone),
            Cell::text(row.currency),
            amount(row.total_minor),
            amount(row.paid),
            amount(row.refunded),
            Cell::text(row.account_id.to_string()),
        ]);
    }
    let bytes = csv::written(written)?;
    Ok(ExportPage { bytes, next })
}
