//! Places: what a traveller may mean, and what the codes of the catalogue stand for.

use flightdesk_core::place::{self, AircraftType, Airline, Airport, Suggestion, SuggestionKind};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::openapi::tags::Tag;

/// Places.
pub struct Places;

/// Suggestions of one answer unless the caller says otherwise.
const SUGGESTIONS: usize = 10;

/// What a code stands for
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "PlaceType", rename_all = "snake_case")]
pub enum PlaceTypeView {
    /// One airport
    Airport,
    /// All airports of a city
    Metro,
}

/// A place that may be meant
#[derive(Debug, Object)]
#[oai(rename = "Suggestion")]
pub struct SuggestionView {
    /// IATA code, for `origin` and `destination` of a search
    iata: String,
    #[oai(rename = "type")]
    kind: PlaceTypeView,
    name: String,
    city: String,
    /// ISO 3166 code
    country: String,
    country_name: String,
    /// The airports that the code stands for
    airports: Vec<String>,
}

impl From<Suggestion> for SuggestionView {
    fn from(place: Suggestion) -> Self {
        Self {
            kind: match place.kind {
                SuggestionKind::Airport => PlaceTypeView::Airport,
                SuggestionKind::Metro => PlaceTypeView::Metro,
            },
            country_name: place::country_name(&place.country).to_owned(),
            iata: place.code,
            name: place.name,
            city: place.city,
            country: place.country,
            airports: place.airports,
        }
    }
}

/// The places that fit, the likeliest first
#[derive(Debug, Object)]
pub struct Suggestions {
    data: Vec<SuggestionView>,
}

/// An airport with all that is known of it
#[derive(Debug, Object)]
#[oai(rename = "Airport", skip_serializing_if_is_none)]
pub struct AirportDetails {
    iata: String,
    icao: Option<String>,
    name: String,
    /// The airport's name when it has no city
    city: String,
    /// State, province or the like
    subdivision: Option<String>,
    /// ISO 3166 code
    country: String,
    country_name: String,
    /// Degrees north
    latitude: f64,
    /// Degrees east
    longitude: f64,
    /// IANA zone of its local times
    time_zone: String,
    /// Whether airlines fly there by schedule
    scheduled: bool,
    /// Code of its metro area
    metro_code: Option<String>,
}

impl From<Airport> for AirportDetails {
    fn from(airport: Airport) -> Self {
        Self {
            country_name: place::country_name(&airport.country).to_owned(),
            iata: airport.iata,
            icao: airport.icao,
            name: airport.name,
            city: airport.city,
            subdivision: airport.subdivision,
            country: airport.country,
            latitude: airport.lat,
            longitude: airport.lon,
            time_zone: airport.time_zone,
            scheduled: airport.scheduled,
            metro_code: airport.metro,
        }
    }
}

/// An airline of the catalogue
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct AirlineDetails {
    iata: String,
    icao: Option<String>,
    name: String,
    /// ISO 3166 code
    country: String,
    /// The first three digits of its e-ticket numbers; without them it is not sold
    accounting_code: Option<String>,
    /// Whether its flights are sold here
    sold: bool,
    /// Its hubs, the greatest first
    hubs: Vec<String>,
}

impl From<Airline> for AirlineDetails {
    fn from(airline: Airline) -> Self {
        Self {
            sold: airline.is_sold(),
            iata: airline.iata,
            icao: airline.icao,
            name: airline.name,
            country: airline.country,
            accounting_code: airline.accounting_code,
            hubs: airline.hubs,
        }
    }
}

/// All airlines by code
#[derive(Debug, Object)]
pub struct AirlineList {
    data: Vec<AirlineDetails>,
}

/// A type of aircraft
#[derive(Debug, Object)]
#[oai(rename = "Aircraft", skip_serializing_if_is_none)]
pub struct AircraftView {
    iata: String,
    icao: Option<String>,
    name: String,
    /// How far it flies
    range_km: i32,
    /// How fast
    cruise_kmh: i32,
    /// Of all cabins
    seats: i64,
    /// From the front
    cabins: Vec<AircraftCabin>,
}

