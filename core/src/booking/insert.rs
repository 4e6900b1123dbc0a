//! Writing the rows of a booking, a statement a table.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::model::Contact;
use super::passengers::Passenger;
use crate::clock::Clock;
use crate::flight::Flight;
use crate::hold::Hold;
use crate::ids::{BookedFlightId, BookingId, BookingRef, DirectionId, FlightId};
use crate::trade::{Cabin, FareConditions, Price, PriceLine};
use crate::{Error, Result};

pub(super) async fn booking(
    conn: &mut PgConnection,
    clock: &Clock,
    id: BookingId,
    hold: &Hold,
    flights: &[Flight],
    price: &Price,
    contact: &Contact,
) -> Result<()> {
    let first_departs_at: DateTime<Utc> = flights
        .first()
        .map_or(hold.expires_at, |flight| flight.departs_at);
    // A drawn reference is taken once in millions; a second draw settles it.
    for _ in 0..8 {
        let reference = BookingRef::random();
        let inserted = sqlx::query!(
            r#"
            insert into booking (id, booking_ref, account_id, hold_id, created_at, payment_due_at, currency, total_minor,
                                 contact_email, contact_phone, first_departs_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            on conflict on constraint booking_ref_taken do nothing
            "#,
            id.0,
            reference.as_str(),
            hold.account_id.0,
            hold.id.0,
            clock.now(),
            hold.expires_at,
            price.currency.code(),
            price.total().minor(),
            contact.email,
            contact.phone,
            first_departs_at,
        )
        .execute(&mut *conn)
        .await?;
        if inserted.rows_affected() == 1 {
            return Ok(());
        }
    }
    Err(Error::Catalogue(
        "no free booking reference was drawn".to_owned(),
    ))
}

pub(super) async fn directions(
    conn: &mut PgConnection,
    booking_id: BookingId,
    hold: &Hold,
    flights: &[Flight],
) -> Result<()> {
    let mut remaining = flights;
    let (mut ids, mut airlines, mut cabins, mut families) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut conditions = Vec::new();
    let mut booked = BookedFlights::default();
    for offer in &hold.offers {
        let (own, rest) = remaining.split_at(offer.pinned.flights.len().min(remaining.len()));
        remaining = rest;
        let id = DirectionId::new();
        ids.push(id.0);
        airlines.push(
            own.first()
                .map(|flight| flight.airline.iata.clone())
                .ok_or(Error::NotFound("flight"))?,
        );
        cabins.push(offer.pinned.cabin.as_str().to_owned());
        families.push(offer.pinned.family.clone());
        conditions.push(Json(&offer.conditions));
        for flight in own {
            booked.push(id, flight.id, offer.pinned.cabin);
        }
    }
    sqlx::query!(
        r#"
        insert into direction (id, booking_id, ordinal, name, validating_airline, cabin, fare_family, conditions)
        select t.id, $1, t.position - 1, case t.position when 1 then 'departing' else 'returning' end, t.airline, t.cabin, t.family, t.conditions
        from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[])
             with ordinality as t (id, airline, cabin, family, conditions, position)
        "#,
        booking_id.0,
        &ids,
        &airlines,
        &cabins,
        &families,
        &conditions as &[Json<&FareConditions>],
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        insert into booked_flight (id, booking_id, direction_id, ordinal, flight_id, cabin, seats)
        select t.id, $1, t.direction, t.position - 1, t.flight, t.cabin, $2
        from unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::text[]) with ordinality as t (id, direction, flight, cabin, position)
        "#,
        booking_id.0,
        i32::from(hold.party.seated()),
        &booked.ids,
        &booked.directions,
        &booked.flights,
        &booked.cabins,
    )
    .execute(&mut *conn)
    .await?;
    Ok(())
}

#[derive(Default)]
struct BookedFlights {
    ids: Vec<Uuid>,
    directions: Vec<Uuid>,
    flights: Vec<Uuid>,
    cabins: Vec<String>,
}

impl BookedFlights {
    fn push(&mut self, direction: DirectionId, flight: FlightId, cabin: Cabin) {
        self.ids.push(BookedFlightId::new().0);
        self.directions.push(direction.0);
        self.flights.push(flight.0);
        self.cabins.push(cabin.as_str().to_owned());
    }
}

