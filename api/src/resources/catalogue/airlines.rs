//! Airlines of the catalogue, for staff.

use flightdesk_core::Error;
use flightdesk_core::catalogue::Airline;
use poem_openapi::{Object, OpenApi};

use super::operations::catalogue_resource;
use crate::app::App;
use crate::http::body::Rules;
use crate::openapi::raw::{FromRaw, Raw};

/// An airline as it is kept
#[derive(Debug, Object)]
#[oai(rename = "CatalogueAirline", skip_serializing_if_is_none)]
pub struct CatalogueAirlineView {
    /// Which one it is, in paths
    id: String,
    /// IATA code
    iata: String,
    /// ICAO code
    icao: Option<String>,
    /// Name
    name: String,
    /// ISO 3166
    country: String,
    /// IATA's three digits, with which e-ticket numbers begin; without them nothing of it is sold
    accounting_code: Option<String>,
    /// IATA codes of its airports, the main one first
    hubs: Vec<String>,
}

/// A new airline
#[derive(Debug, Object)]
#[oai(
    rename = "CreateCatalogueAirline",
    deny_unknown_fields,
    skip_serializing_if_is_none
)]
pub struct CreateAirline {
    /// IATA code
    #[oai(validator(max_length = 2))]
    iata: String,
    /// ICAO code
    #[oai(validator(max_length = 3))]
    icao: Option<String>,
    /// Name
    #[oai(validator(max_length = 100))]
    name: String,
    /// ISO 3166
    #[oai(validator(max_length = 2))]
    country: String,
    /// IATA's three digits, with which e-ticket numbers begin; without them nothing of it is sold
    #[oai(validator(max_length = 3))]
    accounting_code: Option<String>,
    /// IATA codes of its airports, the main one first
    #[oai(validator(max_items = 20))]
    hubs: Option<Vec<String>>,
}

/// What shall be different; what is left out stays, and `null` empties what may be absent
#[derive(Debug, Default, Object)]
#[oai(
    rename = "ChangeCatalogueAirline",
    deny_unknown_fields,
    skip_serializing_if_is_none
)]
pub struct ChangeAirline {
    /// ICAO code
    #[oai(validator(max_length = 3))]
    icao: Option<String>,
    /// Name
    #[oai(validator(max_length = 100))]
    name: Option<String>,
    /// ISO 3166
    #[oai(validator(max_length = 2))]
    country: Option<String>,
    /// IATA's three digits, with which e-ticket numbers begin; without them nothing of it is sold
    #[oai(validator(max_length = 3))]
    accounting_code: Option<String>,
    /// IATA codes of its airports, the main one first
    #[oai(validator(max_items = 20))]
    hubs: Option<Vec<String>>,
}

impl FromRaw for CreateAirline {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            iata: raw.text("iata"),
            icao: raw.optional_text("icao"),
            name: raw.text("name"),
            country: raw.text("country"),
            accounting_code: raw.optional_text("accounting_code"),
            hubs: raw.list("hubs"),
        }
    }
}

impl Rules for CreateAirline {
    fn rules(self, _app: &App) -> Result<(), Error> {
        super::rules::<Airline>(&self)
    }
}

super::without_rules!(ChangeAirline);

catalogue_resource! {
    /// Airlines.
    CatalogueAirlines: Airline, CatalogueAirlineView, at "/airlines", "/airlines/:key";
    /// List airlines
    ///
    /// In the order of their codes. Needs the scope `catalogue`.
    list "list_catalogue_airlines";
    /// Read an airline
    ///
    /// The `ETag` names this version of it, for a change. Needs the scope `catalogue`.
    get "get_catalogue_airline";
    /// Add an airline
    ///
    /// Doing it again is answered by 409 `already_exists`. Needs the scope `catalogue`.
    create "create_airline" from CreateAirline;
    /// Delete an airline
    ///
    /// 409 `in_use` says by how many schedules, flights, agreements and coupons it is used. Needs `If-Match` and the scope `catalogue`.
    delete "delete_airline";
    /// Change an airline
    ///
    /// Without an `accounting_code` nothing of it is sold from then on. Needs `If-Match`: of two who have read the same version one is answered 412, and nothing is lost. Needs the
    /// scope `catalogue`.
    change "change_airline" by ChangeAirline;
}
