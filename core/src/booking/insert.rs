//! Writing the rows of a booking: one statement for its own row and what decides whether there may be one, one for all
//! that it consists of. Each statement is a round trip, during which the account waits.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::model::Contact;
use super::passengers::Passenger;
use super::traveller::{self, Other, Traveller};
use crate::baggage::Bag;
use crate::clock::Clock;
use crate::flight::Flight;
use crate::hold::Hold;
use crate::ids::{BookedFlightId, BookingId, BookingRef, DirectionId, FlightId};
use crate::trade::{Cabin, FareConditions, Price, PriceLine};
use crate::{Error, Result, booking_event};

/// A booking as it is about to be written.
pub(super) struct NewRow<'a> {
    pub id: BookingId,
    pub hold: &'a Hold,
    pub flights: &'a [Flight],
    pub passengers: &'a [Passenger],
    pub price: &'a Price,
    pub contact: &'a Contact,
    /// Whether the hold was open before and becomes this booking's now.
    pub takes_hold: bool,
    /// Its first event, with the mail that says that it is there.
    pub event: booking_event::Row,
}

/// A booking whose row is written.
pub(super) struct Made {
    pub reference: BookingRef,
    /// Whether its hold has named seats.
    pub has_seats: bool,
}

/// Takes the hold, puts everybody aboard, writes the row of the booking and its first event, and promises its mail. `None` when the hold is no
/// longer open: one conditional update decides against sweep and release.
///
/// The caller has locked the account's travellers in an earlier statement, see [`traveller::claim`], whose questions
/// these are. [`Error::DuplicatePassenger`] as there.
#[expect(
    clippy::too_many_lines,
    reason = "most of them are one statement and its arguments"
)]
pub(super) async fn booking(
    conn: &mut PgConnection,
    clock: &Clock,
    new: &NewRow<'_>,
) -> Result<Option<Made>> {
    let hold = new.hold;
    let first_departs_at: DateTime<Utc> =
        (new.flights.first()).map_or(hold.expires_at, |flight| flight.departs_at);
    let people: Vec<_> = new.passengers.iter().map(Traveller::from).collect();
    let flights: Vec<_> = new.flights.iter().map(|flight| flight.id).collect();
    let aboard = traveller::Columns::new(&people, &flights);
    let event = &new.event;
    let jobs = booking_event::Jobs::of(event);
    let mut takes_hold = new.takes_hold;
    // A drawn reference is taken once in millions; a second draw settles it.
    for _ in 0..8 {
        let reference = BookingRef::random();
        let row = sqlx::query!(
            r#"
            with taken as (
                update hold set status = 'booked'
                where $12 and id = $4 and account_id = $3 and status = 'open' and expires_at > $5
                returning id
            ), other as materialized (
                select people.position, b.booking_ref, f.airline, f.flight_number, f.departure_date
                from unnest($14::bytea[], $15::text[], $16::bytea[]) with ordinality as people (person, gender, document, position)
                join live_traveller t on t.account_id = $3 and t.flight_id = any($13) and t.person = people.person
                join booking b on b.id = t.booking_id
                join flight f on f.id = t.flight_id
                where (t.gender = people.gender or t.gender is null)
                  and (t.document = people.document or t.document is null or people.document is null)
                order by people.position, f.departs_at, b.id
                limit 1
                for update of t
            ), made as (
                insert into booking (id, booking_ref, account_id, hold_id, created_at, payment_due_at, currency, total_minor,
                                     contact_email, contact_phone, first_departs_at)
                select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
                where (not $12 or exists (select from taken)) and not exists (select from other)
                on conflict on constraint booking_ref_taken do nothing
                returning id
            ), aboard as (
                insert into live_traveller (account_id, flight_id, person, gender, document, booking_id)
                select $3, flight_id, person, gender, document, made.id
                from made, unnest($13::uuid[]) as wanted (flight_id), unnest($14::bytea[], $15::text[], $16::bytea[]) as people (person, gender, document)
                order by flight_id, person
                on conflict on constraint live_traveller_booked_once do nothing
            ), recorded as (
                select record_booking_event($17, id, $3, $18, $19, $5, $20, $21, $22, $32, $23, $24, $25, $26, $27, $28, $29, $30, $31) from made
            )
            -- `made` by what the function has recorded: else PostgreSQL would not call it
            select not $12 or exists (select from taken) as "taken!", (select count(*) from recorded) = 1 as "made!",
                   exists (select from passenger_seat where hold_id = $4) as "has_seats!", o.position as "position?", o.booking_ref as "booking_ref?", o.airline as "airline?", o.flight_number as "flight_number?",
                   o.departure_date as "departure_date?"
            from (values (1)) as one left join other o on true
            "#,
            new.id.0,
            reference.as_str(),
            hold.account_id.0,
            hold.id.0,
            clock.now(),
            hold.expires_at,
            new.price.currency.code(),
            new.price.total().minor(),
            new.contact.email,
            new.contact.phone,
            first_departs_at,
            takes_hold,
            &aboard.flights,
            &aboard.persons,
            &aboard.genders,
            &aboard.documents as &[Option<Vec<u8>>],
            event.id,
            event.kind,
            event.told_as,
            event.actor,
            event.account_id.map(|id| id.0),
            event.api_key_id.map(|id| id.0),
            event.request_id,
            event.trace_parent,
            event.details,
            &jobs.ids,
            &jobs.kinds,
            &jobs.queues,
            &jobs.payloads,
            &jobs.unique_keys as &[Option<String>],
            &jobs.max_attempts,
            event.session_id.map(|id| id.0),
        )
        .fetch_one(&mut *conn)
        .await?;
        if !row.taken {
            return Ok(None);
        }
        if let (
            Some(position),
            Some(booking_ref),
            Some(airline),
            Some(flight_number),
            Some(departure_date),
        ) = (
            row.position,
            row.booking_ref,
            row.airline,
            row.flight_number,
            row.departure_date,
        ) {
            let other = Other {
                position,
                booking_ref,
                airline,
                flight_number,
                departure_date,
            };
            return Err(other.refusal(&people));
        }
        if row.made {
            return Ok(Some(Made {
                reference,
                has_seats: row.has_seats,
            }));
        }
        // By the first draw, in this transaction.
        takes_hold = false;
    }
    Err(Error::Catalogue(
        "no free booking reference was drawn".to_owned(),
    ))
}

