//! Seats for those who named none, when the money has come. The cabin's row is locked by then, so nobody else seats
//! a party in the same cabin at the same time.

use sqlx::PgConnection;

use super::aboard::{self, OnFlight};
use super::queries::BookedSeats;
use crate::booking_lock::LockedBooking;
use crate::clock::Clock;
use crate::error::OnConstraint;
use crate::ids::{AccountId, BookingId, FlightId, PassengerId};
use crate::inventory::{self, Claim, Seat};
use crate::seat::{self, CabinMap, MapSeat, SeatOnFlight, SeatStatus, Sitter};
use crate::trade::Cabin;
use crate::{Error, Result};

/// Gives every seated passenger without a seat one on each flight, the party together ([`seat::allocate`]).
///
/// When those who may not sit in exit rows find no other seat, somebody of another booking who named none moves there
/// and gets a new ticket document. Who finds no seat at all is seated at check-in.
pub(super) async fn seat_party(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    flights: &[OnFlight],
) -> Result<()> {
    let needs_seats = |on: &&OnFlight| on.party.iter().any(|sitter| sitter.has.is_none());
    let unseated: Vec<_> = flights.iter().filter(needs_seats).collect();
    if unseated.is_empty() {
        return Ok(());
    }
    let cabins = (unseated.iter()).map(|on| (on.booked.flight_id, Some(on.booked.cabin)));
    let mut all_seats = seat::list(conn, &cabins.collect::<Vec<_>>()).await?;
    let mut claims = Vec::new();
    for OnFlight { booked, party } in unseated {
        let barred = (party.iter())
            .filter(|sitter| sitter.has.is_none())
            .filter(|sitter| !sitter.may_sit_at_exit)
            .count();
        let is_on = |seat: &mut SeatOnFlight| seat.flight_id == booked.flight_id;
        let mut seats: Vec<_> = all_seats.extract_if(.., is_on).map(map_seat).collect();
        let ordinary = seats.iter().filter(|seat| is_free(seat, false)).count();
        if ordinary < barred {
            let wanted = barred - ordinary;
            move_others(conn, clock, booking, booked, &mut seats, wanted).await?;
        }
        let map = CabinMap::new(seats);
        for (passenger_id, seat, reason) in seat::allocate(&map, party) {
            claims.push(Claim {
                flight_id: booked.flight_id,
                seat,
                passenger_id: Some(passenger_id),
                reason: reason.as_str(),
            });
        }
    }
    inventory::claim_all(conn, booking.hold_id, claims).await
}

