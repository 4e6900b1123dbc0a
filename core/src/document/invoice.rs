//! Invoices: numbered without gaps where the money is settled, and what they say.
//!
//! **The invoice counter is a row that is locked last.** A sequence leaves gaps when a transaction rolls back, and
//! India's rule 46 wants consecutive numbers. The counter of the fiscal year is updated at the end of the settling
//! transaction and locked until its commit: settlements pass one after the other there, for the length of a commit,
//! and a rollback gives the number back. Nothing is locked after it; a total of zero therefore counts its coupon
//! first. Who sells, and when their fiscal year begins, is the row `seller` (`manage seller`) and not a setting:
//! api and worker both settle and must number alike.

use chrono::Datelike;
use sqlx::PgConnection;

use super::content::{Carrier, InvoiceContent, Seller};
use super::lines::{self, LinesOf};
use super::load::{known_currency, known_zone, load_payment};
use super::supply;
use crate::clock::Clock;
use crate::ids::{AccountId, BookingId, DocumentId, PaymentId};
use crate::money::Money;
use crate::outbox::{self, RenderDocument};
use crate::{Error, Result, zone};

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

/// Numbers an invoice and promises its PDF.
///
/// Belongs at the end of the settling transaction: the counter is locked last, after booking, inventory and coupon,
/// and stays locked until the commit. A rollback gives the number back.
pub async fn request_invoice(
    conn: &mut PgConnection,
    clock: &Clock,
    settled: &Settled,
) -> Result<()> {
    let id = DocumentId::new();
    let (prefix, year) = series(conn, clock).await?;
    let render = RenderDocument {
        document_id: id,
        revision: 1,
    };
    let job = outbox::Row::new(clock, Some(settled.account_id), &render, None)?;
    // At most 16 characters up to ten million invoices a year (rule 46 of India's CGST Rules).
    sqlx::query!(
        r#"
        with counted as (
            insert into invoice_counter as counter (kind, fiscal_year, last_number) values ('invoice', $7, 1)
            on conflict on constraint invoice_counter_pkey do update set last_number = counter.last_number + 1
            returning last_number::text as last
        ), made as (
            insert into document (id, account_id, booking_id, kind, created_at, number, payment_id)
            select $1, $2, $3, 'invoice', $4, $8 || '/' || $7 || '/' || lpad(last, greatest(6, length(last)), '0'), $5 from counted
        ), promised as (
            insert into outbox (id, kind, queue, payload, account_id, request_id, trace_parent, max_attempts, created_at, run_after)
            values ($9, $10, $11, $12, $2, $13, $14, $15, $4, $4)
        )
        update price_line set invoice_id = $1 where booking_id = $3 and ordinal >= $6 and invoice_id is null
        "#,
        id.0,
        settled.account_id.0,
        settled.booking_id.0,
        clock.now(),
        settled.payment_id.map(|payment| payment.0),
        settled.first_line,
        year,
        prefix,
        job.id.0,
        job.kind,
        job.queue,
        job.payload,
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

/// What the number of an invoice or receipt of today begins with, and its fiscal year: `FD` and `26-27` of `FD/26-27/000123`.
pub(super) async fn series(conn: &mut PgConnection, clock: &Clock) -> Result<(String, String)> {
    let seller = sqlx::query!("select number_prefix, fiscal_year_month, time_zone from seller")
        .fetch_one(conn)
        .await?;
    let today = zone::local(clock.now(), known_zone(&seller.time_zone)?).date_naive();
    let first_month = u32::try_from(seller.fiscal_year_month).unwrap_or(1);
    let year = fiscal_year(today.year(), today.month(), first_month);
    Ok((seller.number_prefix, year))
}

/// `26-27`; `26` where the fiscal year is the calendar's.
fn fiscal_year(year: i32, month: u32, first_month: u32) -> String {
    let began = if month < first_month { year - 1 } else { year };
    let short = |year: i32| year.rem_euclid(100);
    if first_month == 1 {
        format!("{:02}", short(began))
    } else {
        format!("{:02}-{:02}", short(began), short(began + 1))
    }
}

impl InvoiceContent {
    /// What an invoice says. [`Error::NotFound`] when there is no such invoice.
    ///
    /// Several statements: for one moment in time the caller begins a repeatable-read transaction.
    pub async fn load(conn: &mut PgConnection, document_id: DocumentId) -> Result<Self> {
        let row = sqlx::query!(
            r#"
            select document.number as "number!", document.created_at, document.payment_id as "payment_id: PaymentId",
                booking.id as "booking_id: BookingId", booking.booking_ref, booking.currency,
                booking.contact_email, booking.contact_phone,
                seller.name, seller.address, seller.tax_number, seller.time_zone,
                (select concat_ws(' ', first_name, last_name) from passenger where booking_id = booking.id order by ordinal limit 1) as passenger
            from document
            join booking on booking.id = document.booking_id
            cross join seller
            where document.id = $1 and document.kind = 'invoice'
            "#,
            document_id.0,
        )
        .fetch_optional(&mut *conn)
        .await?
        .ok_or(Error::NotFound("document"))?;
        let currency = known_currency(&row.currency)?;
        let of = LinesOf::Invoice(document_id);
        let lines = lines::load(conn, row.booking_id, currency, of).await?;
        let paid_with = match row.payment_id {
            Some(payment_id) => load_payment(conn, payment_id).await?,
            None => None,
        };
        let total = lines
            .iter()
            .try_fold(Money::new(0, currency), |sum, line| {
                sum.checked_add(line.amount)
            })
            .map_err(|error| Error::Catalogue(format!("invoice {}: {error}", row.number)))?;
        let tax_number = row.tax_number.as_deref();
        let supplies = supply::load(conn, row.booking_id, &lines, currency, tax_number).await?;
        Ok(Self {
            document_id,
            supplies,
            issued_on: zone::local(row.created_at, known_zone(&row.time_zone)?).date_naive(),
            issued_at: row.created_at,
            number: row.number,
            seller: Seller {
                name: row.name,
                address: row.address,
                tax_number: row.tax_number,
            },
            buyer: [
                row.passenger,
                Some(row.contact_email),
                Some(row.contact_phone),
            ]
            .into_iter()
            .flatten()
            .collect(),
            booking_ref: row.booking_ref,
            airlines: load_airlines(conn, row.booking_id).await?,
            lines,
            total,
            paid_with,
        })
    }
}

pub(super) async fn load_airlines(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Vec<Carrier>> {
    let airlines = sqlx::query_as!(
        Carrier,
        r#"
        select airline.iata, airline.name from direction
        join airline on airline.iata = direction.validating_airline
        where direction.booking_id = $1
        group by airline.iata, airline.name order by min(direction.ordinal)
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(airlines)
}

#[cfg(test)]
mod tests {
    use super::fiscal_year;

    #[test]
    fn a_fiscal_year_is_named_after_the_years_it_touches() {
        for (year, month, first_month, name) in [
            (2026, 11, 4, "26-27"),
            (2027, 3, 4, "26-27"),
            (2027, 4, 4, "27-28"),
            (2099, 4, 4, "99-00"),
            (2026, 1, 1, "26"),
            (2026, 12, 1, "26"),
        ] {
            assert_eq!(fiscal_year(year, month, first_month), name);
        }
    }
}
