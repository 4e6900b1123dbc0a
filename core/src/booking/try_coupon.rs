//! A coupon tried on what has not been booked yet.

use sqlx::PgConnection;

use super::price::basket_of;
use super::source::{Source, SourceWish};
use crate::coupon::{self, Asked, Discount};
use crate::hold::{self, HoldStatus};
use crate::ids::AccountId;
use crate::trade::Price;
use crate::{Error, Result, Shop, charge, flight};

/// What a coupon would take off a hold or offers, and the price with it: a dry run of booking them without baggage.
///
/// Errors: [`Error::Invalid`] for both a hold and offers or neither; those of [`hold::create`] before it takes seats, [`Error::NotFound`] and [`Error::HoldExpired`] for a hold,
/// a [`coupon::Refusal`].
pub async fn try_coupon(
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
            let journey = hold::prepare_journey(conn, shop, account_id, &new.offers, true, &[]);
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
    let basket = basket_of(&hold, &flights, &hold.price);
    let discount = coupon::quote(conn, shop.clock, account_id, Asked::anew(code), &basket).await?;
    let mut price = hold.price;
    price.lines.extend(discount.lines.iter().cloned());
    if price.total().minor() > 0 {
        charge::require_payable(price.total())?;
    }
    Ok((discount, price))
}
