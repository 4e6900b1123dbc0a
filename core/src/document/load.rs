//! Reads what a ticket says from the booking it belongs to.

use crate::trade;
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::content::{
    Baggage, Boarding, Carrier, CouponContent, DirectionContent, FlightContent, PaidWith,
    PassengerContent, Place, TicketContent,
};
use super::lines::{self, LinesOf};
use crate::ids::{BookingId, DocumentId, PaymentId};
use crate::money::{self, Currency, Money};
use crate::ticket::{BoardingPass, Compartment, Seat, TicketNumber};
use crate::trade::FareConditions;
use crate::{Error, Result, zone};

impl TicketContent {
    /// What the present revision of a ticket document says.
    ///
    /// [`Error::NotFound`] when there is no such ticket document; [`Error::Catalogue`] when its booking contradicts
    /// itself. Several statements: for one moment in time the caller begins a repeatable-read transaction.
    pub async fn load(conn: &mut PgConnection, document_id: DocumentId) -> Result<Self> {
        let head = load_head(conn, document_id).await?;
        let booked = load_directions(conn, head.booking_id, &head.airline.iata).await?;
        let passengers = load_passengers(conn, &head, &booked).await?;
        let issued_at = passengers
            .first()
            .map_or(head.booked_at, |first| first.issued_at);
        let currency = head.booking_total.currency();
        let of = LinesOf::Airline(&head.airline.iata);
        let price_lines = lines::load(conn, head.booking_id, currency, of).await?;
        let paid_with = match latest_payment(conn, head.booking_id).await? {
            Some(payment_id) => load_share(conn, payment_id, head.booking_id).await?,
            None => None,
        };

        let zero = Money::new(0, currency);
        let total = price_lines
            .iter()
            .try_fold(zero, |sum, line| sum.checked_add(line.amount))
            .map_err(|error| Error::Catalogue(format!("price of {}: {error}", head.booking_ref)))?;
        Ok(Self {
            document_id,
            revision: head.revision,
            booking_ref: head.booking_ref,
            airline: head.airline,
            booking_status: head.booking_status,
            booked_at: head.booked_at,
            issued_at,
            directions: booked.directions,
            passengers: passengers.into_iter().map(|row| row.content).collect(),
            price_lines,
            total,
            booking_total: head.booking_total,
            paid_with,
        })
    }
}

struct Head {
    revision: i32,
    booking_id: BookingId,
    booking_ref: String,
    booking_status: String,
    booked_at: DateTime<Utc>,
    booking_total: Money,
    airline: Carrier,
}

async fn load_head(conn: &mut PgConnection, document_id: DocumentId) -> Result<Head> {
    let row = sqlx::query!(
        r#"
        select document.revision, booking.id as "booking_id: BookingId", booking.booking_ref, booking.status,
            booking.created_at, booking.currency, booking.total_minor, airline.iata, airline.name
        from document
        join booking on booking.id = document.booking_id
        join airline on airline.iata = document.airline
        where document.id = $1 and document.kind = 'ticket'
        "#,
        document_id.0,
    )
    .fetch_optional(conn)
    .await?
    .ok_or(Error::NotFound("document"))?;
    Ok(Head {
        revision: row.revision,
        booking_id: row.booking_id,
        booking_ref: row.booking_ref,
        booking_status: row.status,
        booked_at: row.created_at,
        booking_total: Money::new(row.total_minor, known_currency(&row.currency)?),
        airline: Carrier {
            iata: row.iata,
            name: row.name,
        },
    })
}

struct Booked {
    directions: Vec<DirectionContent>,
    /// Every flight of this ticket with its cabin, in the order they are flown.
    flights: Vec<(Uuid, String, FlightContent)>,
}

