//! Reference data: airports, metro areas, airlines and aircraft types, which every search names and which hardly ever
//! change. Each process keeps them in memory, so that a page of offers joins nothing to them.
//!
//! **Names come from memory.** A page of offers joined each flight to its airline, its type and two airports, and
//! each question asked what its codes stand for. Eight thousand places change hardly ever: each process reads them
//! again when its version has changed (one request asks every two seconds, the others go on with what there is), and at once when a flight has
//! a code that it does not know. The timetable numbers its airports in a reading of its own: it must be of the same
//! moment as the flights. Where a search looks at few flights (64), it reads them as a page shows them, and whoever
//! made the answer is served without a second look. With that, the connection kept, and mimalloc (glibc's allocator
//! took a fifth of the api's processor time) direct searches that were not kept went from 1,426/s to between 3,316
//! and 4,134/s within three hours on the same machine. pgbench now runs two small statements instead of four:
//! ratios from before do not compare.

mod cache;
mod model;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use sqlx::PgConnection;

use crate::geo::Position;
use crate::{Error, Result, zone};

pub use cache::ReferenceCache;
pub use model::{Airline, Airport};

#[cfg(test)]
mod tests;

/// Airports, metro areas, airlines and aircraft types by their codes, as they were a moment ago.
#[derive(Debug, Default)]
pub struct Reference {
    airports: HashMap<String, Place>,
    metros: HashMap<String, BTreeSet<String>>,
    airlines: HashMap<String, Arc<Airline>>,
    aircraft: HashMap<String, Arc<str>>,
    version: i64,
}

#[derive(Debug)]
struct Place {
    airport: Arc<Airport>,
    /// The metro area's code, or its own.
    area: String,
    position: Position,
}

impl Reference {
    /// Reads all of it. Errors: [`Error::Catalogue`] for an airport in a zone that nobody knows.
    pub async fn load(conn: &mut PgConnection) -> Result<Self> {
        // Before anything else: what changes meanwhile is read again.
        let version = Self::version_of(conn).await?;
        let rows = sqlx::query!(
            r#"
            select iata, name, city, country, time_zone, lat, lon, coalesce(
                (select min(code) from metro_area_airport where metro_area_airport.iata = airport.iata), iata) as "area!"
            from airport
            "#
        )
        .fetch_all(&mut *conn)
        .await?;
        let mut airports = HashMap::with_capacity(rows.len());
        for row in rows {
            let time_zone = zone::parse(&row.time_zone).ok_or_else(|| {
                Error::Catalogue(format!("nobody knows the zone {}", row.time_zone))
            })?;
            let airport = Airport {
                iata: row.iata.clone(),
                name: row.name,
                city: row.city,
                country: row.country,
                time_zone,
            };
            let place = Place {
                airport: airport.into(),
                area: row.area,
                position: Position::new(row.lat, row.lon),
            };
            airports.insert(row.iata, place);
        }
        let mut metros: HashMap<String, BTreeSet<String>> = HashMap::new();
        for row in sqlx::query!("select code, iata from metro_area_airport")
            .fetch_all(&mut *conn)
            .await?
        {
            metros.entry(row.code).or_default().insert(row.iata);
        }
        let airlines = sqlx::query_as!(Airline, "select iata, name from airline")
            .fetch_all(&mut *conn)
            .await?;
        let aircraft = sqlx::query!("select iata, name from aircraft_type")
            .fetch_all(conn)
            .await?;
        Ok(Self {
            airports,
            metros,
            airlines: airlines
                .into_iter()
                .map(|airline| (airline.iata.clone(), airline.into()))
                .collect(),
            aircraft: aircraft
                .into_iter()
                .map(|row| (row.iata, row.name.into()))
                .collect(),
            version,
        })
    }

    /// Which version of the catalogue there is (`crate::catalogue`).
    pub(super) async fn version_of(conn: &mut PgConnection) -> Result<i64> {
        let version = sqlx::query_scalar!("select version from catalogue_version")
            .fetch_one(conn)
            .await?;
        Ok(version)
    }

    /// Which version of the catalogue it was read from, or an earlier one.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// An airport of an IATA code.
    pub fn airport(&self, iata: &str) -> Option<&Arc<Airport>> {
        self.airports.get(iata).map(|place| &place.airport)
    }

    /// An airline of an IATA code.
    pub fn airline(&self, iata: &str) -> Option<&Arc<Airline>> {
        self.airlines.get(iata)
    }

    /// The name of an aircraft type.
    pub fn aircraft(&self, iata: &str) -> Option<&Arc<str>> {
        self.aircraft.get(iata)
    }

    /// The airports of a code in alphabetical order; none for no such code. The metro area wins unless an airport
    /// is meant.
    pub fn airports_of(&self, code: &str, airport_only: bool) -> Vec<String> {
        match self.metros.get(code) {
            Some(airports) if !airport_only => airports.iter().cloned().collect(),
            _ => self
                .airport(code)
                .map(|one| one.iata.clone())
                .into_iter()
                .collect(),
        }
    }

    /// The distance of two airports along the great circle; `None` when one is unknown.
    pub fn distance_km(&self, one: &str, other: &str) -> Option<f64> {
        let (one, other) = (self.airports.get(one)?, self.airports.get(other)?);
        Some(one.position.distance_km(other.position))
    }

    /// Whether some airport of one list is in the metro area of some airport of the other.
    pub fn share_an_area(&self, some: &[String], others: &[String]) -> bool {
        let areas = |airports: &[String]| -> HashSet<&str> {
            let places = airports.iter().filter_map(|iata| self.airports.get(iata));
            places.map(|place| place.area.as_str()).collect()
        };
        !areas(some).is_disjoint(&areas(others))
    }
}
