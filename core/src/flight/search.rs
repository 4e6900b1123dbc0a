//! Searching direct flights of one day (rules.md "Search"): only what the whole party can buy now.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

use super::fares::fare_of;
use super::model::{CabinSeats, Flight, FlightStatus};
use super::queries::FlightRow;
use crate::clock::{Clock, parse_date};
use crate::config::Sales;
use crate::error::Violations;
use crate::fare::{Cabin, FareFamily, Party, Tariff, price};
use crate::ids::FlightId;
use crate::offer::Quote;
use crate::{Error, Result, place};

/// A search as its caller wrote it; [`search`] names every wrong field at once.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Airport or metro code.
    pub origin: String,
    /// Airport or metro code.
    pub destination: String,
    /// Local date at the origin, ISO 8601.
    pub departure_date: String,
    /// The party; infants travel on laps.
    pub party: Party,
    /// Class of service.
    pub cabin: Option<String>,
    /// Fare family; `standard` unless said.
    pub fare_family: Option<String>,
    /// `price` (default) or `departure`.
    pub sort: Option<String>,
}

/// The order of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Cheapest first, then earliest.
    Price,
    /// Earliest first, then cheapest.
    Departure,
}

struct Query {
    origins: Vec<String>,
    destinations: Vec<String>,
    date: NaiveDate,
    family: FareFamily,
    sort: Sort,
}

/// Direct flights on a date with enough seats for the party, leaving after sales close, sorted.
///
/// An airport or day without flights is an empty answer. Errors: [`Error::Invalid`] with every wrong field.
pub async fn search(
    conn: &mut PgConnection,
    clock: &Clock,
    sales: &Sales,
    tariff: &Tariff,
    input: &Search,
) -> Result<Vec<Quote>> {
    let query = check(conn, clock, sales, tariff, input).await?;
    let earliest = clock.now() + sales.sales_close();
    let mut found = Vec::new();
    for (flight, seats) in fetch(conn, &query, input.party, earliest).await? {
        let fare = fare_of(&flight, &seats);
        let price = price(
            tariff,
            sales.sale_currency,
            &query.family,
            0,
            &[fare],
            input.party,
        )?;
        found.push(Quote {
            party: input.party,
            cabin: query.family.cabin,
            family: query.family.code.clone(),
            conditions: query.family.frozen().into(),
            flights: vec![flight],
            price,
            seats_left: seats.left(),
        });
    }
    sort(&mut found, query.sort);
    Ok(found)
}

fn sort(found: &mut [Quote], sort: Sort) {
    found.sort_by_key(|quote| {
        let total = quote.price.total().minor();
        let first = quote
            .flights
            .first()
            .map(|flight| (flight.departs_at, flight.id));
        match sort {
            Sort::Price => (total, first, 0),
            Sort::Departure => (0, first, total),
        }
    });
}

async fn check(
    conn: &mut PgConnection,
    clock: &Clock,
    sales: &Sales,
    tariff: &Tariff,
    input: &Search,
) -> Result<Query> {
    let mut wrong = Violations::new();
    let origins = airports(conn, &mut wrong, "origin", &input.origin).await?;
    let destinations = airports(conn, &mut wrong, "destination", &input.destination).await?;
    if !origins.is_empty() && origins == destinations {
        wrong.add(
            "destination",
            "same_as_origin",
            "the destination is the origin",
        );
    }
    let date = parse_date(&input.departure_date);
    match date {
        None => wrong.add(
            "departure_date",
            "date",
            "an ISO 8601 date, such as 2026-12-20",
        ),
        // Somewhere on Earth it is still yesterday.
        Some(date) if date < clock.now().date_naive() - chrono::Days::new(1) => {
            wrong.add("departure_date", "in_the_past", "the date has passed");
        }
        Some(_) => {}
    }
    check_party(&mut wrong, sales, input.party);
    let cabin = input
        .cabin
        .as_deref()
        .map_or(Some(Cabin::Economy), Cabin::parse);
    if cabin.is_none() {
        wrong.add(
            "cabin",
            "unknown",
            "one of economy, premium_economy, business, first",
        );
    }
    let code = input.fare_family.as_deref().unwrap_or("standard");
    let family = cabin.and_then(|cabin| tariff.family(code, cabin)).cloned();
    if cabin.is_some() && family.is_none() {
        wrong.add(
            "fare_family",
            "unknown",
            format!("there is no fare family {code:?} in this cabin"),
        );
    }
    let sort = match input.sort.as_deref() {
        None | Some("price") => Some(Sort::Price),
        Some("departure") => Some(Sort::Departure),
        Some(_) => None,
    };
    if sort.is_none() {
        wrong.add("sort", "unknown", "one of price, departure");
    }
    wrong.into_result()?;
    match (date, family, sort) {
        (Some(date), Some(family), Some(sort)) => Ok(Query {
            origins,
            destinations,
            date,
            family,
            sort,
        }),
        _ => Err(Error::Invalid(Vec::new())),
    }
}

