//! Everybody moves from the old flights to the new ones, whose seats are held: inventory, seats, rows, tickets, price, ledger,
//! refund, documents and event in the caller's transaction.

use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::confirm::{new_flights, seats_of};
use super::model::{ChangeContent, ChangedDirection};
use super::seats;
use crate::booking::cancel::load::{Trip, TripDirection};
use crate::booking::{aboard, disruption, insert, pending, seating, traveller};
use crate::booking_event::{self, Event, FlightsMoved};
use crate::booking_lock::LockedBooking;
use crate::clock::Clock;
use crate::ids::{BookedFlightId, DirectionId, PassengerId};
use crate::inventory::{self, Change};
use crate::money::Money;
use crate::outbox::MailKind;
use crate::trade::{Direction, FareConditions, PriceLine};
use crate::{Error, Result, document, fault, ledger, mail, payment, ticket};

/// Moves everybody of the directions that change. The caller has locked the booking, and the new seats are held for the change.
pub(super) async fn all(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    trip: &Trip,
    id: Uuid,
    content: &ChangeContent,
) -> Result<()> {
    inventory::apply(conn, counters(trip, content)).await?;
    pending::release(conn, id).await?;
    for changed in &content.directions {
        let direction = of_trip(trip, changed.direction)?;
        move_direction(conn, booking, trip, content, direction, changed).await?;
    }
    number_flights(conn, booking).await?;
    fault::point("change_flights_moved");
    take_seats(conn, clock, booking, content).await?;
    exchange_tickets(conn, clock, booking, content).await?;
    fault::point("change_tickets_exchanged");
    traveller::retain(conn, booking.id).await?;
    let lines: Vec<PriceLine> = (content.items.iter())
        .flat_map(|item| item.price_lines().collect::<Vec<_>>())
        .collect();
    insert::lines(conn, booking.id, &lines).await?;
    ledger::sale_of_lines(conn, clock, booking, id, &lines).await?;
    let amount = content.amount();
    sqlx::query!(
        "update booking set total_minor = total_minor + $2 where id = $1",
        booking.id.0,
        amount.minor(),
    )
    .execute(&mut *conn)
    .await?;
    let moved = content.directions.iter();
    let moved = moved.filter_map(|one| of_trip(trip, one.direction).ok());
    let moved: Vec<_> = moved.map(|one| one.id).collect();
    disruption::close_rebooked(conn, clock, booking, &moved).await?;
    if amount.minor() < 0 {
        let back = Money::new(-amount.minor(), amount.currency());
        payment::give_back_changed(conn, clock, booking, id, back).await?;
    }
    fault::point("change_refunded");
    document::reissue_tickets(conn, clock, booking.account_id, booking.id).await?;
    pending::replace_seats(conn, booking.id).await?;
    // After what the old tickets say of when they ended: the mail with the new ones tells by it why they are new.
    pending::end(conn, clock, id, "done").await?;
    let changed = Event::FlightsChanged {
        change_id: id,
        before: booking.total,
        total: Money::new(booking.total.minor() + amount.minor(), amount.currency()),
        flights: (content.directions.iter())
            .map(|one| FlightsMoved {
                direction: one.direction,
                from: one.from.clone(),
                to: one.to.clone(),
            })
            .collect(),
        is_told_with_tickets: is_told_with_tickets(conn, booking).await?,
    };
    booking_event::record(conn, clock, booking.account_id, booking.id, &changed).await?;
    Ok(())
}

/// Whether the booking has come of a division and the mail with its first tickets is still to come: it tells of the flights too.
async fn is_told_with_tickets(conn: &mut PgConnection, booking: &LockedBooking) -> Result<bool> {
    let is_new = sqlx::query_scalar!(
        r#"select exists (select from booking_split where new_booking_id = $1) as "is_new!""#,
        booking.id.0,
    )
    .fetch_one(&mut *conn)
    .await?;
    Ok(is_new && !mail::is_promised(conn, booking.id, MailKind::BookingConfirmed).await?)
}

fn of_trip(trip: &Trip, direction: Direction) -> Result<&TripDirection> {
    let found = trip.live().find(|one| one.direction == direction);
    found.ok_or_else(|| Error::Internal("a direction that changes is not booked".to_owned()))
}

/// What was held is sold, and what was sold before is given back.
fn counters(trip: &Trip, content: &ChangeContent) -> Vec<Change> {
    let sold = new_flights(trip, content).into_iter();
    let mut changes: Vec<_> = sold
        .map(|(flight_id, cabin, seats)| Change {
            flight_id,
            cabin,
            held: -seats,
            sold: seats,
        })
        .collect();
    for changed in &content.directions {
        let seats = seats_of(trip, content, changed);
        let left = changed
            .from
            .iter()
            .filter(|flight| !changed.stays(**flight));
        changes.extend(left.map(|flight| Change {
            flight_id: *flight,
            cabin: changed.from_cabin,
            held: 0,
            sold: -seats,
        }));
    }
    changes
}

