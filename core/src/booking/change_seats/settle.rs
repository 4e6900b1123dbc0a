//! The difference is paid, or nothing was to pay: everybody moves.

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::hold::items;
use super::{Move, quote};
use crate::booking::pending::{drop_claims, end, find_open, release};
use crate::booking::{insert, seating};
use crate::booking_event::{self, Event, SeatMoved};
use crate::booking_lock::LockedBooking;
use crate::clock::Clock;
use crate::inventory::{self, Seat};
use crate::money::Money;
use crate::trade::PriceLine;
use crate::{Error, Result, document, ledger};

/// The money for a change has come: everybody moves, the lines join the price, the documents are made anew.
///
/// False when it was settled before, when a seat cannot be had any more, because it is somebody else's or the aircraft
/// is another, or when the traveller has asked for other seats or changed the flights since: the money goes back, the old
/// seats stay. The caller has locked the booking.
pub(crate) async fn settle(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    id: Uuid,
) -> Result<bool> {
    let status = sqlx::query_scalar!("select status from booking_change where id = $1", id)
        .fetch_one(&mut *conn)
        .await?;
    let newer = find_open(conn, booking.id).await?;
    let is_replaced = newer.is_some_and(|open| open.id != id);
    if is_replaced || !matches!(status.as_str(), "open" | "expired") {
        return Ok(false);
    }
    inventory::lock_of_booking(conn, booking.id).await?;
    let mut attempt = conn.begin().await?;
    match take(&mut attempt, clock, booking, id).await {
        Ok(true) => {
            attempt.commit().await?;
            Ok(true)
        }
        Ok(false) | Err(Error::SeatTaken { .. }) => {
            attempt.rollback().await?;
            drop_claims(conn, clock, booking, id, "refunded").await?;
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Whether everybody has moved; else nothing of it may stay.
async fn take(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    id: Uuid,
) -> Result<bool> {
    let moves = items(conn, id).await?;
    if !quote::still_fit(conn, clock, booking, &moves).await? {
        return Ok(false);
    }
    release(conn, id).await?;
    let seats = reseat(conn, booking, &moves).await?;
    let added = add_lines(conn, clock, booking, id).await?;
    end(conn, clock, id, "done").await?;
    let paid = Some((id, Money::new(added, booking.total.currency())));
    let changed = Event::SeatsChanged { paid, seats };
    booking_event::record(conn, clock, booking.account_id, booking.id, &changed).await?;
    document::reissue_tickets(conn, clock, booking.account_id, booking.id).await?;
    Ok(true)
}

/// Adds the lines of a change to the price; how much they are.
async fn add_lines(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    id: Uuid,
) -> Result<i64> {
    let lines = sqlx::query_scalar!("select lines from booking_change where id = $1", id)
        .fetch_one(&mut *conn)
        .await?;
    let lines: Vec<PriceLine> = serde_json::from_value(lines)
        .map_err(|error| Error::Catalogue(format!("seat change {id} does not read: {error}")))?;
    let added: i64 = lines.iter().map(PriceLine::amount_minor).sum();
    insert::lines(conn, booking.id, &lines).await?;
    ledger::sale_of_lines(conn, clock, booking, id, &lines).await?;
    sqlx::query!(
        "update booking set total_minor = total_minor + $2 where id = $1",
        booking.id.0,
        added,
    )
    .execute(conn)
    .await?;
    Ok(added)
}

/// Takes the seats from whoever of the booking had them and gives them to those who want them: who moved where.
pub(super) async fn reseat(
    conn: &mut PgConnection,
    booking: &LockedBooking,
    moves: &[Move],
) -> Result<Vec<SeatMoved>> {
    let mut seats_moved = Vec::with_capacity(moves.len());
    // All of them stand up before anybody sits down, so that two may change places.
    for who in moves {
        let had = sqlx::query!(
            "delete from passenger_seat where passenger_id = $1 and flight_id = $2 returning seat_row, letter",
            who.passenger_id.0,
            who.flight_id.0,
        )
        .fetch_optional(&mut *conn)
        .await?;
        seats_moved.push(SeatMoved {
            passenger_id: who.passenger_id,
            flight_id: who.flight_id,
            from: had.and_then(|had| Seat::of_columns(had.seat_row, &had.letter)),
            to: Some(who.seat),
        });
    }
    let seats: Vec<_> = moves.iter().map(|to| (to.flight_id, to.seat)).collect();
    inventory::claim_seats(conn, booking.hold_id, &seats, "chosen").await?;
    sit(conn, booking, moves).await?;
    Ok(seats_moved)
}

async fn sit(conn: &mut PgConnection, booking: &LockedBooking, moves: &[Move]) -> Result<()> {
    for Move {
        passenger_id,
        flight_id,
        seat,
        fee,
    } in moves
    {
        seating::occupy(conn, *flight_id, *seat, *passenger_id).await?;
        sqlx::query!(
            r#"
            insert into seat_choice as had (booking_id, passenger_id, flight_id, seat_row, letter, paid_minor) values ($1, $2, $3, $4, $5, $6)
            on conflict on constraint seat_choice_pkey do update set
                seat_row = excluded.seat_row, letter = excluded.letter, paid_minor = had.paid_minor + excluded.paid_minor
            "#,
            booking.id.0,
            passenger_id.0,
            flight_id.0,
            seat.row,
            seat.letter.to_string(),
            fee,
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}
