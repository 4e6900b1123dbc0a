//! Paid: held seats are sold, everybody gets a seat and a ticket number.
//!
//! **Money for a flight that no longer flies goes back, in time or late.** Confirming reads the flights' status
//! beside the seats and expires the booking instead: a ticket for nothing is worse than none.

use sqlx::{Connection, PgConnection};

use super::aboard::{self, Sale};
use super::queries::BookedSeats;
use super::{seat_money, seating, traveller};
use crate::booking_event::{self, Before, Event};
use crate::booking_lock::LockedBooking;
use crate::clock::Clock;
use crate::ids::{FlightId, PassengerId};
use crate::inventory::{self, Change, Seat};
use crate::ledger::MoneyCame;
use crate::money::Money;
use crate::trade::{BookingStatus, LatePayment};
use crate::{Error, Result, coupon, fault, ledger, ticket};

/// The payment that a booking is confirmed by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PaidBy<'a> {
    /// Its money, as the ledger calls it.
    pub money: MoneyCame,
    /// Stripe's session.
    pub session_id: &'a str,
    /// Stripe's `PaymentIntent`.
    pub payment_intent: Option<&'a str>,
}

/// Confirms a pending booking whose money has come: one transaction files the payment, sells the seats, seats the party
/// and issues the tickets. Their documents, and the invoice, the caller promises last ([`crate::document::request_sold`]).
///
/// What it costs, which is less than was paid when a chosen seat was lost. `None` when one of its flights does not fly any
/// more; then nothing has changed. The caller has locked the booking. [`Error::WrongState`] unless it is pending.
pub(crate) async fn confirm(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    paid_by: Option<&PaidBy<'_>>,
) -> Result<Option<Money>> {
    let sale = aboard::load(conn, booking.id).await?;
    if !sale.booked().all(|booked| booked.flies) {
        return Ok(None);
    }
    inventory::apply(conn, changes(&sale, |seats| (-seats, seats))).await?;
    fault::point("seats_sold");
    let from = BookingStatus::PendingPayment;
    let total = ticket_party(conn, clock, booking, sale, paid_by, (from, None)).await?;
    Ok(Some(total))
}

/// Takes seats again for an expired booking whose money came late: the same seats, else others of the same cabins, on
/// every flight of every direction.
///
/// Its coupon is used again. What it costs, as [`confirm`]; `None` when a cabin is too full now, a flight does not fly any
/// more, the coupon is used up, or somebody of the party has booked one of the flights again; then nothing has changed. The
/// caller has locked the booking.
pub(crate) async fn reclaim(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    paid_by: &PaidBy<'_>,
) -> Result<Option<Money>> {
    let sale = aboard::load(conn, booking.id).await?;
    if !sale.booked().all(|booked| booked.flies) {
        return Ok(None);
    }
    let mut attempt = conn.begin().await?;
    match take_again(&mut attempt, clock, booking, &sale).await {
        Ok(()) => attempt.commit().await?,
        Err(error) if is_lost_to_others(&error) => {
            attempt.rollback().await?;
            return Ok(None);
        }
        Err(error) => return Err(error),
    }
    let late = if claim_chosen(conn, booking, &sale).await? {
        LatePayment::SameSeats
    } else {
        LatePayment::OtherSeats
    };
    // Who has their chosen seat again.
    let sale = aboard::load(conn, booking.id).await?;
    let from = (BookingStatus::Expired, Some(late));
    let total = ticket_party(conn, clock, booking, sale, Some(paid_by), from).await?;
    Ok(Some(total))
}

async fn take_again(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    sale: &Sale,
) -> Result<()> {
    let flights: Vec<_> = sale.booked().map(|booked| booked.flight_id).collect();
    traveller::claim_again(conn, booking, &flights).await?;
    inventory::apply(conn, changes(sale, |seats| (0, seats))).await?;
    coupon::redeem_again(conn, clock, booking.id).await
}

/// What the booking costs once everybody is seated.
async fn ticket_party(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    sale: Sale,
    paid_by: Option<&PaidBy<'_>>,
    from: (BookingStatus, Option<LatePayment>),
) -> Result<Money> {
    seating::seat_party(conn, clock, booking, &sale.flights).await?;
    let mut lines = sale.lines;
    if sale.has_chosen_seats {
        drop_lost_choices(conn, booking).await?;
        seat_money::settle_unsold(conn, booking).await?;
        lines = aboard::load(conn, booking.id).await?.lines;
    }
    let money = paid_by.map(|paid_by| &paid_by.money);
    fault::point("party_seated");
    ledger::sale(conn, clock, booking, money, &lines).await?;
    fault::point("money_booked");
    ticket::issue(conn, clock, booking.id).await?;
    fault::point("tickets_issued");
    let total = lines.iter().map(|line| line.amount_minor).sum();
    let total = Money::new(total, booking.total.currency());
    let confirmed = Confirmed {
        from: from.0,
        late: from.1,
        total,
        paid_by,
    };
    set_confirmed(conn, clock, booking, &confirmed).await?;
    Ok(total)
}

fn changes(sale: &Sale, by: impl Fn(i32) -> (i32, i32)) -> Vec<Change> {
    let change = |booked: &BookedSeats| {
        let (held, sold) = by(booked.seats);
        Change {
            flight_id: booked.flight_id,
            cabin: booked.cabin,
            held,
            sold,
        }
    };
    sale.booked().map(change).collect()
}

