//! The price lines that a document says.
//!
//! **A price line knows its invoice.** An invoice is never made again, and a booking that grows by a more expensive
//! seat gets a second one for the difference. `price_line.invoice_id` says what each is of, without a copy of the
//! lines; the invoices of a booking add up to what was paid. What was sold before there were invoices has none.

use sqlx::PgConnection;

use super::content::PriceLineContent;
use crate::Result;
use crate::ids::{BookingId, DocumentId};
use crate::money::{Currency, Money};

/// Which lines of a booking.
#[derive(Clone, Copy)]
pub(super) enum LinesOf<'a> {
    /// Those of the directions of one validating airline, and those of the booking as a whole when no other airline has
    /// a ticket that would say them too.
    Airline(&'a str),
    /// Those that an invoice is of.
    Invoice(DocumentId),
}

/// The lines in the order of the booking, each tax with the name it has where it is charged.
pub(super) async fn load(
    conn: &mut PgConnection,
    booking_id: BookingId,
    currency: Currency,
    of: LinesOf<'_>,
) -> Result<Vec<PriceLineContent>> {
    let (airline, invoice) = match of {
        LinesOf::Airline(airline) => (Some(airline), None),
        LinesOf::Invoice(id) => (None, Some(id.0)),
    };
    let rows = sqlx::query!(
        r#"
        select price_line.kind, price_line.code, price_line.passenger_type,
            -- A coupon's share is taken off the fares of all whom its base-fare line is for.
            case price_line.kind
                when 'discount' then coalesce((
                    select base.quantity from price_line base
                    where base.booking_id = price_line.booking_id and base.kind = 'base_fare' and base.flight_id = price_line.flight_id
                        and base.passenger_type = price_line.passenger_type
                    order by base.ordinal limit 1), price_line.quantity)
                else price_line.quantity
            end as "quantity!",
            price_line.amount_minor, direction.name as "direction?",
            (select airline || ' ' || flight_number from flight where flight.id = price_line.flight_id) as flight,
            -- As it was called when it was sold; lines from before that was kept have none.
            coalesce(price_line.name, (
                select min(tax_rule.name) from tax_rule
                where tax_rule.code = price_line.code and price_line.kind in ('tax', 'fee')
                    -- A fee of the booking may be that of any country where a direction begins.
                    and tax_rule.country in (
                        select airport.country from booked_flight
                        join flight on flight.id = booked_flight.flight_id
                        join airport on airport.iata = flight.origin
                        where booked_flight.booking_id = $1
                            and (price_line.flight_id is null or booked_flight.flight_id = price_line.flight_id)
                            and (booked_flight.direction_id = direction.id or direction.id is null)
                    )
            )) as name
        from price_line
        left join direction on direction.booking_id = price_line.booking_id and direction.ordinal = price_line.direction
        -- What is on an invoice of passengers who have a booking of their own since is on it still.
        where price_line.booking_id in (
                select $1
                union all
                select s.new_booking_id from booking_split s
                where $2::text is null
                    and s.origin_id = coalesce((select origin_id from booking_split where new_booking_id = $1), $1))
            and case
                when $2::text is null then price_line.invoice_id = $3
                when direction.id is null
                then not exists (select from direction where booking_id = $1 and validating_airline <> $2)
                else direction.validating_airline = $2
            end
        order by price_line.booking_id <> $1, price_line.booking_id, price_line.ordinal
        "#,
        booking_id.0,
        airline,
        invoice,
    )
    .fetch_all(conn)
    .await?;
    let lines = rows.into_iter().map(|row| PriceLineContent {
        kind: row.kind,
        code: row.code,
        name: row.name,
        flight: row.flight,
        direction: row.direction,
        passenger_type: row.passenger_type,
        quantity: row.quantity,
        amount: Money::new(row.amount_minor, currency),
    });
    Ok(lines.collect())
}
