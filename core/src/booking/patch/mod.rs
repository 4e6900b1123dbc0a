//! Changing a booking that is not paid, and the contact of one that is, in one transaction: what is not named stays as it is, what is refused changes
//! nothing. Locks are taken in the order of everything else: account, booking, travellers, cabins, seats, coupon.
//!
//! **A passenger with the same names and date of birth stays the same person.** Passengers of a change are matched
//! by what also keeps people from being booked twice (first and last name folded to A-Z, and the birthday), twins
//! in their order. Who is matched keeps the id, and with it the seats; everybody else is new.

mod check;
mod current;
mod paid;
mod write;

use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Booking, Contact};
use super::passengers::{self, NewPassenger};
use super::queries;
use crate::booking_event::{self, Event, PartOfBooking};
use crate::booking_lock::{self, LockedBooking};
use crate::clock::Clock;
use crate::error::Refusal;
use crate::hold::{self, SeatWish};
use crate::ids::{AccountId, BookingRef};
use crate::money::Money;
use crate::trade::{BookingStatus, Price};
use crate::{Error, Result, Shop, payment};

/// What shall be another; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct BookingPatch {
    /// Other offers, one a direction. Without `seats`, exact seats on flights that stay are kept.
    pub offers: Option<Vec<String>>,
    /// With offers: whether the return may leave from or end at another place.
    pub open_jaw: Option<bool>,
    /// Everybody who flies. Who keeps names and date of birth stays the same person.
    pub passengers: Option<Vec<NewPassenger>>,
    /// Whom to write to.
    pub contact: Option<Contact>,
    /// All exact seats, none when it is empty.
    pub seats: Option<Vec<SeatWish>>,
    /// A coupon or none.
    pub coupon: Option<CouponChange>,
    /// What it shall cost then: any other price is refused.
    pub expected_total: Option<ExpectedTotal>,
}

/// What becomes of a booking's coupon.
#[derive(Clone, Debug)]
pub enum CouponChange {
    /// This code is used.
    Use(String),
    /// None is used.
    Drop,
}

/// A price as the caller wrote it.
#[derive(Clone, Debug)]
pub struct ExpectedTotal {
    /// A decimal: `5914.10`.
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
}

impl BookingPatch {
    fn changes_who_flies_where(&self) -> bool {
        self.offers.is_some() || self.passengers.is_some() || self.seats.is_some()
    }

    fn changes_more_than_contact(&self) -> bool {
        self.changes_who_flies_where() || self.coupon.is_some()
    }

    fn parts(&self) -> Vec<PartOfBooking> {
        let named = [
            (self.offers.is_some(), PartOfBooking::Offers),
            (self.passengers.is_some(), PartOfBooking::Passengers),
            (self.contact.is_some(), PartOfBooking::Contact),
            (self.seats.is_some(), PartOfBooking::Seats),
            (self.coupon.is_some(), PartOfBooking::Coupon),
        ];
        let named = named.into_iter().filter(|(is_named, _)| *is_named);
        named.map(|(_, part)| part).collect()
    }
}

/// Changes an unpaid booking of the account; its deadline stays. A checkout of another price is closed, and its money
/// goes back if it comes all the same. A price of zero confirms. Of a paid booking the contact alone may change.
///
/// Errors: [`Error::NotFound`], [`Error::AlreadyPaid`] for more than the contact, [`Error::WrongState`]; [`Error::Invalid`] with every wrong
/// field; [`PriceChanged`] when the price becomes another than the expected one or, without one, than it was;
/// those of [`super::create`] for offers, seats, coupon and passengers.
pub async fn patch(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    account_id: AccountId,
    reference: &BookingRef,
    patch: &BookingPatch,
) -> Result<Booking> {
    if patch.changes_who_flies_where() {
        hold::change::one_at_a_time(conn, account_id).await?;
    }
    let booking = booking_lock::lock_of_account(conn, account_id, reference).await?;
    if is_paid(&booking) {
        return paid::patch(conn, shop.clock, &booking, patch).await;
    }
    refuse_unless_unpaid(shop.clock, &booking)?;
    let wanted = if patch.changes_more_than_contact() {
        let current = current::load(conn, &booking).await?;
        let wanted = check::check(conn, shop, &current, patch).await?;
        accept(&booking, &wanted.priced.price, wanted.expected)?;
        if wanted.priced.price.total() != booking.total {
            payment::abandon(conn, shop.clock, &booking).await?;
        }
        Some((current, wanted))
    } else {
        let expected = check::plain(patch, booking.total.currency())?;
        let price = queries::get_by_id(conn, booking.id).await?.price;
        accept(&booking, &price, expected)?;
        None
    };
    let goes_elsewhere = match &patch.contact {
        Some(contact) => write::contact(conn, booking.id, &passengers::contact(contact)?).await?,
        None => false,
    };
    let parts = patch.parts();
    if !parts.is_empty() {
        let price = wanted.as_ref().map(|(_, wanted)| &wanted.priced.price);
        let changed = Event::Changed {
            change_id: Uuid::now_v7(),
            parts,
            from: booking.total,
            to: price.map_or(booking.total, Price::total),
            goes_elsewhere,
        };
        booking_event::record(conn, shop.clock, account_id, booking.id, &changed).await?;
    }
    // Comes last: what costs nothing now is confirmed with it.
    if let Some((current, wanted)) = &wanted {
        write::all(conn, shop, &booking, current, wanted).await?;
    }
    queries::get_by_id(conn, booking.id).await
}

fn is_paid(booking: &LockedBooking) -> bool {
    match booking.status {
        BookingStatus::Confirmed | BookingStatus::PartiallyCancelled => true,
        BookingStatus::PendingPayment | BookingStatus::Cancelled | BookingStatus::Expired => false,
    }
}

fn refuse_unless_unpaid(clock: &Clock, booking: &LockedBooking) -> Result<()> {
    let status = match booking.status {
        BookingStatus::PendingPayment if booking.payment_due_at > clock.now() => return Ok(()),
        BookingStatus::PendingPayment => BookingStatus::Expired,
        BookingStatus::Confirmed | BookingStatus::PartiallyCancelled => {
            return Err(Error::AlreadyPaid);
        }
        BookingStatus::Cancelled | BookingStatus::Expired => booking.status,
    };
    Err(Error::WrongState {
        status: status.as_str(),
        action: "changed",
    })
}

/// Nobody pays a price that they have not seen.
fn accept(booking: &LockedBooking, price: &Price, expected: Option<Money>) -> Result<()> {
    if price.total() == expected.unwrap_or(booking.total) {
        Ok(())
    } else {
        Err(PriceChanged {
            price: price.clone(),
        }
        .into())
    }
}

/// The change makes another price than the caller expects.
#[derive(Debug, thiserror::Error)]
#[error("the price would be {}", price.total())]
pub struct PriceChanged {
    /// The price with the change.
    pub price: Price,
}

impl Refusal for PriceChanged {
    fn code(&self) -> &'static str {
        "price_changed"
    }
}
