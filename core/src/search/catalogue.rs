//! What the timetable knows of airports and airlines, by small numbers instead of codes.

use std::collections::HashMap;

use chrono_tz::Tz;
use sqlx::PgConnection;

use super::connection::ConnectionTimes;
use crate::geo::Position;
use crate::{Error, Result, zone};

/// An airport's or airline's number in this process; it never changes while the process lives.
pub(super) type Index = u16;

#[derive(Clone, Debug)]
pub(super) struct Airport {
    pub iata: String,
    pub country: String,
    /// The metro area's code, or its own.
    pub area: String,
    pub zone: Tz,
    position: Position,
    /// All airports of its area, itself among them.
    pub neighbours: Vec<Index>,
}

#[derive(Clone, Debug)]
pub(super) struct Airline {
    pub iata: String,
    pub name: String,
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
    /// Which version of it was read (`crate::catalogue`).
    pub version: i64,
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

    /// Airports as (IATA code, country, metro area), and the connection times of the trade.
    #[cfg(test)]
    pub fn of(airports: &[(&str, &str, &str)]) -> Self {
        let airports = airports.iter().map(|(iata, country, area)| Airport {
            iata: (*iata).to_owned(),
            country: (*country).to_owned(),
            area: (*area).to_owned(),
            zone: Tz::UTC,
            position: Position::new(0.0, 0.0),
            neighbours: Vec::new(),
        });
        Self {
            airports: airports.collect(),
            connection_times: ConnectionTimes::of_the_trade(),
            ..Self::default()
        }
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
            let airport = Airport {
                country: row.country,
                area: row.area,
                zone,
                position: Position::new(row.lat, row.lon),
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
        let rows = sqlx::query!(
            "select iata, name, accounting_code is not null as \"is_sold!\" from airline"
        )
        .fetch_all(&mut *conn)
        .await?;
        for row in rows {
            let airline = Airline {
                iata: row.iata.clone(),
                name: row.name,
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
        self.at(from).position.distance_km(self.at(to).position)
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
