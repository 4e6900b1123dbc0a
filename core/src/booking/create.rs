//! Making a booking of a hold, or of offers that are held in the same transaction.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Booking, Contact, NewBooking, Source};
use super::passengers::{self, Passenger};
use super::queries;
use super::reference::BookingRef;
use crate::clock::Clock;
use crate::config::Sales;
use crate::error::Violations;
use crate::fare::{Cabin, PassengerType, Tariff};
use crate::flight::{self, Flight};
use crate::hold::{self, Hold, HoldStatus};
use crate::ids::{AccountId, BookedFlightId, BookingId, DirectionId, FlightId, HoldId};
use crate::offer::OfferSigner;
use crate::{Error, Result};

/// Books the seats of a hold for named passengers. They stay held until `payment_due_at`, which is the hold's end.
///
/// Errors: those of [`hold::create`] when offers are given; [`Error::HoldExpired`], [`Error::HoldBooked`],
/// [`Error::NotFound`] for a hold; [`Error::Invalid`] with every wrong field of passengers and contact.
pub async fn create(
    conn: &mut PgConnection,
    clock: &Clock,
    sales: &Sales,
    tariff: &Tariff,
    signer: &OfferSigner,
    account_id: AccountId,
    input: &NewBooking,
) -> Result<Booking> {
    let (hold, seats_named) = match &input.source {
        Source::Hold(id) => (hold::get(conn, account_id, *id).await?, true),
        Source::Offers(new) => (
            hold::create(conn, clock, sales, tariff, signer, account_id, new).await?,
            !new.seats.is_empty(),
        ),
    };
    let flights =
        flight::list_by_id(conn, &hold.flights().map(|(id, _)| id).collect::<Vec<_>>()).await?;
    let passengers = check(clock, &hold, &flights, input)?;
    let hold = take(conn, clock, account_id, &hold).await?;
    let id = BookingId::new();
    insert_booking(conn, clock, id, &hold, &flights, &input.contact).await?;
    insert_directions(conn, id, &hold, &flights).await?;
    insert_passengers(conn, id, &passengers).await?;
    insert_lines(conn, id, &hold).await?;
    if seats_named {
        give_seats(conn, id, hold.id, &passengers).await?;
    }
    queries::get_by_id(conn, id).await
}

fn check(
    clock: &Clock,
    hold: &Hold,
    flights: &[Flight],
    input: &NewBooking,
) -> Result<Vec<Passenger>> {
    let last = flights.last().ok_or(Error::NotFound("flight"))?;
    let today = clock.now().date_naive();
    let contact = passengers::check_contact(&input.contact);
    let passengers = passengers::check(&input.passengers, today, last.departure_date, hold.party);
    match (passengers, contact) {
        (Ok(passengers), Ok(())) => Ok(passengers),
        (Err(Error::Invalid(mut fields)), Err(more)) => {
            fields.extend(more);
            Err(Error::Invalid(fields))
        }
        (Ok(_), Err(fields)) => Err(Error::Invalid(fields)),
        (Err(error), _) => Err(error),
    }
}

/// The hold becomes this booking's, if it is still open: one conditional update decides against sweep and release.
async fn take(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    hold: &Hold,
) -> Result<Hold> {
    let taken = sqlx::query_scalar!(
        "update hold set status = 'booked' where id = $1 and account_id = $2 and status = 'open' and expires_at > $3 returning id",
        hold.id.0,
        account_id.0,
        clock.now(),
    )
    .fetch_optional(&mut *conn)
    .await?;
    if taken.is_some() {
        return Ok(hold.clone());
    }
    match hold::get(conn, account_id, hold.id).await?.status {
        HoldStatus::Booked => Err(Error::HoldBooked),
        HoldStatus::Open | HoldStatus::Released | HoldStatus::Expired => Err(Error::HoldExpired),
    }
}

