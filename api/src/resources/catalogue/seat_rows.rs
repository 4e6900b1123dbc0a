//! Rows of seats of an aircraft type.

use poem_openapi::Object;

use crate::openapi::raw::{FromRaw, Raw};

/// The seats of one row by where they are, as letters from left to right
#[derive(Clone, Debug, Object)]
#[oai(rename = "SeatRow", deny_unknown_fields)]
pub struct SeatRowView {
    /// Its number
    #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
    row: i16,
    /// `economy`, `premium_economy`, `business` or `first`
    #[oai(validator(max_length = 20))]
    cabin: String,
    /// Seats at windows: `AF`
    #[oai(default, validator(max_length = 12))]
    window: String,
    /// Seats between two others: `BE`
    #[oai(default, validator(max_length = 12))]
    middle: String,
    /// Seats at aisles: `CD`
    #[oai(default, validator(max_length = 12))]
    aisle: String,
    /// Whether it is at an exit
    #[oai(default)]
    exit_row: bool,
}

impl FromRaw for SeatRowView {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            row: raw.integer("row").unwrap_or_default(),
            cabin: raw.text("cabin"),
            window: raw.text("window"),
            middle: raw.text("middle"),
            aisle: raw.text("aisle"),
            exit_row: raw.flag("exit_row").unwrap_or_default(),
        }
    }
}
