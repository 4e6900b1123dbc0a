//! Coupons (rules.md "Coupons"): whether one applies, what it takes off, and who used it how often.
//!
//! **A discount is a line beside each fare that it reduces.** A coupon's amount is rounded once and apportioned to
//! the base-fare lines by largest remainder; each share is a negative line of the same direction, flight and
//! passenger type. The total stays the plain sum of the lines, a ticket of one airline shows the shares of its own
//! fares, and a refund finds the share of what it gives back without computing it again. Taxes are those of the
//! fare before the discount.

mod discount;
mod model;
mod queries;
mod redeem;
mod terms;

pub use model::{Basket, BookedCoupon, Coupon, CouponKind, Discount, Journey, Refusal};
pub(crate) use redeem::{file, find_redemption, give_back, redeem, redeem_again, replace};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::Result;
use crate::clock::Clock;
use crate::ids::{AccountId, BookingId};

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
/// A [`Refusal`] says why it does not apply.
pub async fn quote(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    asked: Asked<'_>,
    basket: &Basket<'_>,
) -> Result<Discount> {
    let coupon = queries::find(conn, asked.code).await?;
    let coupon = coupon.ok_or(Refusal::Unknown)?;
    let judged_at = asked.redeemed_at.unwrap_or_else(|| clock.now());
    let lines = terms::check(&coupon, judged_at, basket)?;
    if asked.redeemed_at.is_some() {
        return Ok(discount::of(&coupon, basket.price, &lines)?);
    }
    if coupon.first_booking_only && queries::has_booked(conn, account_id, asked.changing).await? {
        return Err(Refusal::NotFirstBooking.into());
    }
    if coupon.max_uses.is_some_and(|most| coupon.used >= most) {
        return Err(Refusal::UsedUp.into());
    }
    if let Some(most) = coupon.max_uses_per_account
        && queries::uses_of_account(conn, &coupon.code, account_id).await? >= most
    {
        return Err(Refusal::UsedUpForAccount.into());
    }
    Ok(discount::of(&coupon, basket.price, &lines)?)
}

/// [`Refusal::Unknown`] where there is no such coupon: all that can be said of one without what it is to be used for.
pub(crate) async fn refuse_unknown(conn: &mut PgConnection, code: &str) -> Result<()> {
    let coupon = queries::find(conn, code).await?;
    Ok(coupon.map(drop).ok_or(Refusal::Unknown)?)
}