pub(super) async fn passengers(
    conn: &mut PgConnection,
    booking_id: BookingId,
    passengers: &[Passenger],
) -> Result<()> {
    let text =
        |of: &dyn Fn(&Passenger) -> Option<String>| passengers.iter().map(of).collect::<Vec<_>>();
    sqlx::query!(
        r#"
        insert into passenger (id, booking_id, ordinal, passenger_type, title, first_name, middle_name, last_name, gender,
                               date_of_birth, adult_id, seat_preference, special_requests, travel_document_type, travel_document_number,
                               travel_document_country, travel_document_expires_on)
        select t.id, $1, t.position - 1, t.kind, t.title, t.first_name, t.middle_name, t.last_name, t.gender, t.born, t.adult, t.preference,
               string_to_array(t.requests, ' '), t.document, t.number, t.country, t.expires_on
        from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::date[], $10::uuid[], $11::text[],
                    $12::text[], $13::text[], $14::text[], $15::text[], $16::date[])
             with ordinality as t (id, kind, title, first_name, middle_name, last_name, gender, born, adult, preference, requests,
                                   document, number, country, expires_on, position)
        "#,
        booking_id.0,
        &passengers.iter().map(|passenger| passenger.id.0).collect::<Vec<_>>(),
        &text(&|passenger| Some(passenger.kind.as_str().to_owned())) as &[Option<String>],
        &text(&|passenger| Some(passenger.title.clone())) as &[Option<String>],
        &text(&|passenger| passenger.first_name.as_ref().map(|name| name.as_str().to_owned())) as &[Option<String>],
        &text(&|passenger| passenger.middle_name.as_ref().map(|name| name.as_str().to_owned())) as &[Option<String>],
        &text(&|passenger| Some(passenger.last_name.as_str().to_owned())) as &[Option<String>],
        &text(&|passenger| Some(passenger.gender.as_str().to_owned())) as &[Option<String>],
        &passengers.iter().map(|passenger| passenger.date_of_birth).collect::<Vec<_>>(),
        &passengers.iter().map(|passenger| passenger.adult_id.map(|adult| adult.0)).collect::<Vec<_>>() as &[Option<Uuid>],
        &text(&|passenger| passenger.seat_preference.map(|wish| wish.as_str().to_owned())) as &[Option<String>],
        &text(&|passenger| Some(passenger.special_requests.join(" "))) as &[Option<String>],
        &text(&|passenger| passenger.travel_document.as_ref().map(|document| document.kind.clone())) as &[Option<String>],
        &text(&|passenger| passenger.travel_document.as_ref().map(|document| document.number.clone())) as &[Option<String>],
        &text(&|passenger| passenger.travel_document.as_ref().map(|document| document.country.clone())) as &[Option<String>],
        &passengers.iter().map(|passenger| passenger.travel_document.as_ref().map(|document| document.expires_on)).collect::<Vec<_>>() as &[Option<NaiveDate>],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Adds price lines after those that the booking has.
pub(super) async fn lines(
    conn: &mut PgConnection,
    booking_id: BookingId,
    lines: &[PriceLine],
) -> Result<()> {
    sqlx::query!(
        r#"
        insert into price_line (booking_id, ordinal, direction, flight_id, kind, code, name, passenger_type, quantity, unit_minor, amount_minor, refundable, passenger_id)
        select $1, t.position - 1 + (select coalesce(max(ordinal) + 1, 0) from price_line where booking_id = $1),
               t.direction, t.flight, t.kind, t.code, t.name, t.passenger_type, t.quantity, t.unit, t.unit * t.quantity, t.refundable, t.passenger
        from unnest($2::smallint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::int[], $8::bigint[], $9::boolean[], $10::uuid[], $11::text[])
             with ordinality as t (direction, flight, kind, code, passenger_type, quantity, unit, refundable, passenger, name, position)
        "#,
        booking_id.0,
        &lines.iter().map(|line| line.direction.map(i16::from)).collect::<Vec<_>>() as &[Option<i16>],
        &lines.iter().map(|line| line.flight_id.map(|flight| flight.0)).collect::<Vec<_>>() as &[Option<Uuid>],
        &lines.iter().map(|line| line.kind.as_str().to_owned()).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.code.clone()).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.passenger_type.map(|kind| kind.as_str().to_owned())).collect::<Vec<_>>() as &[Option<String>],
        &lines.iter().map(|line| i32::from(line.quantity)).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.unit_minor).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.refundable).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.passenger_id.map(|passenger| passenger.0)).collect::<Vec<_>>() as &[Option<Uuid>],
        &lines.iter().map(|line| line.name.clone()).collect::<Vec<_>>() as &[Option<String>],
    )
    .execute(conn)
    .await?;
    Ok(())
}
