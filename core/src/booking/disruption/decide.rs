//! What an owner may choose, and what becomes of it.

use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Answer, ChoiceOption, Choosing, RefundScope};
use super::refusal::{ChoiceUnavailable, DisruptionDecided, NotDisrupted};
use super::{other_flights, queries};
use crate::actor::{self, Actor};
use crate::booking::cancel::{
    self, CancellationScope, QuoteRequest, Subject, Trip, TripDirection, disruption_sentence,
};
use crate::booking::exchange::{self, ChangeRequest};
use crate::booking_event::{self, Event};
use crate::booking_lock::{self, LockedBooking};
use crate::clock::Clock;
use crate::config::Sales;
use crate::error::Violations;
use crate::ids::{AccountId, BookingRef, DirectionId};
use crate::trade::{BookingStatus, Direction, DisruptionChoice, DisruptionKind, DisruptionStatus};
use crate::{Error, Result, Shop, document, fault, flight};

/// What can be chosen of a disruption now, and what a refund would give back; nothing once it is decided. Other flights only
/// where there are some.
pub(super) async fn options(
    conn: &mut PgConnection,
    clock: &Clock,
    sales: &Sales,
    subject: Subject,
    choosing: &Choosing,
) -> Result<Vec<ChoiceOption>> {
    if !choosing.is_open(clock.now()) {
        return Ok(Vec::new());
    }
    let mut options = Vec::new();
    if why_not_accepted(choosing).is_none() {
        options.push(ChoiceOption {
            choice: DisruptionChoice::Accept,
            scope: None,
            refund: None,
        });
    }
    let trip = cancel::trip(conn, clock, subject).await?;
    let own = refunded(&trip, choosing, RefundScope::Direction).unwrap_or_default();
    if let [own] = own[..]
        && other_flights::exist(conn, clock, sales, &trip, own).await?
    {
        options.push(ChoiceOption {
            choice: DisruptionChoice::Rebook,
            scope: None,
            refund: None,
        });
    }
    for scope in [RefundScope::Direction, RefundScope::Ticket] {
        let Ok(directions) = refunded(&trip, choosing, scope) else {
            continue;
        };
        let mut trip = trip.clone();
        let sentences = sentences(conn, choosing, &directions).await?;
        trip.disrupted.extend(sentences);
        let request = QuoteRequest {
            scope: cancellation_scope(&directions),
            ..QuoteRequest::default()
        };
        options.push(ChoiceOption {
            choice: DisruptionChoice::Refund,
            scope: Some(scope),
            refund: Some(cancel::compute(&trip, &request)?.refund()),
        });
    }
    Ok(options)
}

/// Does what the owner of a booking chooses, and returns which disruption was meant.
///
/// Errors: [`Error::NotFound`] for anybody else's booking or when it has no such disruption, [`NotDisrupted`] when it has none,
/// [`DisruptionDecided`] when it was chosen before or the time is over, [`ChoiceUnavailable`]. For other flights: [`rebook_disrupted`].
pub async fn decide_disruption(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    reference: &BookingRef,
    answer: Answer,
) -> Result<Uuid> {
    let booking = booking_lock::lock_of_account(conn, account_id, reference).await?;
    let choosing = open(conn, clock, &booking, answer.disruption_id).await?;
    match answer.choice {
        DisruptionChoice::Accept => match why_not_accepted(&choosing) {
            Some(why) => return Err(why.into()),
            None => accept(conn, clock, &booking, &choosing, false).await?,
        },
        DisruptionChoice::Refund => {
            refund(conn, clock, &booking, &choosing, answer.scope).await?;
        }
        DisruptionChoice::Rebook => {
            return Err(Error::Internal("a rebooking needs an offer".to_owned()));
        }
    }
    fault::point("disruption_decided");
    Ok(choosing.disruption_id)
}

