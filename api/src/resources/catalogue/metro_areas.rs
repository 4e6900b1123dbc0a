//! Metro areas of the catalogue, for staff.

use flightdesk_core::Error;
use flightdesk_core::catalogue::MetroArea;
use poem_openapi::{Object, OpenApi};

use super::operations::catalogue_resource;
use crate::app::App;
use crate::http::body::Rules;
use crate::openapi::raw::{FromRaw, Raw};

/// A metro area as it is kept
#[derive(Debug, Object)]
#[oai(rename = "MetroArea", skip_serializing_if_is_none)]
pub struct MetroAreaView {
    /// Which one it is, in paths
    id: String,
    /// IATA code of the city
    code: String,
    /// City as people know it
    city: String,
    /// ISO 3166
    country: String,
    /// IATA codes of its airports
    airports: Vec<String>,
}

/// A new metro area
#[derive(Debug, Object)]
#[oai(
    rename = "CreateMetroArea",
    deny_unknown_fields,
    skip_serializing_if_is_none
)]
pub struct CreateMetroArea {
    /// IATA code of the city
    #[oai(validator(max_length = 3))]
    code: String,
    /// City as people know it
    #[oai(validator(max_length = 100))]
    city: String,
    /// ISO 3166
    #[oai(validator(max_length = 2))]
    country: String,
    /// IATA codes of its airports
    #[oai(validator(max_items = 20))]
    airports: Vec<String>,
}

/// What shall be different; what is left out stays, and `null` empties what may be absent
#[derive(Debug, Default, Object)]
#[oai(
    rename = "ChangeMetroArea",
    deny_unknown_fields,
    skip_serializing_if_is_none
)]
pub struct ChangeMetroArea {
    /// City as people know it
    #[oai(validator(max_length = 100))]
    city: Option<String>,
    /// ISO 3166
    #[oai(validator(max_length = 2))]
    country: Option<String>,
    /// IATA codes of its airports
    #[oai(validator(max_items = 20))]
    airports: Option<Vec<String>>,
}

impl FromRaw for CreateMetroArea {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            code: raw.text("code"),
            city: raw.text("city"),
            country: raw.text("country"),
            airports: raw.list("airports").unwrap_or_default(),
        }
    }
}

impl Rules for CreateMetroArea {
    fn rules(self, _app: &App) -> Result<(), Error> {
        super::rules::<MetroArea>(&self)
    }
}

super::without_rules!(ChangeMetroArea);

catalogue_resource! {
    /// Metro areas.
    MetroAreas: MetroArea, MetroAreaView, at "/metro-areas", "/metro-areas/:key";
    /// List metro areas
    ///
    /// Cities with several airports, in the order of their codes. A search for the code finds flights of all of them. Needs the scope `catalogue`.
    list "list_catalogue_metro_areas";
    /// Read a metro area
    ///
    /// The `ETag` names this version of it, for a change. Needs the scope `catalogue`.
    get "get_catalogue_metro_area";
    /// Add a metro area
    ///
    /// Doing it again is answered by 409 `already_exists`. Needs the scope `catalogue`.
    create "create_metro_area" from CreateMetroArea;
    /// Delete a metro area
    ///
    /// Its airports stay, each for itself. Needs `If-Match` and the scope `catalogue`.
    delete "delete_metro_area";
    /// Change a metro area
    ///
    /// Needs `If-Match`: of two who have read the same version one is answered 412, and nothing is lost. Needs the
    /// scope `catalogue`.
    change "change_metro_area" by ChangeMetroArea;
}
