//! Where airlines fly and with what, as the generator sees it.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use sqlx::PgConnection;

use crate::{Error, Result, zone};

/// Airports with scheduled service, airlines that can sell tickets, and aircraft, each in the order of its code.
#[derive(Clone, Debug)]
pub struct Network {
    pub(super) airports: Vec<Airport>,
    pub(super) airlines: Vec<Airline>,
    pub(super) aircraft: Vec<Aircraft>,
}

#[derive(Clone, Debug)]
pub(super) struct Airport {
    pub iata: String,
    pub country: String,
    pub lat: f64,
    pub lon: f64,
    pub zone: Tz,
    /// How much traffic it draws: large 30, medium 4, small 1, and more when an airline has its hub there.
    pub weight: f64,
    pub is_large: bool,
    pub metro: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Airline {
    pub iata: String,
    pub country: String,
    /// Indexes into `airports`.
    pub hubs: Vec<usize>,
}

#[derive(Clone, Debug)]
pub(super) struct Aircraft {
    pub iata: String,
    pub range_km: f64,
    pub cruise_kmh: f64,
    /// Cabin and seats, from the seat layout.
    pub cabins: Vec<(String, i32)>,
}

impl Network {
    /// Reads what the fixtures loaded; an error when nothing is there to fly between.
    pub async fn load(conn: &mut PgConnection) -> Result<Self> {
        let airports = airports(conn).await?;
        let airlines = airlines(conn, &airports).await?;
        let aircraft = aircraft(conn).await?;
        if airports.is_empty() || airlines.is_empty() || aircraft.is_empty() {
            return Err(Error::Catalogue(
                "there are no airports, airlines or aircraft: run `manage loaddata` first"
                    .to_owned(),
            ));
        }
        Ok(Self {
            airports,
            airlines,
            aircraft,
        })
    }

    pub(super) fn airport(&self, iata: &str) -> Option<usize> {
        self.airports
            .binary_search_by(|airport| airport.iata.as_str().cmp(iata))
            .ok()
    }

    #[cfg(test)]
    pub(super) fn aircraft(&self, iata: &str) -> Option<&Aircraft> {
        self.aircraft.iter().find(|aircraft| aircraft.iata == iata)
    }

    /// Great-circle distance in kilometres.
    pub(super) fn distance_km(&self, from: usize, to: usize) -> f64 {
        const EARTH_RADIUS_KM: f64 = 6371.0;
        let (a, b) = (&self.airports[from], &self.airports[to]);
        let (lat_a, lat_b) = (a.lat.to_radians(), b.lat.to_radians());
        let half_lat = ((lat_b - lat_a) / 2.0).sin();
        let half_lon = ((b.lon - a.lon).to_radians() / 2.0).sin();
        let h = half_lat.powi(2) + lat_a.cos() * lat_b.cos() * half_lon.powi(2);
        2.0 * EARTH_RADIUS_KM * h.sqrt().min(1.0).asin()
    }
}

async fn airports(conn: &mut PgConnection) -> Result<Vec<Airport>> {
    let rows = sqlx::query!(
        r#"
        select iata, country, lat, lon, time_zone, kind,
            exists (select from airline_hub where airline_hub.iata = airport.iata) as "is_hub!",
            (select min(code) from metro_area_airport where metro_area_airport.iata = airport.iata) as metro
        from airport where scheduled order by iata collate "C"
        "#
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let size = match row.kind.as_str() {
                "large" => 30.0,
                "medium" => 4.0,
                _ => 1.0,
            };
            Ok(Airport {
                zone: zone::parse(&row.time_zone).ok_or_else(|| {
                    Error::Catalogue(format!("{}: {:?} is no time zone", row.iata, row.time_zone))
                })?,
                weight: if row.is_hub { size * 2.0 } else { size },
                is_large: row.kind == "large",
                iata: row.iata,
                country: row.country,
                lat: row.lat,
                lon: row.lon,
                metro: row.metro,
            })
        })
        .collect()
}

// An airline without an accounting code cannot ticket, so it sells nothing.
async fn airlines(conn: &mut PgConnection, airports: &[Airport]) -> Result<Vec<Airline>> {
    let rows = sqlx::query!(
        r#"
        select airline.iata, airline.country,
            coalesce(array_agg(hub.iata order by hub.ordinal) filter (where hub.iata is not null), '{}') as "hubs!"
        from airline left join airline_hub as hub on hub.airline = airline.iata
        where accounting_code is not null
        group by airline.iata order by airline.iata collate "C"
        "#
    )
    .fetch_all(conn)
    .await?;
    let index = |iata: &String| {
        airports
            .binary_search_by(|airport| airport.iata.cmp(iata))
            .ok()
    };
    Ok(rows
        .into_iter()
        .map(|row| Airline {
            hubs: row.hubs.iter().filter_map(index).collect(),
            iata: row.iata,
            country: row.country,
        })
        .collect())
}

async fn aircraft(conn: &mut PgConnection) -> Result<Vec<Aircraft>> {
    let rows = sqlx::query!(
        r#"
        select type.iata, type.range_km, type.cruise_kmh, seat.cabin, count(*)::integer as "seats!"
        from aircraft_type as type join seat_layout as seat on seat.aircraft = type.iata
        group by type.iata, seat.cabin order by type.iata collate "C", seat.cabin collate "C"
        "#
    )
    .fetch_all(conn)
    .await?;
    let mut types: BTreeMap<String, Aircraft> = BTreeMap::new();
    for row in rows {
        let aircraft = types.entry(row.iata.clone()).or_insert_with(|| Aircraft {
            iata: row.iata,
            range_km: f64::from(row.range_km),
            cruise_kmh: f64::from(row.cruise_kmh),
            cabins: Vec::new(),
        });
        aircraft.cabins.push((row.cabin, row.seats));
    }
    Ok(types.into_values().collect())
}
