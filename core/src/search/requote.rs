//! Itineraries that were offered before, at today's price.

use sqlx::PgConnection;

use super::quotes::{Terms, quotes, quotes_with};
use crate::offer::{Offer, Pin, Pinned};
use crate::trade::Party;
use crate::{Result, Shop};

/// The same itinerary, family and party at today's price; `None` when it can no longer be bought.
pub(crate) async fn renew(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    expired: &Pin,
) -> Result<Option<Offer>> {
    let terms = Terms {
        party: expired.party,
        cabin: expired.cabin,
        family: &expired.family,
    };
    let quote = quotes(conn, shop, terms, &[expired.flights()]).await?.pop();
    let account_id = expired.account_id;
    let offer = |quote| shop.signer.offer(shop.clock, shop.sales, account_id, quote);
    quote.flatten().map(offer).transpose()
}

/// The same itinerary and family for another party that has seats on it, at today's price, with its token; `None` when it
/// is no longer on sale.
pub(crate) async fn reprice(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    before: &Pinned,
    party: Party,
) -> Result<Option<(String, Pinned)>> {
    let terms = Terms {
        party,
        cabin: before.cabin,
        family: &before.family,
    };
    let flights = std::slice::from_ref(&before.flights);
    let quote = quotes_with(conn, shop, terms, flights, 0).await?.pop();
    let Some(quote) = quote.flatten() else {
        return Ok(None);
    };
    let offer = shop
        .signer
        .offer(shop.clock, shop.sales, before.account_id(), quote)?;
    let pinned = before.repriced(party, &offer);
    Ok(Some((offer.id, pinned)))
}
