//! Making a quote of a change and reading it again.

use chrono::{DateTime, Duration, TimeDelta, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::model::{ChangeContent, ChangeQuote, ChangeRequest, ChangedDirection};
use super::offers::Wanted;
use super::price::{self, Compared};
use super::{offers, seats};
use crate::booking::cancel::load::{Trip, TripDirection, trip};
use crate::booking_lock::{self, LockedBooking};
use crate::error::Refusal;
use crate::ids::{AccountId, BookingId, BookingRef};
use crate::trade::{BookingStatus, Direction, FareConditions};
use crate::{Error, Result, Shop, charge};

/// How long a quote can be confirmed.
const QUOTE_TIME: Duration = Duration::minutes(10);

/// The fare of a direction cannot be changed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the {fare} fare of the {} direction cannot be changed", direction.as_str())]
pub struct ChangeNotAllowed {
    /// Which direction.
    pub direction: Direction,
    /// Name of its fare family: `Light`.
    pub fare: String,
}

impl Refusal for ChangeNotAllowed {
    fn code(&self) -> &'static str {
        "change_not_allowed"
    }
}

/// Says what other flights cost or give back, without changing anything. An older quote of a change cannot be confirmed any more.
///
/// Errors: [`Error::NotFound`], [`Error::WrongState`] unless paid, [`ChangeNotAllowed`], [`Error::TooLate`],
/// [`Error::OfferInvalid`], [`crate::offer::OfferExpired`], [`charge::OutsideLimits`], [`Error::Invalid`] with every wrong field.
pub async fn quote_change(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    account_id: AccountId,
    reference: &BookingRef,
    request: &ChangeRequest,
) -> Result<ChangeQuote> {
    let booking = booking_lock::lock_of_account(conn, account_id, reference).await?;
    require_paid(&booking)?;
    let trip = trip(conn, shop.clock, (&booking).into()).await?;
    let (content, offers_until) = compute(conn, shop, &booking, &trip, request).await?;
    let now = shop.clock.now();
    let quote = ChangeQuote {
        id: Uuid::now_v7(),
        created_at: now,
        expires_at: (now + QUOTE_TIME).min(offers_until),
        confirmed_at: None,
        content,
    };
    sqlx::query!(
        "insert into change_quote (id, booking_id, created_at, expires_at, content) values ($1, $2, $3, $4, $5)",
        quote.id,
        booking.id.0,
        quote.created_at,
        quote.expires_at,
        Json(&quote.content) as _,
    )
    .execute(conn)
    .await?;
    Ok(quote)
}

/// A quote of a change of a booking of the account, as it was made. [`Error::NotFound`] for anybody else's.
pub async fn get_change_quote(
    conn: &mut PgConnection,
    account_id: AccountId,
    reference: &BookingRef,
    id: Uuid,
) -> Result<ChangeQuote> {
    let quote = sqlx::query_as!(
        Stored,
        r#"
        select q.id, q.created_at, q.expires_at, c.created_at as "confirmed_at?", q.content as "content: Json<ChangeContent>"
        from change_quote q
        join booking b on b.id = q.booking_id
        left join booking_change c on c.change_quote_id = q.id
        where q.id = $1 and b.booking_ref = $2 and b.account_id = $3
        "#,
        id,
        reference.as_str(),
        account_id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(quote.ok_or(Error::NotFound("quote"))?.into())
}

/// The changes of flights of a booking by their keys, in the order in which they were confirmed, and when each was done: others
/// wait for their money, or it did not come.
pub async fn list_changes(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Vec<(Uuid, Option<DateTime<Utc>>, ChangeContent)>> {
    let rows = sqlx::query!(
        r#"
        select c.id, c.status = 'done' as "is_done!", c.ended_at, q.content as "content: Json<ChangeContent>"
        from booking_change c join change_quote q on q.id = c.change_quote_id
        where c.booking_id = $1 order by c.created_at, c.id
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.id, row.ended_at.filter(|_| row.is_done), row.content.0))
        .collect())
}

/// A quote as it is stored.
struct Stored {
    id: Uuid,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    confirmed_at: Option<DateTime<Utc>>,
    content: Json<ChangeContent>,
}

impl From<Stored> for ChangeQuote {
    fn from(stored: Stored) -> Self {
        Self {
            id: stored.id,
            created_at: stored.created_at,
            expires_at: stored.expires_at,
            confirmed_at: stored.confirmed_at,
            content: stored.content.0,
        }
    }
}

