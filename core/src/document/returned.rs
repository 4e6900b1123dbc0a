//! Reads what a receipt of a refund says.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::content::{
    CorrectedInvoice, PaidWith, PriceLineContent, RefundCause, RefundReceiptContent, ReturnedLine,
    Seller,
};
use super::invoice::load_airlines;
use super::lines::{self, LinesOf};
use super::load::{known_currency, known_zone, title};
use super::supply::{self, SupplyContent};
use crate::ids::{BookingId, DocumentId, RefundId};
use crate::money::Money;
use crate::{Error, Result, zone};

impl RefundReceiptContent {
    /// What the present revision of a receipt says. [`Error::NotFound`] when there is no such receipt.
    ///
    /// Several statements: for one moment in time the caller begins a repeatable-read transaction.
    pub async fn load(conn: &mut PgConnection, document_id: DocumentId) -> Result<Self> {
        let row = sqlx::query!(
            r#"
            select document.number as "number!", document.revision, document.created_at,
                document.corrects_id as "corrects_id: DocumentId",
                corrected.number as "corrected_number?", corrected.created_at as "corrected_at?",
                booking.id as "booking_id: BookingId", booking.booking_ref,
                coalesce(corrected.buyer, array_remove(array[
                    (select concat_ws(' ', first_name, last_name) from passenger where booking_id = booking.id order by ordinal limit 1),
                    booking.contact_email, booking.contact_phone], null)) as "buyer!",
                booking.confirmed_at is not null as "was_sold!",
                refund.id as "refund_id: RefundId", refund.reason, refund.status, refund.currency, refund.amount_minor, refund.created_at as promised_at, refund.ended_at,
                refund.settled_by is not null as "is_bank_transfer!",
                payment.status as payment_status, (select kind from booking_change where id = payment.booking_change_id) as is_for,
                payment.card_brand, payment.card_last4,
                (select q.content ->> 'waiver' from cancellation c join cancellation_quote q on q.id = c.quote_id
                    where c.id = refund.cancellation_id) as waiver,
                seller.name, seller.address, seller.tax_number, seller.time_zone
            from document
            join booking on booking.id = document.booking_id
            join refund on refund.id = document.refund_id
            join payment on payment.id = refund.payment_id
            left join document corrected on corrected.id = document.corrects_id
            cross join seller
            where document.id = $1 and document.kind = 'refund_receipt'
            "#,
            document_id.0,
        )
        .fetch_optional(&mut *conn)
        .await?
        .ok_or(Error::NotFound("document"))?;
        let currency = known_currency(&row.currency)?;
        let time_zone = known_zone(&row.time_zone)?;
        let day = |instant: DateTime<Utc>| zone::local(instant, time_zone).date_naive();
        let total = Money::new(row.amount_minor, currency);
        let refund = Refund {
            id: row.refund_id,
            booking_id: row.booking_id,
            reason: row.reason,
            promised_at: row.promised_at,
            corrects_id: row.corrects_id,
            amount: total,
        };
        let lines = refund.lines(conn).await?;
        let tax_number = row.tax_number.as_deref();
        let supplies = refund.supplies(conn, &lines, tax_number).await?;
        // What was not sold is nobody's journey.
        let passengers = if row.was_sold {
            load_passengers(conn, refund.booking_id).await?
        } else {
            Vec::new()
        };
        Ok(Self {
            document_id,
            revision: row.revision,
            issued_at: row.created_at,
            issued_on: day(row.created_at),
            number: row.number,
            corrects: row
                .corrected_number
                .zip(row.corrected_at)
                .map(|(number, at)| CorrectedInvoice {
                    number,
                    issued_on: day(at),
                }),
            seller: Seller {
                name: row.name,
                address: row.address,
                tax_number: row.tax_number,
            },
            buyer: row.buyer,
            booking_ref: row.booking_ref,
            airlines: load_airlines(conn, refund.booking_id).await?,
            passengers,
            cause: cause(
                &refund.reason,
                &row.payment_status,
                row.is_for.as_deref(),
                refund.corrects_id.is_some(),
            ),
            waiver: row.waiver,
            lines,
            supplies,
            total,
            paid_with: PaidWith {
                amount: total,
                card_brand: row.card_brand,
                card_last4: row.card_last4,
            },
            is_bank_transfer: row.is_bank_transfer,
            returned_on: row.ended_at.filter(|_| row.status == "failed").map(day),
        })
    }
}

