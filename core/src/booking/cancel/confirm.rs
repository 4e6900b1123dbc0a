//! Confirming a quote: seats, tickets, documents, price, ledger, refund and mail in one transaction.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::load::{Trip, TripDirection, trip};
use super::model::{CancellationScope, Canceller, Content, QuoteItem, QuoteLine, QuoteRequest};
use super::quote;
use crate::audit;
use crate::booking::disruption;
use crate::booking::insert;
use crate::booking::pending;
use crate::booking::traveller;
use crate::booking_event::{self, Before, Event};
use crate::booking_lock::LockedBooking;
use crate::clock::Clock;
use crate::error::Refusal;
use crate::ids::{BookingId, BookingRef, DirectionId, PassengerId};
use crate::inventory::{self, Change};
use crate::money::Money;
use crate::trade::{BookingStatus, LineKind, PassengerType, PriceLine};
use crate::{Error, Result, document, fault, ledger, payment, ticket};

/// Code of the line that says what is kept of a cancelled fare.
const CHARGE_CODE: &str = "CANCEL";

/// The quote is not what cancelling gives back now: it has expired, a newer one was made, or something that it depends
/// on has changed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{why}")]
pub struct QuoteOutdated {
    /// What to ask for to have a new quote.
    pub request: QuoteRequest,
    why: &'static str,
}

impl Refusal for QuoteOutdated {
    fn code(&self) -> &'static str {
        "quote_outdated"
    }
}

