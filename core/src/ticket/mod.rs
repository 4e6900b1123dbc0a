//! E-tickets: a number for every passenger and validating airline, and a coupon for every flight it is good for.

mod bcbp;
mod name;
mod number;

pub use bcbp::{BoardingPass, Compartment, Seat};
pub use name::to_latin_capitals;
pub use number::{InvalidTicketNumber, TicketNumber};

use sqlx::PgConnection;
use uuid::Uuid;

use crate::clock::Clock;
use crate::error::OnConstraint;
use crate::ids::{BookingId, TicketId};
use crate::{Error, Result};

/// Issues a ticket to every passenger, infants too, for every validating airline of the booking's directions.
///
/// Each gets the next number of its airline's accounting code and a coupon for each of that airline's flights, in
/// the order they are flown. Those that have a good ticket of the airline already keep it. Belongs in the
/// transaction that confirms the booking.
///
/// [`Error::Catalogue`] when an airline has no accounting code or would need more than four coupons on a ticket.
pub async fn issue(conn: &mut PgConnection, clock: &Clock, booking_id: BookingId) -> Result<()> {
    let wanted = sqlx::query!(
        r#"
        select passenger.id as passenger_id, airline.iata as airline, airline.accounting_code
        from passenger
        join (
            select distinct validating_airline from direction where booking_id = $1 and status = 'booked'
        ) as direction on true
        join airline on airline.iata = direction.validating_airline
        where passenger.booking_id = $1
        order by airline.iata, passenger.ordinal
        "#,
        booking_id.0,
    )
    .fetch_all(&mut *conn)
    .await?;

    let mut ids = Vec::with_capacity(wanted.len());
    let mut passengers = Vec::with_capacity(wanted.len());
    let mut airlines = Vec::with_capacity(wanted.len());
    let mut codes = Vec::with_capacity(wanted.len());
    for row in wanted {
        let code = row.accounting_code.ok_or_else(|| {
            Error::Catalogue(format!(
                "airline {} is sold but has no accounting code",
                row.airline
            ))
        })?;
        ids.push(TicketId::new().0);
        passengers.push(row.passenger_id);
        airlines.push(row.airline);
        codes.push(code);
    }
    insert(
        conn,
        clock,
        booking_id,
        &ids,
        &passengers,
        &airlines,
        &codes,
    )
    .await
}

/// One statement writes tickets and coupons: this stands in the transaction that a payment waits for.
async fn insert(
    conn: &mut PgConnection,
    clock: &Clock,
    booking_id: BookingId,
    ids: &[Uuid],
    passengers: &[Uuid],
    airlines: &[String],
    codes: &[String],
) -> Result<()> {
    sqlx::query!(
        r#"
        with issued as (
            insert into ticket (id, booking_id, passenger_id, validating_airline, number, issued_at)
            select id, $1, passenger_id, airline, code || lpad(nextval('ticket_document_number')::text, 10, '0'), $6
            from (
                select * from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[])
                    with ordinality as wanted (id, passenger_id, airline, code, position)
                order by position
            ) as wanted
            on conflict (passenger_id, validating_airline) where status = 'issued' do nothing
            returning id, validating_airline
        )
        insert into ticket_coupon (ticket_id, ordinal, booked_flight_id)
        select issued.id,
            row_number() over (partition by issued.id order by booked_flight.ordinal),
            booked_flight.id
        from issued
        join direction on direction.booking_id = $1 and direction.status = 'booked'
            and direction.validating_airline = issued.validating_airline
        join booked_flight on booked_flight.direction_id = direction.id
        "#,
        booking_id.0,
        ids,
        passengers,
        airlines,
        codes,
        clock.now(),
    )
    .execute(conn)
    .await
    .on_constraint(
        "ticket_coupon_ordinal_at_most_four",
        Error::Catalogue("a ticket holds at most four flights".to_owned()),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests;
