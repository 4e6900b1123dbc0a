//! Promising what a sale is documented by: tickets, and the invoice, which is numbered without gaps where the money is
//! settled.
//!
//! **The invoice counter is a row that is locked last.** A sequence leaves gaps when a transaction rolls back, and
//! India's rule 46 wants consecutive numbers. The counter of the fiscal year is updated at the end of the settling
//! transaction and locked until its commit: settlements pass one after the other there, for the length of a commit,
//! and a rollback gives the number back. Nothing is locked after it; a total of zero therefore counts its coupon
//! first. Who sells, and when their fiscal year begins, is the row `seller` (`manage seller`) and not a setting:
//! api and worker both settle and must number alike.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::Result;
use crate::clock::Clock;
use crate::ids::{AccountId, BookingId, DocumentId, PaymentId};
use crate::outbox::{self, RenderDocument};

/// Validating airlines that a booking can have: one a direction.
const MOST_TICKETS: usize = 2;

/// What an invoice is made of.
#[derive(Clone, Copy, Debug)]
pub struct Settled {
    /// Whose booking it is.
    pub account_id: AccountId,
    /// The booking.
    pub booking_id: BookingId,
    /// What was paid; none when nothing was to pay.
    pub payment_id: Option<PaymentId>,
    /// The first line of the booking's price that this is about: those before were settled earlier.
    pub first_line: i16,
}

/// Promises a ticket document for every validating airline of the booking's directions, and numbers an invoice and promises
/// its PDF: one statement, the last of the transaction that confirms a booking, after [`crate::ticket::issue`].
///
/// An airline whose document was requested before gets no second one; of the invoice see [`request_invoice`].
pub async fn request_sold(conn: &mut PgConnection, clock: &Clock, settled: &Settled) -> Result<()> {
    request(conn, clock, settled, (MOST_TICKETS, true)).await
}

/// Numbers an invoice and promises its PDF. Whom it is issued to is written down: its credit notes name the same.
///
/// Belongs at the end of the settling transaction: the counter is locked last, after booking, inventory and coupon,
/// and stays locked until the commit. A rollback gives the number back.
pub async fn request_invoice(
    conn: &mut PgConnection,
    clock: &Clock,
    settled: &Settled,
) -> Result<()> {
    request(conn, clock, settled, (0, true)).await
}

/// Promises the ticket documents alone, as [`request_sold`].
pub async fn request_tickets(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    booking_id: BookingId,
) -> Result<()> {
    let of = Settled {
        account_id,
        booking_id,
        payment_id: None,
        first_line: 0,
    };
    request(conn, clock, &of, (MOST_TICKETS, false)).await
}