/// Seats of one cabin of an aircraft
#[derive(Debug, Object)]
pub struct AircraftCabin {
    /// `economy`, `premium_economy`, `business` or `first`
    cabin: String,
    seats: i64,
}

impl From<AircraftType> for AircraftView {
    fn from(aircraft: AircraftType) -> Self {
        let seats = aircraft.seats();
        let cabins = aircraft.cabins.into_iter().map(|cabin| AircraftCabin {
            cabin: cabin.cabin,
            seats: cabin.seats,
        });
        Self {
            iata: aircraft.iata,
            icao: aircraft.icao,
            name: aircraft.name,
            range_km: aircraft.range_km,
            cruise_kmh: aircraft.cruise_kmh,
            seats,
            cabins: cabins.collect(),
        }
    }
}

/// All aircraft types by code
#[derive(Debug, Object)]
pub struct AircraftList {
    data: Vec<AircraftView>,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Places")]
impl Places {
    /// Suggest airports
    ///
    /// By the beginnings of words of code, city, name and country, accents aside; one typo is forgiven. An exact code
    /// comes first, then cities, the greater airports before the smaller. Nothing that fits is an empty list.
    #[oai(path = "/airports", method = "get", operation_id = "suggest_airports")]
    async fn suggest(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Search>,
        /// What was typed so far: `mun`, `sao paolo`, `LHR`
        #[oai(validator(min_length = 1, max_length = 100))]
        Query(q): Query<String>,
        /// Suggestions of the answer (default 10)
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<Option<u32>>,
    ) -> Result<Json<Suggestions>, ApiError> {
        access.look_up(app).await?;
        let directory = app.directory.fresh(&app.background, &app.clock).await?;
        let limit = limit.map_or(SUGGESTIONS, |limit| limit as usize);
        let found = directory.suggest(&q, limit);
        Ok(Json(Suggestions {
            data: found.into_iter().map(SuggestionView::from).collect(),
        }))
    }

    /// Read an airport
    ///
    /// By its IATA code, in capitals or not. A metro area is no airport: 404.
    #[oai(path = "/airports/:iata", method = "get", operation_id = "get_airport")]
    async fn airport(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Search>,
        /// IATA code: `DEL`
        Path(iata): Path<String>,
    ) -> Result<Json<AirportDetails>, ApiError> {
        let mut conn = app.db.acquire().await?;
        access.principal(&mut conn, app).await?;
        Ok(Json(place::get(&mut conn, &iata).await?.into()))
    }

    /// List airlines
    ///
    /// By code, all of them in one answer: there are some hundred.
    #[oai(path = "/airlines", method = "get", operation_id = "list_airlines")]
    async fn airlines(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Search>,
        /// Only those whose flights are sold here, or only the others
        Query(sold): Query<Option<bool>>,
        /// Only those of a country, by its ISO 3166 code
        #[oai(validator(min_length = 2, max_length = 2))]
        Query(country): Query<Option<String>>,
    ) -> Result<Json<AirlineList>, ApiError> {
        let mut conn = app.db.acquire().await?;
        access.principal(&mut conn, app).await?;
        let airlines = place::airlines(&mut conn, sold, country.as_deref()).await?;
        Ok(Json(AirlineList {
            data: airlines.into_iter().map(AirlineDetails::from).collect(),
        }))
    }

    /// List aircraft types
    ///
    /// All of them, by code, with their cabins from the front.
    #[oai(path = "/aircraft", method = "get", operation_id = "list_aircraft")]
    async fn aircraft(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Search>,
    ) -> Result<Json<AircraftList>, ApiError> {
        let mut conn = app.db.acquire().await?;
        access.principal(&mut conn, app).await?;
        let aircraft = place::aircraft(&mut conn).await?;
        Ok(Json(AircraftList {
            data: aircraft.into_iter().map(AircraftView::from).collect(),
        }))
    }
}
