//! Bag fees of the catalogue, for staff.

use flightdesk_core::Error;
use flightdesk_core::catalogue::BagFee;
use poem_openapi::{Object, OpenApi};

use super::operations::catalogue_resource;
use crate::app::App;
use crate::http::body::Rules;
use crate::openapi::raw::{FromRaw, Raw};

/// A bag fee as it is kept
#[derive(Debug, Object)]
#[oai(rename = "BagFee", skip_serializing_if_is_none)]
pub struct BagFeeView {
    /// Which one it is, in paths
    id: String,
    /// `prepaid`: a weight that is sold with a booking; `airport`: each kilogram at the desk, shown and not sold
    channel: String,
    /// Kilograms
    kg: i16,
    /// ISO 4217
    currency: String,
    /// In minor units of `currency`: 135000 is INR 1350.00
    amount_minor: i64,
}

/// A new bag fee
#[derive(Debug, Object)]
#[oai(
    rename = "CreateBagFee",
    deny_unknown_fields,
    skip_serializing_if_is_none
)]
pub struct CreateBagFee {
    /// `prepaid`: a weight that is sold with a booking; `airport`: each kilogram at the desk, shown and not sold
    #[oai(validator(max_length = 20))]
    channel: String,
    /// Kilograms
    #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
    kg: i16,
    /// ISO 4217
    #[oai(validator(max_length = 3))]
    currency: String,
    /// In minor units of `currency`: 135000 is INR 1350.00
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    amount_minor: i64,
}

/// What shall be different; what is left out stays, and `null` empties what may be absent
#[derive(Debug, Default, Object)]
#[oai(
    rename = "ChangeBagFee",
    deny_unknown_fields,
    skip_serializing_if_is_none
)]
pub struct ChangeBagFee {
    /// In minor units of `currency`: 135000 is INR 1350.00
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    amount_minor: Option<i64>,
}

impl FromRaw for CreateBagFee {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            channel: raw.text("channel"),
            kg: raw.integer("kg").unwrap_or_default(),
            currency: raw.text("currency"),
            amount_minor: raw.integer("amount_minor").unwrap_or_default(),
        }
    }
}

impl Rules for CreateBagFee {
    fn rules(self, _app: &App) -> Result<(), Error> {
        super::rules::<BagFee>(&self)
    }
}

super::without_rules!(ChangeBagFee);

catalogue_resource! {
    /// Bag fees.
    BagFees: BagFee, BagFeeView, at "/bag-fees", "/bag-fees/:key";
    /// List bag fees
    ///
    /// What extra checked baggage costs, by weight. Needs the scope `catalogue`.
    list "list_catalogue_bag_fees";
    /// Read a bag fee
    ///
    /// The `ETag` names this version of it, for a change. Needs the scope `catalogue`.
    get "get_catalogue_bag_fee";
    /// Add a bag fee
    ///
    /// Doing it again is answered by 409 `already_exists`. Needs the scope `catalogue`.
    create "create_bag_fee" from CreateBagFee;
    /// Delete a bag fee
    ///
    /// The weight is not sold any more. Needs `If-Match` and the scope `catalogue`.
    delete "delete_bag_fee";
    /// Change a bag fee
    ///
    /// Offers that were made before keep their price until they expire. Needs `If-Match`: of two who have read the same version one is answered 412, and nothing is lost. Needs the
    /// scope `catalogue`.
    change "change_bag_fee" by ChangeBagFee;
}
