//! Whether the seats that are wished for can be had, and what they cost more.

use chrono::{DateTime, Duration, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::{Move, NewSeat, Wish};
use crate::booking::seating;
use crate::booking_lock::LockedBooking;
use crate::clock::Clock;
use crate::error::{Refusal, Violations};
use crate::flight::{Flight, FlightStatus};
use crate::ids::{BookingId, FlightId, PassengerId};
use crate::inventory::Seat;
use crate::seat::{self, SeatOnFlight, SeatStatus, Sitter};
use crate::trade::{Cabin, FareConditions};
use crate::{Error, Result, Shop};

/// Check-in closes this long before a flight; its seats do not change after that.
const CHECK_IN_CLOSES: Duration = Duration::minutes(60);

/// The airline has cancelled the flight: nobody gets another seat on it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the flight is cancelled: choose other flights, or have everything back")]
pub struct FlightDoesNotFly;

impl Refusal for FlightDoesNotFly {
    fn code(&self) -> &'static str {
        "flight_cancelled"
    }
}

/// Whether seats of a flight may still change.
pub(in crate::booking) fn can_change_seats(now: DateTime<Utc>, flight: &Flight) -> bool {
    flight.status != FlightStatus::Cancelled && is_check_in_open(now, flight.departs_at)
}

fn is_check_in_open(now: DateTime<Utc>, departs_at: DateTime<Utc>) -> bool {
    now <= departs_at - CHECK_IN_CLOSES
}

/// A direction as the fee of a seat depends on it.
struct Flown {
    flight_id: FlightId,
    departs_at: DateTime<Utc>,
    status: FlightStatus,
    cabin: Cabin,
    direction: i16,
    conditions: Json<FareConditions>,
}

pub(super) async fn check(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    booking: &LockedBooking,
    wishes: &[NewSeat],
) -> Result<Vec<Wish>> {
    let flown = flown(conn, booking.id).await?;
    let mut wrong = Violations::new();
    let read = rules(&mut wrong, wishes);
    let mut checked = Vec::<Wish>::new();
    let mut taken = None;
    for (index, (wish, seat)) in wishes.iter().zip(read).enumerate() {
        let path = |field: &str| format!("seats[{index}].{field}");
        let Some(on) = flown.iter().find(|on| on.flight_id == wish.flight_id) else {
            wrong.add(
                path("flight_id"),
                "not_booked",
                "write the `flight_id` of a flight of this booking",
            );
            continue;
        };
        if on.status == FlightStatus::Cancelled {
            return Err(FlightDoesNotFly.into());
        }
        if !is_check_in_open(shop.clock.now(), on.departs_at) {
            return Err(Error::TooLate {
                action: "change seats",
                ended_at: on.departs_at - CHECK_IN_CLOSES,
            });
        }
        let party = seating::party(conn, booking.id, wish.flight_id).await?;
        let Some(sitter) = party.iter().find(|s| s.passenger_id == wish.passenger_id) else {
            let message =
                "write the `id` of a passenger of this booking who has a seat of their own";
            wrong.add(path("passenger_id"), "unknown", message);
            continue;
        };
        let Some(seat) = seat else {
            continue;
        };
        let Some(seat) = find_seat(conn, &mut wrong, path("seat"), on, seat).await? else {
            continue;
        };
        if is_taken(&party, seat) {
            taken.get_or_insert(seat.place.seat);
        }
        check_choice(&mut wrong, path("seat"), sitter, seat);
        let fees = &shop.tariff.seat_fees;
        let kind = fees.kind(on.cabin, seat.place.exit_row, seat.row_of_cabin);
        let choice = on.conditions.0.seat_choice;
        let fee = fees.fee(booking.total.currency(), on.cabin, kind, choice)?;
        let paid = paid_for(conn, wish.flight_id, wish.passenger_id).await?;
        checked.push(Wish {
            passenger_id: wish.passenger_id,
            fee: (fee.minor() - paid).max(0),
            direction: u8::try_from(on.direction).unwrap_or_default(),
            seat,
        });
    }
    wrong.into_result()?;
    match taken {
        Some(seat) => Err(Error::SeatTaken {
            seat: seat.to_string(),
        }),
        None => Ok(checked),
    }
}

