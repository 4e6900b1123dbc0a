//! Aircraft types of the catalogue, for staff.

use flightdesk_core::Error;
use flightdesk_core::catalogue::Aircraft;
use poem_openapi::{Object, OpenApi};

use super::operations::catalogue_resource;
use super::seat_rows::SeatRowView;
use crate::app::App;
use crate::http::body::Rules;
use crate::openapi::raw::{FromRaw, Raw};

/// An aircraft type as it is kept
#[derive(Debug, Object)]
#[oai(rename = "AircraftType", skip_serializing_if_is_none)]
pub struct AircraftTypeView {
    /// Which one it is, in paths
    id: String,
    /// IATA code
    iata: String,
    /// ICAO code
    icao: Option<String>,
    /// Name
    name: String,
    /// How far it flies, in kilometres
    range_km: i32,
    /// How fast it flies, in kilometres an hour
    cruise_kmh: i32,
    /// Its rows of seats, from the first
    layout: Vec<SeatRowView>,
}

/// A new aircraft type
#[derive(Debug, Object)]
#[oai(
    rename = "CreateAircraftType",
    deny_unknown_fields,
    skip_serializing_if_is_none
)]
pub struct CreateAircraft {
    /// IATA code
    #[oai(validator(max_length = 3))]
    iata: String,
    /// ICAO code
    #[oai(validator(max_length = 4))]
    icao: Option<String>,
    /// Name
    #[oai(validator(max_length = 100))]
    name: String,
    /// How far it flies, in kilometres
    #[oai(validator(minimum(value = "100"), maximum(value = "25000")))]
    range_km: i32,
    /// How fast it flies, in kilometres an hour
    #[oai(validator(minimum(value = "100"), maximum(value = "3000")))]
    cruise_kmh: i32,
    /// Its rows of seats, from the first
    #[oai(validator(max_items = 200))]
    layout: Vec<SeatRowView>,
}

/// What shall be different; what is left out stays, and `null` empties what may be absent
#[derive(Debug, Default, Object)]
#[oai(
    rename = "ChangeAircraftType",
    deny_unknown_fields,
    skip_serializing_if_is_none
)]
pub struct ChangeAircraft {
    /// ICAO code
    #[oai(validator(max_length = 4))]
    icao: Option<String>,
    /// Name
    #[oai(validator(max_length = 100))]
    name: Option<String>,
    /// How far it flies, in kilometres
    #[oai(validator(minimum(value = "100"), maximum(value = "25000")))]
    range_km: Option<i32>,
    /// How fast it flies, in kilometres an hour
    #[oai(validator(minimum(value = "100"), maximum(value = "3000")))]
    cruise_kmh: Option<i32>,
    /// Its rows of seats, from the first
    #[oai(validator(max_items = 200))]
    layout: Option<Vec<SeatRowView>>,
}

impl FromRaw for CreateAircraft {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            iata: raw.text("iata"),
            icao: raw.optional_text("icao"),
            name: raw.text("name"),
            range_km: raw.integer("range_km").unwrap_or_default(),
            cruise_kmh: raw.integer("cruise_kmh").unwrap_or_default(),
            layout: raw.list("layout").unwrap_or_default(),
        }
    }
}

impl Rules for CreateAircraft {
    fn rules(self, _app: &App) -> Result<(), Error> {
        super::rules::<Aircraft>(&self)
    }
}

super::without_rules!(ChangeAircraft);

catalogue_resource! {
    /// Aircraft types.
    AircraftTypes: Aircraft, AircraftTypeView, at "/aircraft", "/aircraft/:key";
    /// List aircraft types
    ///
    /// With their rows of seats, in the order of their codes. Needs the scope `catalogue`.
    list "list_catalogue_aircraft";
    /// Read an aircraft type
    ///
    /// The `ETag` names this version of it, for a change. Needs the scope `catalogue`.
    get "get_catalogue_aircraft_type";
    /// Add an aircraft type
    ///
    /// Doing it again is answered by 409 `already_exists`. Needs the scope `catalogue`.
    create "create_aircraft_type" from CreateAircraft;
    /// Delete an aircraft type
    ///
    /// 409 `in_use` says by how many schedules and flights it is used. Needs `If-Match` and the scope `catalogue`.
    delete "delete_aircraft_type";
    /// Change an aircraft type
    ///
    /// Seats stay while flights to come have the type: 409 `in_use`. Make a type with the new seats, and give flights that one. Needs `If-Match`: of two who have read the same version one is answered 412, and nothing is lost. Needs the
    /// scope `catalogue`.
    change "change_aircraft_type" by ChangeAircraft;
}
