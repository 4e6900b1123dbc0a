//! The money of chosen seats when another aircraft does not have them, or has them in a cheaper class: what was paid for
//! more than a passenger gets goes back. A dearer class asks for nothing: nobody chose it.
//!
//! **A chosen seat is charged only if it is assigned.** When money comes, late or after a swap, the seat that was
//! chosen may be somebody's or nowhere. Its line leaves the price before the sale is posted and the fee goes back
//! as a refund of its own (`seat_fees`): a negative line beside it would say the same sum with an invoice that
//! nobody understands.

use sqlx::PgConnection;
use uuid::Uuid;

use super::insert;
use crate::booking_lock::LockedBooking;
use crate::clock::Clock;
use crate::ids::{BookingId, FlightId, PassengerId};
use crate::inventory::Seat;
use crate::money::{Currency, Money};
use crate::seat;
use crate::seat_fee::{SeatFees, SeatKind};
use crate::trade::{Cabin, LineKind, PriceLine, SeatChoice};
use crate::{Error, Result, ledger, payment};

/// A seat that a passenger chose and paid for.
#[derive(Clone, Debug)]
pub(super) struct PaidSeat {
    pub booking_id: BookingId,
    pub passenger_id: PassengerId,
    pub flight_id: FlightId,
    pub seat: Seat,
    direction: u8,
    cabin: Cabin,
    seat_choice: SeatChoice,
    paid_minor: i64,
    /// What the aircraft says of it; none where the cabin does not have it.
    kind: Option<SeatKind>,
}

/// What of a seat's fee goes back.
#[derive(Clone, Debug)]
pub(super) struct GivenBack {
    pub seat: PaidSeat,
    pub minor: i64,
}

/// The seats of a flight that passengers of sold bookings paid for, as the flight's aircraft has them now.
pub(super) async fn of_flight(
    conn: &mut PgConnection,
    fees: &SeatFees,
    flight_id: FlightId,
) -> Result<Vec<PaidSeat>> {
    let rows = sqlx::query!(
        r#"
        select c.booking_id as "booking_id: BookingId", c.passenger_id as "passenger_id: PassengerId", c.seat_row, c.letter,
               c.paid_minor, d.ordinal, bf.cabin as "cabin: Cabin", coalesce(d.conditions ->> 'seat_choice', 'paid') as "seat_choice!: SeatChoice"
        from seat_choice c
        join booking b on b.id = c.booking_id and b.status in ('confirmed', 'partially_cancelled')
        join booked_flight bf on bf.booking_id = b.id and bf.flight_id = c.flight_id
        join direction d on d.id = bf.direction_id
        where c.flight_id = $1 and c.paid_minor > 0
        order by c.booking_id, c.seat_row, c.letter
        "#,
        flight_id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut seats = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(letter) = row.letter.chars().next() else {
            continue;
        };
        seats.push(PaidSeat {
            booking_id: row.booking_id,
            passenger_id: row.passenger_id,
            flight_id,
            seat: Seat {
                row: row.seat_row,
                letter,
            },
            direction: u8::try_from(row.ordinal).unwrap_or_default(),
            cabin: row.cabin,
            seat_choice: row.seat_choice,
            paid_minor: row.paid_minor,
            kind: None,
        });
    }
    let wanted: Vec<_> = seats.iter().map(|paid| (flight_id, paid.seat)).collect();
    let found = seat::find(conn, &wanted).await?;
    for paid in &mut seats {
        let is_it = |found: &&seat::SeatOnFlight| {
            (found.place.seat, found.cabin) == (paid.seat, paid.cabin)
        };
        paid.kind = found
            .iter()
            .find(is_it)
            .map(|found| fees.kind(found.cabin, found.place.exit_row, found.row_of_cabin));
    }
    Ok(seats)
}

/// What goes back of the seats that were paid `before` another aircraft came; `has_lost` says who sits elsewhere now.
pub(super) async fn given_back(
    conn: &mut PgConnection,
    fees: &SeatFees,
    currency: Currency,
    before: Vec<PaidSeat>,
    has_lost: impl Fn(&PaidSeat) -> bool,
) -> Result<Vec<GivenBack>> {
    let Some(flight_id) = before.first().map(|paid| paid.flight_id) else {
        return Ok(Vec::new());
    };
    let now = of_flight(conn, fees, flight_id).await?;
    let mut back = Vec::new();
    for seat in before {
        let is_lost = has_lost(&seat);
        let key = (seat.passenger_id, seat.seat);
        let now = now.iter().find(|now| (now.passenger_id, now.seat) == key);
        let kind = now.and_then(|now| now.kind).filter(|_| !is_lost);
        let minor = match (seat.kind, kind) {
            (_, None) => seat.paid_minor,
            (Some(was), Some(is)) => cheaper(fees, currency, &seat, was, is)?,
            (None, Some(_)) => 0,
        };
        if minor > 0 {
            back.push(GivenBack { seat, minor });
        }
    }
    Ok(back)
}

