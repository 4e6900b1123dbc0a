//! Layouts, and who has what on a flight.

use sqlx::PgConnection;
use uuid::Uuid;

use super::model::Place;
use crate::Result;
use crate::ids::FlightId;
use crate::inventory::Seat;
use crate::trade::{Cabin, SeatPreference};

/// Whether a seat can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum SeatStatus {
    /// Nobody has it.
    Free,
    /// Named in an open hold or an unpaid booking.
    Held,
    /// Of a paid booking.
    Taken,
    /// Not for sale.
    Blocked,
}

impl SeatStatus {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Held => "held",
            Self::Taken => "taken",
            Self::Blocked => "blocked",
        }
    }
}

/// A seat on a dated flight.
#[derive(Clone, Copy, Debug)]
pub struct SeatOnFlight {
    /// The flight.
    pub flight_id: FlightId,
    /// The cabin it is in.
    pub cabin: Cabin,
    /// Where it is.
    pub place: Place,
    /// Which row of the cabin that is, from 1.
    pub row_of_cabin: i64,
    /// Whether it can be had.
    pub status: SeatStatus,
}

/// Every seat of flights, or of one cabin of each, from the front to the back.
pub async fn list(
    conn: &mut PgConnection,
    wanted: &[(FlightId, Option<Cabin>)],
) -> Result<Vec<SeatOnFlight>> {
    let flights: Vec<Uuid> = wanted.iter().map(|(flight, _)| flight.0).collect();
    let cabin = |cabin: Cabin| cabin.as_str().to_owned();
    let cabins: Vec<_> = wanted.iter().map(|(_, of)| of.map(cabin)).collect();
    let rows = sqlx::query_as!(
        Found,
        r#"
        select f.id as "flight_id: FlightId", l.cabin as "cabin: Cabin", l.seat_row, l.letter,
               l.position as "position: SeatPreference", l.exit_row,
               dense_rank() over (partition by f.id, l.cabin order by l.seat_row) as "row_of_cabin!",
               case when s.flight_id is null then 'free' when s.reason = 'blocked' then 'blocked'
                    when b.status in ('confirmed', 'partially_cancelled') then 'taken' else 'held' end as "status!: SeatStatus"
        from unnest($1::uuid[], $2::text[]) as wanted (flight_id, cabin)
        join flight f on f.id = wanted.flight_id
        join seat_layout l on l.aircraft = f.aircraft and (wanted.cabin is null or l.cabin = wanted.cabin)
        left join passenger_seat s on s.flight_id = f.id and s.seat_row = l.seat_row and s.letter = l.letter
        left join passenger p on p.id = s.passenger_id
        left join booking b on b.id = p.booking_id
        order by l.seat_row, l.letter
        "#,
        &flights,
        &cabins as &[Option<String>],
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().filter_map(Found::into_seat).collect())
}

/// The named seats as they are in the layouts of their flights; one that does not exist is left out.
pub async fn find(
    conn: &mut PgConnection,
    wanted: &[(FlightId, Seat)],
) -> Result<Vec<SeatOnFlight>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let flights: Vec<Uuid> = wanted.iter().map(|(flight, _)| flight.0).collect();
    let rows: Vec<i16> = wanted.iter().map(|(_, seat)| seat.row).collect();
    let letters: Vec<String> = wanted.iter().map(|(_, s)| s.letter.to_string()).collect();
    let rows = sqlx::query_as!(
        Found,
        r#"
        select f.id as "flight_id: FlightId", l.cabin as "cabin: Cabin", l.seat_row, l.letter,
               l.position as "position: SeatPreference", l.exit_row,
               (select count(distinct o.seat_row) from seat_layout o
                where o.aircraft = l.aircraft and o.cabin = l.cabin and o.seat_row <= l.seat_row) as "row_of_cabin!",
               case when s.flight_id is null then 'free' when s.reason = 'blocked' then 'blocked' else 'held' end as "status!: SeatStatus"
        from unnest($1::uuid[], $2::smallint[], $3::text[]) as t (flight_id, seat_row, letter)
        join flight f on f.id = t.flight_id
        join seat_layout l on l.aircraft = f.aircraft and l.seat_row = t.seat_row and l.letter = t.letter
        left join passenger_seat s on s.flight_id = f.id and s.seat_row = l.seat_row and s.letter = l.letter
        "#,
        &flights,
        &rows,
        &letters,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().filter_map(Found::into_seat).collect())
}

struct Found {
    flight_id: FlightId,
    cabin: Cabin,
    seat_row: i16,
    letter: String,
    position: SeatPreference,
    exit_row: bool,
    row_of_cabin: i64,
    status: SeatStatus,
}

impl Found {
    fn into_seat(self) -> Option<SeatOnFlight> {
        let letter = self.letter.chars().next()?;
        Some(SeatOnFlight {
            flight_id: self.flight_id,
            cabin: self.cabin,
            place: Place {
                seat: Seat {
                    row: self.seat_row,
                    letter,
                },
                position: self.position,
                exit_row: self.exit_row,
            },
            row_of_cabin: self.row_of_cabin,
            status: self.status,
        })
    }
}