async fn load_directions(
    conn: &mut PgConnection,
    booking_id: BookingId,
    airline: &str,
) -> Result<Booked> {
    let rows = sqlx::query!(
        r#"
        select direction.ordinal, direction.name as direction_name, direction.cabin,
            direction.conditions as "conditions: Json<FareConditions>", flight.id as flight_id, booked_flight.cabin as flight_cabin,
            airline.iata as airline, airline.name as airline_name, flight.flight_number,
            aircraft_type.name as aircraft, flight.departs_at, flight.arrives_at,
            origin.iata as origin, origin.name as origin_name, origin.city as origin_city,
            origin.country as origin_country, origin.time_zone as origin_zone,
            destination.iata as destination, destination.name as destination_name,
            destination.city as destination_city, destination.country as destination_country,
            destination.time_zone as destination_zone
        from direction
        join booked_flight on booked_flight.direction_id = direction.id
        join flight on flight.id = booked_flight.flight_id
        join airline on airline.iata = flight.airline
        join aircraft_type on aircraft_type.iata = flight.aircraft
        join airport as origin on origin.iata = flight.origin
        join airport as destination on destination.iata = flight.destination
        where direction.booking_id = $1 and direction.validating_airline = $2 and direction.status = 'booked'
        order by booked_flight.ordinal
        "#,
        booking_id.0,
        airline,
    )
    .fetch_all(conn)
    .await?;

    let mut booked = Booked {
        directions: Vec::new(),
        flights: Vec::new(),
    };
    let mut last_ordinal = None;
    for row in rows {
        let origin_zone = known_zone(&row.origin_zone)?;
        let flight = FlightContent {
            boarding: boarding(row.departs_at, origin_zone),
            airline: Carrier {
                iata: row.airline,
                name: row.airline_name,
            },
            number: row.flight_number,
            aircraft: row.aircraft,
            departs: zone::local(row.departs_at, origin_zone),
            arrives: zone::local(row.arrives_at, known_zone(&row.destination_zone)?),
            origin: Place {
                iata: row.origin,
                name: row.origin_name,
                city: row.origin_city,
                country: row.origin_country,
            },
            destination: Place {
                iata: row.destination,
                name: row.destination_name,
                city: row.destination_city,
                country: row.destination_country,
            },
        };
        booked
            .flights
            .push((row.flight_id, row.flight_cabin, flight.clone()));
        if last_ordinal == Some(row.ordinal)
            && let Some(direction) = booked.directions.last_mut()
        {
            direction.flights.push(flight);
            continue;
        }
        last_ordinal = Some(row.ordinal);
        let conditions = row.conditions.0;
        booked.directions.push(DirectionContent {
            name: row.direction_name,
            cabin: row.cabin,
            rules: conditions.sentences(),
            baggage: Baggage::from(&conditions),
            fare_family: conditions.name,
            flights: vec![flight],
        });
    }
    Ok(booked)
}

struct Ticketed {
    issued_at: DateTime<Utc>,
    content: PassengerContent,
}

