//! What invoices say.

use sqlx::PgConnection;

use super::content::{Carrier, InvoiceContent, Seller};
use super::lines::{self, LinesOf};
use super::load::{known_currency, known_zone, load_payment};
use super::supply;
use crate::ids::{BookingId, DocumentId, PaymentId};
use crate::money::Money;
use crate::{Error, Result, zone};

impl InvoiceContent {
    /// What an invoice says. [`Error::NotFound`] when there is no such invoice.
    ///
    /// Several statements: for one moment in time the caller begins a repeatable-read transaction.
    pub async fn load(conn: &mut PgConnection, document_id: DocumentId) -> Result<Self> {
        let row = sqlx::query!(
            r#"
            select document.number as "number!", document.created_at, document.payment_id as "payment_id: PaymentId",
                booking.id as "booking_id: BookingId", booking.booking_ref, booking.currency,
                coalesce(document.buyer, array_remove(array[
                    (select concat_ws(' ', first_name, last_name) from passenger where booking_id = booking.id order by ordinal limit 1),
                    booking.contact_email, booking.contact_phone], null)) as "buyer!",
                seller.name, seller.address, seller.tax_number, seller.time_zone
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
            buyer: row.buyer,
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
