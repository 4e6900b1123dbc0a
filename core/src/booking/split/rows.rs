//! The rows of a booking that come with its passengers.

use std::collections::HashSet;

use sqlx::PgConnection;
use uuid::Uuid;

use super::lines::{Divided, InvoicedLine};
use crate::booking::cancel::Trip;
use crate::booking_lock::LockedBooking;
use crate::clock::Clock;
use crate::ids::{BookedFlightId, BookingId, BookingRef, DirectionId, HoldId, PassengerId};
use crate::money::Money;
use crate::trade::{BookingStatus, PassengerType};
use crate::{Error, Result};

/// The booking that is made.
pub(super) struct New<'a> {
    pub id: BookingId,
    pub status: BookingStatus,
    pub total: Money,
    pub going: &'a HashSet<PassengerId>,
}

impl New<'_> {
    fn people(&self) -> Vec<Uuid> {
        self.going.iter().map(|id| id.0).collect()
    }
}

/// Which invoice each price line of a booking is on, in the order of the lines.
pub(super) async fn invoices(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Vec<Option<Uuid>>> {
    let invoices = sqlx::query_scalar!(
        "select invoice_id from price_line where booking_id = $1 order by ordinal",
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(invoices)
}

/// Writes the booking with a hold of its own, and what it came of; takes what its passengers cost off the other.
///
/// It was booked when the other was, and has its contact and deadlines.
pub(super) async fn booking(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    trip: &Trip,
    new: &New<'_>,
) -> Result<BookingRef> {
    let hold_id = HoldId::new();
    let count = |kind| {
        let going = trip.passengers.iter();
        let going = going.filter(|one| one.kind == kind && new.going.contains(&one.id));
        i16::try_from(going.count()).unwrap_or(i16::MAX)
    };
    sqlx::query!(
        r#"
        with made as (
            insert into hold (id, account_id, status, created_at, expires_at, adults, children, infants, currency, total_minor, offers)
            select $2, account_id, 'booked', created_at, expires_at, $3, $4, $5, currency, $6, offers from hold where id = $1
        )
        insert into hold_line (hold_id, direction, ordinal, flight_id, cabin, seats)
        select $2, direction, ordinal, flight_id, cabin, $3::int + $4::int from hold_line where hold_id = $1
        "#,
        booking.hold_id.0,
        hold_id.0,
        count(PassengerType::Adult),
        count(PassengerType::Child),
        count(PassengerType::Infant),
        new.total.minor(),
    )
    .execute(&mut *conn)
    .await?;
    // A drawn reference is taken once in millions; a second draw settles it.
    for _ in 0..8 {
        let reference = BookingRef::random();
        let made = sqlx::query!(
            r#"
            with made as (
                insert into booking (id, booking_ref, account_id, hold_id, status, created_at, payment_due_at, confirmed_at, currency, total_minor,
                                     contact_email, contact_phone, first_departs_at, contact_changed_at)
                select $2, $3, account_id, $4, $5, created_at, payment_due_at, confirmed_at, currency, $6, contact_email, contact_phone,
                       first_departs_at, contact_changed_at
                from booking where id = $1
                on conflict on constraint booking_ref_taken do nothing
                returning id
            ), came_of as (
                insert into booking_split (new_booking_id, booking_id, origin_id, split_at, currency, total_minor)
                select id, $1, coalesce((select origin_id from booking_split where new_booking_id = $1), $1), $7, $8, $6 from made
            )
            update booking set total_minor = total_minor - $6 where id = $1 and exists (select from made)
            "#,
            booking.id.0,
            new.id.0,
            reference.as_str(),
            hold_id.0,
            new.status.as_str(),
            new.total.minor(),
            clock.now(),
            new.total.currency().code(),
        )
        .execute(&mut *conn)
        .await?;
        if made.rows_affected() == 1 {
            return Ok(reference);
        }
    }
    Err(Error::Catalogue(
        "no free booking reference was drawn".to_owned(),
    ))
}

/// Copies directions with their flights and what the airline did to them, and counts the seats on both sides. A direction that
/// nobody flies in one of the bookings is cancelled there.
pub(super) async fn flights(
    conn: &mut PgConnection,
    booking: &LockedBooking,
    trip: &Trip,
    new: &New<'_>,
) -> Result<()> {
    for direction in &trip.directions {
        let id = DirectionId::new();
        let side = |goes: bool| {
            let side = trip.passengers.iter();
            side.filter(move |one| new.going.contains(&one.id) == goes)
        };
        let flies = |goes: bool| side(goes).any(|one| trip.flies(one.id, direction));
        let seats = |goes: bool| {
            let seated = side(goes).filter(|one| one.kind != PassengerType::Infant);
            // Of a direction that is cancelled for all: what had been booked.
            let is_live = flies(goes);
            let seated = seated.filter(|one| !is_live || trip.flies(one.id, direction));
            i32::try_from(seated.count()).unwrap_or(i32::MAX)
        };
        let flights = direction.flights.iter();
        let booked: Vec<_> = flights.map(|_| BookedFlightId::new().0).collect();
        sqlx::query!(
            r#"
            with copied as (
                insert into direction (id, booking_id, ordinal, name, status, validating_airline, cabin, fare_family, conditions, cancelled_at)
                select $2, $3, ordinal, name, case when $6 then 'booked' else 'cancelled' end, validating_airline, cabin, fare_family, conditions,
                       case when not $6 then coalesce(cancelled_at, (
                           select max(c.cancelled_at) from cancelled_place gone join cancellation c on c.id = gone.cancellation_id
                           where gone.direction_id = $1)) end
                from direction where id = $1
            ), flown as (
                insert into booked_flight (id, booking_id, direction_id, ordinal, flight_id, cabin, seats)
                select ids.id, $3, $2, bf.ordinal, bf.flight_id, bf.cabin, $7
                from (
                    select *, row_number() over (order by ordinal) as position from booked_flight where direction_id = $1
                ) bf
                join unnest($4::uuid[]) with ordinality as ids (id, position) on ids.position = bf.position
            ), told as (
                insert into disrupted_booking (id, disruption_id, booking_id, direction_id, status, departs_at, arrives_at, connection_broken,
                                               decide_by, default_choice, entitlements, created_at, decided_at, decided_by, is_default, cancellation_id)
                select gen_random_uuid(), disruption_id, $3, $2, status, departs_at, arrives_at, connection_broken,
                       decide_by, default_choice, entitlements, created_at, decided_at, decided_by, is_default, cancellation_id
                from disrupted_booking where direction_id = $1
            ), ended as (
                update direction set status = 'cancelled', cancelled_at = coalesce(cancelled_at, (
                    select max(c.cancelled_at) from cancelled_place gone join cancellation c on c.id = gone.cancellation_id
                    where gone.direction_id = $1))
                where id = $1 and status = 'booked' and not $8
            )
            update booked_flight set seats = $9 where direction_id = $1 and booking_id = $5
            "#,
            direction.id.0,
            id.0,
            new.id.0,
            &booked,
            booking.id.0,
            flies(true),
            seats(true),
            flies(false),
            seats(false),
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Files passengers under the new booking, with everything that is theirs: seats, bags, tickets, what they have cancelled.
pub(super) async fn people(
    conn: &mut PgConnection,
    booking: &LockedBooking,
    new: &New<'_>,
) -> Result<()> {
    let people = new.people();
    sqlx::query!(
        r#"
        with numbered as (
            select id, row_number() over (order by ordinal) - 1 as position from passenger where booking_id = $1 and id = any($3)
        ), moved as (
            update passenger p set booking_id = $2, ordinal = numbered.position from numbered where numbered.id = p.id
        ), cancelled as (
            update cancelled_place gone set booking_id = $2, direction_id = copy.id
            from direction d join direction copy on copy.booking_id = $2 and copy.ordinal = d.ordinal
            where gone.booking_id = $1 and gone.passenger_id = any($3) and d.id = gone.direction_id
        ), bags as (
            update baggage_item set booking_id = $2 where booking_id = $1 and passenger_id = any($3)
        ), chosen as (
            update seat_choice set booking_id = $2 where booking_id = $1 and passenger_id = any($3)
        ), corrected as (
            update name_correction set booking_id = $2 where booking_id = $1 and passenger_id = any($3)
        ), good_for as (
            update ticket_coupon c set booked_flight_id = copy.id
            from ticket t, booked_flight bf join booked_flight copy on copy.booking_id = $2 and copy.ordinal = bf.ordinal
            where t.booking_id = $1 and t.passenger_id = any($3) and c.ticket_id = t.id and bf.id = c.booked_flight_id
        ), tickets as (
            update ticket set booking_id = $2 where booking_id = $1 and passenger_id = any($3)
        )
        update passenger_seat set hold_id = (select hold_id from booking where id = $2)
        where hold_id = $4 and passenger_id = any($3)
        "#,
        booking.id.0,
        new.id.0,
        &people,
        booking.hold_id.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes the price lines of both bookings in place of those that there were.
pub(super) async fn prices(
    conn: &mut PgConnection,
    booking_id: BookingId,
    new_id: BookingId,
    divided: &Divided,
) -> Result<()> {
    sqlx::query!("delete from price_line where booking_id = $1", booking_id.0)
        .execute(&mut *conn)
        .await?;
    for (id, lines) in [(booking_id, &divided.stays), (new_id, &divided.moved)] {
        write_lines(conn, id, lines).await?;
    }
    Ok(())
}

async fn write_lines(
    conn: &mut PgConnection,
    booking_id: BookingId,
    lines: &[InvoicedLine],
) -> Result<()> {
    let priced: Vec<_> = lines.iter().map(|one| one.line.clone()).collect();
    crate::booking::insert::lines(conn, booking_id, &priced).await?;
    let invoices = lines.iter().map(|one| one.invoice_id);
    sqlx::query!(
        r#"
        update price_line set invoice_id = t.invoice
        from unnest($2::uuid[]) with ordinality as t (invoice, position)
        where booking_id = $1 and ordinal = t.position - 1 and t.invoice is not null
        "#,
        booking_id.0,
        &invoices.collect::<Vec<_>>() as &[Option<Uuid>],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Divides the use of a coupon, which stays one use.
pub(super) async fn coupon(
    conn: &mut PgConnection,
    booking_id: BookingId,
    new_id: BookingId,
    discount_minor: i64,
) -> Result<()> {
    if discount_minor == 0 {
        return Ok(());
    }
    sqlx::query!(
        r#"
        with whole as (
            select * from coupon_redemption where booking_id = $1
        ), moved as (
            update coupon_redemption set booking_id = $2 where booking_id = $1 and discount_minor = $3
        ), copied as (
            insert into coupon_redemption (booking_id, code, account_id, currency, discount_minor, redeemed_at)
            select $2, code, account_id, currency, $3, redeemed_at from whole where discount_minor > $3
        )
        update coupon_redemption set discount_minor = discount_minor - $3 where booking_id = $1 and discount_minor > $3
        "#,
        booking_id.0,
        new_id.0,
        discount_minor,
    )
    .execute(conn)
    .await?;
    Ok(())
}
