//! Seats that wait for their difference to be paid are claimed.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Move, Wish};
use crate::booking_lock::LockedBooking;
use crate::ids::{FlightId, PassengerId};
use crate::inventory::{self, Seat};
use crate::trade::{LineKind, PriceLine};
use crate::{Error, Result, Shop};

pub(super) async fn hold_seats(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    booking: &LockedBooking,
    wishes: &[Wish],
    dearer: i64,
) -> Result<()> {
    let id = Uuid::now_v7();
    let fees = &shop.tariff.seat_fees;
    let lines: Vec<PriceLine> = wishes
        .iter()
        .filter(|wish| wish.fee > 0)
        .map(|wish| {
            let seat = &wish.seat;
            let kind = fees.kind(seat.cabin, seat.place.exit_row, seat.row_of_cabin);
            PriceLine {
                direction: Some(wish.direction),
                flight_id: Some(seat.flight_id),
                kind: LineKind::Seat,
                code: format!("{} {}", kind.as_str(), seat.place.seat),
                name: None,
                passenger_type: None,
                passenger_id: Some(wish.passenger_id),
                quantity: 1,
                unit_minor: wish.fee,
                refundable: false,
                is_percentage: false,
            }
        })
        .collect();
    let lines = serde_json::to_value(lines)
        .map_err(|error| Error::Internal(format!("price lines do not serialise: {error}")))?;
    sqlx::query!(
        r#"
        insert into booking_change (id, booking_id, kind, created_at, expires_at, currency, amount_minor, lines)
        values ($1, $2, 'seats', $3, $4, $5, $6, $7)
        "#,
        id,
        booking.id.0,
        shop.clock.now(),
        shop.clock.now() + shop.sales.hold_time(),
        booking.total.currency().code(),
        dearer,
        lines,
    )
    .execute(&mut *conn)
    .await?;
    for wish in wishes {
        let Move {
            passenger_id,
            flight_id,
            seat,
            fee,
        } = wish.target();
        sqlx::query!(
            "insert into booking_change_seat (booking_change_id, passenger_id, flight_id, seat_row, letter, fee_minor) values ($1, $2, $3, $4, $5, $6)",
            id,
            passenger_id.0,
            flight_id.0,
            seat.row,
            seat.letter.to_string(),
            fee,
        )
        .execute(&mut *conn)
        .await?;
    }
    claim_items(conn, booking, id).await
}

/// Claims the seats of a change that nobody of the booking sits on already.
async fn claim_items(conn: &mut PgConnection, booking: &LockedBooking, id: Uuid) -> Result<()> {
    let own = sqlx::query!(
        r#"
        select s.flight_id as "flight_id: FlightId", s.seat_row, s.letter from passenger_seat s
        join passenger p on p.id = s.passenger_id where p.booking_id = $1
        "#,
        booking.id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let seats: Vec<_> = items(conn, id)
        .await?
        .into_iter()
        .map(|to| (to.flight_id, to.seat))
        .filter(|(flight, seat)| {
            !own.iter().any(|row| {
                row.flight_id == *flight
                    && row.seat_row == seat.row
                    && row.letter.starts_with(seat.letter)
            })
        })
        .collect();
    inventory::claim_seats(conn, booking.hold_id, &seats, "chosen").await
}

pub(super) async fn items(conn: &mut PgConnection, id: Uuid) -> Result<Vec<Move>> {
    let rows = sqlx::query!(
        r#"
        select passenger_id as "passenger_id: PassengerId", flight_id as "flight_id: FlightId", seat_row, letter, fee_minor
        from booking_change_seat where booking_change_id = $1 order by flight_id, seat_row, letter
        "#,
        id,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let letter = row.letter.chars().next()?;
            let seat = Seat {
                row: row.seat_row,
                letter,
            };
            Some(Move {
                passenger_id: row.passenger_id,
                flight_id: row.flight_id,
                seat,
                fee: row.fee_minor,
            })
        })
        .collect())
}