/// What a booking consists of.
pub(super) struct Content<'a> {
    pub hold: &'a Hold,
    /// The flights of the hold, in the order of travel.
    pub flights: &'a [Flight],
    pub passengers: &'a [Passenger],
    pub bags: &'a [Bag],
    pub lines: &'a [PriceLine],
}

/// Writes directions with their flights, passengers with their baggage, and price lines of a booking that has none of them.
pub(super) async fn content(
    conn: &mut PgConnection,
    booking_id: BookingId,
    content: &Content<'_>,
) -> Result<()> {
    let Content {
        hold,
        passengers,
        bags,
        ..
    } = *content;
    let directions = Directions::of(hold, content.flights)?;
    let booked = &directions.booked;
    let lines = Lines::of(content.lines);
    let text =
        |of: &dyn Fn(&Passenger) -> Option<String>| passengers.iter().map(of).collect::<Vec<_>>();
    sqlx::query!(
        r#"
        with direction as (
            insert into direction (id, booking_id, ordinal, name, validating_airline, cabin, fare_family, conditions)
            select t.id, $1, t.position - 1, case t.position when 1 then 'departing' else 'returning' end, t.airline, t.cabin, t.family, t.conditions
            from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[])
                 with ordinality as t (id, airline, cabin, family, conditions, position)
        ), booked_flight as (
            insert into booked_flight (id, booking_id, direction_id, ordinal, flight_id, cabin, seats)
            select t.id, $1, t.direction, t.position - 1, t.flight, t.cabin, $7
            from unnest($8::uuid[], $9::uuid[], $10::uuid[], $11::text[]) with ordinality as t (id, direction, flight, cabin, position)
        ), passenger as (
            insert into passenger (id, booking_id, ordinal, passenger_type, title, first_name, middle_name, last_name, gender,
                                   date_of_birth, adult_id, seat_preference, special_requests, travel_document_type, travel_document_number,
                                   travel_document_country, travel_document_expires_on)
            select t.id, $1, t.position - 1, t.kind, t.title, t.first_name, t.middle_name, t.last_name, t.gender, t.born, t.adult, t.preference,
                   string_to_array(t.requests, ' '), t.document, t.number, t.country, t.expires_on
            from unnest($12::uuid[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::date[], $20::uuid[], $21::text[],
                        $22::text[], $23::text[], $24::text[], $25::text[], $26::date[])
                 with ordinality as t (id, kind, title, first_name, middle_name, last_name, gender, born, adult, preference, requests,
                                       document, number, country, expires_on, position)
        ), bag as (
            insert into baggage_item (booking_id, passenger_id, direction, kg)
            select $1, passenger, direction, kg from unnest($27::uuid[], $28::smallint[], $29::smallint[]) as t (passenger, direction, kg)
        )
        insert into price_line (booking_id, ordinal, direction, flight_id, kind, code, name, passenger_type, quantity, unit_minor, amount_minor, refundable, passenger_id, is_percentage)
        select $1, t.position - 1, t.direction, t.flight, t.kind, t.code, t.name, t.passenger_type, t.quantity, t.unit, t.unit * t.quantity, t.refundable, t.passenger, t.is_percentage
        from unnest($30::smallint[], $31::uuid[], $32::text[], $33::text[], $34::text[], $35::int[], $36::bigint[], $37::boolean[], $38::uuid[], $39::text[], $40::boolean[])
             with ordinality as t (direction, flight, kind, code, passenger_type, quantity, unit, refundable, passenger, name, is_percentage, position)
        "#,
        booking_id.0,
        &directions.ids,
        &directions.airlines,
        &directions.cabins,
        &directions.families,
        &directions.conditions as &[Json<&FareConditions>],
        i32::from(hold.party.seated()),
        &booked.ids,
        &booked.directions,
        &booked.flights,
        &booked.cabins,
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
        &bags.iter().map(|bag| bag.passenger_id.0).collect::<Vec<_>>(),
        &bags.iter().map(|bag| i16::from(bag.direction)).collect::<Vec<_>>(),
        &bags.iter().map(|bag| i16::try_from(bag.kg).unwrap_or(i16::MAX)).collect::<Vec<_>>(),
        &lines.directions as &[Option<i16>],
        &lines.flights as &[Option<Uuid>],
        &lines.kinds,
        &lines.codes,
        &lines.passenger_types as &[Option<String>],
        &lines.quantities,
        &lines.units,
        &lines.refundable,
        &lines.passengers as &[Option<Uuid>],
        &lines.names as &[Option<String>],
        &lines.are_percentages,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Directions in columns.
#[derive(Default)]
struct Directions<'a> {
    ids: Vec<Uuid>,
    airlines: Vec<String>,
    cabins: Vec<String>,
    families: Vec<String>,
    conditions: Vec<Json<&'a FareConditions>>,
    booked: BookedFlights,
}

impl<'a> Directions<'a> {
    fn of(hold: &'a Hold, flights: &[Flight]) -> Result<Self> {
        let mut remaining = flights;
        let mut directions = Self::default();
        for offer in &hold.offers {
            let (own, rest) = remaining.split_at(offer.pinned.flights.len().min(remaining.len()));
            remaining = rest;
            let first = own.first().ok_or(Error::NotFound("flight"))?;
            let id = DirectionId::new();
            directions.ids.push(id.0);
            directions.airlines.push(first.airline.iata.clone());
            directions
                .cabins
                .push(offer.pinned.cabin.as_str().to_owned());
            directions.families.push(offer.pinned.family.clone());
            directions.conditions.push(Json(&offer.conditions));
            for flight in own {
                directions.booked.push(id, flight.id, offer.pinned.cabin);
            }
        }
        Ok(directions)
    }
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

/// Price lines in columns.
struct Lines {
    directions: Vec<Option<i16>>,
    flights: Vec<Option<Uuid>>,
    kinds: Vec<String>,
    codes: Vec<String>,
    passenger_types: Vec<Option<String>>,
    quantities: Vec<i32>,
    units: Vec<i64>,
    refundable: Vec<bool>,
    passengers: Vec<Option<Uuid>>,
    names: Vec<Option<String>>,
    are_percentages: Vec<bool>,
}

impl Lines {
    fn of(lines: &[PriceLine]) -> Self {
        fn all<T>(lines: &[PriceLine], column: impl Fn(&PriceLine) -> T) -> Vec<T> {
            lines.iter().map(column).collect()
        }
        Self {
            directions: all(lines, |line| line.direction.map(i16::from)),
            flights: all(lines, |line| line.flight_id.map(|flight| flight.0)),
            kinds: all(lines, |line| line.kind.as_str().to_owned()),
            codes: all(lines, |line| line.code.clone()),
            passenger_types: all(lines, |line| {
                line.passenger_type.map(|kind| kind.as_str().to_owned())
            }),
            quantities: all(lines, |line| i32::from(line.quantity)),
            units: all(lines, |line| line.unit_minor),
            refundable: all(lines, |line| line.refundable),
            passengers: all(lines, |line| line.passenger_id.map(|passenger| passenger.0)),
            names: all(lines, |line| line.name.clone()),
            are_percentages: all(lines, |line| line.is_percentage),
        }
    }
}

/// Adds price lines after those that the booking has.
pub(super) async fn lines(
    conn: &mut PgConnection,
    booking_id: BookingId,
    lines: &[PriceLine],
) -> Result<()> {
    let columns = Lines::of(lines);
    sqlx::query!(
        r#"
        insert into price_line (booking_id, ordinal, direction, flight_id, kind, code, name, passenger_type, quantity, unit_minor, amount_minor, refundable, passenger_id, is_percentage)
        select $1, t.position - 1 + (select coalesce(max(ordinal) + 1, 0) from price_line where booking_id = $1),
               t.direction, t.flight, t.kind, t.code, t.name, t.passenger_type, t.quantity, t.unit, t.unit * t.quantity, t.refundable, t.passenger, t.is_percentage
        from unnest($2::smallint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::int[], $8::bigint[], $9::boolean[], $10::uuid[], $11::text[], $12::boolean[])
             with ordinality as t (direction, flight, kind, code, passenger_type, quantity, unit, refundable, passenger, name, is_percentage, position)
        "#,
        booking_id.0,
        &columns.directions as &[Option<i16>],
        &columns.flights as &[Option<Uuid>],
        &columns.kinds,
        &columns.codes,
        &columns.passenger_types as &[Option<String>],
        &columns.quantities,
        &columns.units,
        &columns.refundable,
        &columns.passengers as &[Option<Uuid>],
        &columns.names as &[Option<String>],
        &columns.are_percentages,
    )
    .execute(conn)
    .await?;
    Ok(())
}
