//! What the catalogue says of a code, and the short lists whole.

use sqlx::PgConnection;

use crate::{Error, Result};

/// An airport.
#[derive(Clone, Debug, PartialEq)]
pub struct Airport {
    /// IATA code.
    pub iata: String,
    /// ICAO code.
    pub icao: Option<String>,
    /// Name.
    pub name: String,
    /// City, or the airport's name when it has none.
    pub city: String,
    /// State, province or the like.
    pub subdivision: Option<String>,
    /// ISO 3166 code (`XK` for Kosovo).
    pub country: String,
    /// Degrees north.
    pub lat: f64,
    /// Degrees east.
    pub lon: f64,
    /// IANA zone.
    pub time_zone: String,
    /// Whether airlines fly there by schedule.
    pub scheduled: bool,
    /// Metro area, such as `LON`.
    pub metro: Option<String>,
}

/// An airline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Airline {
    /// IATA code.
    pub iata: String,
    /// ICAO code.
    pub icao: Option<String>,
    /// Name.
    pub name: String,
    /// ISO 3166 code.
    pub country: String,
    /// The first three digits of its e-tickets; without them nothing of it is sold.
    pub accounting_code: Option<String>,
    /// Its hubs, the greatest first.
    pub hubs: Vec<String>,
}

impl AircraftType {
    /// Seats of all cabins.
    pub fn seats(&self) -> i64 {
        self.cabins.iter().map(|cabin| cabin.seats).sum()
    }
}

impl Airline {
    /// Whether its flights are sold here: without an accounting code there is no e-ticket number.
    pub fn is_sold(&self) -> bool {
        self.accounting_code.is_some()
    }
}

/// A type of aircraft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AircraftType {
    /// IATA code.
    pub iata: String,
    /// ICAO code.
    pub icao: Option<String>,
    /// Name.
    pub name: String,
    /// How far it flies, in kilometres.
    pub range_km: i32,
    /// How fast, in kilometres an hour.
    pub cruise_kmh: i32,
    /// Seats by cabin, from the front.
    pub cabins: Vec<CabinSeats>,
}

/// How many seats a cabin has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CabinSeats {
    /// `first`, `business`, `premium_economy` or `economy`.
    pub cabin: String,
    /// Sellable ones.
    pub seats: i64,
}

/// The airport of an IATA code in any case. Errors: [`Error::NotFound`].
pub async fn get(conn: &mut PgConnection, iata: &str) -> Result<Airport> {
    sqlx::query_as!(
        Airport,
        "
        select iata, icao, name, city, subdivision, country, lat, lon, time_zone, scheduled,
            (select min(code) from metro_area_airport where metro_area_airport.iata = airport.iata) as metro
        from airport where iata = upper($1)
        ",
        iata,
    )
    .fetch_optional(conn)
    .await?
    .ok_or(Error::NotFound("airport"))
}

/// Airlines by code: all, those that are sold or not, those of a country (ISO 3166 code in any case).
pub async fn airlines(
    conn: &mut PgConnection,
    sold: Option<bool>,
    country: Option<&str>,
) -> Result<Vec<Airline>> {
    let airlines = sqlx::query_as!(
        Airline,
        r#"
        select iata, icao, name, country, accounting_code,
            array(select hub.iata from airline_hub as hub where hub.airline = airline.iata order by ordinal) as "hubs!"
        from airline
        where ($1::boolean is null or (accounting_code is not null) = $1) and ($2::text is null or country = upper($2))
        order by iata collate "C"
        "#,
        sold,
        country,
    )
    .fetch_all(conn)
    .await?;
    Ok(airlines)
}

/// All aircraft types by code.
pub async fn aircraft(conn: &mut PgConnection) -> Result<Vec<AircraftType>> {
    let rows = sqlx::query!(
        r#"
        select type.iata, icao, name, range_km, cruise_kmh, seat.cabin, count(*) as "seats!"
        from aircraft_type as type join seat_layout as seat on seat.aircraft = type.iata
        group by type.iata, seat.cabin order by type.iata collate "C", min(seat.seat_row)
        "#
    )
    .fetch_all(conn)
    .await?;
    let mut types: Vec<AircraftType> = Vec::new();
    for row in rows {
        let cabin = CabinSeats {
            cabin: row.cabin,
            seats: row.seats,
        };
        match types.last_mut() {
            Some(last) if last.iata == row.iata => last.cabins.push(cabin),
            _ => types.push(AircraftType {
                iata: row.iata,
                icao: row.icao,
                name: row.name,
                range_km: row.range_km,
                cruise_kmh: row.cruise_kmh,
                cabins: vec![cabin],
            }),
        }
    }
    Ok(types)
}
