//! Coupons: what one would take off, before anybody books.

use flightdesk_core::booking::{self, Source, SourceWish};
use flightdesk_core::coupon::{BookedCoupon, Discount, Refusal};
use flightdesk_core::ids::HoldId;
use flightdesk_core::trade::Price;
use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::body::{Checked, Rules};
use crate::openapi::raw::{FromRaw, Raw};
use crate::openapi::tags::Tag;
use crate::views::MoneyView;
use crate::views::prices::PriceView;

/// Coupons.
pub struct Coupons;

/// A coupon, and what it is to be used for
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct ValidateCoupon {
    /// Case does not matter
    #[oai(validator(min_length = 1, max_length = 64))]
    code: String,
    /// An open hold; instead of `offers`
    hold_id: Option<Uuid>,
    /// `offer_id` of a search's offers; instead of `hold_id`
    #[oai(validator(min_items = 1, max_items = 2))]
    offers: Option<Vec<String>>,
}

impl From<ValidateCoupon> for SourceWish {
    fn from(body: ValidateCoupon) -> Self {
        Self {
            hold_id: body.hold_id.map(HoldId),
            offers: body.offers,
            ..Self::default()
        }
    }
}

impl FromRaw for ValidateCoupon {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            code: raw.text("code"),
            hold_id: raw.id("hold_id"),
            offers: raw.list("offers"),
        }
    }
}

impl Rules for ValidateCoupon {
    fn rules(self, _app: &App) -> Result<(), flightdesk_core::Error> {
        Source::parse(&self.into()).map(drop)
    }
}

/// Whether a coupon applies
#[derive(Debug, Object)]
#[oai(rename = "CouponValidation", skip_serializing_if_is_none)]
pub struct ValidationView {
    valid: bool,
    /// Why it does not apply, for programs
    reason: Option<String>,
    /// The same for people
    message: Option<String>,
    /// The coupon's code as it is written
    code: Option<String>,
    /// What it adds to the price: negative, as in every price
    discount: Option<MoneyView>,
    /// The price with the discount, before baggage
    price: Option<PriceView>,
}

impl ValidationView {
    fn valid((discount, price): (Discount, Price)) -> Self {
        Self {
            valid: true,
            reason: None,
            message: None,
            code: Some(discount.code),
            discount: Some(discount.amount.into()),
            price: Some(price.into()),
        }
    }

    fn refused(refusal: Refusal) -> Self {
        Self {
            valid: false,
            reason: Some(refusal.as_str().to_owned()),
            message: Some(refusal.words().to_owned()),
            code: None,
            discount: None,
            price: None,
        }
    }
}

/// The coupon of a booking
#[derive(Debug, Object)]
#[oai(rename = "BookedCoupon")]
pub struct BookedCouponView {
    code: String,
    /// What it adds to the price: negative, as in every price; the price's `discount` lines say of which fares
    discount: MoneyView,
}

impl From<BookedCoupon> for BookedCouponView {
    fn from(coupon: BookedCoupon) -> Self {
        Self {
            code: coupon.code,
            discount: coupon.discount.into(),
        }
    }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Coupons")]
impl Coupons {
    /// Ask whether a coupon applies
    ///
    /// A dry run for a hold or offers: nothing is reserved, and whoever books first uses it. A coupon that does not apply
    /// is an answer with a `reason`, not an error.
    #[oai(
        path = "/coupons/validate",
        method = "post",
        operation_id = "validate_coupon"
    )]
    async fn validate(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        body: Checked<ValidateCoupon>,
    ) -> Result<Json<ValidationView>, ApiError> {
        let body = body.into_inner();
        let (code, wish) = (body.code.clone(), body.into());
        let (tariff, _) = app.catalogue().await?;
        let mut conn = app.db.acquire().await?;
        let principal = access.principal(&mut conn, app).await?;
        let (shop, account_id) = (app.shop(&tariff), principal.account_id);
        match booking::try_coupon(&mut conn, shop, account_id, &code, &wish).await {
            Ok(valid) => Ok(Json(ValidationView::valid(valid))),
            Err(error) => match error.refusal() {
                Some(refusal) => Ok(Json(ValidationView::refused(*refusal))),
                None => Err(error.into()),
            },
        }
    }
}