async fn flown(conn: &mut PgConnection, booking_id: BookingId) -> Result<Vec<Flown>> {
    let flown = sqlx::query_as!(
        Flown,
        r#"
        select bf.flight_id as "flight_id: FlightId", f.departs_at, f.status as "status: FlightStatus", bf.cabin as "cabin: Cabin", d.ordinal as direction,
               d.conditions as "conditions: Json<FareConditions>"
        from booked_flight bf
        join direction d on d.id = bf.direction_id and d.status = 'booked'
        join flight f on f.id = bf.flight_id
        where bf.booking_id = $1 order by bf.ordinal
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(flown)
}

/// Whether the seats of a change can still be taken: the aircraft is another after a swap, the flight is cancelled, and check-in
/// closes.
pub(super) async fn still_fit(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    moves: &[Move],
) -> Result<bool> {
    let flown = flown(conn, booking.id).await?;
    for to in moves {
        let on = flown.iter().find(|on| on.flight_id == to.flight_id);
        let can_change = |on: &&Flown| {
            on.status != FlightStatus::Cancelled && is_check_in_open(clock.now(), on.departs_at)
        };
        let Some(on) = on.filter(can_change) else {
            return Ok(false);
        };
        let seat = (to.flight_id, to.seat);
        if !seating::may_sit(conn, booking.id, on.cabin, to.passenger_id, seat).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What can be said of the wishes by themselves; the seats of those that can be read.
pub(in crate::booking) fn rules(wrong: &mut Violations, wishes: &[NewSeat]) -> Vec<Option<Seat>> {
    let seats: Vec<_> = wishes.iter().map(|wish| Seat::parse(&wish.seat)).collect();
    for (index, (wish, seat)) in wishes.iter().zip(&seats).enumerate() {
        let field = format!("seats[{index}].seat");
        if seat.is_none() {
            let message = "write a row and a letter, such as 12A";
            wrong.add(field, "format", message);
            continue;
        }
        let mut before = wishes.iter().zip(&seats).take(index);
        let is_twice = before.any(|(other, taken)| {
            other.flight_id == wish.flight_id
                && (other.passenger_id == wish.passenger_id || taken == seat)
        });
        if is_twice {
            let message = "name each passenger and each seat once on a flight";
            wrong.add(field, "duplicate", message);
        }
    }
    seats
}

async fn find_seat(
    conn: &mut PgConnection,
    wrong: &mut Violations,
    field: String,
    on: &Flown,
    seat: Seat,
) -> Result<Option<SeatOnFlight>> {
    let found = seat::find(conn, &[(on.flight_id, seat)]).await?.pop();
    let found = found.filter(|found| found.cabin == on.cabin);
    if found.is_none() {
        let message = format!("the cabin has no seat {seat}: choose one from the seat map");
        wrong.add(field, "no_such_seat", message);
    }
    Ok(found)
}

/// Whether somebody of another party has the seat.
fn is_taken(party: &[Sitter], seat: SeatOnFlight) -> bool {
    let is_of_party = party.iter().any(|other| other.has == Some(seat.place.seat));
    let is_free = matches!(seat.status, SeatStatus::Free | SeatStatus::Blocked);
    !is_free && !is_of_party
}

/// Whether the passenger may choose the seat, whoever has it.
fn check_choice(wrong: &mut Violations, field: String, sitter: &Sitter, seat: SeatOnFlight) {
    if seat.place.exit_row && !sitter.may_sit_at_exit {
        wrong.add(
            field,
            "exit_row",
            "choose a seat that is not in an exit row: those are for passengers of 15 or older without an infant on the lap",
        );
    } else if seat.status == SeatStatus::Blocked {
        wrong.add(
            field,
            "blocked",
            "the seat is not for sale: choose one that is free on the seat map",
        );
    }
}

/// What this passenger has paid for choosing seats on a flight.
async fn paid_for(
    conn: &mut PgConnection,
    flight_id: FlightId,
    passenger_id: PassengerId,
) -> Result<i64> {
    let paid = sqlx::query_scalar!(
        "select paid_minor from seat_choice where passenger_id = $1 and flight_id = $2",
        passenger_id.0,
        flight_id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(paid.unwrap_or_default())
}
