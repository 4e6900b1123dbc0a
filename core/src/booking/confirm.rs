//! Paid: held seats are sold, everybody gets a seat and a ticket number, and documents are promised.
//!
//! **Money for a flight that no longer flies goes back, in time or late.** Confirming reads the flights' status
//! beside the seats and expires the booking instead: a ticket for nothing is worse than none.

use sqlx::{Connection, PgConnection};

use super::queries::BookedSeats;
use super::{queries, seat_money, seating, traveller};
use crate::booking_event::{self, Before, Event};
use crate::booking_lock::LockedBooking;
use crate::clock::Clock;
use crate::ids::{FlightId, PassengerId};
use crate::inventory::{self, Change, Seat};
use crate::ledger::SoldLine;
use crate::money::Money;
use crate::trade::{BookingStatus, LatePayment, LineKind};
use crate::{Error, Result, coupon, document, fault, ledger, ticket};

/// Confirms a pending booking whose money has come: one transaction sells the seats, seats the party, issues the
/// tickets and promises their documents.
///
/// False when one of its flights does not fly any more; then nothing has changed. The caller has locked the booking.
/// [`Error::WrongState`] unless it is pending.
pub async fn confirm(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
) -> Result<bool> {
    let booked = queries::booked_seats(conn, booking.id).await?;
    if !booked.iter().all(|booked| booked.flies) {
        return Ok(false);
    }
    set_confirmed(conn, clock, booking, BookingStatus::PendingPayment, None).await?;
    inventory::apply(conn, changes(&booked, |seats| (-seats, seats))).await?;
    fault::point("seats_sold");
    ticket_party(conn, clock, booking, &booked, None).await?;
    Ok(true)
}

/// Takes seats again for an expired booking whose money came late: the same seats, else others of the same cabins, on
/// every flight of every direction.
///
/// Its coupon is used again. `None` when a cabin is too full now, a flight does not fly any more, the coupon is used up,
/// or somebody of the party has booked one of the flights again; then nothing has changed. The caller has locked the
/// booking.
pub async fn reclaim(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
) -> Result<Option<LatePayment>> {
    let booked = queries::booked_seats(conn, booking.id).await?;
    if !booked.iter().all(|booked| booked.flies) {
        return Ok(None);
    }
    let mut attempt = conn.begin().await?;
    match take_again(&mut attempt, clock, booking, &booked).await {
        Ok(()) => attempt.commit().await?,
        Err(error) if is_lost_to_others(&error) => {
            attempt.rollback().await?;
            return Ok(None);
        }
        Err(error) => return Err(error),
    }
    let resolution = if claim_chosen(conn, booking, &booked).await? {
        LatePayment::SameSeats
    } else {
        LatePayment::OtherSeats
    };
    set_confirmed(
        conn,
        clock,
        booking,
        BookingStatus::Expired,
        Some(resolution),
    )
    .await?;
    ticket_party(conn, clock, booking, &booked, Some(resolution)).await?;
    Ok(Some(resolution))
}

async fn take_again(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    booked: &[BookedSeats],
) -> Result<()> {
    let flights: Vec<_> = booked.iter().map(|booked| booked.flight_id).collect();
    traveller::claim_again(conn, booking, &flights).await?;
    inventory::apply(conn, changes(booked, |seats| (0, seats))).await?;
    coupon::redeem_again(conn, clock, booking.id).await
}

async fn ticket_party(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    booked: &[BookedSeats],
    late: Option<LatePayment>,
) -> Result<()> {
    seating::seat_party(conn, clock, booking, booked).await?;
    let (mut lines, has_chosen_seats) = price(conn, booking).await?;
    if has_chosen_seats {
        drop_lost_choices(conn, booking).await?;
        seat_money::settle_unsold(conn, booking).await?;
        (lines, _) = price(conn, booking).await?;
    }
    ledger::sale(conn, clock, booking, &lines).await?;
    fault::point("party_seated");
    ticket::issue(conn, clock, booking.id).await?;
    fault::point("tickets_issued");
    document::request_tickets(conn, clock, booking.account_id, booking.id).await?;
    let total = lines.iter().map(|line| line.amount_minor).sum();
    let confirmed = Event::Confirmed {
        before: Before::of(booking),
        total: Money::new(total, booking.total.currency()),
        late,
    };
    booking_event::record(conn, clock, booking.account_id, booking.id, &confirmed).await?;
    fault::point("documents_promised");
    Ok(())
}

