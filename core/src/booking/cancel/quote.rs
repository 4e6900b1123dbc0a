//! Making a quote and reading it again.

use chrono::{DateTime, Duration, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::load::{Trip, trip};
use super::model::{CancellationQuote, Canceller, Content, QuoteRequest};
use super::{places, price};
use crate::booking_lock::{self, LockedBooking};
use crate::clock::Clock;
use crate::ids::{AccountId, BookingId, BookingRef};
use crate::trade::{BookingStatus, LineKind, PriceLine};
use crate::{Error, Result};

/// How long a quote can be confirmed.
const QUOTE_TIME: Duration = Duration::minutes(10);

/// Says what cancelling gives back, without cancelling anything. An older quote of the booking cannot be confirmed any more.
///
/// Errors: [`Error::NotFound`], [`Error::WrongState`] unless paid, [`Error::TooLate`], [`Error::Invalid`] with every wrong
/// field.
pub async fn quote(
    conn: &mut PgConnection,
    clock: &Clock,
    who: Canceller,
    reference: &BookingRef,
    request: &QuoteRequest,
) -> Result<CancellationQuote> {
    let booking = lock(conn, who, reference).await?;
    require_paid(&booking)?;
    let trip = trip(conn, clock, &booking).await?;
    let content = compute(&trip, request)?;
    let quote = CancellationQuote {
        id: Uuid::now_v7(),
        created_at: clock.now(),
        expires_at: clock.now() + QUOTE_TIME,
        confirmed_at: None,
        content,
    };
    sqlx::query!(
        "insert into cancellation_quote (id, booking_id, created_at, expires_at, content) values ($1, $2, $3, $4, $5)",
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

/// The booking, if who cancels may see it.
pub(super) async fn lock(
    conn: &mut PgConnection,
    who: Canceller,
    reference: &BookingRef,
) -> Result<LockedBooking> {
    match who {
        Canceller::Owner(account) => booking_lock::lock_of_account(conn, account, reference).await,
        Canceller::Staff => booking_lock::lock_of_anybody(conn, reference).await,
    }
}

/// A quote of a booking of the account, as it was made. [`Error::NotFound`] for anybody else's.
pub async fn get_quote(
    conn: &mut PgConnection,
    account_id: AccountId,
    reference: &BookingRef,
    id: Uuid,
) -> Result<CancellationQuote> {
    let quote = sqlx::query_as!(
        Stored,
        r#"
        select q.id, q.created_at, q.expires_at, c.cancelled_at as "confirmed_at?", q.content as "content: Json<Content>"
        from cancellation_quote q
        join booking b on b.id = q.booking_id
        left join cancellation c on c.quote_id = q.id
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

/// What was confirmed of a booking, in the order in which it was.
pub async fn list_cancellations(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Vec<(Uuid, Content)>> {
    let rows = sqlx::query!(
        r#"
        select c.id, q.content as "content: Json<Content>"
        from cancellation c join cancellation_quote q on q.id = c.quote_id
        where c.booking_id = $1 order by c.cancelled_at, c.id
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.id, row.content.0))
        .collect())
}

/// A quote as it is stored.
struct Stored {
    id: Uuid,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    confirmed_at: Option<DateTime<Utc>>,
    content: Json<Content>,
}

impl From<Stored> for CancellationQuote {
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

/// [`Error::WrongState`] unless the booking is paid and not wholly cancelled.
pub(super) fn require_paid(booking: &LockedBooking) -> Result<()> {
    match booking.status {
        BookingStatus::Confirmed | BookingStatus::PartiallyCancelled => Ok(()),
        BookingStatus::PendingPayment | BookingStatus::Cancelled | BookingStatus::Expired => {
            Err(Error::WrongState {
                status: booking.status.as_str(),
                action: "cancelled with a quote",
            })
        }
    }
}

/// What a request gives back now.
pub(super) fn compute(trip: &Trip, request: &QuoteRequest) -> Result<Content> {
    let (scope, places) = places::find(trip, request)?;
    let items = places.iter().map(|place| {
        price::item(
            trip,
            place.passenger,
            place.direction,
            request.waiver.as_deref(),
        )
    });
    let fees = trip
        .lines
        .iter()
        .filter(|line| line.kind == LineKind::Fee && line.direction.is_none());
    Ok(Content {
        version: Content::VERSION,
        scope,
        currency: trip.currency,
        items: items.collect::<Result<_>>()?,
        fees_kept_minor: fees.map(PriceLine::amount_minor).sum(),
        asked_passengers: request.passengers.clone(),
        waiver: request.waiver.clone(),
    })
}
