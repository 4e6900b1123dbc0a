//! Posting, within the transaction of the cause. A fact that is heard twice is posted once.

use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Account, Kind};
use super::movement::{self, Movement};
use crate::Result;
use crate::booking_lock::LockedBooking;
use crate::clock::Clock;
use crate::ids::{BookingId, DisputeId, PaymentId, RefundId};
use crate::money::{Currency, Money};
use crate::trade::{LineKind, PriceLine};

/// Where movements are posted.
struct Posting {
    booking_id: BookingId,
    kind: Kind,
    reference: Uuid,
    currency: Currency,
}

/// A price line of a booking, as far as the ledger tells one from another.
#[derive(Debug)]
pub(crate) struct SoldLine {
    pub kind: LineKind,
    pub code: String,
    pub amount_minor: i64,
}

/// Posts the price lines of a booking that is confirmed, in their order.
pub(crate) async fn sale(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    lines: &[SoldLine],
) -> Result<()> {
    let movements = movement::sold(
        lines
            .iter()
            .map(|line| (line.kind, line.code.as_str(), line.amount_minor)),
    );
    let posting = Posting {
        booking_id: booking.id,
        kind: Kind::Sale,
        reference: booking.id.0,
        currency: booking.total.currency(),
    };
    post(conn, clock, &posting, &movements).await
}

/// Posts the price lines that a change has added to a booking that was sold before; what comes back has negative ones. A change
/// is posted once, by its reference.
pub(crate) async fn sale_of_lines(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    reference: Uuid,
    lines: &[PriceLine],
) -> Result<()> {
    let movements = movement::sold(
        lines
            .iter()
            .map(|line| (line.kind, line.code.as_str(), line.amount_minor())),
    );
    let posting = Posting {
        booking_id: booking.id,
        kind: Kind::Sale,
        reference,
        currency: booking.total.currency(),
    };
    post(conn, clock, &posting, &movements).await
}

/// Posts that price lines were sold in another booking than the one that they were sold in: `to` instead of `from`. It is posted
/// once for the booking that came of it, and sums to zero for each account.
pub(crate) async fn sale_split(
    conn: &mut PgConnection,
    clock: &Clock,
    (from, to): (BookingId, BookingId),
    currency: Currency,
    lines: &[PriceLine],
) -> Result<()> {
    let movements = movement::sold(
        lines
            .iter()
            .map(|line| (line.kind, line.code.as_str(), line.amount_minor())),
    );
    split(
        conn,
        clock,
        (from, to),
        Kind::SaleSplit,
        currency,
        &movements,
    )
    .await
}

/// Posts that an amount that was paid for one booking is kept for another one. Errors and sums as [`sale_split`].
pub(crate) async fn payment_split(
    conn: &mut PgConnection,
    clock: &Clock,
    (from, to): (BookingId, BookingId),
    amount: Money,
) -> Result<()> {
    if amount.minor() == 0 {
        return Ok(());
    }
    let came = Movement::new(Account::StripeClearing, Account::Customer, amount.minor());
    let kind = Kind::PaymentSplit;
    split(conn, clock, (from, to), kind, amount.currency(), &[came]).await
}

/// Posts movements in one booking, and the opposite in another.
async fn split(
    conn: &mut PgConnection,
    clock: &Clock,
    (from, to): (BookingId, BookingId),
    kind: Kind,
    currency: Currency,
    movements: &[Movement],
) -> Result<()> {
    let posting = |booking_id| Posting {
        booking_id,
        kind,
        reference: to.0,
        currency,
    };
    let back: Vec<_> = movements.iter().map(Movement::reversed).collect();
    post(conn, clock, &posting(from), &back).await?;
    post_after(conn, clock, &posting(to), back.len(), movements).await
}

/// Posts the money of a payment that came, as `kind` calls it.
pub(crate) async fn money_came(
    conn: &mut PgConnection,
    clock: &Clock,
    booking_id: BookingId,
    payment_id: PaymentId,
    amount: Money,
    kind: Kind,
) -> Result<()> {
    let posting = Posting {
        booking_id,
        kind,
        reference: payment_id.0,
        currency: amount.currency(),
    };
    let movement = Movement::new(Account::StripeClearing, Account::Customer, amount.minor());
    post(conn, clock, &posting, &[movement]).await
}

/// Posts a refund that is promised.
pub(crate) async fn refund_promised(
    conn: &mut PgConnection,
    clock: &Clock,
    booking_id: BookingId,
    id: RefundId,
    amount: Money,
) -> Result<()> {
    let movement = Movement::new(Account::Customer, Account::RefundsPayable, amount.minor());
    let posting = of_refund(booking_id, id, amount, Kind::Refund);
    post(conn, clock, &posting, &[movement]).await
}

/// Posts a refund that Stripe has paid.
pub(crate) async fn refund_paid(
    conn: &mut PgConnection,
    clock: &Clock,
    booking_id: BookingId,
    id: RefundId,
    amount: Money,
) -> Result<()> {
    let movement = Movement::new(
        Account::RefundsPayable,
        Account::StripeClearing,
        amount.minor(),
    );
    let posting = of_refund(booking_id, id, amount, Kind::RefundPaid);
    post(conn, clock, &posting, &[movement]).await
}

