//! Reading flights by id.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{CabinSeats, Flight, FlightDetails, FlightStatus};
use crate::clock::Clock;
use crate::ids::FlightId;
use crate::reference::{Airline, Airport, Reference, ReferenceCache};
use crate::trade::Cabin;
use crate::{Error, Result, zone};

/// A flight as the database joins it.
pub(crate) struct FlightRow {
    pub id: FlightId,
    pub airline: String,
    pub airline_name: String,
    pub flight_number: String,
    pub aircraft: String,
    pub departure_date: NaiveDate,
    pub departs_at: DateTime<Utc>,
    pub arrives_at: DateTime<Utc>,
    pub status: FlightStatus,
    pub origin: String,
    pub origin_name: String,
    pub origin_city: String,
    pub origin_country: String,
    pub origin_zone: String,
    pub destination: String,
    pub destination_name: String,
    pub destination_city: String,
    pub destination_country: String,
    pub destination_zone: String,
}

impl TryFrom<FlightRow> for Flight {
    type Error = Error;

    fn try_from(row: FlightRow) -> Result<Self> {
        let zone = |name: &str| {
            zone::parse(name)
                .ok_or_else(|| Error::Catalogue(format!("nobody knows the zone {name}")))
        };
        Ok(Self {
            id: row.id,
            airline: Arc::new(Airline {
                iata: row.airline,
                name: row.airline_name,
            }),
            flight_number: row.flight_number,
            aircraft: row.aircraft.into(),
            departure_date: row.departure_date,
            departs_at: row.departs_at,
            arrives_at: row.arrives_at,
            status: row.status,
            origin: Arc::new(Airport {
                time_zone: zone(&row.origin_zone)?,
                iata: row.origin,
                name: row.origin_name,
                city: row.origin_city,
                country: row.origin_country,
            }),
            destination: Arc::new(Airport {
                time_zone: zone(&row.destination_zone)?,
                iata: row.destination,
                name: row.destination_name,
                city: row.destination_city,
                country: row.destination_country,
            }),
        })
    }
}

/// The flights of the ids, in the order of the ids. [`Error::NotFound`] when one does not exist.
pub async fn list_by_id(conn: &mut PgConnection, ids: &[FlightId]) -> Result<Vec<Flight>> {
    let wanted: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query_as!(
        FlightRow,
        r#"
        select f.id as "id: FlightId", f.airline, al.name as airline_name, f.flight_number, ac.name as aircraft,
               f.departure_date, f.departs_at, f.arrives_at, f.status as "status: FlightStatus",
               f.origin, o.name as origin_name, o.city as origin_city, o.country as origin_country, o.time_zone as origin_zone,
               f.destination, d.name as destination_name, d.city as destination_city, d.country as destination_country,
               d.time_zone as destination_zone
        from unnest($1::uuid[]) with ordinality as wanted (id, position)
        join flight f on f.id = wanted.id
        join airline al on al.iata = f.airline
        join aircraft_type ac on ac.iata = f.aircraft
        join airport o on o.iata = f.origin
        join airport d on d.iata = f.destination
        order by wanted.position
        "#,
        &wanted,
    )
    .fetch_all(conn)
    .await?;
    if rows.len() != ids.len() {
        return Err(Error::NotFound("flight"));
    }
    rows.into_iter().map(Flight::try_from).collect()
}