/// Cancels what a quote says, once, and returns which booking it was: a second confirmation of the same quote changes nothing.
///
/// Errors: [`Error::NotFound`], [`Error::WrongState`], [`Error::TooLate`], [`QuoteOutdated`] with what to ask for again.
pub async fn cancel(
    conn: &mut PgConnection,
    clock: &Clock,
    who: Canceller,
    reference: &BookingRef,
    quote_id: Uuid,
) -> Result<BookingId> {
    let booking = quote::lock(conn, who, reference).await?;
    let found = sqlx::query!(
        r#"
        select q.expires_at, q.content as "content: Json<Content>",
               exists (select from cancellation c where c.quote_id = q.id) as "is_confirmed!",
               exists (select from cancellation_quote n where n.booking_id = q.booking_id and n.position > q.position) as "is_superseded!"
        from cancellation_quote q where q.id = $1 and q.booking_id = $2
        "#,
        quote_id,
        booking.id.0,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let found = found.ok_or(Error::NotFound("quote"))?;
    if found.is_confirmed {
        audit::nothing_done();
        return Ok(booking.id);
    }
    quote::require_paid(&booking)?;
    let quoted = found.content.0;
    let outdated = |why| QuoteOutdated {
        request: QuoteRequest {
            // What staff waived is theirs to waive again.
            waiver: quoted.waiver.clone().filter(|_| who == Canceller::Staff),
            ..quoted.request()
        },
        why,
    };
    if found.is_superseded {
        return Err(outdated("a newer quote was made for this booking: confirm that one").into());
    }
    if found.expires_at <= clock.now() {
        return Err(outdated("the quote has expired: confirm the new one").into());
    }
    let trip = trip(conn, clock, (&booking).into()).await?;
    let now = quote::compute(&trip, &quoted.request())?;
    if !now.says_the_same(&quoted) {
        return Err(
            outdated("cancelling gives back another amount by now: confirm the new quote").into(),
        );
    }
    apply(conn, clock, &booking, &trip, quote_id, &now).await?;
    if who == Canceller::Staff {
        let cancelled = quote::staff_act("booking_cancelled", &booking, quote_id, &now);
        audit::record(conn, clock, &cancelled).await?;
    }
    Ok(booking.id)
}

/// Cancels directions of a booking because the airline does not fly as it was booked, each with the sentence that says so:
/// everything goes back. It is a cancellation as any other, of a quote that nobody had to ask for.
///
/// The caller has locked the booking. Errors: [`Error::WrongState`] unless it is paid.
pub(in crate::booking) async fn give_back_disrupted(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    scope: CancellationScope,
    disrupted: Vec<(DirectionId, String)>,
) -> Result<Uuid> {
    quote::require_paid(booking)?;
    let mut trip = trip(conn, clock, booking.into()).await?;
    trip.disrupted.extend(disrupted);
    let request = QuoteRequest {
        scope: Some(scope),
        ..QuoteRequest::default()
    };
    let content = quote::compute(&trip, &request)?;
    let quote = quote::store(conn, clock, booking.id, content).await?;
    apply(conn, clock, booking, &trip, quote.id, &quote.content).await
}

async fn apply(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    trip: &Trip,
    quote_id: Uuid,
    content: &Content,
) -> Result<Uuid> {
    if let Some(open) = pending::find_open(conn, booking.id).await? {
        pending::drop_open(conn, clock, booking, open.id).await?;
    }
    let leaving = Leaving::of(trip, content);
    inventory::apply(conn, leaving.changes()).await?;
    fault::point("cancelled_seats_freed");
    let id = Uuid::now_v7();
    write(conn, clock, booking, id, quote_id, content).await?;
    leaving.write(conn, clock, booking, id).await?;
    traveller::retain(conn, booking.id).await?;
    ticket::refund(conn, id).await?;
    fault::point("cancelled_tickets_closed");
    let lines = lines(content);
    let earned: i64 = lines.iter().map(PriceLine::amount_minor).sum();
    insert::lines(conn, booking.id, &lines).await?;
    ledger::sale_of_lines(conn, clock, booking, id, &lines).await?;
    let status = if leaving.is_everybody(trip) {
        BookingStatus::Cancelled
    } else {
        BookingStatus::PartiallyCancelled
    };
    sqlx::query!(
        r#"
        update booking set total_minor = total_minor + $2, status = $3, ended_at = case when $3 = 'cancelled' then $4::timestamptz end
        where id = $1
        "#,
        booking.id.0,
        earned,
        status.as_str(),
        clock.now(),
    )
    .execute(&mut *conn)
    .await?;
    let refund = content.refund();
    if refund.minor() > 0 {
        payment::give_back_cancelled(conn, clock, booking, id, refund).await?;
    }
    fault::point("cancellation_refunded");
    document::after_cancellation(conn, clock, booking.account_id, booking.id).await?;
    let places = content.items.iter();
    let cancelled = Event::CancelledPaid {
        cancellation_id: id,
        before: Before::of(booking),
        total: Money::new(booking.total.minor() + earned, booking.total.currency()),
        refund,
        places: places
            .map(|item| (item.passenger_id, item.direction))
            .collect(),
        is_all: status == BookingStatus::Cancelled,
        waiver: content.waiver.clone(),
    };
    booking_event::record(conn, clock, booking.account_id, booking.id, &cancelled).await?;
    disruption::close_cancelled(conn, clock, booking, id, &leaving.whole()).await?;
    Ok(id)
}

async fn write(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    id: Uuid,
    quote_id: Uuid,
    content: &Content,
) -> Result<()> {
    sqlx::query!(
        r#"
        insert into cancellation (id, booking_id, quote_id, cancelled_at, currency, refund_minor) values ($1, $2, $3, $4, $5, $6)
        "#,
        id,
        booking.id.0,
        quote_id,
        clock.now(),
        content.currency.code(),
        content.refund().minor(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Who leaves which direction.
struct Leaving<'a> {
    directions: BTreeMap<DirectionId, LeavingDirection<'a>>,
}

struct LeavingDirection<'a> {
    direction: &'a TripDirection,
    people: Vec<PassengerId>,
    /// Of them, how many have a seat.
    seats: i32,
    /// Whether nobody is left.
    is_all: bool,
}

impl<'a> Leaving<'a> {
    fn of(trip: &'a Trip, content: &Content) -> Self {
        let mut directions = BTreeMap::new();
        for direction in trip.live() {
            let items = content
                .items
                .iter()
                .filter(|item| item.direction == direction.direction);
            let people: Vec<_> = items.map(|item| item.passenger_id).collect();
            let has_seat = |id: &&PassengerId| {
                let one = trip.passenger(**id);
                one.is_some_and(|one| one.kind != PassengerType::Infant)
            };
            let seats = people.iter().filter(has_seat).count();
            let flying = trip
                .passengers
                .iter()
                .filter(|one| trip.flies(one.id, direction))
                .count();
            if !people.is_empty() {
                let leaving = LeavingDirection {
                    direction,
                    seats: i32::try_from(seats).unwrap_or(i32::MAX),
                    is_all: people.len() == flying,
                    people,
                };
                directions.insert(direction.id, leaving);
            }
        }
        Self { directions }
    }

    fn changes(&self) -> Vec<Change> {
        let of = |leaving: &LeavingDirection<'_>| {
            let (cabin, sold) = (leaving.direction.cabin, -leaving.seats);
            let flights = leaving.direction.flights.clone();
            flights.into_iter().map(move |flight_id| Change {
                flight_id,
                cabin,
                held: 0,
                sold,
            })
        };
        self.directions.values().flat_map(of).collect()
    }

    /// The directions that nobody flies any more.
    fn whole(&self) -> Vec<DirectionId> {
        let whole = self.directions.iter().filter(|(_, leaving)| leaving.is_all);
        whole.map(|(id, _)| *id).collect()
    }

    /// Whether nobody flies in any direction any more.
    fn is_everybody(&self, trip: &Trip) -> bool {
        let mut live = trip.live();
        live.all(|one| (self.directions.get(&one.id)).is_some_and(|leaving| leaving.is_all))
    }

    async fn write(
        &self,
        conn: &mut PgConnection,
        clock: &Clock,
        booking: &LockedBooking,
        cancellation_id: Uuid,
    ) -> Result<()> {
        for leaving in self.directions.values() {
            let people: Vec<_> = leaving.people.iter().map(|id| id.0).collect();
            sqlx::query!(
                r#"
                with gone as (
                    insert into cancelled_place (passenger_id, direction_id, booking_id, cancellation_id)
                    select passenger, $2, $1, $3 from unnest($4::uuid[]) as t (passenger)
                ), flights as (
                    select flight_id from booked_flight where direction_id = $2
                ), stood_up as (
                    delete from passenger_seat where passenger_id = any($4) and flight_id in (select flight_id from flights)
                ), forgotten as (
                    delete from seat_choice where passenger_id = any($4) and flight_id in (select flight_id from flights)
                ), ended as (
                    update direction set status = 'cancelled', cancelled_at = $5 where id = $2 and $6
                )
                update booked_flight set seats = seats - $7 where direction_id = $2 and not $6
                "#,
                booking.id.0,
                leaving.direction.id.0,
                cancellation_id,
                &people,
                clock.now(),
                leaving.is_all,
                leaving.seats,
            )
            .execute(&mut *conn)
            .await?;
        }
        Ok(())
    }
}

/// The lines that a cancellation adds to the price: what comes back, and what is kept of the fare as a fee.
fn lines(content: &Content) -> Vec<PriceLine> {
    let fees = content.fees_back.iter().map(fee_back);
    let items = content.items.iter().flat_map(lines_of);
    items.chain(fees).collect()
}

/// A fee of the booking that comes back.
fn fee_back(fee: &QuoteLine) -> PriceLine {
    PriceLine {
        direction: None,
        flight_id: None,
        kind: fee.kind,
        code: fee.code.clone(),
        name: fee.name.clone(),
        passenger_type: None,
        passenger_id: None,
        quantity: 1,
        unit_minor: -fee.refund_minor,
        refundable: false,
        is_percentage: false,
    }
}

fn lines_of(item: &QuoteItem) -> Vec<PriceLine> {
    let line = |kind, code: &str, name: Option<&str>, flight_id, unit_minor| PriceLine {
        direction: Some(item.direction.ordinal()),
        flight_id,
        kind,
        code: code.to_owned(),
        name: name.map(str::to_owned),
        passenger_type: None,
        passenger_id: Some(item.passenger_id),
        quantity: 1,
        unit_minor,
        refundable: false,
        is_percentage: false,
    };
    let back = item.lines.iter().filter(|back| back.refund_minor != 0);
    let mut lines: Vec<_> = back
        .map(|back| {
            let name = back.name.as_deref();
            line(
                back.kind,
                &back.code,
                name,
                back.flight_id,
                -back.refund_minor,
            )
        })
        .collect();
    if item.charge_minor > 0 {
        let name = Some("Cancellation charge");
        lines.push(line(
            LineKind::Fee,
            CHARGE_CODE,
            name,
            None,
            item.charge_minor,
        ));
    }
    lines
}