/// [`Error::WrongState`] unless the booking is paid and somebody flies still.
pub(super) fn require_paid(booking: &LockedBooking) -> Result<()> {
    match booking.status {
        BookingStatus::Confirmed | BookingStatus::PartiallyCancelled => Ok(()),
        BookingStatus::PendingPayment | BookingStatus::Cancelled | BookingStatus::Expired => {
            Err(Error::WrongState {
                status: booking.status.as_str(),
                action: "changed with a quote",
            })
        }
    }
}

/// Whether the fare of a direction can be changed at an instant.
pub(in crate::booking) fn can_change(
    conditions: &FareConditions,
    now: DateTime<Utc>,
    departs_at: DateTime<Utc>,
) -> bool {
    let too_late = TimeDelta::hours(i64::from(conditions.rules.too_late_hours));
    conditions.rules.change.allowed
        && departs_at - now > too_late
        && price::tier(conditions, now, departs_at).is_some()
}

fn require_open(now: DateTime<Utc>, direction: &TripDirection) -> Result<()> {
    let conditions = &direction.conditions;
    if !conditions.rules.change.allowed {
        let (direction, fare) = (direction.direction, conditions.name.clone());
        return Err(ChangeNotAllowed { direction, fare }.into());
    }
    if can_change(conditions, now, direction.departs_at) {
        return Ok(());
    }
    let rules = &conditions.rules;
    let tiers = rules.change.tiers.iter().map(|tier| tier.more_than_hours);
    let hours = tiers.min().unwrap_or(0).max(rules.too_late_hours);
    Err(Error::TooLate {
        action: match direction.direction {
            Direction::Departing => "change the departing direction",
            Direction::Returning => "change the returning direction",
        },
        ended_at: direction.departs_at - TimeDelta::hours(i64::from(hours)),
    })
}

/// What a request costs now, and until when its offers hold.
pub(super) async fn compute(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    booking: &LockedBooking,
    trip: &Trip,
    request: &ChangeRequest,
) -> Result<(ChangeContent, DateTime<Utc>)> {
    let asked = offers::find(conn, shop, booking.account_id, trip, request).await?;
    let wanted = asked.directions;
    let now = shop.clock.now();
    let free = |one: &Wanted<'_>| is_free(shop, trip, one);
    for one in wanted.iter().filter(|one| !free(one)) {
        require_open(now, one.direction)?;
    }
    let seats = seats::find(conn, shop, booking, &wanted).await?;
    let mut items = Vec::new();
    for one in &wanted {
        let tier = if free(one) {
            None
        } else {
            price::tier(&one.direction.conditions, now, one.direction.departs_at)
        };
        let new = one.offer.pinned.price()?;
        items.extend(one.people.iter().map(|passenger| {
            price::item(&Compared {
                trip,
                passenger,
                direction: one.direction,
                tier,
                new_lines: &new.lines,
                seats: &seats,
            })
        }));
    }
    let until = wanted.iter().map(|one| one.offer.pinned.expires_at());
    let until = until.min().unwrap_or(now);
    let content = ChangeContent {
        version: ChangeContent::version_of(asked.split.is_some()),
        split: asked.split,
        currency: trip.currency,
        directions: (wanted.iter()).map(|one| changed(one, free(one))).collect(),
        items,
        seats,
    };
    let amount = content.amount();
    if amount.minor() > 0 {
        charge::require_payable(amount)?;
    }
    Ok((content, until))
}

/// Whether the airline has cancelled or moved a flight of the direction, and the offer is of the same cabin and leaves some
/// days before or after at most.
fn is_free(shop: Shop<'_>, trip: &Trip, wanted: &Wanted<'_>) -> bool {
    let days = TimeDelta::days(i64::from(shop.sales.disruption_rebook_days));
    let departs_at = wanted.flights.first().map(|flight| flight.departs_at);
    let is_near = departs_at.is_some_and(|at| (at - wanted.direction.departs_at).abs() <= days);
    let is_same_cabin = wanted.offer.pinned.cabin == wanted.direction.cabin;
    trip.disrupted.contains_key(&wanted.direction.id) && is_near && is_same_cabin
}

fn changed(wanted: &Wanted<'_>, is_free: bool) -> ChangedDirection {
    let pinned = &wanted.offer.pinned;
    let (fare_family, conditions) = if is_free {
        let conditions = wanted.direction.conditions.clone();
        (conditions.fare_family.clone(), conditions)
    } else {
        (pinned.family.clone(), wanted.offer.conditions.clone())
    };
    ChangedDirection {
        is_free,
        direction: wanted.direction.direction,
        offer: wanted.offer.token.clone(),
        from: wanted.direction.flights.clone(),
        to: pinned.flights.clone(),
        from_cabin: wanted.direction.cabin,
        cabin: pinned.cabin,
        fare_family,
        conditions,
    }
}
