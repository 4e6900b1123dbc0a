//! Settling: what Stripe says of a Checkout Session becomes the state of payment and booking. Webhook, reconciler,
//! return page and deadline call this one function, in any order and any number of times.
//!
//! **Money pays the price that it was asked for.** A payment whose amount is no longer the booking's total is filed
//! and goes back whole: in time the booking goes on waiting for the new price, expired it stays so. Checking the
//! payment's status would not do, because money may come for a checkout that we have closed. A change that leaves
//! the total as it was leaves the checkout open.

use crate::booking_lock;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Result;
use crate::booking::{self, ChangeKind, PaidBy, change_seats, exchange, pending};
use crate::booking_lock::LockedBooking;
use crate::clock::Clock;
use crate::document::{self, Settled};
use crate::fault;
use crate::ledger::{self, Kind, MoneyCame};
use crate::money::Money;
use crate::payment::open::{self, BEFORE_DEPARTURE};
use crate::payment::refunds::{self, Reason};
use crate::payment::stripe::{CheckoutSession, CheckoutStatus};
use crate::payment::{Payment, PaymentStatus, Settlement, mismatch};
use crate::trade::{BookingStatus, LatePayment};

/// Settles a session within the caller's transaction.
///
/// Money is believed only for a payment of ours, of its amount, currency, booking and session; other money goes back. Money for a booking that has
/// ended is late money: the same seats, other seats, or all of it back; never limbo (design, "Late money").
pub async fn settle(
    conn: &mut PgConnection,
    clock: &Clock,
    session: &CheckoutSession,
) -> Result<Settlement> {
    // The booking is locked first; what is known of the payment is read after.
    let booking = booking_lock::lock_of_payment(conn, session.payment_id, &session.id).await?;
    let Some(booking) = booking else {
        return Ok(Settlement::Unknown);
    };
    let Some((payment, is_mismatched)) = open::find_of_session(conn, session).await? else {
        return Ok(Settlement::Unknown);
    };
    if !session.paid {
        return unpaid(conn, clock, &payment, session).await;
    }
    let is_its_session = payment.session_id.as_ref() == Some(&session.id);
    if payment.status == PaymentStatus::Succeeded && is_its_session {
        return Ok(Settlement::AlreadySettled);
    }
    let ours = payment.status != PaymentStatus::Succeeded
        && !is_mismatched
        && session.amount == Some(payment.amount)
        && session.booking_id.is_none_or(|id| id == booking.id)
        && (is_its_session || payment.session_id.is_none());
    if !ours {
        mismatch::give_back(conn, clock, &payment, &booking, session).await?;
        return Ok(Settlement::Mismatch);
    }
    let paid_by = PaidBy {
        money: MoneyCame {
            payment_id: payment.id,
            amount: payment.amount,
            kind: came_as(booking.status),
        },
        session_id: &session.id,
        payment_intent: session.payment_intent.as_deref(),
    };
    apply(conn, clock, &payment, &booking, &paid_by).await
}

async fn unpaid(
    conn: &mut PgConnection,
    clock: &Clock,
    payment: &Payment,
    session: &CheckoutSession,
) -> Result<Settlement> {
    match session.status {
        CheckoutStatus::Open | CheckoutStatus::Complete => Ok(Settlement::StillOpen),
        CheckoutStatus::Expired if payment.status == PaymentStatus::Open => {
            open::close(conn, clock, payment.id, PaymentStatus::Expired).await?;
            Ok(Settlement::SessionExpired)
        }
        CheckoutStatus::Expired => Ok(Settlement::AlreadySettled),
    }
}

/// Files money that confirms nothing, or not yet.
async fn file(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    paid_by: &PaidBy<'_>,
) -> Result<()> {
    sqlx::query!(
        r#"
        update payment set status = 'succeeded', ended_at = $2, stripe_payment_intent_id = $3,
               stripe_session_id = coalesce(stripe_session_id, $4)
        where id = $1
        "#,
        paid_by.money.payment_id.0,
        clock.now(),
        paid_by.payment_intent,
        paid_by.session_id,
    )
    .execute(&mut *conn)
    .await?;
    ledger::money_came(conn, clock, booking.id, &paid_by.money).await?;
    fault::point("money_booked");
    Ok(())
}

/// Money for a booking that has ended is late; what becomes of it, the entries after it say.
const fn came_as(status: BookingStatus) -> Kind {
    match status {
        BookingStatus::Expired | BookingStatus::Cancelled => Kind::LatePayment,
        BookingStatus::PendingPayment
        | BookingStatus::Confirmed
        | BookingStatus::PartiallyCancelled => Kind::Payment,
    }
}

