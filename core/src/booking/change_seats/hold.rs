//! Seats that wait for their difference to be paid: claimed, kept a while, and given back.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Move, SeatChange, Wish};
use crate::booking_event::{self, Event};
use crate::booking_lock::LockedBooking;
use crate::clock::Clock;
use crate::ids::{BookingId, FlightId, PassengerId};
use crate::inventory::{self, Seat};
use crate::money::Money;
use crate::trade::{LineKind, PriceLine};
use crate::{Error, Result, Shop, payment};

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
        insert into seat_change (id, booking_id, created_at, expires_at, currency, amount_minor, lines)
        values ($1, $2, $3, $4, $5, $6, $7)
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
            "insert into seat_change_item (seat_change_id, passenger_id, flight_id, seat_row, letter, fee_minor) values ($1, $2, $3, $4, $5, $6)",
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
        from seat_change_item where seat_change_id = $1 order by flight_id, seat_row, letter
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

/// The change of a booking that waits for its money, or `None`.
pub async fn find_open(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Option<SeatChange>> {
    let row = sqlx::query!(
        "select id, expires_at, currency, amount_minor from seat_change where booking_id = $1 and status = 'open'",
        booking_id.0,
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let currency = crate::money::known_currency(&row.currency)?;
    Ok(Some(SeatChange {
        id: row.id,
        expires_at: row.expires_at,
        amount: Money::new(row.amount_minor, currency),
    }))
}

/// The open change of each booking that has one.
pub async fn list_open(
    conn: &mut PgConnection,
    booking_ids: &[BookingId],
) -> Result<HashMap<BookingId, SeatChange>> {
    if booking_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let booking_ids: Vec<_> = booking_ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"
        select booking_id as "booking_id: BookingId", id, expires_at, currency, amount_minor
        from seat_change where booking_id = any($1) and status = 'open'
        "#,
        &booking_ids,
    )
    .fetch_all(conn)
    .await?;
    let mut changes = HashMap::with_capacity(rows.len());
    for row in rows {
        let currency = crate::money::known_currency(&row.currency)?;
        let change = SeatChange {
            id: row.id,
            expires_at: row.expires_at,
            amount: Money::new(row.amount_minor, currency),
        };
        changes.insert(row.booking_id, change);
    }
    Ok(changes)
}

/// Gives back the claims of a change that nobody sits on yet.
pub(super) async fn release(conn: &mut PgConnection, id: Uuid) -> Result<()> {
    sqlx::query!(
        r#"
        delete from passenger_seat s using seat_change_item i
        where i.seat_change_id = $1 and s.passenger_id is null and s.reason = 'chosen'
          and (s.flight_id, s.seat_row, s.letter) = (i.flight_id, i.seat_row, i.letter)
          and s.hold_id = (select b.hold_id from seat_change c join booking b on b.id = c.booking_id where c.id = $1)
        "#,
        id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn drop_claims(
    conn: &mut PgConnection,
    clock: &Clock,
    id: Uuid,
    status: &str,
) -> Result<()> {
    release(conn, id).await?;
    end(conn, clock, id, status).await
}

pub(super) async fn end(
    conn: &mut PgConnection,
    clock: &Clock,
    id: Uuid,
    status: &str,
) -> Result<()> {
    sqlx::query!(
        "update seat_change set status = $2, ended_at = $3 where id = $1",
        id,
        status,
        clock.now(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends a change that waits for its money: its checkout closes, the old seats stay. The caller has locked the booking.
pub(in crate::booking) async fn drop_open(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    id: Uuid,
) -> Result<()> {
    payment::abandon(conn, clock, booking).await?;
    drop_claims(conn, clock, id, "expired").await
}

/// Ends a change that waited for its money, because another aircraft does not have its seats: its checkout closes, the
/// old seats stay, and the traveller is told. The caller has locked the booking and the cabins.
pub(in crate::booking) async fn lose(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    id: Uuid,
) -> Result<()> {
    drop_open(conn, clock, booking, id).await?;
    let lost = Event::SeatChangeLost { seat_change_id: id };
    booking_event::record(conn, clock, booking.account_id, booking.id, &lost).await?;
    Ok(())
}

/// Moves the end of a change to the end of the checkout that pays it.
pub(crate) async fn prolong(conn: &mut PgConnection, id: Uuid, until: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update seat_change set expires_at = greatest(expires_at, $2) where id = $1 and status = 'open'",
        id,
        until,
    )
    .execute(conn)
    .await?;
    Ok(())
}