/// The disruption of a locked booking that is meant, while something can be chosen.
async fn open(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    asked: Option<Uuid>,
) -> Result<Choosing> {
    let now = clock.now();
    let all = queries::list_of_booking(conn, booking.id, now).await?;
    let is_meant = |one: &Choosing| asked.is_none_or(|id| id == one.disruption_id);
    let choosing = match (all.into_iter().find(is_meant), asked) {
        (Some(choosing), _) => choosing,
        (None, Some(_)) => return Err(Error::NotFound("disruption of this booking")),
        (None, None) => return Err(NotDisrupted.into()),
    };
    if !choosing.is_open(now) {
        return Err(DisruptionDecided {
            disruption_id: choosing.disruption_id,
            status: if choosing.is_superseded {
                DisruptionStatus::Superseded
            } else {
                choosing.status
            },
            decide_by: choosing.decide_by,
            default_choice: choosing.default_choice,
        }
        .into());
    }
    Ok(choosing)
}

/// Gives the direction the flights of an offer for nothing, and returns which disruption was meant: a change of flights as any
/// other, at the airline's expense.
///
/// Errors: as [`decide_disruption`], [`exchange::quote_change`] and [`exchange::change`]; [`Error::Invalid`] without an offer, or
/// with one that would cost something.
pub async fn rebook_disrupted(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    account_id: AccountId,
    reference: &BookingRef,
    offer: Option<&str>,
    disruption_id: Option<Uuid>,
) -> Result<Uuid> {
    let booking = booking_lock::lock_of_account(conn, account_id, reference).await?;
    let choosing = open(conn, shop.clock, &booking, disruption_id).await?;
    let mut wrong = Violations::new();
    let Some(offer) = offer else {
        let message = "write the `offer_id` of another flight of the route";
        wrong.add("offer", "required", message);
        return Err(wrong.into_error());
    };
    let request = ChangeRequest {
        direction: Some(choosing.direction),
        offer: Some(offer.to_owned()),
        offers: None,
        passengers: None,
    };
    let quote = exchange::quote_change(conn, shop, account_id, reference, &request).await?;
    if !quote.content.directions.iter().all(|one| one.is_free) {
        let message = format!(
            "choose a flight within {} days in the cabin that is booked: others are paid, ask for a quote of a change",
            shop.sales.disruption_rebook_days
        );
        wrong.add("offer", "not_free", message);
        return Err(wrong.into_error());
    }
    exchange::change(conn, shop, account_id, reference, quote.id).await?;
    fault::point("disruption_decided");
    Ok(choosing.disruption_id)
}

fn why_not_accepted(choosing: &Choosing) -> Option<ChoiceUnavailable> {
    match choosing.kind {
        DisruptionKind::Cancelled => Some(ChoiceUnavailable::DoesNotFly),
        DisruptionKind::Retimed if choosing.connection_broken => {
            Some(ChoiceUnavailable::ConnectionBroken)
        }
        DisruptionKind::Retimed => None,
    }
}

/// The booking flies at the new times: its tickets are made anew with them. The caller has locked it.
pub(super) async fn accept(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    choosing: &Choosing,
    is_default: bool,
) -> Result<()> {
    set_decided(
        conn,
        clock,
        booking,
        choosing,
        DisruptionStatus::Accepted,
        is_default,
    )
    .await?;
    document::reissue_tickets(conn, clock, booking.account_id, booking.id).await
}

/// Everything goes back. The caller has locked the booking. Errors: [`ChoiceUnavailable`], [`Error::WrongState`].
pub(super) async fn refund(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    choosing: &Choosing,
    scope: RefundScope,
) -> Result<Uuid> {
    let trip = cancel::trip(conn, clock, booking.into()).await?;
    let directions = refunded(&trip, choosing, scope)?;
    let sentences = sentences(conn, choosing, &directions).await?;
    let scope = cancellation_scope(&directions)
        .ok_or_else(|| Error::Internal("a refund of no direction".to_owned()))?;
    cancel::give_back_disrupted(conn, clock, booking, scope, sentences).await
}

/// Nothing happens by itself. The caller has locked the booking.
pub(super) async fn lapse(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    choosing: &Choosing,
) -> Result<()> {
    let lapsed = DisruptionStatus::Lapsed;
    set_decided(conn, clock, booking, choosing, lapsed, true).await
}