async fn apply(
    conn: &mut PgConnection,
    clock: &Clock,
    payment: &Payment,
    booking: &LockedBooking,
    paid_by: &PaidBy<'_>,
) -> Result<Settlement> {
    if let Some(id) = payment.booking_change_id {
        file(conn, clock, booking, paid_by).await?;
        return apply_to_change(conn, clock, payment, booking, id).await;
    }
    // The price may have changed since this was asked for: its money goes back, the booking waits for the new price.
    let pays_the_price = payment.amount == booking.total;
    let too_late = clock.now() > booking.first_departs_at - BEFORE_DEPARTURE;
    let sold = match booking.status {
        BookingStatus::PendingPayment if pays_the_price && !too_late => {
            booking::confirm(conn, clock, booking, Some(paid_by)).await?
        }
        BookingStatus::Expired if pays_the_price && !too_late => {
            booking::reclaim(conn, clock, booking, paid_by).await?
        }
        _ => None,
    };
    if let Some(total) = sold {
        // Nobody pays twice on a newer page; a booking has one open payment at most.
        if payment.status != PaymentStatus::Open {
            open::abandon(conn, clock, booking).await?;
        }
        documents(conn, clock, payment, booking, total).await?;
        return Ok(match booking.status {
            BookingStatus::Expired => Settlement::ConfirmedLate,
            _ => Settlement::Confirmed,
        });
    }
    file(conn, clock, booking, paid_by).await?;
    match booking.status {
        BookingStatus::PendingPayment if !pays_the_price => {
            refunds::promise(conn, clock, payment, booking, Reason::OldPrice).await?;
            Ok(Settlement::Refunding)
        }
        // Too late, or a flight that does not fly any more.
        BookingStatus::PendingPayment => {
            booking::expire(conn, clock, booking).await?;
            refund_late(conn, clock, payment, booking).await
        }
        BookingStatus::Expired | BookingStatus::Cancelled => {
            refund_late(conn, clock, payment, booking).await
        }
        BookingStatus::Confirmed | BookingStatus::PartiallyCancelled => {
            refunds::promise(conn, clock, payment, booking, Reason::Duplicate).await?;
            Ok(Settlement::Refunding)
        }
    }
}

/// Money for other seats or flights: everybody moves, or all of it goes back.
async fn apply_to_change(
    conn: &mut PgConnection,
    clock: &Clock,
    payment: &Payment,
    booking: &LockedBooking,
    booking_change_id: Uuid,
) -> Result<Settlement> {
    let is_alive = matches!(
        booking.status,
        BookingStatus::Confirmed | BookingStatus::PartiallyCancelled
    );
    let first_line = document::next_line(conn, booking.id).await?;
    let kind = pending::kind(conn, booking_change_id).await?;
    let has_moved = is_alive
        && match kind {
            ChangeKind::Seats => {
                change_seats::settle(conn, clock, booking, booking_change_id).await?
            }
            ChangeKind::Flights => {
                exchange::settle(conn, clock, booking, booking_change_id).await?
            }
        };
    if has_moved {
        document::request_invoice(conn, clock, &settled(payment, booking, first_line)).await?;
        return Ok(Settlement::Confirmed);
    }
    let reason = match kind {
        ChangeKind::Seats => Reason::SeatsGone,
        ChangeKind::Flights => Reason::FlightsGone,
    };
    refunds::promise(conn, clock, payment, booking, reason).await?;
    Ok(Settlement::Refunding)
}

/// The booking is confirmed and costs `total`: what was paid for seats that could not be had goes back, the rest is invoiced.
async fn documents(
    conn: &mut PgConnection,
    clock: &Clock,
    payment: &Payment,
    booking: &LockedBooking,
    total: Money,
) -> Result<()> {
    let fees = Money::new(payment.amount.minor() - total.minor(), total.currency());
    if fees.minor() > 0 {
        refunds::promise_part(conn, clock, payment, booking, Reason::SeatFees, fees).await?;
    }
    document::request_sold(conn, clock, &settled(payment, booking, 0)).await?;
    fault::point("documents_promised");
    Ok(())
}

/// What an invoice is of, from a line of the price on. Promising it is the last of a settlement: the counter of invoices is
/// locked until the commit.
fn settled(payment: &Payment, booking: &LockedBooking, first_line: i16) -> Settled {
    Settled {
        account_id: booking.account_id,
        booking_id: booking.id,
        payment_id: Some(payment.id),
        first_line,
    }
}

async fn refund_late(
    conn: &mut PgConnection,
    clock: &Clock,
    payment: &Payment,
    booking: &LockedBooking,
) -> Result<Settlement> {
    refunds::promise(conn, clock, payment, booking, Reason::Late).await?;
    sqlx::query!(
        "update booking set late_payment_resolution = $2 where id = $1",
        booking.id.0,
        LatePayment::Refunded.as_str(),
    )
    .execute(conn)
    .await?;
    Ok(Settlement::Refunding)
}
