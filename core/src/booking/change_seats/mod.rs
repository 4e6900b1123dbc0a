//! Other seats for a paid booking (rules.md "Change"): a cheaper seat gives nothing back, a dearer one is held until
//! the difference is paid.

mod hold;
mod quote;
mod settle;

pub use quote::FlightDoesNotFly;
pub(super) use quote::{can_change_seats, rules};
pub(crate) use settle::settle;

use sqlx::PgConnection;

use super::pending;

use crate::booking_event::{self, Event};
use crate::booking_lock;
use crate::charge;
use crate::ids::{AccountId, BookingRef, FlightId, PassengerId};
use crate::inventory::{self, Seat};
use crate::money::Money;
use crate::seat::SeatOnFlight;
use crate::trade::BookingStatus;
use crate::{Error, Result, Shop, document};

/// A seat that a passenger would rather have.
#[derive(Clone, Debug)]
pub struct NewSeat {
    /// Who.
    pub passenger_id: PassengerId,
    /// On which flight.
    pub flight_id: FlightId,
    /// `12A`.
    pub seat: String,
}

/// A wish that was checked.
struct Wish {
    passenger_id: PassengerId,
    seat: SeatOnFlight,
    fee: i64,
    direction: u8,
}

/// Gives passengers of a paid booking other seats, all of them or none.
///
/// Without a difference to pay it happens at once and the ticket documents are made anew; else the seats are held
/// and [`crate::settlement::start`] opens a checkout of the difference. A change that waited for its money, of seats or of
/// flights, is dropped first.
///
/// Errors: [`Error::NotFound`], [`Error::WrongState`] unless paid, [`FlightDoesNotFly`], [`Error::TooLate`] once check-in has closed,
/// [`Error::SeatTaken`], [`charge::OutsideLimits`], [`Error::Invalid`] with every wrong field.
pub async fn change_seats(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    account_id: AccountId,
    reference: &BookingRef,
    wishes: &[NewSeat],
) -> Result<()> {
    let booking = booking_lock::lock_of_account(conn, account_id, reference).await?;
    match booking.status {
        BookingStatus::Confirmed | BookingStatus::PartiallyCancelled => {}
        BookingStatus::PendingPayment | BookingStatus::Cancelled | BookingStatus::Expired => {
            return Err(Error::WrongState {
                status: booking.status.as_str(),
                action: "given other seats",
            });
        }
    }
    inventory::lock_of_booking(conn, booking.id).await?;
    if let Some(open) = pending::find_open(conn, booking.id).await? {
        pending::drop_open(conn, shop.clock, &booking, open.id).await?;
    }
    let wishes = quote::check(conn, shop, &booking, wishes).await?;
    let dearer: i64 = wishes.iter().map(|wish| wish.fee).sum();
    if dearer == 0 {
        let moves: Vec<_> = wishes.iter().map(Wish::target).collect();
        let seats = settle::reseat(conn, &booking, &moves).await?;
        let changed = Event::SeatsChanged { paid: None, seats };
        booking_event::record(conn, shop.clock, account_id, booking.id, &changed).await?;
        return document::reissue_tickets(conn, shop.clock, account_id, booking.id).await;
    }
    charge::require_payable(Money::new(dearer, booking.total.currency()))?;
    hold::hold_seats(conn, shop, &booking, &wishes, dearer).await
}

/// Who moves where, for how much more.
#[derive(Clone, Copy)]
struct Move {
    passenger_id: PassengerId,
    flight_id: FlightId,
    seat: Seat,
    fee: i64,
}

impl Wish {
    fn target(&self) -> Move {
        Move {
            passenger_id: self.passenger_id,
            flight_id: self.seat.flight_id,
            seat: self.seat.place.seat,
            fee: self.fee,
        }
    }
}
