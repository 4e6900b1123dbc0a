//! Coupons (rules.md "Coupons"): whether one applies, what it takes off, and who used it how often.

mod discount;
mod model;
mod queries;
mod redeem;
mod terms;

pub use model::{Basket, BookedCoupon, Coupon, CouponKind, Discount, Journey, Refusal};
pub(crate) use redeem::{file, find_redemption, give_back, redeem, redeem_again, replace};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::booking::{Source, SourceWish};
use crate::clock::Clock;
use crate::fare::Price;
use crate::hold::{self, HoldStatus};
use crate::ids::{AccountId, BookingId};
use crate::{Error, Result, Shop, flight};

/// A coupon that somebody asks for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its code; case does not matter.
    pub code: &'a str,
    /// The booking that is being changed, which is nobody's first booking but itself.
    pub changing: Option<BookingId>,
    /// When that booking redeemed it: it was good then, and its use is counted.
    pub redeemed_at: Option<DateTime<Utc>>,
}

impl<'a> Asked<'a> {
    /// For a booking that is being made.
    pub fn anew(code: &'a str) -> Self {
        Self {
            code,
            changing: None,
            redeemed_at: None,
        }
    }
}

/// What a coupon takes off a basket now. Nothing is written and nothing is reserved: who books first uses it.
///
/// [`Error::CouponRefused`] says why it does not apply.
pub async fn quote(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    asked: Asked<'_>,
    basket: &Basket<'_>,
) -> Result<Discount> {
    let refused = Error::CouponRefused;
    let coupon = queries::find(conn, asked.code).await?;
    let coupon = coupon.ok_or(refused(Refusal::Unknown))?;
    let judged_at = asked.redeemed_at.unwrap_or_else(|| clock.now());
    let lines = terms::check(&coupon, judged_at, basket).map_err(refused)?;
    if asked.redeemed_at.is_some() {
        return discount::of(&coupon, basket.price, &lines).map_err(refused);
    }
    if coupon.first_booking_only && queries::has_booked(conn, account_id, asked.changing).await? {
        return Err(refused(Refusal::NotFirstBooking));
    }
    if coupon.max_uses.is_some_and(|most| coupon.used >= most) {
        return Err(refused(Refusal::UsedUp));
    }
    if let Some(most) = coupon.max_uses_per_account
        && queries::uses_of_account(conn, &coupon.code, account_id).await? >= most
    {
        return Err(refused(Refusal::UsedUpForAccount));
    }
    discount::of(&coupon, basket.price, &lines).map_err(refused)
}

/// [`Error::CouponRefused`] where there is no such coupon: all that can be said of one without what it is to be used for.
pub(crate) async fn refuse_unknown(conn: &mut PgConnection, code: &str) -> Result<()> {
    let coupon = queries::find(conn, code).await?;
    coupon
        .map(drop)
        .ok_or(Error::CouponRefused(Refusal::Unknown))
}

/// What a coupon would take off a hold or offers, and the price with it: a dry run of booking them without baggage.
///
/// Errors: [`Error::Invalid`] for both a hold and offers or neither; those of [`hold::create`] before it takes seats, [`Error::NotFound`] and [`Error::HoldExpired`] for a hold,
/// [`Error::CouponRefused`].
pub async fn validate(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    account_id: AccountId,
    code: &str,
    wish: &SourceWish,
) -> Result<(Discount, Price)> {
    let hold = match Source::parse(wish)? {
        Source::Hold(id) => hold::get(conn, account_id, id).await?,
        Source::Offers(new) => {
            // Whether the journey goes back is asked when it is held.
            let journey = hold::prepare_journey(conn, shop, account_id, &new.offers, true);
            journey.await?.hold
        }
    };
    match hold.status {
        HoldStatus::Open if hold.expires_at > shop.clock.now() => {}
        HoldStatus::Booked => return Err(Error::HoldBooked),
        HoldStatus::Open | HoldStatus::Released | HoldStatus::Expired => {
            return Err(Error::HoldExpired);
        }
    }
    let ids: Vec<_> = hold.flights().map(|(id, _)| id).collect();
    let flights = flight::list_by_id(conn, &ids).await?;
    let basket = Basket::of(&hold, &flights, &hold.price);
    let discount = quote(conn, shop.clock, account_id, Asked::anew(code), &basket).await?;
    let mut price = hold.price;
    price.lines.extend(discount.lines.iter().cloned());
    if price.total().minor() > 0 {
        crate::payment::require_payable(price.total())?;
    }
    Ok((discount, price))
}