/// The directions that a refund is of, the departing one first.
fn refunded<'a>(
    trip: &'a Trip,
    choosing: &Choosing,
    scope: RefundScope,
) -> std::result::Result<Vec<&'a TripDirection>, ChoiceUnavailable> {
    let own = trip.live().find(|one| one.id == choosing.direction_id);
    let own = own.filter(|one| !one.has_begun);
    let own = own.ok_or(ChoiceUnavailable::HasBegun)?;
    if scope == RefundScope::Direction {
        return Ok(vec![own]);
    }
    let is_on_ticket =
        |one: &&TripDirection| one.validating_airline == own.validating_airline && !one.has_begun;
    let all: Vec<_> = trip.live().filter(is_on_ticket).collect();
    if all.len() < 2 {
        return Err(ChoiceUnavailable::NoOtherDirection);
    }
    Ok(all)
}

fn cancellation_scope(directions: &[&TripDirection]) -> Option<CancellationScope> {
    match directions {
        [] => None,
        [one] => Some(match one.direction {
            Direction::Departing => CancellationScope::Departing,
            Direction::Returning => CancellationScope::Returning,
        }),
        _ => Some(CancellationScope::Both),
    }
}

/// Why each direction comes back, in words.
async fn sentences(
    conn: &mut PgConnection,
    choosing: &Choosing,
    directions: &[&TripDirection],
) -> Result<Vec<(DirectionId, String)>> {
    let name = flight::label_of(conn, choosing.flight_id).await?;
    let sentence = disruption_sentence(choosing.kind, &name);
    let all = directions.iter().map(|one| (one.id, sentence.clone()));
    Ok(all.collect())
}

async fn set_decided(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    choosing: &Choosing,
    status: DisruptionStatus,
    is_default: bool,
) -> Result<()> {
    let updated = sqlx::query!(
        r#"
        update disrupted_booking set status = $2, decided_at = $3, decided_by = $4, is_default = $5
        where id = $1 and status = 'open'
        "#,
        choosing.id,
        status.as_str(),
        clock.now(),
        actor::current().as_str(),
        is_default,
    )
    .execute(&mut *conn)
    .await?;
    if updated.rows_affected() == 0 {
        return Ok(());
    }
    let decided = Event::DisruptionDecided {
        disruption_id: choosing.disruption_id,
        direction: choosing.direction,
        status,
        is_default,
    };
    booking_event::record(conn, clock, booking.account_id, booking.id, &decided).await?;
    Ok(())
}

/// Closes what was open of directions that a cancellation has ended, in its transaction: nothing is left to choose.
pub(in crate::booking) async fn close_cancelled(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    cancellation_id: Uuid,
    directions: &[DirectionId],
) -> Result<()> {
    let status = DisruptionStatus::Refunded;
    close(
        conn,
        clock,
        booking,
        status,
        Some(cancellation_id),
        directions,
    )
    .await
}

/// Closes what was open of directions that have other flights now, in the transaction of the change.
pub(in crate::booking) async fn close_rebooked(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    directions: &[DirectionId],
) -> Result<()> {
    let status = DisruptionStatus::Rebooked;
    close(conn, clock, booking, status, None, directions).await
}

async fn close(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    status: DisruptionStatus,
    cancellation_id: Option<Uuid>,
    directions: &[DirectionId],
) -> Result<()> {
    let ids: Vec<Uuid> = directions.iter().map(|id| id.0).collect();
    let closed = sqlx::query!(
        r#"
        update disrupted_booking r
        set status = $7, decided_at = $3, decided_by = $4, cancellation_id = $5, is_default = $6
        from direction d
        where d.id = r.direction_id and r.booking_id = $1 and r.direction_id = any($2) and r.status = 'open'
        returning r.disruption_id, r.is_default, d.name as "direction: Direction"
        "#,
        booking.id.0,
        &ids,
        clock.now(),
        actor::current().as_str(),
        cancellation_id,
        // Nobody's answer: the clock's.
        actor::current() == Actor::System,
        status.as_str(),
    )
    .fetch_all(&mut *conn)
    .await?;
    for row in closed {
        let decided = Event::DisruptionDecided {
            disruption_id: row.disruption_id,
            direction: row.direction,
            status,
            is_default: row.is_default,
        };
        booking_event::record(conn, clock, booking.account_id, booking.id, &decided).await?;
    }
    Ok(())
}

/// Whether a booking is one that can still be given back.
pub(super) const fn is_paid(status: BookingStatus) -> bool {
    match status {
        BookingStatus::Confirmed | BookingStatus::PartiallyCancelled => true,
        BookingStatus::PendingPayment | BookingStatus::Cancelled | BookingStatus::Expired => false,
    }
}
