//! Some of a paid booking's passengers in a booking of their own (rules.md "Change"): what airlines call dividing a PNR.
//!
//! **Nothing is sold, given back or earned by it.** The same people fly the same flights for the same money; two bookings say
//! so instead of one. Seats stay sold, tickets keep their numbers, price lines go with whom they are for. What is charged
//! once a booking stays where it is.
//!
//! **Money goes along as a share.** The payment stays where it came, and so does its invoice. `payment_split` says how much
//! of it is the new booking's: it is refunded from there, and the shares of a payment sum to it, so that the two
//! bookings together can give no more back than came.
//!
//! **A line is divided as cancelling would divide it.** Everybody's share of a coupon is what they would get back, and the
//! order of passengers is kept: in either booking the shares are the same afterwards.

mod check;
mod lines;
mod money;
mod rows;

use std::collections::HashSet;

use sqlx::PgConnection;

pub(super) use check::check;

use super::cancel::Trip;
use super::traveller;
use crate::booking_event::{self, Event};
use crate::booking_lock::{self, LockedBooking};
use crate::clock::Clock;
use crate::ids::{BookingId, PassengerId};
use crate::inventory::{self, Change};
use crate::money::Money;
use crate::trade::BookingStatus;
use crate::{Result, document, fault};

/// Who goes along with somebody: the infant on their lap, also one that does not fly any more.
pub(super) fn with_infants(trip: &Trip, named: &[PassengerId]) -> HashSet<PassengerId> {
    let named: HashSet<_> = named.iter().copied().collect();
    let goes = |one: &&super::cancel::TripPassenger| {
        named.contains(&one.id) || one.adult_id.is_some_and(|adult| named.contains(&adult))
    };
    let going = trip.passengers.iter().filter(goes);
    going.map(|one| one.id).collect()
}

/// Takes passengers out of a paid booking into a new one with the same flights, and returns it, locked.
///
/// The caller has locked the booking, has read it as `trip`, and has checked that both parties may fly ([`check()`]). `cabins`
/// are those that the transaction takes seats of afterwards: they are locked together with those of the booking.
pub(super) async fn split(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    trip: &Trip,
    named: &[PassengerId],
    cabins: Vec<Change>,
) -> Result<LockedBooking> {
    let going = with_infants(trip, named);
    traveller::lock(conn, booking.account_id).await?;
    lock_cabins(conn, trip, cabins).await?;
    let invoices = rows::invoices(conn, booking.id).await?;
    let divided = lines::divide(trip, &going, &invoices)?;
    let total = Money::new(divided.moved_minor(), trip.currency);
    let is_partial = trip
        .cancelled
        .iter()
        .any(|(passenger, _)| going.contains(passenger));
    let status = if is_partial {
        BookingStatus::PartiallyCancelled
    } else {
        BookingStatus::Confirmed
    };
    let id = BookingId::new();
    let new = rows::New {
        id,
        status,
        total,
        going: &going,
    };
    let reference = rows::booking(conn, clock, booking, trip, &new).await?;
    rows::flights(conn, booking, trip, &new).await?;
    rows::people(conn, booking, &new).await?;
    rows::prices(conn, booking.id, id, &divided).await?;
    rows::coupon(conn, booking.id, id, divided.discount_minor()).await?;
    traveller::split(conn, booking.id, id).await?;
    fault::point("split_passengers_moved");
    money::post(conn, clock, booking, id, total, &divided.moved).await?;
    money::shares(conn, clock, booking, id, total).await?;
    fault::point("split_money_moved");
    let account = booking.account_id;
    document::request_tickets(conn, clock, account, id).await?;
    document::after_cancellation(conn, clock, account, booking.id).await?;
    let passengers: Vec<_> = (trip.passengers.iter())
        .map(|one| one.id)
        .filter(|one| going.contains(one))
        .collect();
    let left = Money::new(booking.total.minor() - total.minor(), trip.currency);
    let into = Event::SplitInto {
        new_booking_id: id,
        reference,
        passengers: passengers.clone(),
        before: booking.total,
        total: left,
    };
    booking_event::record(conn, clock, account, booking.id, &into).await?;
    let from = Event::SplitFrom {
        reference: booking.reference.clone(),
        passengers,
        status,
        total,
    };
    booking_event::record(conn, clock, account, id, &from).await?;
    booking_lock::lock(conn, id).await
}

/// Locks the cabins of a booking and those that it takes seats of, in their order: named seats change hands under them.
async fn lock_cabins(conn: &mut PgConnection, trip: &Trip, cabins: Vec<Change>) -> Result<()> {
    let booked = trip.live().flat_map(|direction| {
        let flights = direction.flights.iter();
        flights.map(|flight| (*flight, direction.cabin))
    });
    let new = cabins.iter().map(|change| (change.flight_id, change.cabin));
    let unmoved = booked.chain(new).map(|(flight_id, cabin)| Change {
        flight_id,
        cabin,
        held: 0,
        sold: 0,
    });
    inventory::apply(conn, unmoved.collect()).await
}

#[cfg(test)]
mod tests;
