//! Airports of the catalogue, for staff.

use flightdesk_core::Error;
use flightdesk_core::catalogue::Airport;
use poem_openapi::{Object, OpenApi};

use super::operations::catalogue_resource;
use crate::app::App;
use crate::http::body::Rules;
use crate::openapi::raw::{FromRaw, Raw};

/// An airport as it is kept
#[derive(Debug, Object)]
#[oai(rename = "CatalogueAirport", skip_serializing_if_is_none)]
pub struct CatalogueAirportView {
    /// Which one it is, in paths
    id: String,
    /// IATA code
    iata: String,
    /// ICAO code
    icao: Option<String>,
    /// Name
    name: String,
    /// City as people know it
    city: String,
    /// State or province
    subdivision: Option<String>,
    /// ISO 3166
    country: String,
    /// Degrees north
    lat: f64,
    /// Degrees east
    lon: f64,
    /// IANA zone: `Asia/Kolkata`
    time_zone: String,
    /// `small`, `medium` or `large`
    kind: String,
    /// Whether airlines fly there by schedule
    scheduled: bool,
    /// What else people call it when they look for it
    search_words: String,
}

/// A new airport
#[derive(Debug, Object)]
#[oai(
    rename = "CreateCatalogueAirport",
    deny_unknown_fields,
    skip_serializing_if_is_none
)]
pub struct CreateAirport {
    /// IATA code
    #[oai(validator(max_length = 3))]
    iata: String,
    /// ICAO code
    #[oai(validator(max_length = 4))]
    icao: Option<String>,
    /// Name
    #[oai(validator(max_length = 100))]
    name: String,
    /// City as people know it
    #[oai(validator(max_length = 100))]
    city: String,
    /// State or province
    #[oai(validator(max_length = 100))]
    subdivision: Option<String>,
    /// ISO 3166
    #[oai(validator(max_length = 2))]
    country: String,
    /// Degrees north
    #[oai(validator(minimum(value = "-90"), maximum(value = "90")))]
    lat: f64,
    /// Degrees east
    #[oai(validator(minimum(value = "-180"), maximum(value = "180")))]
    lon: f64,
    /// IANA zone: `Asia/Kolkata`
    #[oai(validator(max_length = 64))]
    time_zone: String,
    /// `small`, `medium` or `large`
    #[oai(validator(max_length = 20))]
    kind: String,
    /// Whether airlines fly there by schedule
    scheduled: bool,
    /// What else people call it when they look for it
    #[oai(validator(max_length = 300))]
    search_words: Option<String>,
}

/// What shall be different; what is left out stays, and `null` empties what may be absent
#[derive(Debug, Default, Object)]
#[oai(
    rename = "ChangeCatalogueAirport",
    deny_unknown_fields,
    skip_serializing_if_is_none
)]
pub struct ChangeAirport {
    /// ICAO code
    #[oai(validator(max_length = 4))]
    icao: Option<String>,
    /// Name
    #[oai(validator(max_length = 100))]
    name: Option<String>,
    /// City as people know it
    #[oai(validator(max_length = 100))]
    city: Option<String>,
    /// State or province
    #[oai(validator(max_length = 100))]
    subdivision: Option<String>,
    /// ISO 3166
    #[oai(validator(max_length = 2))]
    country: Option<String>,
    /// Degrees north
    #[oai(validator(minimum(value = "-90"), maximum(value = "90")))]
    lat: Option<f64>,
    /// Degrees east
    #[oai(validator(minimum(value = "-180"), maximum(value = "180")))]
    lon: Option<f64>,
    /// IANA zone: `Asia/Kolkata`
    #[oai(validator(max_length = 64))]
    time_zone: Option<String>,
    /// `small`, `medium` or `large`
    #[oai(validator(max_length = 20))]
    kind: Option<String>,
    /// Whether airlines fly there by schedule
    scheduled: Option<bool>,
    /// What else people call it when they look for it
    #[oai(validator(max_length = 300))]
    search_words: Option<String>,
}

impl FromRaw for CreateAirport {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            iata: raw.text("iata"),
            icao: raw.optional_text("icao"),
            name: raw.text("name"),
            city: raw.text("city"),
            subdivision: raw.optional_text("subdivision"),
            country: raw.text("country"),
            lat: raw.number("lat").unwrap_or_default(),
            lon: raw.number("lon").unwrap_or_default(),
            time_zone: raw.text("time_zone"),
            kind: raw.text("kind"),
            scheduled: raw.flag("scheduled").unwrap_or_default(),
            search_words: raw.optional_text("search_words"),
        }
    }
}

impl Rules for CreateAirport {
    fn rules(self, _app: &App) -> Result<(), Error> {
        super::rules::<Airport>(&self)
    }
}

super::without_rules!(ChangeAirport);

catalogue_resource! {
    /// Airports.
    CatalogueAirports: Airport, CatalogueAirportView, at "/airports", "/airports/:key";
    /// List airports
    ///
    /// In the order of their codes. Search and suggestions find a change within two seconds. Needs the scope `catalogue`.
    list "list_catalogue_airports";
    /// Read an airport
    ///
    /// The `ETag` names this version of it, for a change. Needs the scope `catalogue`.
    get "get_catalogue_airport";
    /// Add an airport
    ///
    /// Doing it again is answered by 409 `already_exists`. Needs the scope `catalogue`.
    create "create_airport" from CreateAirport;
    /// Delete an airport
    ///
    /// 409 `in_use` says by how many schedules, flights, airlines and areas it is used. Needs `If-Match` and the scope `catalogue`.
    delete "delete_airport";
    /// Change an airport
    ///
    /// Country and zone stay while flights to come leave or land there: 409 `in_use`. Needs `If-Match`: of two who have read the same version one is answered 412, and nothing is lost. Needs the
    /// scope `catalogue`.
    change "change_airport" by ChangeAirport;
}
