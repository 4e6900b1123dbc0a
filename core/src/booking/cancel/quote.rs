//! Making a quote and reading it again.

use chrono::{DateTime, Duration, Utc};
use serde_json::json;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::load::{Trip, trip};
use super::model::{
    CancellationQuote, Canceller, Content, QuoteItem, QuoteLine, QuoteRequest, RuleName,
};
use super::{places, price};
use crate::audit::{self, Act};
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
    let trip = trip(conn, clock, (&booking).into()).await?;
    let content = compute(&trip, request)?;
    let quote = store(conn, clock, booking.id, content).await?;
    if who == Canceller::Staff {
        let quoted = staff_act("cancellation_quoted", &booking, quote.id, &quote.content);
        audit::record(conn, clock, &quoted).await?;
    }
    Ok(quote)
}

/// What staff do about the cancellation of a booking.
pub(super) fn staff_act<'a>(
    action: &'a str,
    booking: &LockedBooking,
    quote_id: Uuid,
    content: &Content,
) -> Act<'a> {
    Act {
        action,
        object_kind: "booking",
        object_id: booking.reference.to_string(),
        before: Some(
            json!({ "status": booking.status.as_str(), "total": booking.total.to_json() }),
        ),
        after: Some(json!({
            "quote_id": quote_id,
            "refund": content.refund().to_json(),
            "waiver": content.waiver,
        })),
    }
}

/// Files what cancelling gives back as the newest quote of a booking.
pub(super) async fn store(
    conn: &mut PgConnection,
    clock: &Clock,
    booking_id: BookingId,
    content: Content,
) -> Result<CancellationQuote> {
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
        booking_id.0,
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
pub(in crate::booking) fn compute(trip: &Trip, request: &QuoteRequest) -> Result<Content> {
    let (scope, places) = places::find(trip, request)?;
    let items = places.iter().map(|place| {
        price::item(
            trip,
            place.passenger,
            place.direction,
            request.waiver.as_deref(),
        )
    });
    let items: Vec<QuoteItem> = items.collect::<Result<_>>()?;
    let fees = fees(trip);
    let (fees_back, fees_kept) = if is_given_up_by_airline(trip, &items) {
        (fees, Vec::new())
    } else {
        (Vec::new(), fees)
    };
    Ok(Content {
        version: Content::version_of(&fees_back),
        scope,
        currency: trip.currency,
        items,
        fees_kept_minor: fees_kept.iter().map(|line| line.paid_minor).sum(),
        fees_back,
        asked_passengers: request.passengers.clone(),
        waiver: request.waiver.clone(),
    })
}

/// What is charged once a booking, by its code, and has not come back yet.
fn fees(trip: &Trip) -> Vec<QuoteLine> {
    let mut fees: Vec<QuoteLine> = Vec::new();
    let of_booking = |line: &&PriceLine| line.kind == LineKind::Fee && line.direction.is_none();
    for line in trip.lines.iter().filter(of_booking) {
        let minor = line.amount_minor();
        if let Some(known) = fees.iter_mut().find(|known| known.code == line.code) {
            known.paid_minor += minor;
            known.refund_minor += minor;
        } else {
            fees.push(QuoteLine {
                kind: line.kind,
                code: line.code.clone(),
                name: line.name.clone(),
                flight_id: None,
                paid_minor: minor,
                refund_minor: minor,
            });
        }
    }
    fees.retain(|line| line.paid_minor > 0);
    fees
}

/// Whether nobody flies any more after these items, and the airline's doing alone is why, now and before.
fn is_given_up_by_airline(trip: &Trip, items: &[QuoteItem]) -> bool {
    let by_airline = |item: &QuoteItem| item.decision.rule == RuleName::ScheduleChange;
    let mut flying = trip.live().flat_map(|direction| {
        let people = trip.passengers.iter();
        let people = people.filter(move |one| trip.flies(one.id, direction));
        people.map(move |one| (one.id, direction.direction))
    });
    let is_item = |(who, direction)| {
        let mut items = items.iter();
        items.any(|item| (item.passenger_id, item.direction) == (who, direction))
    };
    trip.is_cancelled_by_airline_alone && items.iter().all(by_airline) && flying.all(is_item)
}