/// How much less a class costs than the one that was paid for, at most what was paid.
fn cheaper(
    fees: &SeatFees,
    currency: Currency,
    seat: &PaidSeat,
    was: SeatKind,
    is: SeatKind,
) -> Result<i64> {
    let fee = |kind| fees.fee(currency, seat.cabin, kind, seat.seat_choice);
    let less = fee(was)?.minor() - fee(is)?.minor();
    Ok(less.clamp(0, seat.paid_minor))
}

/// Takes what goes back off the price of a sold booking, posts it, and promises the refund. The caller has locked the
/// booking.
pub(super) async fn settle(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    back: &[GivenBack],
) -> Result<()> {
    let lines: Vec<PriceLine> = back.iter().map(line).collect();
    let total: i64 = back.iter().map(|one| one.minor).sum();
    if total == 0 {
        return Ok(());
    }
    insert::lines(conn, booking.id, &lines).await?;
    ledger::sale_of_lines(conn, clock, booking, Uuid::now_v7(), &lines).await?;
    sqlx::query!(
        "update booking set total_minor = total_minor - $2 where id = $1",
        booking.id.0,
        total,
    )
    .execute(&mut *conn)
    .await?;
    for one in back {
        let seat = &one.seat;
        sqlx::query!(
            "update seat_choice set paid_minor = paid_minor - $3 where passenger_id = $1 and flight_id = $2",
            seat.passenger_id.0,
            seat.flight_id.0,
            one.minor,
        )
        .execute(&mut *conn)
        .await?;
    }
    let amount = Money::new(total, booking.total.currency());
    payment::give_back_seat_swap(conn, clock, booking, amount).await
}

/// A line of its own, because the invoice of the sale stays as it is.
fn line(back: &GivenBack) -> PriceLine {
    let paid = &back.seat;
    let kind = paid.kind.unwrap_or(SeatKind::Standard);
    PriceLine {
        direction: Some(paid.direction),
        flight_id: Some(paid.flight_id),
        kind: LineKind::Seat,
        code: format!("{} {}", kind.as_str(), paid.seat),
        name: None,
        passenger_type: None,
        passenger_id: Some(paid.passenger_id),
        quantity: 1,
        unit_minor: -back.minor,
        refundable: false,
        is_percentage: false,
    }
}

/// Before a booking is sold: chosen seats that are of a cheaper class than when they were named cost what that costs.
/// The caller has locked the booking and the cabins.
pub(super) async fn settle_unsold(conn: &mut PgConnection, booking: &LockedBooking) -> Result<()> {
    let rows = sqlx::query!(
        r#"
        select l.ordinal, l.code, l.amount_minor, l.flight_id as "flight_id!: FlightId",
               coalesce(d.conditions ->> 'seat_choice', 'paid') as "seat_choice!: SeatChoice"
        from price_line l
        join direction d on d.booking_id = l.booking_id and d.ordinal = l.direction
        where l.booking_id = $1 and l.kind = 'seat' and l.amount_minor > 0
        "#,
        booking.id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    if rows.is_empty() {
        return Ok(());
    }
    let fees = SeatFees::load(conn).await?;
    let currency = booking.total.currency();
    let named = |code: &str| {
        let (kind, seat) = code.split_once(' ')?;
        Some((SeatKind::parse(kind)?, Seat::parse(seat)?))
    };
    for row in rows {
        let Some((was, seat)) = named(&row.code) else {
            continue;
        };
        let found = seat::find(conn, &[(row.flight_id, seat)]).await?.pop();
        let found = found.ok_or_else(|| {
            Error::Internal(format!(
                "booking {} keeps a lost seat in its price",
                booking.id
            ))
        })?;
        let is = fees.kind(found.cabin, found.place.exit_row, found.row_of_cabin);
        let fee = |kind| fees.fee(currency, found.cabin, kind, row.seat_choice);
        let less = (fee(was)?.minor() - fee(is)?.minor()).clamp(0, row.amount_minor);
        if less == 0 {
            continue;
        }
        sqlx::query!(
            r#"
            with line as (
                update price_line set code = $3, unit_minor = unit_minor - $4, amount_minor = amount_minor - $4
                where booking_id = $1 and ordinal = $2
            ), choice as (
                update seat_choice set paid_minor = greatest(paid_minor - $4, 0)
                where booking_id = $1 and flight_id = $5 and seat_row = $6 and letter = $7
            )
            update booking set total_minor = total_minor - $4 where id = $1
            "#,
            booking.id.0,
            row.ordinal,
            format!("{} {seat}", is.as_str()),
            less,
            row.flight_id.0,
            seat.row,
            seat.letter.to_string(),
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}
