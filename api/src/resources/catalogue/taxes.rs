//! Taxes of the catalogue, for staff.

use flightdesk_core::Error;
use flightdesk_core::catalogue::Tax;
use poem_openapi::{Object, OpenApi};

use super::operations::catalogue_resource;
use crate::app::App;
use crate::http::body::Rules;
use crate::openapi::raw::{FromRaw, Raw};

/// A tax as it is kept
#[derive(Debug, Object)]
#[oai(rename = "Tax", skip_serializing_if_is_none)]
pub struct TaxView {
    /// Which one it is, in paths
    id: String,
    /// Country of departure (ISO 3166)
    country: String,
    /// Its code on the receipt: `GST`
    code: String,
    /// In which cabins
    cabins: Vec<String>,
    /// What it is called
    name: String,
    /// Percent of the base fare: `5`; either this or `amount_minor`
    percent: Option<String>,
    /// Each, in minor units of `currency`: 50000 is INR 500.00
    amount_minor: Option<i64>,
    /// ISO 4217, beside `amount_minor`
    currency: Option<String>,
    /// For whom: `adult`, `child`, `infant`
    passenger_types: Vec<String>,
    /// How often: on each `flight`, on the `first_departure` of a direction, or once a `booking`
    applies_to: String,
    /// Whether it comes back when the flight is not flown
    refundable: bool,
}

/// A new tax
#[derive(Debug, Object)]
#[oai(rename = "CreateTax", deny_unknown_fields, skip_serializing_if_is_none)]
pub struct CreateTax {
    /// Country of departure (ISO 3166)
    #[oai(validator(max_length = 2))]
    country: String,
    /// Its code on the receipt: `GST`
    #[oai(validator(max_length = 8))]
    code: String,
    /// In which cabins
    #[oai(validator(max_items = 4))]
    cabins: Vec<String>,
    /// What it is called
    #[oai(validator(max_length = 100))]
    name: String,
    /// Percent of the base fare: `5`; either this or `amount_minor`
    #[oai(validator(max_length = 10))]
    percent: Option<String>,
    /// Each, in minor units of `currency`: 50000 is INR 500.00
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    amount_minor: Option<i64>,
    /// ISO 4217, beside `amount_minor`
    #[oai(validator(max_length = 3))]
    currency: Option<String>,
    /// For whom: `adult`, `child`, `infant`
    #[oai(validator(max_items = 3))]
    passenger_types: Vec<String>,
    /// How often: on each `flight`, on the `first_departure` of a direction, or once a `booking`
    #[oai(validator(max_length = 20))]
    applies_to: String,
    /// Whether it comes back when the flight is not flown
    refundable: bool,
}

/// What shall be different; what is left out stays, and `null` empties what may be absent
#[derive(Debug, Default, Object)]
#[oai(rename = "ChangeTax", deny_unknown_fields, skip_serializing_if_is_none)]
pub struct ChangeTax {
    /// What it is called
    #[oai(validator(max_length = 100))]
    name: Option<String>,
    /// Percent of the base fare: `5`; either this or `amount_minor`
    #[oai(validator(max_length = 10))]
    percent: Option<String>,
    /// Each, in minor units of `currency`: 50000 is INR 500.00
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    amount_minor: Option<i64>,
    /// ISO 4217, beside `amount_minor`
    #[oai(validator(max_length = 3))]
    currency: Option<String>,
    /// For whom: `adult`, `child`, `infant`
    #[oai(validator(max_items = 3))]
    passenger_types: Option<Vec<String>>,
    /// How often: on each `flight`, on the `first_departure` of a direction, or once a `booking`
    #[oai(validator(max_length = 20))]
    applies_to: Option<String>,
    /// Whether it comes back when the flight is not flown
    refundable: Option<bool>,
}

impl FromRaw for CreateTax {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            country: raw.text("country"),
            code: raw.text("code"),
            cabins: raw.list("cabins").unwrap_or_default(),
            name: raw.text("name"),
            percent: raw.optional_text("percent"),
            amount_minor: raw.integer("amount_minor"),
            currency: raw.optional_text("currency"),
            passenger_types: raw.list("passenger_types").unwrap_or_default(),
            applies_to: raw.text("applies_to"),
            refundable: raw.flag("refundable").unwrap_or_default(),
        }
    }
}

impl Rules for CreateTax {
    fn rules(self, _app: &App) -> Result<(), Error> {
        super::rules::<Tax>(&self)
    }
}

super::without_rules!(ChangeTax);

catalogue_resource! {
    /// Taxes.
    Taxes: Tax, TaxView, at "/taxes", "/taxes/:key";
    /// List taxes
    ///
    /// Taxes, charges and fees, by the country of departure. Needs the scope `catalogue`.
    list "list_catalogue_taxes";
    /// Read a tax
    ///
    /// The `ETag` names this version of it, for a change. Needs the scope `catalogue`.
    get "get_catalogue_tax";
    /// Add a tax
    ///
    /// Doing it again is answered by 409 `already_exists`. Needs the scope `catalogue`.
    create "create_tax" from CreateTax;
    /// Delete a tax
    ///
    /// What was sold with it stays as it is. Needs `If-Match` and the scope `catalogue`.
    delete "delete_tax";
    /// Change a tax
    ///
    /// Offers that were made before keep their price until they expire. Needs `If-Match`: of two who have read the same version one is answered 412, and nothing is lost. Needs the
    /// scope `catalogue`.
    change "change_tax" by ChangeTax;
}
