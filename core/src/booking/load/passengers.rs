//! The passengers of bookings, with their seats, bags and ticket numbers.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Result;
use crate::baggage::BookedBag;
use crate::booking::model::{BookedPassenger, BookedSeat};
use crate::booking::passengers::{Gender, TravelDocument};
use crate::ids::{BookingId, FlightId, PassengerId};
use crate::inventory::Seat;
use crate::ticket::TicketNumber;
use crate::trade::{Direction, PassengerType, SeatPreference};

/// The passengers of each booking, in the order they were given.
pub(super) async fn list(
    conn: &mut PgConnection,
    ids: &[Uuid],
) -> Result<HashMap<BookingId, Vec<BookedPassenger>>> {
    struct Row {
        booking_id: BookingId,
        id: PassengerId,
        passenger_type: PassengerType,
        title: String,
        first_name: Option<String>,
        middle_name: Option<String>,
        last_name: String,
        gender: Gender,
        date_of_birth: NaiveDate,
        adult_id: Option<PassengerId>,
        seat_preference: Option<SeatPreference>,
        special_requests: Vec<String>,
        document: Option<String>,
        number: Option<String>,
        country: Option<String>,
        expires_on: Option<NaiveDate>,
        bag_directions: Vec<Direction>,
        bag_kg: Vec<i16>,
        cancelled: Vec<Direction>,
        cancelled_at: Vec<DateTime<Utc>>,
        no_shows: Vec<Direction>,
        is_corrected: bool,
    }
    let rows = sqlx::query_as!(
        Row,
        r#"
        select booking_id as "booking_id: BookingId", id as "id: PassengerId", passenger_type as "passenger_type: PassengerType", title, first_name, middle_name, last_name,
               gender as "gender: Gender", date_of_birth, adult_id as "adult_id: PassengerId",
               seat_preference as "seat_preference: SeatPreference", special_requests, travel_document_type as document,
               travel_document_number as number, travel_document_country as country, travel_document_expires_on as expires_on,
               array(select d.name from baggage_item i join direction d on d.booking_id = i.booking_id and d.ordinal = i.direction
                     where i.passenger_id = passenger.id order by i.direction) as "bag_directions!: Vec<Direction>",
               array(select kg from baggage_item i where i.passenger_id = passenger.id order by i.direction) as "bag_kg!",
               array(select d.name from cancelled_place gone join direction d on d.id = gone.direction_id
                     where gone.passenger_id = passenger.id order by d.ordinal) as "cancelled!: Vec<Direction>",
               array(select c.cancelled_at from cancelled_place gone join direction d on d.id = gone.direction_id
                     join cancellation c on c.id = gone.cancellation_id
                     where gone.passenger_id = passenger.id order by d.ordinal) as "cancelled_at!: Vec<DateTime<Utc>>",
               array(select d.name from ticket t
                     join ticket_coupon c on c.ticket_id = t.id and c.status = 'no_show'
                     join booked_flight bf on bf.id = c.booked_flight_id
                     join direction d on d.id = bf.direction_id
                     where t.passenger_id = passenger.id and not exists (
                         select from booked_flight earlier where earlier.direction_id = bf.direction_id and earlier.ordinal < bf.ordinal)
                    ) as "no_shows!: Vec<Direction>",
               exists (select from name_correction n where n.passenger_id = passenger.id and n.staff_reason is null) as "is_corrected!"
        from passenger where booking_id = any($1) order by booking_id, ordinal
        "#,
        ids,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut seats = seats(conn, ids).await?;
    let mut numbers = ticket_numbers(conn, ids).await?;
    let mut passengers: HashMap<BookingId, Vec<BookedPassenger>> = HashMap::new();
    for row in rows {
        let passenger = BookedPassenger {
            seats: seats.remove(&row.id).unwrap_or_default(),
            ticket_numbers: numbers.remove(&row.id).unwrap_or_default(),
            id: row.id,
            passenger_type: row.passenger_type,
            title: row.title,
            first_name: row.first_name,
            middle_name: row.middle_name,
            last_name: row.last_name,
            gender: row.gender,
            date_of_birth: row.date_of_birth,
            adult_id: row.adult_id,
            seat_preference: row.seat_preference,
            baggage: bags(row.bag_directions, row.bag_kg),
            cancelled: row.cancelled.into_iter().zip(row.cancelled_at).collect(),
            no_shows: row.no_shows,
            is_corrected: row.is_corrected,
            special_requests: row.special_requests,
            travel_document: travel_document(row.document, row.number, row.country, row.expires_on),
        };
        passengers
            .entry(row.booking_id)
            .or_default()
            .push(passenger);
    }
    Ok(passengers)
}

/// The numbers of the tickets that each passenger flies with, those of the departing direction first.
async fn ticket_numbers(
    conn: &mut PgConnection,
    ids: &[Uuid],
) -> Result<HashMap<PassengerId, Vec<String>>> {
    let tickets = sqlx::query!(
        r#"
        select t.passenger_id as "passenger_id: PassengerId", good.number as "number!"
        from ticket t
        cross join lateral unnest(array[t.number, t.conjunction_number]) as good (number)
        where t.booking_id = any($1) and t.status = 'issued' and good.number is not null
        order by (select min(d.ordinal) from direction d where d.booking_id = t.booking_id and d.validating_airline = t.validating_airline), good.number
        "#,
        ids,
    )
    .fetch_all(conn)
    .await?;
    let number = |stored: &str| {
        TicketNumber::parse(stored).map_or_else(|_| stored.to_owned(), |number| number.to_string())
    };
    let mut numbers: HashMap<PassengerId, Vec<String>> = HashMap::new();
    for ticket in tickets {
        let numbers = numbers.entry(ticket.passenger_id).or_default();
        numbers.push(number(&ticket.number));
    }
    Ok(numbers)
}

/// Who sits where, in the order of travel.
async fn seats(
    conn: &mut PgConnection,
    ids: &[Uuid],
) -> Result<HashMap<PassengerId, Vec<BookedSeat>>> {
    let rows = sqlx::query!(
        r#"
        select s.passenger_id as "passenger_id!: PassengerId", s.flight_id as "flight_id: FlightId", s.seat_row, s.letter, s.reason
        from passenger_seat s
        join passenger p on p.id = s.passenger_id
        join booked_flight bf on bf.booking_id = p.booking_id and bf.flight_id = s.flight_id
        where p.booking_id = any($1) order by bf.ordinal
        "#,
        ids,
    )
    .fetch_all(conn)
    .await?;
    let seat = |letter: &str, row| {
        Some(Seat {
            row,
            letter: letter.chars().next()?,
        })
    };
    let mut seats: HashMap<PassengerId, Vec<BookedSeat>> = HashMap::new();
    for row in rows {
        if let Some(seat) = seat(&row.letter, row.seat_row) {
            seats.entry(row.passenger_id).or_default().push(BookedSeat {
                flight_id: row.flight_id,
                seat,
                reason: row.reason,
            });
        }
    }
    Ok(seats)
}

fn bags(directions: Vec<Direction>, kg: Vec<i16>) -> Vec<BookedBag> {
    let bags = directions.into_iter().zip(kg);
    bags.map(|(direction, kg)| BookedBag { direction, kg })
        .collect()
}

/// A document is stored whole or not at all.
fn travel_document(
    kind: Option<String>,
    number: Option<String>,
    country: Option<String>,
    expires_on: Option<NaiveDate>,
) -> Option<TravelDocument> {
    Some(TravelDocument {
        kind: kind?,
        number: number?,
        country: country?,
        expires_on: expires_on?,
    })
}
