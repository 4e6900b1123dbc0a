//! Seat fees of the catalogue, for staff.

use flightdesk_core::Error;
use flightdesk_core::catalogue::SeatFee;
use poem_openapi::{Object, OpenApi};

use super::operations::catalogue_resource;
use crate::app::App;
use crate::http::body::Rules;
use crate::openapi::raw::{FromRaw, Raw};

/// A seat fee as it is kept
#[derive(Debug, Object)]
#[oai(rename = "SeatFee", skip_serializing_if_is_none)]
pub struct SeatFeeView {
    /// Which one it is, in paths
    id: String,
    /// `economy`, `premium_economy`, `business` or `first`
    cabin: String,
    /// `standard`, `preferred` or `exit`
    kind: String,
    /// Of `preferred`: how many rows of the cabin, from its first
    first_rows: Option<i16>,
    /// In minor units of `currency`: 25000 is INR 250.00
    amount_minor: i64,
    /// ISO 4217
    currency: String,
}

/// A new seat fee
#[derive(Debug, Object)]
#[oai(
    rename = "CreateSeatFee",
    deny_unknown_fields,
    skip_serializing_if_is_none
)]
pub struct CreateSeatFee {
    /// `economy`, `premium_economy`, `business` or `first`
    #[oai(validator(max_length = 20))]
    cabin: String,
    /// `standard`, `preferred` or `exit`
    #[oai(validator(max_length = 20))]
    kind: String,
    /// Of `preferred`: how many rows of the cabin, from its first
    #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
    first_rows: Option<i16>,
    /// In minor units of `currency`: 25000 is INR 250.00
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    amount_minor: i64,
    /// ISO 4217
    #[oai(validator(max_length = 3))]
    currency: String,
}

/// What shall be different; what is left out stays, and `null` empties what may be absent
#[derive(Debug, Default, Object)]
#[oai(
    rename = "ChangeSeatFee",
    deny_unknown_fields,
    skip_serializing_if_is_none
)]
pub struct ChangeSeatFee {
    /// Of `preferred`: how many rows of the cabin, from its first
    #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
    first_rows: Option<i16>,
    /// In minor units of `currency`: 25000 is INR 250.00
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    amount_minor: Option<i64>,
    /// ISO 4217
    #[oai(validator(max_length = 3))]
    currency: Option<String>,
}

impl FromRaw for CreateSeatFee {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            cabin: raw.text("cabin"),
            kind: raw.text("kind"),
            first_rows: raw.integer("first_rows"),
            amount_minor: raw.integer("amount_minor").unwrap_or_default(),
            currency: raw.text("currency"),
        }
    }
}

impl Rules for CreateSeatFee {
    fn rules(self, _app: &App) -> Result<(), Error> {
        super::rules::<SeatFee>(&self)
    }
}

super::without_rules!(ChangeSeatFee);

catalogue_resource! {
    /// Seat fees.
    SeatFees: SeatFee, SeatFeeView, at "/seat-fees", "/seat-fees/:key";
    /// List seat fees
    ///
    /// What choosing a seat costs, by cabin and price class. A class without a fee is chosen for nothing. Needs the scope `catalogue`.
    list "list_catalogue_seat_fees";
    /// Read a seat fee
    ///
    /// The `ETag` names this version of it, for a change. Needs the scope `catalogue`.
    get "get_catalogue_seat_fee";
    /// Add a seat fee
    ///
    /// Doing it again is answered by 409 `already_exists`. Needs the scope `catalogue`.
    create "create_seat_fee" from CreateSeatFee;
    /// Delete a seat fee
    ///
    /// Seats of the class are chosen for nothing from then on. Needs `If-Match` and the scope `catalogue`.
    delete "delete_seat_fee";
    /// Change a seat fee
    ///
    /// Offers that were made before keep their price until they expire. Needs `If-Match`: of two who have read the same version one is answered 412, and nothing is lost. Needs the
    /// scope `catalogue`.
    change "change_seat_fee" by ChangeSeatFee;
}