/// Writes who sits on a seat that is claimed.
pub(super) async fn occupy(
    conn: &mut PgConnection,
    flight_id: FlightId,
    seat: Seat,
    passenger_id: PassengerId,
) -> Result<()> {
    sqlx::query!(
        "update passenger_seat set passenger_id = $1 where flight_id = $2 and seat_row = $3 and letter = $4",
        passenger_id.0,
        flight_id.0,
        seat.row,
        seat.letter.to_string(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether a passenger may sit there: they fly still, the flight's aircraft has the seat, in the cabin that was booked and not blocked,
/// and it is in no exit row unless they may sit in one.
pub(super) async fn may_sit(
    conn: &mut PgConnection,
    booking_id: BookingId,
    cabin: Cabin,
    passenger_id: PassengerId,
    (flight_id, seat): (FlightId, Seat),
) -> Result<bool> {
    let found = seat::find(conn, &[(flight_id, seat)]).await?.pop();
    let is_for_sale =
        |found: &SeatOnFlight| found.cabin == cabin && found.status != SeatStatus::Blocked;
    let Some(found) = found.filter(is_for_sale) else {
        return Ok(false);
    };
    let party = party(conn, booking_id, flight_id).await?;
    let sitter = party
        .iter()
        .find(|sitter| sitter.passenger_id == passenger_id);
    Ok(sitter.is_some_and(|sitter| !found.place.exit_row || sitter.may_sit_at_exit))
}

/// The whole cabin: who sits beside whom depends on the seats of others too.
pub(super) async fn seats_of_cabin(
    conn: &mut PgConnection,
    flight_id: FlightId,
    cabin: Cabin,
) -> Result<Vec<MapSeat>> {
    let seats = seat::list(conn, &[(flight_id, Some(cabin))]).await?;
    Ok(seats.into_iter().map(map_seat).collect())
}

fn map_seat(seat: SeatOnFlight) -> MapSeat {
    MapSeat {
        place: seat.place,
        is_free: seat.status == SeatStatus::Free,
    }
}

fn is_free(seat: &MapSeat, exit_row: bool) -> bool {
    seat.is_free && seat.place.exit_row == exit_row
}

/// The seated passengers of a booking on one flight.
pub(crate) async fn party(
    conn: &mut PgConnection,
    booking_id: BookingId,
    flight_id: FlightId,
) -> Result<Vec<Sitter>> {
    let flights = aboard::load(conn, booking_id).await?.flights;
    let on = |on: &OnFlight| on.booked.flight_id == flight_id;
    let party = flights.into_iter().find(on).map(|on| on.party);
    Ok(party.unwrap_or_default())
}

/// Moves people of other bookings who named no seat from ordinary rows to free exit rows, at most `wanted` of them.
async fn move_others(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    booked: &BookedSeats,
    seats: &mut [MapSeat],
    wanted: usize,
) -> Result<()> {
    let movable = sqlx::query!(
        r#"
        select s.seat_row, s.letter, p.id as "passenger_id: PassengerId", b.id as "booking_id: BookingId", b.account_id as "account_id: AccountId"
        from passenger_seat s
        join passenger p on p.id = s.passenger_id
        join booking b on b.id = p.booking_id
        join flight f on f.id = s.flight_id
        join seat_layout l on l.aircraft = f.aircraft and l.seat_row = s.seat_row and l.letter = s.letter
        where s.flight_id = $1 and l.cabin = $2 and not l.exit_row and s.reason not in ('chosen', 'blocked') and b.id <> $3
          and p.passenger_type = 'adult' and p.date_of_birth <= f.departure_date - interval '15 years'
          and not exists (select from passenger i where i.adult_id = p.id)
        -- Who travels alone is torn from nobody, and no child from its adult while there is somebody else.
        order by exists (select from passenger o where o.booking_id = b.id and o.passenger_type = 'child'),
                 (select count(*) from passenger o where o.booking_id = b.id), s.seat_row desc, s.letter
        limit $4
        "#,
        booked.flight_id.0,
        booked.cabin.as_str(),
        booking.id.0,
        i64::try_from(wanted).unwrap_or(i64::MAX),
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut moved = Vec::new();
    for other in movable {
        let exit = seats.iter_mut().find(|seat| is_free(seat, true));
        let (Some(exit), Some(letter)) = (exit, other.letter.chars().next()) else {
            break;
        };
        exit.is_free = false;
        let to = exit.place.seat;
        let from = Seat {
            row: other.seat_row,
            letter,
        };
        change_seat(conn, booked.flight_id, other.passenger_id, to, "assigned").await?;
        for seat in seats.iter_mut().filter(|seat| seat.place.seat == from) {
            seat.is_free = true;
        }
        crate::document::reissue_tickets(conn, clock, other.account_id, other.booking_id).await?;
        moved.push(other.booking_id);
    }
    moved.sort_unstable();
    moved.dedup();
    let map = CabinMap::new(seats.to_vec());
    for booking_id in moved {
        say_reasons_again(conn, booking_id, booked.flight_id, &map).await?;
    }
    Ok(())
}

/// After somebody of a booking was moved, the reasons of all of them that nobody chose are those of where they sit now.
async fn say_reasons_again(
    conn: &mut PgConnection,
    booking_id: BookingId,
    flight_id: FlightId,
    map: &CabinMap,
) -> Result<()> {
    let party = party(conn, booking_id, flight_id).await?;
    let together: Vec<Seat> = party.iter().filter_map(|sitter| sitter.has).collect();
    for sitter in &party {
        let Some(place) = sitter.has.and_then(|seat| map.find(seat)) else {
            continue;
        };
        let reason = seat::reason(map, sitter, place, &together, party.len());
        sqlx::query!(
            r#"
            update passenger_seat set reason = $3
            where flight_id = $1 and passenger_id = $2 and reason in ('preference', 'together', 'assigned', 'separated')
            "#,
            flight_id.0,
            sitter.passenger_id.0,
            reason.as_str(),
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Moves a passenger to a seat that nobody has. [`Error::SeatTaken`] when somebody does.
pub(crate) async fn change_seat(
    conn: &mut PgConnection,
    flight_id: FlightId,
    passenger_id: PassengerId,
    to: Seat,
    reason: &str,
) -> Result<()> {
    let seat_taken = Error::SeatTaken {
        seat: to.to_string(),
    };
    sqlx::query!(
        "update passenger_seat set seat_row = $3, letter = $4, reason = $5 where flight_id = $1 and passenger_id = $2",
        flight_id.0,
        passenger_id.0,
        to.row,
        to.letter.to_string(),
        reason,
    )
    .execute(conn)
    .await
    .on_constraint("passenger_seat_taken", seat_taken)?;
    Ok(())
}