/// The price lines of a booking in their order, and whether anybody chose a seat or pays for one.
async fn price(conn: &mut PgConnection, booking: &LockedBooking) -> Result<(Vec<SoldLine>, bool)> {
    let rows = sqlx::query!(
        r#"
        select kind as "kind: LineKind", code, amount_minor,
               exists (select from seat_choice c where c.booking_id = $1) as "has_choice!"
        from price_line where booking_id = $1 order by ordinal
        "#,
        booking.id.0,
    )
    .fetch_all(conn)
    .await?;
    let has_chosen_seats = (rows.iter()).any(|row| row.has_choice || row.kind == LineKind::Seat);
    let lines = rows.into_iter().map(|row| SoldLine {
        kind: row.kind,
        code: row.code,
        amount_minor: row.amount_minor,
    });
    Ok((lines.collect(), has_chosen_seats))
}

fn changes(booked: &[BookedSeats], by: impl Fn(i32) -> (i32, i32)) -> Vec<Change> {
    let change = |booked: &BookedSeats| {
        let (held, sold) = by(booked.seats);
        Change {
            flight_id: booked.flight_id,
            cabin: booked.cabin,
            held,
            sold,
        }
    };
    booked.iter().map(change).collect()
}

/// One conditional update decides between pay, cancel and expire.
async fn set_confirmed(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    from: BookingStatus,
    late: Option<LatePayment>,
) -> Result<()> {
    let updated = sqlx::query!(
        r#"
        update booking set status = 'confirmed', confirmed_at = $2, ended_at = null, late_payment_resolution = $4
        where id = $1 and status = $3
        "#,
        booking.id.0,
        clock.now(),
        from.as_str(),
        late.map(LatePayment::as_str),
    )
    .execute(conn)
    .await?;
    if updated.rows_affected() == 1 {
        Ok(())
    } else {
        Err(Error::WrongState {
            status: booking.status.as_str(),
            action: "confirmed",
        })
    }
}

/// Claims the seats that were chosen once, those that are still free and that the aircraft has; whether all of them were.
async fn claim_chosen(
    conn: &mut PgConnection,
    booking: &LockedBooking,
    booked: &[BookedSeats],
) -> Result<bool> {
    let chosen = sqlx::query!(
        r#"
        select flight_id as "flight_id: FlightId", seat_row, letter, passenger_id as "passenger_id: PassengerId" from seat_choice
        where booking_id = $1 order by flight_id, seat_row, letter
        "#,
        booking.id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut all = true;
    for choice in chosen {
        let on = booked.iter().find(|on| on.flight_id == choice.flight_id);
        let (Some(on), Some(letter)) = (on, choice.letter.chars().next()) else {
            continue;
        };
        let seat = Seat {
            row: choice.seat_row,
            letter,
        };
        let (who, at) = (choice.passenger_id, (choice.flight_id, seat));
        if !seating::may_sit(conn, booking.id, on.cabin, who, at).await? {
            all = false;
            continue;
        }
        match inventory::claim_seats(conn, booking.hold_id, &[at], "chosen").await {
            Ok(()) => seating::occupy(conn, choice.flight_id, seat, who).await?,
            Err(Error::SeatTaken { .. }) => all = false,
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

/// Forgets each choice of a seat that its passenger did not get, and takes the fees of seats that nobody of the party
/// got off the price before that is sold.
async fn drop_lost_choices(conn: &mut PgConnection, booking: &LockedBooking) -> Result<()> {
    sqlx::query!(
        r#"
        with seated as (
            select s.passenger_id, s.flight_id, s.seat_row, s.letter
            from passenger p join passenger_seat s on s.passenger_id = p.id
            where p.booking_id = $1
        ), lost as (
            delete from seat_choice c
            where c.booking_id = $1 and (c.passenger_id, c.flight_id, c.seat_row, c.letter) not in (select * from seated)
        ), dropped as (
            delete from price_line l
            where l.booking_id = $1 and l.kind = 'seat' and not exists (
                select from seated s where s.flight_id = l.flight_id and l.code like '% ' || s.seat_row || s.letter)
            returning l.amount_minor
        )
        update booking set total_minor = total_minor - dropped.fees
        from (select sum(amount_minor)::bigint as fees from dropped) dropped
        where id = $1 and dropped.fees > 0
        "#,
        booking.id.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether it is a reason for which late money goes back: somebody else has the seats, the place on the flight or the
/// last use of the coupon by now.
fn is_lost_to_others(error: &Error) -> bool {
    matches!(
        error,
        Error::SoldOut { .. } | Error::DuplicatePassenger { .. }
    ) || error.refusal::<coupon::Refusal>().is_some()
}