async fn insert_booking(
    conn: &mut PgConnection,
    clock: &Clock,
    id: BookingId,
    hold: &Hold,
    flights: &[Flight],
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
            hold.price.currency.code(),
            hold.price.total().minor(),
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

async fn insert_directions(
    conn: &mut PgConnection,
    booking_id: BookingId,
    hold: &Hold,
    flights: &[Flight],
) -> Result<()> {
    let mut remaining = flights;
    let (mut ids, mut airlines, mut cabins, mut families) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut conditions: Vec<Value> = Vec::new();
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
        conditions.push(offer.conditions.clone());
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
        &conditions,
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

async fn insert_passengers(
    conn: &mut PgConnection,
    booking_id: BookingId,
    passengers: &[Passenger],
) -> Result<()> {
    let text =
        |of: &dyn Fn(&Passenger) -> Option<String>| passengers.iter().map(of).collect::<Vec<_>>();
    sqlx::query!(
        r#"
        insert into passenger (id, booking_id, ordinal, passenger_type, title, first_name, middle_name, last_name, gender,
                               date_of_birth, adult_id, seat_preference)
        select t.id, $1, t.position - 1, t.kind, t.title, t.first_name, t.middle_name, t.last_name, t.gender, t.born, t.adult, t.preference
        from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::date[], $10::uuid[], $11::text[])
             with ordinality as t (id, kind, title, first_name, middle_name, last_name, gender, born, adult, preference, position)
        "#,
        booking_id.0,
        &passengers.iter().map(|passenger| passenger.id.0).collect::<Vec<_>>(),
        &text(&|passenger| Some(passenger.kind.as_str().to_owned())) as &[Option<String>],
        &text(&|passenger| Some(passenger.title.clone())) as &[Option<String>],
        &text(&|passenger| Some(passenger.first_name.as_str().to_owned())) as &[Option<String>],
        &text(&|passenger| passenger.middle_name.as_ref().map(|name| name.as_str().to_owned())) as &[Option<String>],
        &text(&|passenger| Some(passenger.last_name.as_str().to_owned())) as &[Option<String>],
        &text(&|passenger| Some(passenger.gender.as_str().to_owned())) as &[Option<String>],
        &passengers.iter().map(|passenger| passenger.date_of_birth).collect::<Vec<_>>(),
        &passengers.iter().map(|passenger| passenger.adult_id.map(|adult| adult.0)).collect::<Vec<_>>() as &[Option<Uuid>],
        &text(&|passenger| passenger.seat_preference.map(|wish| wish.as_str().to_owned())) as &[Option<String>],
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn insert_lines(conn: &mut PgConnection, booking_id: BookingId, hold: &Hold) -> Result<()> {
    let lines = &hold.price.lines;
    sqlx::query!(
        r#"
        insert into price_line (booking_id, ordinal, direction, flight_id, kind, code, passenger_type, quantity, unit_minor, amount_minor, refundable)
        select $1, t.position - 1, t.direction, t.flight, t.kind, t.code, t.passenger_type, t.quantity, t.unit, t.unit * t.quantity, t.refundable
        from unnest($2::smallint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::int[], $8::bigint[], $9::boolean[])
             with ordinality as t (direction, flight, kind, code, passenger_type, quantity, unit, refundable, position)
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
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The named seats of the hold go to the seated passengers in their order, and are remembered as their choice.
async fn give_seats(
    conn: &mut PgConnection,
    booking_id: BookingId,
    hold_id: HoldId,
    passengers: &[Passenger],
) -> Result<()> {
    let claims = sqlx::query!(
        r#"
        select s.flight_id as "flight_id: FlightId", s.seat_row, s.letter, l.exit_row
        from passenger_seat s
        join flight f on f.id = s.flight_id
        join seat_layout l on l.aircraft = f.aircraft and l.seat_row = s.seat_row and l.letter = s.letter
        where s.hold_id = $1 order by s.flight_id, s.seat_row, s.letter
        "#,
        hold_id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let seated: Vec<_> = passengers
        .iter()
        .filter(|passenger| passenger.kind != PassengerType::Infant)
        .collect();
    let mut wrong = Violations::new();
    let mut given = BTreeSet::new();
    for claim in claims {
        // Those who may sit in an exit row get one; the others take the rest.
        let next = seated.iter().find(|passenger| {
            !given.contains(&(claim.flight_id, passenger.id))
                && (!claim.exit_row || may_sit_at_exit(passenger, passengers))
        });
        let Some(passenger) = next else {
            wrong.add(
                "seats",
                "exit_row",
                format!(
                    "seat {}{} is in an exit row: nobody left may sit there",
                    claim.seat_row, claim.letter
                ),
            );
            continue;
        };
        given.insert((claim.flight_id, passenger.id));
        sqlx::query!(
            r#"
            with claimed as (
                update passenger_seat set passenger_id = $1 where flight_id = $2 and seat_row = $3 and letter = $4 returning 1
            )
            insert into seat_choice (booking_id, passenger_id, flight_id, seat_row, letter) select $5, $1, $2, $3, $4 from claimed
            "#,
            passenger.id.0,
            claim.flight_id.0,
            claim.seat_row,
            claim.letter,
            booking_id.0,
        )
        .execute(&mut *conn)
        .await?;
    }
    wrong.into_result()
}

/// Exit rows are for those who can help: no children, nobody with an infant (rules.md "Seats").
fn may_sit_at_exit(passenger: &Passenger, all: &[Passenger]) -> bool {
    passenger.kind == PassengerType::Adult
        && all
            .iter()
            .all(|infant| infant.adult_id != Some(passenger.id))
}
