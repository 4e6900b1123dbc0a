//! Who of a booking flies on which of its flights, where they sit, and what the booking costs: one statement reads what a
//! sale needs.

use chrono::NaiveDate;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::queries::BookedSeats;
use crate::Result;
use crate::ids::{BookingId, FlightId, PassengerId};
use crate::inventory::Seat;
use crate::ledger::SoldLine;
use crate::seat::{self, Sitter};
use crate::trade::{Cabin, LineKind, PassengerType, SeatPreference};

/// One flight of a booking.
pub(super) struct OnFlight {
    /// The seats that the booking counts for.
    pub booked: BookedSeats,
    /// Those who have a seat of their own and have not cancelled, in the order of the booking.
    pub party: Vec<Sitter>,
}

/// What is sold when a booking is paid.
pub(super) struct Sale {
    /// Its flights, in their order.
    pub flights: Vec<OnFlight>,
    /// Its price lines, in their order.
    pub lines: Vec<SoldLine>,
    /// Whether anybody chose a seat or pays for one.
    pub has_chosen_seats: bool,
}

impl Sale {
    pub fn booked(&self) -> impl Iterator<Item = &BookedSeats> {
        self.flights.iter().map(|on| &on.booked)
    }
}

/// Reads the flights of a booking, who is on them, and its price. The caller has locked the booking.
pub(super) async fn load(conn: &mut PgConnection, booking_id: BookingId) -> Result<Sale> {
    let rows = sqlx::query_as!(
        FlightOfPassenger,
        r#"
        select bf.flight_id as "flight_id: FlightId", bf.cabin as "cabin: Cabin", bf.seats, f.status = 'scheduled' as "flies!", f.departure_date,
               p.id as "passenger_id?: PassengerId", p.passenger_type as "passenger_type?: PassengerType", p.date_of_birth as "date_of_birth?",
               p.seat_preference as "preference?: SeatPreference", s.seat_row as "seat_row?", s.letter as "seat_letter?",
               exists (select from passenger i where i.adult_id = p.id and not exists (
                   select from cancelled_place c where c.passenger_id = i.id and c.direction_id = bf.direction_id)) as "has_infant!",
               price.lines as "lines!: Json<Vec<SoldLine>>",
               exists (select from seat_choice c where c.booking_id = $1) as "has_choice!"
        from booked_flight bf
        join flight f on f.id = bf.flight_id
        cross join (
            select coalesce(jsonb_agg(jsonb_build_object('kind', kind, 'code', code, 'amount_minor', amount_minor) order by ordinal), '[]') as lines
            from price_line where booking_id = $1
        ) as price
        left join passenger p on p.booking_id = bf.booking_id and p.passenger_type <> 'infant' and not exists (
            select from cancelled_place c where c.passenger_id = p.id and c.direction_id = bf.direction_id)
        left join passenger_seat s on s.passenger_id = p.id and s.flight_id = f.id
        where bf.booking_id = $1
        order by bf.ordinal, p.ordinal
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    let mut sale = Sale {
        flights: Vec::new(),
        lines: Vec::new(),
        has_chosen_seats: false,
    };
    for mut row in rows {
        if sale.flights.is_empty() {
            sale.lines = std::mem::take(&mut row.lines.0);
            let pays_for_one = sale.lines.iter().any(|line| line.kind == LineKind::Seat);
            sale.has_chosen_seats = row.has_choice || pays_for_one;
        }
        let last = sale.flights.last();
        if last.is_none_or(|on| on.booked.flight_id != row.flight_id) {
            sale.flights.push(OnFlight {
                booked: BookedSeats {
                    flight_id: row.flight_id,
                    cabin: row.cabin,
                    seats: row.seats,
                    flies: row.flies,
                },
                party: Vec::new(),
            });
        }
        if let (Some(on), Some(sitter)) = (sale.flights.last_mut(), row.sitter()) {
            on.party.push(sitter);
        }
    }
    Ok(sale)
}

struct FlightOfPassenger {
    flight_id: FlightId,
    cabin: Cabin,
    seats: i32,
    flies: bool,
    departure_date: NaiveDate,
    passenger_id: Option<PassengerId>,
    passenger_type: Option<PassengerType>,
    date_of_birth: Option<NaiveDate>,
    preference: Option<SeatPreference>,
    seat_row: Option<i16>,
    seat_letter: Option<String>,
    has_infant: bool,
    lines: Json<Vec<SoldLine>>,
    has_choice: bool,
}

impl FlightOfPassenger {
    /// Exit rows take nobody under 15, nobody with an infant.
    fn sitter(self) -> Option<Sitter> {
        let has = match (self.seat_row, &self.seat_letter) {
            (Some(row), Some(letter)) => Seat::of_columns(row, letter),
            _ => None,
        };
        Some(Sitter {
            passenger_id: self.passenger_id?,
            is_child: self.passenger_type? == PassengerType::Child,
            may_sit_at_exit: seat::may_sit_at_exit(
                self.date_of_birth?,
                self.departure_date,
                self.has_infant,
            ),
            preference: self.preference,
            has,
        })
    }
}
