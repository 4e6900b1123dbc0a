//! Seats for those who named none, when the money has come. The cabin's row is locked by then, so nobody else seats
//! a party in the same cabin at the same time.

use sqlx::PgConnection;

use super::lock::LockedBooking;
use super::passengers::SeatPreference;
use super::queries::BookedSeats;
use crate::Result;
use crate::fare::Cabin;
use crate::ids::{FlightId, PassengerId};
use crate::inventory::{self, Seat};

struct FreeSeat {
    seat_row: i16,
    letter: String,
    position: String,
    exit_row: bool,
}

struct Unseated {
    passenger_id: PassengerId,
    preference: Option<SeatPreference>,
    may_sit_at_exit: bool,
}

/// Gives every seated passenger without a seat one on each flight: their preference where it is free, else the
/// foremost free seat. Exit rows go only to those who may sit there; who finds no seat is seated at check-in.
pub(super) async fn seat_party(
    conn: &mut PgConnection,
    booking: &LockedBooking,
    booked: &[BookedSeats],
) -> Result<()> {
    for booked in booked {
        let mut unseated = unseated(conn, booking, booked.flight_id).await?;
        if unseated.is_empty() {
            continue;
        }
        // Those barred from exit rows choose first, or the others might leave them nothing else.
        unseated.sort_by_key(|passenger| passenger.may_sit_at_exit);
        let mut free = free_seats(conn, booked.flight_id, booked.cabin).await?;
        for passenger in unseated {
            let Some((index, reason)) = pick(&free, &passenger) else {
                continue;
            };
            let chosen = free.remove(index);
            let Some(letter) = chosen.letter.chars().next() else {
                continue;
            };
            let seat = Seat {
                row: chosen.seat_row,
                letter,
            };
            inventory::claim_seats(conn, booking.hold_id, &[(booked.flight_id, seat)], reason)
                .await?;
            sqlx::query!(
                "update passenger_seat set passenger_id = $1 where flight_id = $2 and seat_row = $3 and letter = $4",
                passenger.passenger_id.0,
                booked.flight_id.0,
                chosen.seat_row,
                chosen.letter,
            )
            .execute(&mut *conn)
            .await?;
        }
    }
    Ok(())
}

fn pick(free: &[FreeSeat], passenger: &Unseated) -> Option<(usize, &'static str)> {
    let allowed = |seat: &FreeSeat| passenger.may_sit_at_exit || !seat.exit_row;
    let preferred = passenger.preference.and_then(|wish| {
        free.iter()
            .position(|seat| allowed(seat) && seat.position == wish.as_str())
    });
    match preferred {
        Some(index) => Some((index, "preference")),
        None => free
            .iter()
            .position(allowed)
            .map(|index| (index, "assigned")),
    }
}

/// Exit rows take nobody under 15 (rules.md "Seats"), nobody with an infant.
async fn unseated(
    conn: &mut PgConnection,
    booking: &LockedBooking,
    flight_id: FlightId,
) -> Result<Vec<Unseated>> {
    let rows = sqlx::query_as!(
        Unseated,
        r#"
        select p.id as "passenger_id: PassengerId", p.seat_preference as "preference: SeatPreference",
               (p.date_of_birth <= f.departure_date - interval '15 years'
                and not exists (select from passenger i where i.adult_id = p.id)) as "may_sit_at_exit!"
        from passenger p
        join flight f on f.id = $2
        where p.booking_id = $1 and p.passenger_type <> 'infant'
          and not exists (select from passenger_seat s where s.passenger_id = p.id and s.flight_id = f.id)
        order by p.ordinal
        "#,
        booking.id.0,
        flight_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

async fn free_seats(
    conn: &mut PgConnection,
    flight_id: FlightId,
    cabin: Cabin,
) -> Result<Vec<FreeSeat>> {
    let rows = sqlx::query_as!(
        FreeSeat,
        r#"
        select l.seat_row, l.letter, l.position, l.exit_row
        from flight f
        join seat_layout l on l.aircraft = f.aircraft and l.cabin = $2
        where f.id = $1
          and not exists (select from passenger_seat s where s.flight_id = f.id and s.seat_row = l.seat_row and s.letter = l.letter)
        order by l.seat_row, l.letter
        "#,
        flight_id.0,
        cabin.as_str(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(letter: &str, position: &str, exit_row: bool) -> FreeSeat {
        FreeSeat {
            seat_row: 12,
            letter: letter.into(),
            position: position.into(),
            exit_row,
        }
    }

    fn passenger(preference: Option<SeatPreference>, may_sit_at_exit: bool) -> Unseated {
        Unseated {
            passenger_id: PassengerId::new(),
            preference,
            may_sit_at_exit,
        }
    }

    #[test]
    fn a_preference_is_met_where_a_seat_is_free_and_else_the_foremost_is_assigned() {
        let seats = [free("B", "middle", false), free("C", "aisle", false)];
        assert_eq!(
            pick(&seats, &passenger(Some(SeatPreference::Aisle), true)),
            Some((1, "preference"))
        );
        assert_eq!(
            pick(&seats, &passenger(Some(SeatPreference::Window), true)),
            Some((0, "assigned"))
        );
        assert_eq!(pick(&[], &passenger(None, true)), None);
    }

    #[test]
    fn exit_rows_are_for_those_who_may_sit_there() {
        let seats = [free("A", "window", true)];
        assert_eq!(
            pick(&seats, &passenger(Some(SeatPreference::Window), false)),
            None
        );
        assert_eq!(
            pick(&seats, &passenger(Some(SeatPreference::Window), true)),
            Some((0, "preference"))
        );
    }
}
