//! Seats that are not for sale: broken, or for the crew.

use sqlx::PgConnection;

use super::queries;
use crate::error::OnConstraint;
use crate::ids::FlightId;
use crate::inventory::Seat;
use crate::{Error, Result};

/// Takes a seat off sale; its cabin has one seat less.
///
/// Errors: [`Error::NotFound`] for no such seat, [`Error::SeatTaken`] when somebody has it, [`Error::SoldOut`] when
/// the cabin's other seats are all held or sold.
pub async fn block(conn: &mut PgConnection, flight_id: FlightId, seat: Seat) -> Result<()> {
    let found = queries::find(conn, &[(flight_id, seat)])
        .await?
        .pop()
        .ok_or(Error::NotFound("seat"))?;
    // The counter first, as everywhere: cabins are locked before seats.
    sqlx::query!(
        "update flight_cabin set capacity = capacity - 1 where flight_id = $1 and cabin = $2",
        flight_id.0,
        found.cabin.as_str(),
    )
    .execute(&mut *conn)
    .await
    .on_constraint("flight_cabin_not_oversold", Error::SoldOut { flight_id })?;
    let taken = Error::SeatTaken {
        seat: seat.to_string(),
    };
    sqlx::query!(
        "insert into passenger_seat (flight_id, seat_row, letter, reason) values ($1, $2, $3, 'blocked')",
        flight_id.0,
        seat.row,
        seat.letter.to_string(),
    )
    .execute(conn)
    .await
    .on_constraint("passenger_seat_taken", taken)?;
    Ok(())
}

/// Puts a blocked seat on sale again. [`Error::NotFound`] when it is not blocked.
pub async fn unblock(conn: &mut PgConnection, flight_id: FlightId, seat: Seat) -> Result<()> {
    let found = queries::find(conn, &[(flight_id, seat)])
        .await?
        .pop()
        .ok_or(Error::NotFound("seat"))?;
    sqlx::query!(
        "update flight_cabin set capacity = capacity + 1 where flight_id = $1 and cabin = $2",
        flight_id.0,
        found.cabin.as_str(),
    )
    .execute(&mut *conn)
    .await?;
    let deleted = sqlx::query!(
        "delete from passenger_seat where flight_id = $1 and seat_row = $2 and letter = $3 and reason = 'blocked'",
        flight_id.0,
        seat.row,
        seat.letter.to_string(),
    )
    .execute(conn)
    .await?;
    if deleted.rows_affected() == 0 {
        return Err(Error::NotFound("blocked seat"));
    }
    Ok(())
}