/// Why the money went back. What staff gave back in place of a refund of ours has the cause of the payment.
fn cause(
    reason: &str,
    payment_status: &str,
    is_for: Option<&str>,
    is_of_invoice: bool,
) -> RefundCause {
    match reason {
        "cancellation" => RefundCause::Cancellation,
        "change" => RefundCause::Change,
        "seat_fees" => RefundCause::SeatFees,
        "seat_swap" => RefundCause::SeatSwap,
        "duplicate_payment" => RefundCause::PaidTwice,
        _ if payment_status == "mismatched" => RefundCause::NotAskedFor,
        _ if is_of_invoice => RefundCause::Staff,
        _ => match is_for {
            Some("flights") => RefundCause::FlightsGone,
            Some(_) => RefundCause::SeatsGone,
            None => RefundCause::NotOwed,
        },
    }
}

/// The refund that a receipt is of.
struct Refund {
    id: RefundId,
    booking_id: BookingId,
    reason: String,
    promised_at: DateTime<Utc>,
    corrects_id: Option<DocumentId>,
    amount: Money,
}

impl Refund {
    /// What is given back, line by line, or nothing where only the amount is known: lines that do not add up to it would
    /// say something else than the money did.
    ///
    /// A reason that knows more has its arm here; each line names what of the price it is, and so its tax follows.
    async fn lines(&self, conn: &mut PgConnection) -> Result<Vec<ReturnedLine>> {
        let lines = match (self.reason.as_str(), self.corrects_id) {
            ("seat_swap", _) => self.swapped_seats(conn).await?,
            ("cancellation", _) => self.cancelled(conn).await?,
            ("change", _) => self.changed(conn).await?,
            (_, Some(invoice_id)) => self.whole_invoice(conn, invoice_id).await?,
            (_, None) => Vec::new(),
        };
        let amounts = lines.iter().map(|returned| returned.line.amount.minor());
        let is_all = amounts.sum::<i64>() == self.amount.minor();
        Ok(if is_all { lines } else { Vec::new() })
    }

    /// What tax law asks to be said of the lines; nothing of money that no invoice is of.
    async fn supplies(
        &self,
        conn: &mut PgConnection,
        lines: &[ReturnedLine],
        tax_number: Option<&str>,
    ) -> Result<Vec<SupplyContent>> {
        if self.corrects_id.is_none() {
            return Ok(Vec::new());
        }
        let lines = lines.iter().map(|returned| &returned.line);
        let currency = self.amount.currency();
        supply::load(conn, self.booking_id, lines, currency, tax_number).await
    }

    /// The lines of the invoice that is corrected.
    async fn whole_invoice(
        &self,
        conn: &mut PgConnection,
        invoice_id: DocumentId,
    ) -> Result<Vec<ReturnedLine>> {
        let of = LinesOf::Invoice(invoice_id);
        let lines = lines::load(conn, self.booking_id, self.amount.currency(), of).await?;
        let lines = lines.into_iter().map(|line| ReturnedLine {
            line,
            passenger: None,
        });
        Ok(lines.collect())
    }

    /// What a cancellation gives back for each passenger and direction, as its quote said; what is kept of the fare is taken off.
    async fn cancelled(&self, conn: &mut PgConnection) -> Result<Vec<ReturnedLine>> {
        let rows = sqlx::query!(
            r#"
            select item.said ->> 'passenger' as passenger, item.said ->> 'direction' as direction, line.kind as "kind!", line.code as "code!",
                line.name, line.minor as "minor!",
                (select airline || ' ' || flight_number from flight where flight.id = line.flight_id) as flight
            from refund
            join cancellation on cancellation.id = refund.cancellation_id
            join cancellation_quote quote on quote.id = cancellation.quote_id
            cross join lateral (
                select said, position from jsonb_array_elements(quote.content -> 'items') with ordinality as item (said, position)
                union all
                -- What is charged once a booking, as an item of nobody.
                select jsonb_build_object('lines', quote.content -> 'fees_back', 'charge_minor', 0), 1000
                where quote.content ? 'fees_back'
            ) item
            cross join lateral (
                select paid.said ->> 'kind' as kind, paid.said ->> 'code' as code, paid.said ->> 'name' as name,
                    (paid.said ->> 'flight_id')::uuid as flight_id, (paid.said ->> 'refund_minor')::bigint as minor, paid.position
                from jsonb_array_elements(item.said -> 'lines') with ordinality as paid (said, position)
                union all
                select 'base_fare', 'CANCEL', 'Cancellation charge', null, -(item.said ->> 'charge_minor')::bigint, 1000
            ) line
            where refund.id = $1 and line.minor <> 0
            order by item.position, line.position
            "#,
            self.id.0,
        )
        .fetch_all(conn)
        .await?;
        let lines = rows.into_iter().map(|row| ReturnedLine {
            passenger: row.passenger,
            line: PriceLineContent {
                kind: row.kind,
                code: row.code,
                name: row.name,
                flight: row.flight,
                direction: row.direction,
                passenger_type: None,
                quantity: 1,
                amount: Money::new(row.minor, self.amount.currency()),
            },
        });
        Ok(lines.collect())
    }

