//! E-tickets: a number for every passenger and validating airline, and a coupon for every flight it is good for.

mod bcbp;
mod flown;
mod name;
mod number;

pub use bcbp::{BoardingPass, Compartment, Seat};
pub use flown::{mark_flown, mark_no_show};
pub use name::to_latin_capitals;
pub use number::{InvalidTicketNumber, TicketNumber};

use sqlx::PgConnection;
use uuid::Uuid;

use crate::clock::Clock;
use crate::error::OnConstraint;
use crate::ids::{BookingId, PassengerId, TicketId};
use crate::trade::Direction;
use crate::{Error, Result};

/// How many flights one document number is good for (IATA Resolution 722).
const COUPONS_OF_A_NUMBER: i64 = 4;
/// Nine passengers with an infant each, and an airline for each direction.
const MOST_TICKETS: usize = 36;

/// Issues a ticket to every passenger, infants too, for every validating airline of the booking's directions.
///
/// Each gets the next number of its airline's accounting code and a coupon for each flight of that airline's
/// directions that they fly and have not flown, in the order they are flown; for more than four flights two consecutive
/// (conjunction) numbers. Those that have a good ticket of the airline already keep it. Belongs in the transaction that confirms the booking.
///
/// [`Error::Catalogue`] when an airline has no accounting code or would need more than six coupons on a ticket.
pub async fn issue(conn: &mut PgConnection, clock: &Clock, booking_id: BookingId) -> Result<()> {
    let ids: Vec<Uuid> = (0..MOST_TICKETS).map(|_| TicketId::new().0).collect();
    let issued = sqlx::query!(
        r#"
        with wanted as materialized (
            select passenger.id as passenger_id, airline.iata as airline, airline.accounting_code as code, count(*) > $2 as is_long,
                row_number() over (order by airline.iata, passenger.ordinal) as position
            from passenger
            join direction on direction.booking_id = passenger.booking_id and direction.status = 'booked'
            join booked_flight on booked_flight.direction_id = direction.id
            join airline on airline.iata = direction.validating_airline
            where passenger.booking_id = $1
              and not exists (select from cancelled_place gone where gone.passenger_id = passenger.id and gone.direction_id = direction.id)
              and not exists (
                  select from ticket t join ticket_coupon used on used.ticket_id = t.id and used.status in ('flown', 'no_show')
                  where t.booking_id = $1 and t.passenger_id = passenger.id and used.booked_flight_id = booked_flight.id)
            group by passenger.id, passenger.ordinal, airline.iata, airline.accounting_code
        ), numbered as (
            select *, case when is_long then nextval('ticket_conjunction_pair') else nextval('ticket_document_number') end as document
            from (
                select slot.id, wanted.passenger_id, wanted.airline, wanted.code, wanted.is_long
                from wanted join unnest($3::uuid[]) with ordinality as slot (id, position) using (position)
                where not exists (select from wanted where code is null) order by wanted.position
            ) as ordered
        ), issued as (
            insert into ticket (id, booking_id, passenger_id, validating_airline, number, conjunction_number, issued_at)
            select id, $1, passenger_id, airline, code || lpad(document::text, 10, '0'),
                case when is_long then code || lpad((document + 1)::text, 10, '0') end, $4
            from numbered
            on conflict (passenger_id, validating_airline) where status = 'issued' do nothing
            returning id, passenger_id, validating_airline
        ), coupons as (
            insert into ticket_coupon (ticket_id, ordinal, booked_flight_id)
            select issued.id,
                row_number() over (partition by issued.id order by booked_flight.ordinal),
                booked_flight.id
            from issued
            join direction on direction.booking_id = $1 and direction.status = 'booked'
                and direction.validating_airline = issued.validating_airline
            join booked_flight on booked_flight.direction_id = direction.id
            where not exists (
                select from cancelled_place gone where gone.passenger_id = issued.passenger_id and gone.direction_id = direction.id)
              and not exists (
                select from ticket t join ticket_coupon used on used.ticket_id = t.id and used.status in ('flown', 'no_show')
                where t.booking_id = $1 and t.passenger_id = issued.passenger_id and used.booked_flight_id = booked_flight.id)
        )
        select count(*) as "wanted!", min(airline) filter (where code is null) as without_code from wanted
        "#,
        booking_id.0,
        COUPONS_OF_A_NUMBER,
        &ids,
        clock.now(),
    )
    .fetch_one(conn)
    .await
    .on_constraint(
        "ticket_coupon_ordinal_at_most_six",
        Error::Catalogue("a ticket holds at most six flights".to_owned()),
    )?;
    if let Some(airline) = issued.without_code {
        let message = format!("airline {airline} is sold but has no accounting code");
        return Err(Error::Catalogue(message));
    }
    if usize::try_from(issued.wanted).is_ok_and(|wanted| wanted > MOST_TICKETS) {
        let message = format!("a booking of {} tickets is too large", issued.wanted);
        return Err(Error::Internal(message));
    }
    Ok(())
}

/// Closes the coupons of the places that a cancellation gave up; a ticket without another coupon, open or used, is refunded as a whole.
pub(crate) async fn refund(conn: &mut PgConnection, cancellation_id: Uuid) -> Result<()> {
    sqlx::query!(
        r#"
        with closed as (
            update ticket_coupon c set status = 'refunded'
            from ticket t, booked_flight bf, cancelled_place gone
            where gone.cancellation_id = $1 and t.passenger_id = gone.passenger_id and t.status = 'issued' and c.ticket_id = t.id
              and bf.id = c.booked_flight_id and bf.direction_id = gone.direction_id and c.status in ('open', 'no_show')
            returning c.ticket_id, c.ordinal
        )
        update ticket t set status = 'refunded'
        where t.id in (select ticket_id from closed) and not exists (
            select from ticket_coupon c
            where c.ticket_id = t.id and c.status in ('open', 'flown', 'no_show')
              and not exists (select from closed where closed.ticket_id = c.ticket_id and closed.ordinal = c.ordinal))
        "#,
        cancellation_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Marks the good tickets of passengers as exchanged, those of the validating airline of a direction that has other flights now;
/// [`issue`] makes the new ones. Coupons that were flown stay flown.
pub(crate) async fn exchange(
    conn: &mut PgConnection,
    booking_id: BookingId,
    direction: Direction,
    people: &[PassengerId],
) -> Result<()> {
    sqlx::query!(
        r#"
        with exchanged as (
            update ticket t set status = 'exchanged'
            from direction d
            where d.booking_id = $1 and d.ordinal = $2 and t.booking_id = $1 and t.passenger_id = any($3)
              and t.validating_airline = d.validating_airline and t.status = 'issued'
            returning t.id
        )
        update ticket_coupon c set status = 'exchanged' from exchanged where c.ticket_id = exchanged.id and c.status = 'open'
        "#,
        booking_id.0,
        i16::from(direction.ordinal()),
        &people.iter().map(|id| id.0).collect::<Vec<_>>(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests;
