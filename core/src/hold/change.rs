//! What a hold holds may change while its booking is not paid: other offers, another party, other seats. Its row and
//! its lines stay true, because counters and named seats are compared with them.

use sqlx::PgConnection;

pub(crate) use super::caps::lock_account as one_at_a_time;
pub(crate) use super::queries::replace;

use super::model::{HeldOffer, Hold, SeatWish};
use super::{joined_price, seats};
use crate::ids::FlightId;
use crate::inventory::{self, Change, Seat};
use crate::search;
use crate::trade::Party;
use crate::{Error, Result, Shop};

/// The same offers for another party, priced anew at today's tariff; their conditions stay as they were held.
///
/// [`Error::SalesClosed`] when a flight or its fare family is no longer sold.
pub(crate) async fn for_party(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    hold: &Hold,
    party: Party,
) -> Result<Hold> {
    let mut offers = Vec::with_capacity(hold.offers.len());
    for held in &hold.offers {
        let flight_id = held.pinned.flights.first().copied();
        let flight_id = flight_id.ok_or(Error::NotFound("flight"))?;
        let fresh = search::reprice(conn, shop, &held.pinned, party).await?;
        let (token, pinned) = fresh.ok_or(Error::SalesClosed { flight_id })?;
        offers.push(HeldOffer {
            pinned,
            conditions: held.conditions.clone(),
            token,
        });
    }
    Ok(Hold {
        price: joined_price(&offers, &hold.extras)?,
        party,
        offers,
        ..hold.clone()
    })
}

/// Exact seats at today's fees instead of those that the hold has. Errors as [`super::create`] for seats.
pub(crate) async fn name_seats(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    hold: &mut Hold,
    wishes: &[SeatWish],
) -> Result<Vec<(FlightId, Seat)>> {
    let (seats, extras) = seats::check(conn, shop, hold.party, &hold.offers, wishes).await?;
    hold.price = joined_price(&hold.offers, &extras)?;
    hold.extras = extras;
    Ok(seats)
}

/// Keeps the lines of these seats as they were priced, and drops those of others.
pub(crate) fn keep_seats(hold: &mut Hold, kept: &[(FlightId, Seat)]) -> Result<()> {
    hold.extras.retain(|line| {
        let seat = line.code.rsplit(' ').next().and_then(Seat::parse);
        line.flight_id
            .zip(seat)
            .is_some_and(|seat| kept.contains(&seat))
    });
    hold.price = joined_price(&hold.offers, &hold.extras)?;
    Ok(())
}

/// How the counters move from one hold to what it becomes.
pub(crate) fn difference(from: &Hold, to: &Hold) -> Vec<Change> {
    let changes = from.changes(-1).into_iter().chain(to.changes(1));
    inventory::in_order(changes.collect())
}