    /// What other flights give back for each passenger and direction, as the quote said; what they cost is taken off.
    async fn changed(&self, conn: &mut PgConnection) -> Result<Vec<ReturnedLine>> {
        let rows = sqlx::query!(
            r#"
            select item.said ->> 'passenger' as "passenger!", item.said ->> 'direction' as "direction!", line.said ->> 'kind' as "kind!",
                line.said ->> 'code' as "code!", line.said ->> 'name' as name, (line.said ->> 'minor')::bigint as "minor!",
                (select airline || ' ' || flight_number from flight where flight.id = (line.said ->> 'flight_id')::uuid) as flight
            from refund
            join booking_change on booking_change.id = refund.booking_change_id
            join change_quote quote on quote.id = booking_change.change_quote_id
            cross join lateral jsonb_array_elements(quote.content -> 'items') with ordinality as item (said, position)
            cross join lateral jsonb_array_elements(item.said -> 'lines') with ordinality as line (said, position)
            where refund.id = $1
            order by item.position, line.position
            "#,
            self.id.0,
        )
        .fetch_all(conn)
        .await?;
        let lines = rows.into_iter().map(|row| ReturnedLine {
            passenger: Some(row.passenger),
            line: PriceLineContent {
                kind: row.kind,
                code: row.code,
                name: row.name,
                flight: row.flight,
                direction: Some(row.direction),
                passenger_type: None,
                quantity: 1,
                amount: Money::new(-row.minor, self.amount.currency()),
            },
        });
        Ok(lines.collect())
    }

    /// The chosen seats that the swap of aircraft took whose refund this is: the moves that were noted after it, in the
    /// same transaction.
    async fn swapped_seats(&self, conn: &mut PgConnection) -> Result<Vec<ReturnedLine>> {
        let rows = sqlx::query!(
            r#"
            select seat_move.from_seat, seat_move.refund_minor, direction.name as direction,
                flight.airline || ' ' || flight.flight_number as flight,
                passenger.title, passenger.first_name, passenger.middle_name, passenger.last_name
            from seat_move
            join passenger on passenger.id = seat_move.passenger_id
            join flight on flight.id = seat_move.flight_id
            join booked_flight on booked_flight.booking_id = seat_move.booking_id and booked_flight.flight_id = flight.id
            join direction on direction.id = booked_flight.direction_id
            where seat_move.booking_id = $1 and seat_move.refund_minor > 0
                and seat_move.moved_at between $2 and $2::timestamptz + interval '1 minute'
            order by booked_flight.ordinal, passenger.ordinal
            "#,
            self.booking_id.0,
            self.promised_at,
        )
        .fetch_all(conn)
        .await?;
        let lines = rows.into_iter().map(|row| ReturnedLine {
            passenger: Some(full_name(
                &row.title,
                [row.first_name, row.middle_name, Some(row.last_name)],
            )),
            line: PriceLineContent {
                kind: "seat".to_owned(),
                code: row.from_seat,
                name: None,
                flight: row.flight,
                direction: Some(row.direction),
                passenger_type: None,
                quantity: 1,
                amount: Money::new(row.refund_minor, self.amount.currency()),
            },
        });
        Ok(lines.collect())
    }
}

async fn load_passengers(conn: &mut PgConnection, booking_id: BookingId) -> Result<Vec<String>> {
    let rows = sqlx::query!(
        "select title, first_name, middle_name, last_name from passenger where booking_id = $1 order by ordinal",
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    let names = rows.into_iter().map(|row| {
        full_name(
            &row.title,
            [row.first_name, row.middle_name, Some(row.last_name)],
        )
    });
    Ok(names.collect())
}

/// `Ms Hồng Đào Thị Nguyễn`.
fn full_name(called: &str, names: [Option<String>; 3]) -> String {
    let parts = [Some(title(called))].into_iter().chain(names);
    parts.flatten().collect::<Vec<_>>().join(" ")
}