async fn load_passengers(
    conn: &mut PgConnection,
    head: &Head,
    booked: &Booked,
) -> Result<Vec<Ticketed>> {
    let rows = sqlx::query!(
        r#"
        select passenger.id, passenger.passenger_type, passenger.title, passenger.first_name, passenger.middle_name,
            passenger.last_name, passenger.special_requests, ticket.number, ticket.conjunction_number, ticket.issued_at,
            case when adult.id is not null then concat_ws(' ', adult.first_name, adult.last_name) end as on_lap_of
        from passenger
        join ticket on ticket.passenger_id = passenger.id and ticket.status = 'issued' and ticket.validating_airline = $2
        left join passenger as adult on adult.id = passenger.adult_id
        where passenger.booking_id = $1
        order by passenger.ordinal
        "#,
        head.booking_id.0,
        head.airline.iata,
    )
    .fetch_all(&mut *conn)
    .await?;
    let seats = sqlx::query!(
        r#"
        select passenger_seat.passenger_id as "passenger_id!", flight_id, seat_row, letter
        from passenger_seat
        join passenger on passenger.id = passenger_seat.passenger_id
        where passenger.booking_id = $1
        "#,
        head.booking_id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let bags = load_bags(conn, head.booking_id).await?;
    let cancelled = load_cancelled(conn, head.booking_id).await?;

    rows.into_iter()
        .map(|row| {
            let flown = booked.flights.iter().enumerate();
            let flown = flown.filter(|(_, (flight, ..))| !cancelled.contains(&(row.id, *flight)));
            let coupons = flown.map(|(flight_index, (flight_id, cabin, flight))| {
                let seat = if row.passenger_type == "infant" {
                    Seat::Infant
                } else {
                    seats
                        .iter()
                        .find(|seat| seat.passenger_id == row.id && seat.flight_id == *flight_id)
                        .and_then(|seat| {
                            Some(Seat::At {
                                row: u16::try_from(seat.seat_row).ok()?,
                                letter: seat.letter.chars().next()?,
                            })
                        })
                        .unwrap_or(Seat::Unassigned)
                };
                let compartment = Compartment::of_cabin(cabin)
                    .ok_or_else(|| Error::Catalogue(format!("no cabin is called {cabin}")))?;
                let extra_kg = bags.get(&(row.id, *flight_id)).copied().unwrap_or(0);
                let coupon = coupon(
                    head,
                    flight,
                    compartment,
                    seat,
                    &row.last_name,
                    row.first_name.as_deref(),
                );
                Ok(CouponContent {
                    flight_index,
                    extra_kg,
                    ..coupon
                })
            });
            let coupons = coupons.collect::<Result<Vec<_>>>()?;
            let parse = |raw: &str| {
                TicketNumber::parse(raw).map_err(|error| Error::Catalogue(error.to_string()))
            };
            let ticket_number = parse(&row.number)?;
            let conjunction_number = row.conjunction_number.as_deref().map(parse).transpose()?;
            let names = [
                Some(title(&row.title)),
                row.first_name,
                row.middle_name,
                Some(row.last_name),
            ];
            Ok(Ticketed {
                issued_at: row.issued_at,
                content: PassengerContent {
                    name: names.into_iter().flatten().collect::<Vec<_>>().join(" "),
                    passenger_type: row.passenger_type,
                    ticket_number,
                    conjunction_number,
                    on_lap_of: row.on_lap_of,
                    special_requests: row
                        .special_requests
                        .iter()
                        .map(|code| requested(code))
                        .collect(),
                    coupons,
                },
            })
        })
        .collect()
}

/// Who does not fly on which flight any more.
async fn load_cancelled(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<HashSet<(Uuid, Uuid)>> {
    let rows = sqlx::query!(
        r#"
        select gone.passenger_id, booked_flight.flight_id
        from cancelled_place gone
        join booked_flight on booked_flight.direction_id = gone.direction_id
        where gone.booking_id = $1
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    let places = rows.into_iter();
    Ok(places
        .map(|row| (row.passenger_id, row.flight_id))
        .collect())
}

/// Kilograms of extra baggage, by passenger and flight.
async fn load_bags(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<HashMap<(Uuid, Uuid), i64>> {
    let rows = sqlx::query!(
        r#"
        select baggage_item.passenger_id, booked_flight.flight_id, baggage_item.kg
        from baggage_item
        join direction on direction.booking_id = baggage_item.booking_id and direction.ordinal = baggage_item.direction
        join booked_flight on booked_flight.direction_id = direction.id
        where baggage_item.booking_id = $1
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    let bags = rows.into_iter();
    Ok(bags
        .map(|bag| ((bag.passenger_id, bag.flight_id), i64::from(bag.kg)))
        .collect())
}

fn coupon(
    head: &Head,
    flight: &FlightContent,
    compartment: Compartment,
    seat: Seat,
    last_name: &str,
    first_name: Option<&str>,
) -> CouponContent {
    let pass = BoardingPass {
        last_name: last_name.to_owned(),
        first_name: first_name.map(str::to_owned),
        booking_ref: head.booking_ref.clone(),
        origin: flight.origin.iata.clone(),
        destination: flight.destination.iata.clone(),
        airline: flight.airline.iata.clone(),
        flight_number: flight.number.clone(),
        departure_date: flight.departs.date_naive(),
        compartment,
        seat,
        // Nobody has checked in yet.
        sequence: 0,
        status: '0',
        conditional: String::new(),
    };
    CouponContent {
        flight_index: 0,
        flight: format!("{} {}", flight.airline.iata, flight.number),
        seat: match seat {
            Seat::At { row, letter } => Some(format!("{row}{letter}")),
            Seat::Infant | Seat::Unassigned => None,
        },
        extra_kg: 0,
        barcode: pass.encode(),
    }
}

/// The payment that the booking's documents are of, or `None` while none has succeeded.
pub(super) async fn latest_payment(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Option<PaymentId>> {
    let id = sqlx::query_scalar!(
        r#"
        select id as "id!: PaymentId" from (
            select id, ended_at from payment where booking_id = $1 and status = 'succeeded'
            union all
            -- Who came of a split has paid there.
            select p.id, p.ended_at from payment_split s join payment p on p.id = s.payment_id where s.new_booking_id = $1
        ) paid
        order by ended_at desc, id desc limit 1
        "#,
        booking_id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

pub(super) async fn load_payment(
    conn: &mut PgConnection,
    payment_id: PaymentId,
) -> Result<Option<PaidWith>> {
    let row = sqlx::query!(
        r#"
        select currency, card_brand, card_last4, amount_minor - coalesce((
            select sum(amount_minor)::bigint from refund where payment_id = payment.id and reason = 'seat_fees'), 0) as "amount_minor!"
        from payment where id = $1
        "#,
        payment_id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(PaidWith {
            amount: Money::new(row.amount_minor, known_currency(&row.currency)?),
            card_brand: row.card_brand,
            card_last4: row.card_last4,
        })
    })
    .transpose()
}

/// What of a payment paid for a booking: all of it, unless some of its passengers have another booking since.
async fn load_share(
    conn: &mut PgConnection,
    payment_id: PaymentId,
    booking_id: BookingId,
) -> Result<Option<PaidWith>> {
    let Some(whole) = load_payment(conn, payment_id).await? else {
        return Ok(None);
    };
    let elsewhere = sqlx::query_scalar!(
        r#"
        select coalesce(sum(amount_minor), 0)::bigint as "minor!" from payment_share
        where payment_id = $1 and booking_id <> $2
        "#,
        payment_id.0,
        booking_id.0,
    )
    .fetch_one(conn)
    .await?;
    let amount = Money::new(whole.amount.minor() - elsewhere, whole.amount.currency());
    Ok(Some(PaidWith { amount, ..whole }))
}

/// Reckoned from the instant: a clock that jumps in between misleads nobody.
fn boarding(departs_at: DateTime<Utc>, zone: Tz) -> Boarding {
    let before = |minutes| zone::local(departs_at - TimeDelta::minutes(minutes), zone);
    Boarding {
        desk_opens: before(180),
        desk_closes: before(60),
        begins: before(35),
        gate_closes: before(15),
    }
}

/// `ms` as people write it: `Ms`.
pub(super) fn title(raw: &str) -> String {
    let mut letters = raw.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// `Vegan meal (VGML)`.
fn requested(code: &str) -> String {
    trade::request_words(code).map_or_else(|| code.to_owned(), |words| format!("{words} ({code})"))
}

pub(super) fn known_currency(code: &str) -> Result<Currency> {
    money::currency(code).ok_or_else(|| Error::Catalogue(format!("no currency is called {code}")))
}

pub(super) fn known_zone(name: &str) -> Result<Tz> {
    zone::parse(name).ok_or_else(|| Error::Catalogue(format!("no time zone is called {name}")))
}