async fn airports(
    conn: &mut PgConnection,
    wrong: &mut Violations,
    field: &str,
    code: &str,
) -> Result<Vec<String>> {
    if let Some(place) = place::resolve(conn, code).await? {
        return Ok(place.airports);
    }
    let message = format!("{code:?} is no IATA airport or metro code");
    wrong.add(field, "unknown_airport", message);
    Ok(Vec::new())
}

/// What rules.md "Passengers" asks of the counts of a search.
fn check_party(wrong: &mut Violations, sales: &Sales, party: Party) {
    if party.adults == 0 {
        wrong.add("adults", "too_few", "at least one adult");
    }
    let seated = u32::from(party.adults) + u32::from(party.children);
    if seated > sales.max_passengers {
        wrong.add(
            "adults",
            "too_many",
            format!("at most {} seated passengers", sales.max_passengers),
        );
    }
    if party.infants > party.adults {
        wrong.add("infants", "too_many", "at most one infant per adult");
    }
}

async fn fetch(
    conn: &mut PgConnection,
    query: &Query,
    party: Party,
    earliest: DateTime<Utc>,
) -> Result<Vec<(Flight, CabinSeats)>> {
    let rows = sqlx::query!(
        r#"
        select f.id as "id: FlightId", f.airline, al.name as airline_name, f.flight_number, ac.name as aircraft,
               f.departure_date, f.departs_at, f.arrives_at, f.status as "status: FlightStatus",
               f.origin, o.name as origin_name, o.city as origin_city, o.country as origin_country, o.time_zone as origin_zone,
               f.destination, d.name as destination_name, d.city as destination_city, d.country as destination_country,
               d.time_zone as destination_zone, c.capacity, c.held, c.sold, c.base_fare_minor
        from flight f
        join flight_cabin c on c.flight_id = f.id and c.cabin = $4
        join airline al on al.iata = f.airline
        join aircraft_type ac on ac.iata = f.aircraft
        join airport o on o.iata = f.origin
        join airport d on d.iata = f.destination
        where f.origin = any($1) and f.destination = any($2) and f.departure_date = $3
          and f.status = 'scheduled' and f.departs_at >= $5 and c.capacity - c.held - c.sold >= $6
          and al.accounting_code is not null
        "#,
        &query.origins,
        &query.destinations,
        query.date,
        query.family.cabin.as_str(),
        earliest,
        i32::from(party.seated()),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let seats = CabinSeats {
                flight_id: row.id,
                cabin: query.family.cabin,
                capacity: row.capacity,
                held: row.held,
                sold: row.sold,
                base_fare_minor: row.base_fare_minor,
            };
            let flight = Flight::try_from(FlightRow {
                id: row.id,
                airline: row.airline,
                airline_name: row.airline_name,
                flight_number: row.flight_number,
                aircraft: row.aircraft,
                departure_date: row.departure_date,
                departs_at: row.departs_at,
                arrives_at: row.arrives_at,
                status: row.status,
                origin: row.origin,
                origin_name: row.origin_name,
                origin_city: row.origin_city,
                origin_country: row.origin_country,
                origin_zone: row.origin_zone,
                destination: row.destination,
                destination_name: row.destination_name,
                destination_city: row.destination_city,
                destination_country: row.destination_country,
                destination_zone: row.destination_zone,
            })?;
            Ok((flight, seats))
        })
        .collect()
}