/// Those of the flights that so many can still buy seats on, once with each of the cabins that are asked for, in no order.
pub(crate) async fn on_sale(
    conn: &mut PgConnection,
    (clock, reference): (&Clock, &ReferenceCache),
    wanted: &[Uuid],
    cabins: &[Cabin],
    earliest: DateTime<Utc>,
    seats: i32,
) -> Result<Vec<(Flight, CabinSeats)>> {
    let cabins: Vec<String> = cabins
        .iter()
        .map(|cabin| cabin.as_str().to_owned())
        .collect();
    let rows = sqlx::query_as!(
        OnSale,
        r#"
        select f.id as "id: FlightId", f.airline, f.flight_number, f.aircraft, f.origin, f.destination,
               f.departure_date, f.departs_at, f.arrives_at, c.cabin as "cabin: Cabin", c.capacity, c.held, c.sold,
               c.base_fare_minor
        from flight f join flight_cabin c on c.flight_id = f.id and c.cabin = any($2)
        where f.id = any($1) and f.status = 'scheduled' and f.departs_at >= $3 and c.capacity - c.held - c.sold >= $4
        "#,
        wanted,
        &cabins,
        earliest,
        seats,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut known = reference.get(conn, clock).await?;
    // Flights of an airport that was added a moment ago.
    if rows.iter().any(|row| row.named(&known).is_none()) {
        known = reference.get_after(conn, clock, &known).await?;
    }
    let named = |row: OnSale| {
        let flight = row.named(&known).ok_or_else(|| {
            Error::Catalogue(format!("nobody knows the codes of the flight {}", row.id))
        })?;
        Ok((flight, row.seats()))
    };
    rows.into_iter().map(named).collect()
}

/// A flight on sale by its codes, with a cabin.
struct OnSale {
    id: FlightId,
    airline: String,
    flight_number: String,
    aircraft: String,
    origin: String,
    destination: String,
    departure_date: NaiveDate,
    departs_at: DateTime<Utc>,
    arrives_at: DateTime<Utc>,
    cabin: Cabin,
    capacity: i32,
    held: i32,
    sold: i32,
    base_fare_minor: i64,
}

impl OnSale {
    /// The flight with the names of its codes.
    fn named(&self, reference: &Reference) -> Option<Flight> {
        Some(Flight {
            id: self.id,
            airline: reference.airline(&self.airline)?.clone(),
            flight_number: self.flight_number.clone(),
            aircraft: reference.aircraft(&self.aircraft)?.clone(),
            origin: reference.airport(&self.origin)?.clone(),
            destination: reference.airport(&self.destination)?.clone(),
            departure_date: self.departure_date,
            departs_at: self.departs_at,
            arrives_at: self.arrives_at,
            status: FlightStatus::Scheduled,
        })
    }

    fn seats(&self) -> CabinSeats {
        CabinSeats {
            flight_id: self.id,
            cabin: self.cabin,
            capacity: self.capacity,
            held: self.held,
            sold: self.sold,
            base_fare_minor: self.base_fare_minor,
        }
    }
}

/// The cabins of flights; one that an aircraft swap left without seats is none.
async fn cabins(conn: &mut PgConnection, ids: &[FlightId]) -> Result<Vec<CabinSeats>> {
    let wanted: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let mut cabins = sqlx::query_as!(
        CabinSeats,
        r#"
        select flight_id as "flight_id: FlightId", cabin as "cabin: Cabin", capacity, held, sold, base_fare_minor
        from flight_cabin where flight_id = any($1) and capacity > 0
        "#,
        &wanted,
    )
    .fetch_all(conn)
    .await?;
    cabins.sort_by_key(|seats| (seats.flight_id, seats.cabin));
    Ok(cabins)
}

/// A flight with its cabins. [`Error::NotFound`] when it does not exist.
pub async fn details(conn: &mut PgConnection, id: FlightId) -> Result<FlightDetails> {
    let flight = list_by_id(conn, &[id])
        .await?
        .pop()
        .ok_or(Error::NotFound("flight"))?;
    let cabins = cabins(conn, &[id]).await?;
    Ok(FlightDetails { flight, cabins })
}

/// A flight as people name it: `AI 161 on 20 December 2026`.
pub(crate) fn label(airline: &str, number: &str, departs_on: NaiveDate) -> String {
    format!("{airline} {number} on {}", departs_on.format("%-d %B %Y"))
}

/// The same of a flight's id. [`Error::NotFound`] when there is none.
pub async fn label_of(conn: &mut PgConnection, id: FlightId) -> Result<String> {
    let row = sqlx::query!(
        "select airline, flight_number, departure_date from flight where id = $1",
        id.0
    )
    .fetch_optional(conn)
    .await?
    .ok_or(Error::NotFound("flight"))?;
    Ok(label(&row.airline, &row.flight_number, row.departure_date))
}
