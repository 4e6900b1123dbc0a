//! A hold takes seats out of the inventory for a party for fifteen minutes and freezes the price.

mod caps;
pub(crate) mod change;
mod journey;
mod model;
mod queries;
mod seats;

use sqlx::{Connection, PgConnection, PgPool};

pub(crate) use caps::{Filed, refuse_crowding, refuse_more_seats};
pub use model::{HeldOffer, Hold, HoldStatus, NewHold, SeatWish};
pub use queries::get;
pub(crate) use queries::get_with_flights;
pub(crate) use seats::{refuse_exit_rows, refuse_missing, rules as seat_rules};

use crate::clock::Clock;
use crate::error::Violations;
use crate::flight::Flight;
use crate::ids::{AccountId, FlightId, HoldId};
use crate::inventory::{self, Seat};
use crate::offer::{self, Offer, OfferExpired};
use crate::search;
use crate::trade::{FareConditions, Party, Price, PriceLine};
use crate::{Error, Result, Shop, account, charge};

/// Holds seats on every flight of the offers, or on none.
///
/// Errors: [`Error::OfferInvalid`], [`OfferExpired`] with a fresh offer inside, [`Error::Invalid`] for offers
/// that are no journey and for seats that the aircraft does not have, [`Error::TooManyHolds`],
/// [`Error::TooManyHeldSeats`], [`Error::TooManyUnpaidSeats`], [`charge::OutsideLimits`], [`Error::SalesClosed`],
/// [`Error::SoldOut`], [`Error::SeatTaken`], [`Error::EmailNotVerified`] where that is asked for.
pub async fn create(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    account_id: AccountId,
    input: &NewHold,
) -> Result<ShownHold> {
    let prepared = prepare(conn, shop, account_id, input).await?;
    let total = prepared.hold.price.total();
    if total.minor() != 0 {
        charge::require_payable(total)?;
    }
    let filed = file(conn, shop, &prepared).await?;
    take(conn, shop, &prepared, filed).await?;
    let mut seats = prepared.seats;
    seats.sort_unstable();
    Ok(ShownHold {
        offers: queries::offers_of(&prepared.hold, prepared.flights)?,
        seats,
        hold: prepared.hold,
    })
}

/// A hold with what its owner is shown of it.
#[derive(Clone, Debug)]
pub struct ShownHold {
    /// The hold.
    pub hold: Hold,
    /// Its offers with their flights, as search shows them.
    pub offers: Vec<Offer>,
    /// Its exact seats, in the order of flights, rows and letters.
    pub seats: Vec<(FlightId, Seat)>,
}

/// A hold of the account as its owner is shown it. [`Error::NotFound`] for anybody else's.
pub async fn show(conn: &mut PgConnection, account_id: AccountId, id: HoldId) -> Result<ShownHold> {
    let hold = queries::get(conn, account_id, id).await?;
    Ok(ShownHold {
        offers: queries::offers(conn, &hold).await?,
        seats: seats::list(conn, id).await?,
        hold,
    })
}

/// A hold that is checked but not made: nothing is written, nothing is locked.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub hold: Hold,
    /// Every flight of the offers, in the order of travel.
    pub flights: Vec<Flight>,
    pub seats: Vec<(FlightId, Seat)>,
}

/// The cheap checks: tokens, expiry, whether the offers are one journey, seat numbers. Every wrong field is named. The
/// account is locked on the way, which spares a statement.
pub(crate) async fn prepare(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    account_id: AccountId,
    input: &NewHold,
) -> Result<Prepared> {
    let mut wrong = Violations::new();
    let locks = [caps::account_lock(account_id)];
    let journey = prepare_journey(
        conn,
        shop,
        account_id,
        &input.offers,
        input.open_jaw,
        &locks,
    )
    .await;
    let Some(mut prepared) = wrong.note(journey)? else {
        seats::rules(&mut wrong, &input.seats);
        return Err(wrong.into_error());
    };
    prepared.seats = change::name_seats(conn, shop, &mut prepared.hold, &input.seats).await?;
    Ok(prepared)
}

/// The same without seats: they are named by [`change::name_seats`]. Of locks it takes those that are named.
pub(crate) async fn prepare_journey(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    account_id: AccountId,
    tokens: &[String],
    open_jaw: bool,
    locks: &[String],
) -> Result<Prepared> {
    let offers = open_offers(conn, shop, account_id, tokens).await?;
    let party = (offers.first()).map_or_else(Party::default, |offer| offer.pinned.party);
    let ids: Vec<_> = (offers.iter())
        .flat_map(|offer| offer.pinned.flights.iter().copied())
        .collect();
    let (flights, times) = queries::journey(conn, &ids, locks, offers.len() > 1).await?;
    journey::check(conn, &offers, &flights, times.as_ref(), open_jaw).await?;
    let now = shop.clock.now();
    let hold = Hold {
        id: HoldId::new(),
        account_id,
        status: HoldStatus::Open,
        created_at: now,
        expires_at: now + shop.sales.hold_time(),
        party,
        price: joined_price(&offers, &[])?,
        offers,
        extras: Vec::new(),
    };
    Ok(Prepared {
        hold,
        flights,
        seats: Vec::new(),
    })
}

/// The name of the lock of an account that [`file`] needs.
pub(crate) fn account_lock(account_id: AccountId) -> String {
    caps::account_lock(account_id)
}

/// Writes the rows of a hold of an account that may hold, within its caps. Its seats are not taken yet. The account is
/// locked.
pub(crate) async fn file(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    prepared: &Prepared,
) -> Result<Filed> {
    if shop.sales.require_verified_email {
        account::require_verified(conn, prepared.hold.account_id).await?;
    }
    caps::file(conn, shop, &prepared.hold).await
}

