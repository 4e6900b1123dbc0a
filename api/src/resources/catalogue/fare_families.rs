//! Fare families of the catalogue, for staff.

use flightdesk_core::Error;
use flightdesk_core::catalogue::FareFamily;
use poem_openapi::{Object, OpenApi};
use serde_json::Value;

use super::operations::catalogue_resource;
use crate::app::App;
use crate::http::body::Rules;
use crate::openapi::raw::{FromRaw, Raw};

/// A fare family as it is kept
#[derive(Debug, Object)]
#[oai(rename = "FareFamily", skip_serializing_if_is_none)]
pub struct FareFamilyView {
    /// Which one it is, in paths
    id: String,
    /// `light`, `standard`, `flex`
    code: String,
    /// `economy`, `premium_economy`, `business` or `first`
    cabin: String,
    /// As shown to people
    name: String,
    /// Factor on the base fare: `1.2`
    multiplier: String,
    /// Cabin baggage in words
    cabin_bag: String,
    /// Pieces of checked baggage
    checked_pieces: i16,
    /// Kilograms of checked baggage in all
    checked_kg: i16,
    /// Which seats can be chosen without a fee
    seat_choice: String,
    /// What cancelling and changing cost, by hours before departure; amounts are minor units of its `currency`
    conditions: Value,
}

/// A new fare family
#[derive(Debug, Object)]
#[oai(
    rename = "CreateFareFamily",
    deny_unknown_fields,
    skip_serializing_if_is_none
)]
pub struct CreateFareFamily {
    /// `light`, `standard`, `flex`
    #[oai(validator(max_length = 30))]
    code: String,
    /// `economy`, `premium_economy`, `business` or `first`
    #[oai(validator(max_length = 20))]
    cabin: String,
    /// As shown to people
    #[oai(validator(max_length = 40))]
    name: String,
    /// Factor on the base fare: `1.2`
    #[oai(validator(max_length = 10))]
    multiplier: String,
    /// Cabin baggage in words
    #[oai(validator(max_length = 100))]
    cabin_bag: String,
    /// Pieces of checked baggage
    #[oai(validator(minimum(value = "0"), maximum(value = "10")))]
    checked_pieces: i16,
    /// Kilograms of checked baggage in all
    #[oai(validator(minimum(value = "0"), maximum(value = "320")))]
    checked_kg: i16,
    /// Which seats can be chosen without a fee
    #[oai(validator(max_length = 20))]
    seat_choice: String,
    /// What cancelling and changing cost, by hours before departure; amounts are minor units of its `currency`
    conditions: Value,
}

/// What shall be different; what is left out stays, and `null` empties what may be absent
#[derive(Debug, Default, Object)]
#[oai(
    rename = "ChangeFareFamily",
    deny_unknown_fields,
    skip_serializing_if_is_none
)]
pub struct ChangeFareFamily {
    /// As shown to people
    #[oai(validator(max_length = 40))]
    name: Option<String>,
    /// Factor on the base fare: `1.2`
    #[oai(validator(max_length = 10))]
    multiplier: Option<String>,
    /// Cabin baggage in words
    #[oai(validator(max_length = 100))]
    cabin_bag: Option<String>,
    /// Pieces of checked baggage
    #[oai(validator(minimum(value = "0"), maximum(value = "10")))]
    checked_pieces: Option<i16>,
    /// Kilograms of checked baggage in all
    #[oai(validator(minimum(value = "0"), maximum(value = "320")))]
    checked_kg: Option<i16>,
    /// Which seats can be chosen without a fee
    #[oai(validator(max_length = 20))]
    seat_choice: Option<String>,
    /// What cancelling and changing cost, by hours before departure; amounts are minor units of its `currency`
    conditions: Option<Value>,
}

impl FromRaw for CreateFareFamily {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            code: raw.text("code"),
            cabin: raw.text("cabin"),
            name: raw.text("name"),
            multiplier: raw.text("multiplier"),
            cabin_bag: raw.text("cabin_bag"),
            checked_pieces: raw.integer("checked_pieces").unwrap_or_default(),
            checked_kg: raw.integer("checked_kg").unwrap_or_default(),
            seat_choice: raw.text("seat_choice"),
            conditions: raw.value("conditions").unwrap_or_default(),
        }
    }
}

impl Rules for CreateFareFamily {
    fn rules(self, _app: &App) -> Result<(), Error> {
        super::rules::<FareFamily>(&self)
    }
}

super::without_rules!(ChangeFareFamily);

catalogue_resource! {
    /// Fare families.
    FareFamilies: FareFamily, FareFamilyView, at "/fare-families", "/fare-families/:key";
    /// List fare families
    ///
    /// What a brand of fare costs, includes and allows in a cabin. What was sold keeps the conditions that it was sold with. Needs the scope `catalogue`.
    list "list_catalogue_fare_families";
    /// Read a fare family
    ///
    /// The `ETag` names this version of it, for a change. Needs the scope `catalogue`.
    get "get_catalogue_fare_family";
    /// Add a fare family
    ///
    /// Doing it again is answered by 409 `already_exists`. Needs the scope `catalogue`.
    create "create_fare_family" from CreateFareFamily;
    /// Delete a fare family
    ///
    /// 409 `in_use` says how many bookings that are not over have it. Needs `If-Match` and the scope `catalogue`.
    delete "delete_fare_family";
    /// Change a fare family
    ///
    /// Offers that were made before keep their price and conditions until they expire. Needs `If-Match`: of two who have read the same version one is answered 412, and nothing is lost. Needs the
    /// scope `catalogue`.
    change "change_fare_family" by ChangeFareFamily;
}