/// At most so many tickets, and an invoice or none.
async fn request(
    conn: &mut PgConnection,
    clock: &Clock,
    of: &Settled,
    (tickets, invoice): (usize, bool),
) -> Result<()> {
    let documents: Vec<_> = (0..=tickets).map(|_| DocumentId::new()).collect();
    let jobs = documents.iter().map(|document_id| {
        let render = RenderDocument {
            document_id: *document_id,
            revision: 1,
        };
        outbox::Row::new(clock, Some(of.account_id), &render, None)
    });
    let jobs = jobs.collect::<Result<Vec<_>>>()?;
    let Some(job) = jobs.first() else {
        return Ok(());
    };
    let ids: Vec<Uuid> = documents.iter().map(|id| id.0).collect();
    // The last is the invoice's. A number has at most 16 characters up to ten million invoices a year (rule 46 of
    // India's CGST Rules).
    sqlx::query!(
        r#"
        with slot as materialized (
            select document_id, job_id, payload, position, position = cardinality($3) as is_invoice
            from unnest($3::uuid[], $4::uuid[], $5::jsonb[]) with ordinality as t (document_id, job_id, payload, position)
        ), tickets as (
            insert into document (id, account_id, booking_id, kind, airline, created_at)
            select slot.document_id, $2, $1, 'ticket', wanted.airline, $6
            from (
                select validating_airline as airline, row_number() over (order by validating_airline) as position
                from direction where booking_id = $1 and status = 'booked' group by validating_airline
            ) as wanted
            join slot on slot.position = wanted.position and not slot.is_invoice
            order by wanted.position
            on conflict (booking_id, airline) where kind = 'ticket' do nothing
            returning id
        ), series as (
            select number_prefix as prefix, fiscal_year($6, time_zone, fiscal_year_month) as year from seller where $7
        ), counted as (
            insert into invoice_counter as counter (kind, fiscal_year, last_number) select 'invoice', year, 1 from series
            on conflict on constraint invoice_counter_pkey do update set last_number = counter.last_number + 1
            returning fiscal_year as year, last_number::text as last
        ), invoice as (
            insert into document (id, account_id, booking_id, kind, created_at, number, payment_id, buyer)
            select slot.document_id, $2, $1, 'invoice', $6, prefix || '/' || year || '/' || lpad(last, greatest(6, length(last)), '0'), $8,
                   array_remove(array[
                       (select concat_ws(' ', first_name, last_name) from passenger where booking_id = $1 order by ordinal limit 1),
                       booking.contact_email, booking.contact_phone], null)
            from counted join series using (year) join slot on slot.is_invoice join booking on booking.id = $1
            returning id
        ), promised as (
            insert into outbox (id, kind, queue, payload, account_id, request_id, trace_parent, max_attempts, created_at, run_after)
            select slot.job_id, $10, $11, slot.payload, $2, $12, $13, $14, $6, $6
            from slot where document_id in (select id from tickets union all select id from invoice)
            order by slot.position
        )
        update price_line set invoice_id = invoice.id from invoice
        where price_line.booking_id = $1 and price_line.ordinal >= $9 and price_line.invoice_id is null
        "#,
        of.booking_id.0,
        of.account_id.0,
        &ids,
        &jobs.iter().map(|job| job.id.0).collect::<Vec<_>>(),
        &jobs.iter().map(|job| job.payload.clone()).collect::<Vec<_>>(),
        clock.now(),
        invoice,
        of.payment_id.map(|payment| payment.0),
        of.first_line,
        job.kind,
        job.queue,
        job.request_id,
        job.trace_parent,
        job.max_attempts,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The ordinal that the next line of a booking's price will have.
pub async fn next_line(conn: &mut PgConnection, booking_id: BookingId) -> Result<i16> {
    let last = sqlx::query_scalar!(
        "select max(ordinal) from price_line where booking_id = $1",
        booking_id.0,
    )
    .fetch_one(conn)
    .await?;
    Ok(last.map_or(0, |last| last + 1))
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn a_fiscal_year_is_named_after_the_years_it_touches(pool: PgPool) {
        for (at, first_month, name) in [
            ("2026-11-15T12:00:00Z", 4_i16, "26-27"),
            ("2027-03-15T12:00:00Z", 4, "26-27"),
            ("2027-04-15T12:00:00Z", 4, "27-28"),
            // It begins at midnight in India.
            ("2027-03-31T18:29:59Z", 4, "26-27"),
            ("2027-03-31T18:30:00Z", 4, "27-28"),
            ("2099-04-15T12:00:00Z", 4, "99-00"),
            ("2026-01-15T12:00:00Z", 1, "26"),
            ("2026-12-15T12:00:00Z", 1, "26"),
        ] {
            let year = "select fiscal_year($1::timestamptz, 'Asia/Kolkata', $2)";
            let year: String = sqlx::query_scalar(year)
                .bind(at.parse::<chrono::DateTime<chrono::Utc>>().unwrap())
                .bind(first_month)
                .fetch_one(&pool)
                .await
                .unwrap();
            assert_eq!(year, name, "{at}");
        }
    }
}