/// Takes the seats of a filed hold. Comes last in its transaction: the cabin's row is what everybody waits for.
pub(crate) async fn take(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    prepared: &Prepared,
    filed: Filed,
) -> Result<()> {
    let open_until = shop.clock.now() + shop.sales.sales_close();
    let hold = &prepared.hold;
    inventory::hold(conn, hold.changes(1), open_until).await?;
    if filed.is_young {
        caps::refuse_crowding(conn, shop, hold.account_id, &hold.changes(1)).await?;
    }
    refuse_missing(conn, hold, &prepared.seats).await?;
    inventory::claim_seats(conn, hold.id, &prepared.seats, "chosen").await?;
    let may_crowd = hold.party.children + hold.party.infants > 0 || !prepared.seats.is_empty();
    if may_crowd {
        refuse_exit_rows(conn, hold).await?;
    }
    Ok(())
}

/// Gives the seats of an open hold back. [`Error::NotFound`], [`Error::HoldBooked`]; an ended hold stays as it is.
pub async fn release(conn: &mut PgConnection, account_id: AccountId, id: HoldId) -> Result<()> {
    let released = sqlx::query_scalar!(
        "update hold set status = 'released' where id = $1 and account_id = $2 and status = 'open' returning id",
        id.0,
        account_id.0,
    )
    .fetch_optional(&mut *conn)
    .await?;
    match (released, queries::get(conn, account_id, id).await?) {
        (Some(_), hold) => give_back(conn, &hold).await,
        (
            None,
            Hold {
                status: HoldStatus::Booked,
                ..
            },
        ) => Err(Error::HoldBooked),
        (None, _) => Ok(()),
    }
}

/// Ends the holds whose time has run out, each in its own transaction, and returns how many.
///
/// Several workers may sweep at once. A hold that cannot be ended is left for the next sweep and hinders no other;
/// the first such error is returned at the end.
pub async fn sweep_due(pool: &PgPool, clock: &Clock) -> Result<u64> {
    let mut conn = pool.acquire().await?;
    let due = queries::due(&mut conn, clock.now(), 500).await?;
    let (mut swept, mut failed) = (0, None);
    for id in due {
        match expire(&mut conn, clock, id).await {
            Ok(ended) => swept += u64::from(ended),
            Err(error) => {
                tracing::error!(hold_id = %id, %error, "a hold cannot be ended");
                failed.get_or_insert(error);
            }
        }
    }
    failed.map_or(Ok(swept), Err)
}

/// Whether it was this call that ended the hold.
async fn expire(conn: &mut PgConnection, clock: &Clock, id: HoldId) -> Result<bool> {
    let mut tx = conn.begin().await?;
    let account_id = sqlx::query_scalar!(
        r#"
        update hold set status = 'expired' where id = $1 and status = 'open' and expires_at <= $2
        returning account_id as "account_id: AccountId"
        "#,
        id.0,
        clock.now(),
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(account_id) = account_id else {
        return Ok(false);
    };
    let hold = queries::get(&mut tx, account_id, id).await?;
    give_back(&mut tx, &hold).await?;
    tx.commit().await?;
    Ok(true)
}

async fn give_back(conn: &mut PgConnection, hold: &Hold) -> Result<()> {
    inventory::apply(conn, hold.changes(-1)).await?;
    inventory::release_seats(conn, hold.id).await
}

/// What tokens say, at the price and under the conditions of the tariff that they were made with.
///
/// Errors: [`Error::OfferInvalid`], [`OfferExpired`] with a fresh offer inside, [`Error::Invalid`] for too few or too many.
pub(crate) async fn open_offers(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    account_id: AccountId,
    tokens: &[String],
) -> Result<Vec<HeldOffer>> {
    if !(1..=2).contains(&tokens.len()) {
        let mut wrong = Violations::new();
        wrong.add(
            "offers",
            "count",
            "must be one offer, or two for a round trip: departing, then returning",
        );
        wrong.into_result()?;
    }
    let mut wrong = Violations::new();
    let mut opened = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        opened.extend(wrong.note(shop.signer.open(account_id, index, token))?);
    }
    wrong.into_result()?;
    if let Some(expired) = opened.iter().find(|offer| offer.has_expired(shop.clock)) {
        let fresh = search::renew(conn, shop, expired).await?;
        return Err(OfferExpired { fresh }.into());
    }
    let mut offers = Vec::with_capacity(opened.len());
    for (pin, token) in opened.into_iter().zip(tokens) {
        let (pinned, conditions) = offer::honour(conn, shop.tariff, pin).await?;
        offers.push(HeldOffer {
            token: token.clone(),
            pinned,
            conditions: FareConditions::clone(&conditions),
        });
    }
    Ok(offers)
}

/// One price of several directions: lines say which, and what is charged once a booking stands once; then the extras.
fn joined_price(offers: &[HeldOffer], extras: &[PriceLine]) -> Result<Price> {
    let mut joined: Option<Price> = None;
    for (direction, offer) in (0_u8..).zip(offers) {
        let mut price = offer.pinned.price()?;
        for line in &mut price.lines {
            line.direction = line.direction.map(|_| direction);
        }
        match &mut joined {
            None => joined = Some(price),
            Some(joined) => joined.join(price),
        }
    }
    let mut price = joined.ok_or_else(|| Error::Catalogue("a hold without offers".to_owned()))?;
    price.lines.extend_from_slice(extras);
    Ok(price)
}