/// Posts a refund that failed; one that had been paid first comes back to Stripe's account.
pub(crate) async fn refund_failed(
    conn: &mut PgConnection,
    clock: &Clock,
    booking_id: BookingId,
    id: RefundId,
    amount: Money,
) -> Result<()> {
    let was_paid = sqlx::query_scalar!(
        r#"select exists (select from ledger_entry where kind = 'refund_paid' and reference = $1) as "was_paid!""#,
        id.0,
    )
    .fetch_one(&mut *conn)
    .await?;
    if was_paid {
        let movement = Movement::new(
            Account::StripeClearing,
            Account::RefundsPayable,
            amount.minor(),
        );
        let posting = of_refund(booking_id, id, amount, Kind::RefundReturned);
        post(conn, clock, &posting, &[movement]).await?;
    }
    let movement = Movement::new(Account::RefundsPayable, Account::Customer, amount.minor());
    let posting = of_refund(booking_id, id, amount, Kind::RefundFailed);
    post(conn, clock, &posting, &[movement]).await
}

/// Posts a refund that staff have paid from the seller's bank account.
pub(crate) async fn refund_settled(
    conn: &mut PgConnection,
    clock: &Clock,
    booking_id: BookingId,
    id: RefundId,
    amount: Money,
) -> Result<()> {
    let movement = Movement::new(Account::RefundsPayable, Account::Bank, amount.minor());
    let posting = of_refund(booking_id, id, amount, Kind::RefundSettled);
    post(conn, clock, &posting, &[movement]).await
}

/// Posts how much of a refund that failed the traveller has by a dispute that was lost.
pub(crate) async fn refund_by_dispute(
    conn: &mut PgConnection,
    clock: &Clock,
    booking_id: BookingId,
    id: RefundId,
    amount: Money,
) -> Result<()> {
    let movement = Movement::new(Account::Customer, Account::Disputes, amount.minor());
    let posting = of_refund(booking_id, id, amount, Kind::RefundByDispute);
    post(conn, clock, &posting, &[movement]).await
}

/// Posts money that a bank has taken back.
pub(crate) async fn dispute_withdrawn(
    conn: &mut PgConnection,
    clock: &Clock,
    booking_id: BookingId,
    id: DisputeId,
    amount: Money,
) -> Result<()> {
    let movement = Movement::new(Account::Disputes, Account::StripeClearing, amount.minor());
    let posting = of_dispute(booking_id, id, amount, Kind::DisputeWithdrawn);
    post(conn, clock, &posting, &[movement]).await
}

/// Posts money that a bank has returned, because the dispute was won.
pub(crate) async fn dispute_reinstated(
    conn: &mut PgConnection,
    clock: &Clock,
    booking_id: BookingId,
    id: DisputeId,
    amount: Money,
) -> Result<()> {
    let movement = Movement::new(Account::StripeClearing, Account::Disputes, amount.minor());
    let posting = of_dispute(booking_id, id, amount, Kind::DisputeReinstated);
    post(conn, clock, &posting, &[movement]).await
}

const fn of_dispute(booking_id: BookingId, id: DisputeId, amount: Money, kind: Kind) -> Posting {
    Posting {
        booking_id,
        kind,
        reference: id.0,
        currency: amount.currency(),
    }
}

const fn of_refund(booking_id: BookingId, id: RefundId, amount: Money, kind: Kind) -> Posting {
    Posting {
        booking_id,
        kind,
        reference: id.0,
        currency: amount.currency(),
    }
}

async fn post(
    conn: &mut PgConnection,
    clock: &Clock,
    posting: &Posting,
    movements: &[Movement],
) -> Result<()> {
    post_after(conn, clock, posting, 0, movements).await
}

/// The same for a fact of which a number of movements are posted.
async fn post_after(
    conn: &mut PgConnection,
    clock: &Clock,
    posting: &Posting,
    posted: usize,
    movements: &[Movement],
) -> Result<()> {
    let ids: Vec<_> = movements.iter().map(|_| Uuid::now_v7()).collect();
    let names = |of: &dyn Fn(&Movement) -> &Account| {
        movements
            .iter()
            .map(|movement| of(movement).to_string())
            .collect::<Vec<_>>()
    };
    sqlx::query!(
        r#"
        insert into ledger_entry (id, booking_id, posted_at, kind, reference, ordinal, debit, credit, amount_minor, currency)
        select t.id, $1, $2, $3, $4, t.position - 1 + $10::bigint, t.debit, t.credit, t.amount, $5
        from unnest($6::uuid[], $7::text[], $8::text[], $9::bigint[]) with ordinality as t (id, debit, credit, amount, position)
        order by t.position
        on conflict on constraint ledger_entry_posted_once do nothing
        "#,
        posting.booking_id.0,
        clock.now(),
        posting.kind.as_str(),
        posting.reference,
        posting.currency.code(),
        &ids,
        &names(&|movement| &movement.debit),
        &names(&|movement| &movement.credit),
        &movements.iter().map(|movement| movement.amount_minor).collect::<Vec<_>>(),
        i64::try_from(posted).unwrap_or(i64::MAX),
    )
    .execute(conn)
    .await?;
    Ok(())
}
