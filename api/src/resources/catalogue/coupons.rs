//! Coupons of the catalogue, for staff.

use flightdesk_core::Error;
use flightdesk_core::catalogue::Coupon;
use poem_openapi::types::ParseFromParameter;
use poem_openapi::{Object, OpenApi};

use super::operations::catalogue_resource;
use crate::app::App;
use crate::http::body::Rules;
use crate::openapi::raw::{FromRaw, Raw};
use crate::views::Instant;

/// A coupon as it is kept
#[derive(Debug, Object)]
#[oai(rename = "Coupon", skip_serializing_if_is_none)]
pub struct CouponView {
    /// Which one it is, in paths
    id: String,
    /// What travellers type: capital letters, digits and hyphens
    code: String,
    /// Percent of the base fares: `12.5`; either this or `amount_minor`
    percent: Option<String>,
    /// What is taken off, in minor units of `currency`: 50000 is INR 500.00
    amount_minor: Option<i64>,
    /// ISO 4217: the currency of its amounts
    currency: Option<String>,
    /// The most that a percentage takes off, in minor units
    cap_minor: Option<i64>,
    /// The least that a booking must cost before the discount, in minor units
    minimum_minor: Option<i64>,
    /// Good from this instant on
    valid_from: Option<Instant>,
    /// Good until just before this instant
    valid_until: Option<Instant>,
    /// Most uses in all; not less than `used`
    max_uses: Option<i32>,
    /// Most uses of one account
    max_uses_per_account: Option<i32>,
    /// Only for directions ticketed by one of these
    airlines: Vec<String>,
    /// Only for directions from where to where: `DEL-BOM`
    routes: Vec<String>,
    /// Only for directions in one of these
    cabins: Vec<String>,
    /// Only for an account that has booked nothing yet
    first_booking_only: bool,
    /// How often it was used, without uses that were given back
    used: i32,
}

/// A new coupon
#[derive(Debug, Object)]
#[oai(
    rename = "CreateCoupon",
    deny_unknown_fields,
    skip_serializing_if_is_none
)]
pub struct CreateCoupon {
    /// What travellers type: capital letters, digits and hyphens
    #[oai(validator(max_length = 40))]
    code: String,
    /// Percent of the base fares: `12.5`; either this or `amount_minor`
    #[oai(validator(max_length = 10))]
    percent: Option<String>,
    /// What is taken off, in minor units of `currency`: 50000 is INR 500.00
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000000000")))]
    amount_minor: Option<i64>,
    /// ISO 4217: the currency of its amounts
    #[oai(validator(max_length = 3))]
    currency: Option<String>,
    /// The most that a percentage takes off, in minor units
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000000000")))]
    cap_minor: Option<i64>,
    /// The least that a booking must cost before the discount, in minor units
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    minimum_minor: Option<i64>,
    /// Good from this instant on
    valid_from: Option<Instant>,
    /// Good until just before this instant
    valid_until: Option<Instant>,
    /// Most uses in all; not less than `used`
    #[oai(validator(minimum(value = "1")))]
    max_uses: Option<i32>,
    /// Most uses of one account
    #[oai(validator(minimum(value = "1")))]
    max_uses_per_account: Option<i32>,
    /// Only for directions ticketed by one of these
    #[oai(validator(max_items = 100))]
    airlines: Option<Vec<String>>,
    /// Only for directions from where to where: `DEL-BOM`
    #[oai(validator(max_items = 200))]
    routes: Option<Vec<String>>,
    /// Only for directions in one of these
    #[oai(validator(max_items = 4))]
    cabins: Option<Vec<String>>,
    /// Only for an account that has booked nothing yet
    first_booking_only: Option<bool>,
}

/// What shall be different; what is left out stays, and `null` empties what may be absent
#[derive(Debug, Default, Object)]
#[oai(
    rename = "ChangeCoupon",
    deny_unknown_fields,
    skip_serializing_if_is_none
)]
pub struct ChangeCoupon {
    /// Percent of the base fares: `12.5`; either this or `amount_minor`
    #[oai(validator(max_length = 10))]
    percent: Option<String>,
    /// What is taken off, in minor units of `currency`: 50000 is INR 500.00
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000000000")))]
    amount_minor: Option<i64>,
    /// ISO 4217: the currency of its amounts
    #[oai(validator(max_length = 3))]
    currency: Option<String>,
    /// The most that a percentage takes off, in minor units
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000000000")))]
    cap_minor: Option<i64>,
    /// The least that a booking must cost before the discount, in minor units
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    minimum_minor: Option<i64>,
    /// Good from this instant on
    valid_from: Option<Instant>,
    /// Good until just before this instant
    valid_until: Option<Instant>,
    /// Most uses in all; not less than `used`
    #[oai(validator(minimum(value = "1")))]
    max_uses: Option<i32>,
    /// Most uses of one account
    #[oai(validator(minimum(value = "1")))]
    max_uses_per_account: Option<i32>,
    /// Only for directions ticketed by one of these
    #[oai(validator(max_items = 100))]
    airlines: Option<Vec<String>>,
    /// Only for directions from where to where: `DEL-BOM`
    #[oai(validator(max_items = 200))]
    routes: Option<Vec<String>>,
    /// Only for directions in one of these
    #[oai(validator(max_items = 4))]
    cabins: Option<Vec<String>>,
    /// Only for an account that has booked nothing yet
    first_booking_only: Option<bool>,
}

impl FromRaw for CreateCoupon {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            code: raw.text("code"),
            percent: raw.optional_text("percent"),
            amount_minor: raw.integer("amount_minor"),
            currency: raw.optional_text("currency"),
            cap_minor: raw.integer("cap_minor"),
            minimum_minor: raw.integer("minimum_minor"),
            valid_from: instant(raw, "valid_from"),
            valid_until: instant(raw, "valid_until"),
            max_uses: raw.integer("max_uses"),
            max_uses_per_account: raw.integer("max_uses_per_account"),
            airlines: raw.list("airlines"),
            routes: raw.list("routes"),
            cabins: raw.list("cabins"),
            first_booking_only: raw.flag("first_booking_only"),
        }
    }
}

fn instant(raw: Raw<'_>, name: &str) -> Option<Instant> {
    let text = raw.optional_text(name)?;
    Instant::parse_from_parameter(&text).ok()
}

impl Rules for CreateCoupon {
    fn rules(self, _app: &App) -> Result<(), Error> {
        super::rules::<Coupon>(&self)
    }
}

super::without_rules!(ChangeCoupon);

catalogue_resource! {
    /// Coupons.
    CatalogueCoupons: Coupon, CouponView, at "/coupons", "/coupons/:key";
    /// List coupons
    ///
    /// In the order of their codes, with how often each was used. Needs the scope `catalogue`.
    list "list_catalogue_coupons";
    /// Read a coupon
    ///
    /// The `ETag` names this version of it, for a change. Needs the scope `catalogue`.
    get "get_catalogue_coupon";
    /// Add a coupon
    ///
    /// Doing it again is answered by 409 `already_exists`. Needs the scope `catalogue`.
    create "create_coupon" from CreateCoupon;
    /// Delete a coupon
    ///
    /// 409 `in_use` says how many bookings used it. To end it, set `valid_until`. Needs `If-Match` and the scope `catalogue`.
    delete "delete_coupon";
    /// Change a coupon
    ///
    /// Bookings that used it keep their discount. `used` is no part of the `ETag`: a coupon that is being used can be changed. Needs `If-Match`: of two who have read the same version one is answered 412, and nothing is lost. Needs the
    /// scope `catalogue`.
    change "change_coupon" by ChangeCoupon;
}
