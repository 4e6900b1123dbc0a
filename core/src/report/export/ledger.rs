//! Movements of money, a row each.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{ExportPage, Position, ROWS, has_more, head_at, instant};
use crate::Result;
use crate::money::{self, Money};
use crate::report::csv::{self, Cell};

const COLUMNS: [&str; 9] = [
    "position",
    "posted_at",
    "booking_ref",
    "kind",
    "reference",
    "debit",
    "credit",
    "currency",
    "amount",
];

/// The entries that were posted in a time, after a position.
pub(super) async fn page(
    conn: &mut PgConnection,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    at: Position,
) -> Result<ExportPage> {
    let after = match at {
        Position::Entry(position) => Some(position),
        Position::Start | Position::Booking(_) | Position::Flight(_) => None,
    };
    let rows = sqlx::query!(
        r#"
        select e.position as "position!", e.posted_at, b.booking_ref, e.kind, e.reference, e.debit, e.credit, e.currency, e.amount_minor
        from ledger_entry e join booking b on b.id = e.booking_id
        where e.posted_at >= $1 and e.posted_at < $2
          and ($3::bigint is null or (e.posted_at, e.position) > (select last.posted_at, last.position from ledger_entry last where last.position = $3))
        order by e.posted_at, e.position limit $4
        "#,
        from,
        until,
        after,
        ROWS,
    )
    .fetch_all(conn)
    .await?;
    let last = rows.last().map(|row| Position::Entry(row.position));
    let next = last.filter(|_| has_more(rows.len()));
    let mut written = Vec::with_capacity(rows.len() + 1);
    written.extend(head_at(at, &COLUMNS));
    for row in rows {
        let currency = money::known_currency(&row.currency)?;
        written.push(vec![
            Cell::number(&row.position),
            Cell::text(instant(row.posted_at)),
            Cell::text(row.booking_ref),
            Cell::text(row.kind),
            Cell::text(row.reference.to_string()),
            Cell::text(row.debit),
            Cell::text(row.credit),
            Cell::text(row.currency),
            Cell::number(&Money::new(row.amount_minor, currency).decimal()),
        ]);
    }
    let bytes = csv::written(written)?;
    Ok(ExportPage { bytes, next })
}
