//! Chosen seats: whether the new flights have them.

use std::collections::HashSet;

use sqlx::PgConnection;

use super::model::ChangedSeat;
use super::offers::Wanted;
use crate::booking_lock::LockedBooking;
use crate::ids::{FlightId, PassengerId};
use crate::inventory::Seat;
use crate::seat::{self, SeatOnFlight, SeatStatus};
use crate::trade::{Direction, PassengerType};
use crate::{Result, Shop};

/// What becomes of each chosen seat of the directions that change. Seats on a flight that is booked before and after stay
/// and are not listed.
///
/// The first of the old flights goes with the first of the new ones, and so on; a seat goes along where the cabin of the new
/// flight has it, free, in the same price class, and its passenger may sit there.
pub(super) async fn find(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    booking: &LockedBooking,
    wanted: &[Wanted<'_>],
) -> Result<Vec<ChangedSeat>> {
    let chosen = sqlx::query!(
        r#"
        select c.passenger_id as "passenger_id: PassengerId", c.flight_id as "flight_id: FlightId", c.seat_row, c.letter, c.paid_minor
        from seat_choice c join passenger p on p.id = c.passenger_id
        where c.booking_id = $1 order by p.ordinal, c.flight_id
        "#,
        booking.id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let waiting = waiting(conn, booking).await?;
    let mut seats: Vec<ChangedSeat> = Vec::new();
    for one in wanted {
        let pinned = &one.offer.pinned;
        for (index, from) in one.direction.flights.iter().enumerate() {
            if pinned.cabin == one.direction.cabin && pinned.flights.contains(from) {
                continue;
            }
            let to = pinned.flights.get(index).copied();
            let changes = |id| one.people.iter().any(|passenger| passenger.id == id);
            let own = chosen.iter().filter(|row| changes(row.passenger_id));
            for row in own.filter(|row| row.flight_id == *from) {
                let Some(seat) = Seat::of_columns(row.seat_row, &row.letter) else {
                    continue;
                };
                let place = Place {
                    passenger_id: row.passenger_id,
                    from: *from,
                    seat,
                };
                let goes = match to {
                    Some(to) => {
                        let is_waiting = waiting.contains(&(to, seat));
                        let goes = goes_along(conn, shop, one, &place, (to, is_waiting)).await?;
                        goes.then_some(to)
                    }
                    None => None,
                };
                seats.push(ChangedSeat {
                    passenger_id: row.passenger_id,
                    direction: one.direction.direction,
                    from: *from,
                    seat: seat.to_string(),
                    to: goes,
                    paid_minor: row.paid_minor,
                });
            }
        }
    }
    Ok(seats)
}

/// Seats that wait for the money of a change of this booking: it is dropped when another one is confirmed.
async fn waiting(
    conn: &mut PgConnection,
    booking: &LockedBooking,
) -> Result<HashSet<(FlightId, Seat)>> {
    let rows = sqlx::query!(
        r#"
        select flight_id as "flight_id: FlightId", seat_row, letter from passenger_seat
        where hold_id = $1 and passenger_id is null
        "#,
        booking.hold_id.0,
    )
    .fetch_all(conn)
    .await?;
    let seats = rows.into_iter();
    Ok(seats
        .filter_map(|row| Some((row.flight_id, Seat::of_columns(row.seat_row, &row.letter)?)))
        .collect())
}

struct Place {
    passenger_id: PassengerId,
    from: FlightId,
    seat: Seat,
}

async fn goes_along(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    wanted: &Wanted<'_>,
    place: &Place,
    (to, is_waiting): (FlightId, bool),
) -> Result<bool> {
    let asked = [(place.from, place.seat), (to, place.seat)];
    let found = seat::find(conn, &asked).await?;
    let on = |flight| found.iter().find(|seat| seat.flight_id == flight);
    let (Some(old), Some(new)) = (on(place.from), on(to)) else {
        return Ok(false);
    };
    let fees = &shop.tariff.seat_fees;
    let kind = |seat: &SeatOnFlight| fees.kind(seat.cabin, seat.place.exit_row, seat.row_of_cabin);
    let is_alike = old.cabin == new.cabin
        && new.cabin == wanted.offer.pinned.cabin
        && kind(old) == kind(new)
        && (new.status == SeatStatus::Free || is_waiting);
    Ok(is_alike && (!new.place.exit_row || may_sit_at_exit(wanted, place.passenger_id, to)))
}

fn may_sit_at_exit(wanted: &Wanted<'_>, passenger_id: PassengerId, to: FlightId) -> bool {
    let passenger = wanted.people.iter().find(|one| one.id == passenger_id);
    let flight = wanted.flights.iter().find(|flight| flight.id == to);
    let has_infant = (wanted.people.iter())
        .any(|one| one.kind == PassengerType::Infant && one.adult_id == Some(passenger_id));
    passenger.zip(flight).is_some_and(|(passenger, flight)| {
        seat::may_sit_at_exit(passenger.date_of_birth, flight.departure_date, has_infant)
    })
}

/// The seats that go along in a direction, and on which flight.
pub(super) fn going(
    seats: &[ChangedSeat],
    direction: Direction,
) -> impl Iterator<Item = (PassengerId, FlightId, Seat, i64)> + '_ {
    (seats.iter())
        .filter(move |seat| seat.direction == direction)
        .filter_map(|seat| Some((seat.passenger_id, seat.to?, seat.parsed()?, seat.paid_minor)))
}