/// The rows of a direction: coupons remember their flights themselves, seats of flights that are left are free.
async fn move_direction(
    conn: &mut PgConnection,
    booking: &LockedBooking,
    trip: &Trip,
    content: &ChangeContent,
    direction: &TripDirection,
    changed: &ChangedDirection,
) -> Result<()> {
    let left = changed
        .from
        .iter()
        .filter(|flight| !changed.stays(**flight));
    let left: Vec<_> = left.map(|flight| flight.0).collect();
    sqlx::query!(
        r#"
        with stood_up as (
            delete from passenger_seat s using passenger p
            where p.booking_id = $1 and s.passenger_id = p.id and s.flight_id = any($3)
        ), forgotten as (
            delete from seat_choice where booking_id = $1 and flight_id = any($3)
        )
        update ticket_coupon c set flight_id = bf.flight_id, booked_flight_id = null
        from booked_flight bf where bf.direction_id = $2 and c.booked_flight_id = bf.id
        "#,
        booking.id.0,
        direction.id.0,
        &left,
    )
    .execute(&mut *conn)
    .await?;
    replace_flights(
        conn,
        booking,
        direction.id,
        changed,
        seats_of(trip, content, changed),
    )
    .await?;
    sqlx::query!(
        "update direction set cabin = $2, fare_family = $3, conditions = $4 where id = $1",
        direction.id.0,
        changed.cabin.as_str(),
        changed.fare_family,
        Json(&changed.conditions) as Json<&FareConditions>,
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn replace_flights(
    conn: &mut PgConnection,
    booking: &LockedBooking,
    direction: DirectionId,
    changed: &ChangedDirection,
    seats: i32,
) -> Result<()> {
    sqlx::query!(
        "delete from booked_flight where direction_id = $1",
        direction.0
    )
    .execute(&mut *conn)
    .await?;
    let ids = changed.to.iter().map(|_| BookedFlightId::new().0);
    // After all that there are, until they are numbered in the order of travel.
    sqlx::query!(
        r#"
        insert into booked_flight (id, booking_id, direction_id, ordinal, flight_id, cabin, seats)
        select t.id, $1, $2, 1000 * (1 + d.ordinal) + t.position, t.flight, $3, $4
        from direction d, unnest($5::uuid[], $6::uuid[]) with ordinality as t (id, flight, position)
        where d.id = $2
        "#,
        booking.id.0,
        direction.0,
        changed.cabin.as_str(),
        seats,
        &ids.collect::<Vec<_>>(),
        &changed.to.iter().map(|flight| flight.0).collect::<Vec<_>>(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Flights are numbered in the order of travel, and the booking knows when the first one leaves.
async fn number_flights(conn: &mut PgConnection, booking: &LockedBooking) -> Result<()> {
    // Out of the way of the numbers to come: a key is checked row by row.
    sqlx::query!(
        "update booked_flight set ordinal = ordinal + 10000 where booking_id = $1",
        booking.id.0,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        with numbered as (
            select bf.id, row_number() over (order by d.ordinal, bf.ordinal) - 1 as position
            from booked_flight bf join direction d on d.id = bf.direction_id
            where bf.booking_id = $1
        )
        update booked_flight bf set ordinal = numbered.position from numbered where numbered.id = bf.id
        "#,
        booking.id.0,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        update booking set first_departs_at = f.departs_at
        from booked_flight bf join flight f on f.id = bf.flight_id
        where booking.id = $1 and bf.booking_id = $1 and bf.ordinal = 0
        "#,
        booking.id.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Chosen seats that go along are taken, and the party is seated for the rest.
async fn take_seats(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    content: &ChangeContent,
) -> Result<()> {
    for changed in &content.directions {
        let going: Vec<_> = seats::going(&content.seats, changed.direction).collect();
        let claims: Vec<_> = (going.iter())
            .map(|(_, flight, seat, _)| (*flight, *seat))
            .collect();
        inventory::claim_seats(conn, booking.hold_id, &claims, "chosen").await?;
        for (passenger_id, flight_id, seat, paid) in going {
            seating::occupy(conn, flight_id, seat, passenger_id).await?;
            sqlx::query!(
                "insert into seat_choice (booking_id, passenger_id, flight_id, seat_row, letter, paid_minor) values ($1, $2, $3, $4, $5, $6)",
                booking.id.0,
                passenger_id.0,
                flight_id.0,
                seat.row,
                seat.letter.to_string(),
                paid,
            )
            .execute(&mut *conn)
            .await?;
        }
        let mut flights = aboard::load(conn, booking.id).await?.flights;
        flights.retain(|on| changed.to.contains(&on.booked.flight_id));
        seating::seat_party(conn, clock, booking, &flights).await?;
    }
    Ok(())
}

async fn exchange_tickets(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    content: &ChangeContent,
) -> Result<()> {
    for changed in &content.directions {
        let own = content
            .items
            .iter()
            .filter(|item| item.direction == changed.direction);
        let people: Vec<PassengerId> = own.map(|item| item.passenger_id).collect();
        ticket::exchange(conn, booking.id, changed.direction, &people).await?;
    }
    ticket::issue(conn, clock, booking.id).await
}
