//! Who is on a flight.

use chrono::NaiveDate;
use sqlx::PgConnection;

use crate::flight::{self, Flight};
use crate::ids::{FlightId, PassengerId};
use crate::inventory::Seat;
use crate::ticket::TicketNumber;
use crate::trade::{Cabin, PassengerType};
use crate::{Error, Result};

/// Everybody who has paid for a flight and is still on it.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The flight.
    pub flight: Flight,
    /// Who, by name; an infant after its adult.
    pub passengers: Vec<ManifestPassenger>,
}

/// Somebody on a flight.
#[derive(Clone, Debug)]
pub struct ManifestPassenger {
    /// The person.
    pub id: PassengerId,
    /// The booking.
    pub booking_ref: String,
    /// Adult, child or infant.
    pub passenger_type: PassengerType,
    /// `mr`, `ms`, …
    pub title: String,
    /// As written; `None` for people who have one name.
    pub first_name: Option<String>,
    /// As written.
    pub middle_name: Option<String>,
    /// As written.
    pub last_name: String,
    /// As in the passport.
    pub gender: String,
    /// Date of birth.
    pub date_of_birth: NaiveDate,
    /// The cabin.
    pub cabin: Cabin,
    /// Where they sit; infants and those who are given one at check-in have none.
    pub seat: Option<String>,
    /// `125-2106312810 (3)`.
    pub ticket_number: Option<String>,
    /// How the coupon of this flight stands: `open`, `flown`, `no_show`.
    pub coupon: Option<String>,
    /// The adult on whose lap an infant flies.
    pub adult_id: Option<PassengerId>,
    /// Extra checked baggage of this direction.
    pub extra_kg: Option<i16>,
    /// IATA codes of special service requests.
    pub special_requests: Vec<String>,
    /// `passport` or `national_id`, if they said what they travel with.
    pub document_type: Option<String>,
    /// Its number.
    pub document_number: Option<String>,
    /// The country that issued it.
    pub document_country: Option<String>,
    /// Until when it is good.
    pub document_expires_on: Option<NaiveDate>,
}

/// Who is on a flight. [`Error::NotFound`] when there is no such flight.
pub async fn manifest(conn: &mut PgConnection, flight_id: FlightId) -> Result<Manifest> {
    let flight = flight::list_by_id(conn, &[flight_id]).await?.pop();
    let flight = flight.ok_or(Error::NotFound("flight"))?;
    let rows = sqlx::query!(
        r#"
        select p.id as "id: PassengerId", b.booking_ref, p.passenger_type as "passenger_type: PassengerType", p.title, p.first_name,
               p.middle_name, p.last_name, p.gender, p.date_of_birth, bf.cabin as "cabin: Cabin",
               s.seat_row as "seat_row?", s.letter as "letter?", ticket.number as "ticket_number?", ticket.coupon as "coupon?",
               p.adult_id as "adult_id: PassengerId", i.kg as "extra_kg?", p.special_requests,
               p.travel_document_type, p.travel_document_number, p.travel_document_country, p.travel_document_expires_on
        from booked_flight bf
        join booking b on b.id = bf.booking_id and b.status in ('confirmed', 'partially_cancelled')
        join direction d on d.id = bf.direction_id and d.status = 'booked'
        join passenger p on p.booking_id = b.id
        left join passenger adult on adult.id = p.adult_id
        left join passenger_seat s on s.passenger_id = p.id and s.flight_id = bf.flight_id
        left join baggage_item i on i.passenger_id = p.id and i.direction = d.ordinal
        left join lateral (
            select t.number, c.status as coupon from ticket t join ticket_coupon c on c.ticket_id = t.id
            where t.passenger_id = p.id and t.status = 'issued' and c.booked_flight_id = bf.id
            order by t.issued_at desc limit 1
        ) ticket on true
        where bf.flight_id = $1
          and not exists (select from cancelled_place gone where gone.passenger_id = p.id and gone.direction_id = d.id)
        order by coalesce(adult.last_name, p.last_name), coalesce(adult.first_name, p.first_name), coalesce(p.adult_id, p.id),
                 p.adult_id nulls first
        "#,
        flight_id.0,
    )
    .fetch_all(conn)
    .await?;
    let passengers = rows.into_iter().map(|row| {
        let seat = row.seat_row.zip(row.letter);
        let seat = seat.and_then(|(number, letter)| Seat::of_columns(number, &letter));
        let number = |stored: String| {
            TicketNumber::parse(&stored).map_or(stored, |number| number.to_string())
        };
        ManifestPassenger {
            id: row.id,
            booking_ref: row.booking_ref,
            passenger_type: row.passenger_type,
            title: row.title,
            first_name: row.first_name,
            middle_name: row.middle_name,
            last_name: row.last_name,
            gender: row.gender,
            date_of_birth: row.date_of_birth,
            cabin: row.cabin,
            seat: seat.map(|seat| seat.to_string()),
            ticket_number: row.ticket_number.map(number),
            coupon: row.coupon,
            adult_id: row.adult_id,
            extra_kg: row.extra_kg,
            special_requests: row.special_requests,
            document_type: row.travel_document_type,
            document_number: row.travel_document_number,
            document_country: row.travel_document_country,
            document_expires_on: row.travel_document_expires_on,
        }
    });
    Ok(Manifest {
        flight,
        passengers: passengers.collect(),
    })
}
