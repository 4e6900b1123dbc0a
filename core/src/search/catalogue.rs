//! What the timetable knows of airports and airlines, by small numbers instead of codes.

use std::collections::HashMap;

use chrono_tz::Tz;
use sqlx::PgConnection;

use super::connection::ConnectionTimes;
use crate::{Error, Result, zone};

/// An airport's or airline's number in this process; it never changes while the process lives.
pub(super) type Index = u16;

const EARTH_RADIUS_KM: f64 = 6371.0;

#[derive(Clone, Debug)]
pub(super) struct Airport {
    pub iata: String,
    pub country: String,
    /// The metro area's code, or its own.
    pub area: String,
    pub zone: Tz,
    /// On the unit sphere: the distance of two airports is then a root and an arcsine.
    position: [f64; 3],
    /// All airports of its area, itself among them.
    pub neighbours: Vec<Index>,
}

#[derive(Clone, Debug)]
pub(super) struct Airline {
    pub iata: String,
    /// Without an accounting code nothing of it is sold.
    pub is_sold: bool,
    // By number: whether this airline's tickets may hold the other's flights.
    partners: Vec<bool>,
}

/// Airports, airlines, who sells whose flights and how long connections take.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalogue {
    pub airports: Vec<Airport>,
    pub airlines: Vec<Airline>,
    airport_numbers: HashMap<String, Index>,
    airline_numbers: HashMap<String, Index>,
    pub connection_times: ConnectionTimes,
}

impl Catalogue {
    /// Reads all of it again; what was known keeps its numbers.
    pub async fn load(&self, conn: &mut PgConnection) -> Result<Self> {
        let mut next = self.clone();
        next.load_airports(conn).await?;
        next.load_airlines(conn).await?;
        next.connection_times = ConnectionTimes::load(conn).await?;
        Ok(next)
    }

    async fn load_airports(&mut self, conn: &mut PgConnection) -> Result<()> {
        let rows = sqlx::query!(
            r#"
            select iata, country, lat, lon, time_zone, coalesce(
                (select min(code) from metro_area_airport where metro_area_airport.iata = airport.iata), iata) as "area!"
            from airport
            "#
        )
        .fetch_all(conn)
        .await?;
        for row in rows {
            let zone = zone::parse(&row.time_zone).ok_or_else(|| {
                Error::Catalogue(format!("nobody knows the zone {}", row.time_zone))
            })?;
            let (lat, lon) = (row.lat.to_radians(), row.lon.to_radians());
            let airport = Airport {
                country: row.country,
                area: row.area,
                zone,
                position: [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()],
                neighbours: Vec::new(),
                iata: row.iata.clone(),
            };
            place(
                &mut self.airports,
                &mut self.airport_numbers,
                row.iata,
                airport,
            )?;
        }
        let mut areas: HashMap<&str, Vec<Index>> = HashMap::new();
        for (airport, number) in self.airports.iter().zip(0..) {
            areas.entry(&airport.area).or_default().push(number);
        }
        let neighbours: Vec<Vec<Index>> = self
            .airports
            .iter()
            .map(|airport| {
                areas
                    .get(airport.area.as_str())
                    .cloned()
                    .unwrap_or_default()
            })
            .collect();
        for (airport, neighbours) in self.airports.iter_mut().zip(neighbours) {
            airport.neighbours = neighbours;
        }
        Ok(())
    }

    async fn load_airlines(&mut self, conn: &mut PgConnection) -> Result<()> {
        let rows =
            sqlx::query!("select iata, accounting_code is not null as \"is_sold!\" from airline")
                .fetch_all(&mut *conn)
                .await?;
        for row in rows {
            let airline = Airline {
                iata: row.iata.clone(),
                is_sold: row.is_sold,
                partners: Vec::new(),
            };
            place(
                &mut self.airlines,
                &mut self.airline_numbers,
                row.iata,
                airline,
            )?;
        }
        let agreements = sqlx::query!("select airline, partner from interline_agreement")
            .fetch_all(conn)
            .await?;
        let count = self.airlines.len();
        for (number, airline) in self.airlines.iter_mut().enumerate() {
            airline.partners = vec![false; count];
            airline.partners[number] = true;
        }
        for row in agreements {
            let pair = (self.airline(&row.airline), self.airline(&row.partner));
            if let (Some(airline), Some(partner)) = pair {
                self.airlines[usize::from(airline)].partners[usize::from(partner)] = true;
            }
        }
        Ok(())
    }

    /// The number of an airport's code, or `None`.
    pub fn airport(&self, iata: &str) -> Option<Index> {
        self.airport_numbers.get(iata).copied()
    }

    /// The number of an airline's code, or `None`.
    pub fn airline(&self, iata: &str) -> Option<Index> {
        self.airline_numbers.get(iata).copied()
    }

    /// The airport of a number.
    pub fn at(&self, airport: Index) -> &Airport {
        &self.airports[usize::from(airport)]
    }

    /// Whether a ticket of one airline may hold a flight of the other: its own, or a partner's.
    pub fn sells(&self, validating: Index, operating: Index) -> bool {
        self.airlines[usize::from(validating)].partners[usize::from(operating)]
    }

    /// Great-circle distance.
    pub fn distance_km(&self, from: Index, to: Index) -> f64 {
        let (a, b) = (self.at(from).position, self.at(to).position);
        let chord: f64 = (0..3).map(|axis| (a[axis] - b[axis]).powi(2)).sum();
        2.0 * EARTH_RADIUS_KM * (chord.sqrt() / 2.0).min(1.0).asin()
    }

    /// Whether a flight between them stays in its country.
    pub fn is_domestic(&self, from: Index, to: Index) -> bool {
        self.at(from).country == self.at(to).country
    }

    /// Whether two airports are in one metro area, or the same.
    pub fn same_area(&self, one: Index, other: Index) -> bool {
        one == other || self.at(one).area == self.at(other).area
    }
}

fn place<T>(
    rows: &mut Vec<T>,
    numbers: &mut HashMap<String, Index>,
    code: String,
    row: T,
) -> Result<()> {
    if let Some(number) = numbers.get(&code) {
        rows[usize::from(*number)] = row;
        return Ok(());
    }
    let number = Index::try_from(rows.len())
        .map_err(|_| Error::Catalogue("there are more than 65,536 airports".to_owned()))?;
    numbers.insert(code, number);
    rows.push(row);
    Ok(())
}