struct Confirmed<'a> {
    from: BookingStatus,
    late: Option<LatePayment>,
    total: Money,
    paid_by: Option<&'a PaidBy<'a>>,
}

/// Files the payment as succeeded, the booking as confirmed, and the event, whose mail and text message it promises. One
/// conditional update decides between pay, cancel and expire.
async fn set_confirmed(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    confirmed: &Confirmed<'_>,
) -> Result<()> {
    let event = Event::Confirmed {
        before: Before::of(booking),
        total: confirmed.total,
        late: confirmed.late,
    };
    let event = booking_event::Row::new(clock, booking.account_id, booking.id, &event)?;
    let paid_by = confirmed.paid_by;
    let jobs = booking_event::Jobs::of(&event);
    let is_confirmed = sqlx::query_scalar!(
        r#"
        with confirmed as (
            update booking set status = 'confirmed', confirmed_at = $2, ended_at = null, late_payment_resolution = $4
            where id = $1 and status = $3
            returning id
        ), paid as (
            update payment set status = 'succeeded', ended_at = $2, stripe_payment_intent_id = $5, stripe_session_id = coalesce(stripe_session_id, $6)
            from confirmed where payment.id = $7
        ), recorded as (
            select record_booking_event($8, id, $15, $9, $23, $2, $10, $11, $12, $24, $13, $16, $14, $17, $18, $19, $20, $21, $22) from confirmed
        )
        -- what the function does is asked for, else PostgreSQL would not call it
        select (select count(*) from recorded) = 1 as "is_confirmed!"
        "#,
        booking.id.0,
        clock.now(),
        confirmed.from.as_str(),
        confirmed.late.map(LatePayment::as_str),
        paid_by.and_then(|paid_by| paid_by.payment_intent),
        paid_by.map(|paid_by| paid_by.session_id),
        paid_by.map(|paid_by| paid_by.money.payment_id.0),
        event.id,
        event.kind,
        event.actor,
        event.account_id.map(|id| id.0),
        event.api_key_id.map(|id| id.0),
        event.request_id,
        event.details,
        booking.account_id.0,
        event.trace_parent,
        &jobs.ids,
        &jobs.kinds,
        &jobs.queues,
        &jobs.payloads,
        &jobs.unique_keys as &[Option<String>],
        &jobs.max_attempts,
        event.told_as,
        event.session_id.map(|id| id.0),
    )
    .fetch_one(conn)
    .await?;
    if is_confirmed {
        Ok(())
    } else {
        Err(Error::WrongState {
            status: booking.status.as_str(),
            action: "confirmed",
        })
    }
}

/// Claims the seats that were chosen once, those that are still free and that the aircraft has; whether all of them were.
async fn claim_chosen(
    conn: &mut PgConnection,
    booking: &LockedBooking,
    sale: &Sale,
) -> Result<bool> {
    let chosen = sqlx::query!(
        r#"
        select flight_id as "flight_id: FlightId", seat_row, letter, passenger_id as "passenger_id: PassengerId" from seat_choice
        where booking_id = $1 order by flight_id, seat_row, letter
        "#,
        booking.id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut all = true;
    for choice in chosen {
        let on = (sale.booked()).find(|on| on.flight_id == choice.flight_id);
        let (Some(on), Some(letter)) = (on, choice.letter.chars().next()) else {
            continue;
        };
        let seat = Seat {
            row: choice.seat_row,
            letter,
        };
        let (who, at) = (choice.passenger_id, (choice.flight_id, seat));
        if !seating::may_sit(conn, booking.id, on.cabin, who, at).await? {
            all = false;
            continue;
        }
        match inventory::claim_seats(conn, booking.hold_id, &[at], "chosen").await {
            Ok(()) => seating::occupy(conn, choice.flight_id, seat, who).await?,
            Err(Error::SeatTaken { .. }) => all = false,
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

/// Forgets each choice of a seat that its passenger did not get, and takes the fees of seats that nobody of the party
/// got off the price before that is sold.
async fn drop_lost_choices(conn: &mut PgConnection, booking: &LockedBooking) -> Result<()> {
    sqlx::query!(
        r#"
        with seated as (
            select s.passenger_id, s.flight_id, s.seat_row, s.letter
            from passenger p join passenger_seat s on s.passenger_id = p.id
            where p.booking_id = $1
        ), lost as (
            delete from seat_choice c
            where c.booking_id = $1 and (c.passenger_id, c.flight_id, c.seat_row, c.letter) not in (select * from seated)
        ), dropped as (
            delete from price_line l
            where l.booking_id = $1 and l.kind = 'seat' and not exists (
                select from seated s where s.flight_id = l.flight_id and l.code like '% ' || s.seat_row || s.letter)
            returning l.amount_minor
        )
        update booking set total_minor = total_minor - dropped.fees
        from (select sum(amount_minor)::bigint as fees from dropped) dropped
        where id = $1 and dropped.fees > 0
        "#,
        booking.id.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether it is a reason for which late money goes back: somebody else has the seats, the place on the flight or the
/// last use of the coupon by now.
fn is_lost_to_others(error: &Error) -> bool {
    matches!(
        error,
        Error::SoldOut { .. } | Error::DuplicatePassenger { .. }
    ) || error.refusal::<coupon::Refusal>().is_some()
}
