//! Posting, within the transaction of the cause. A fact that is heard twice is posted once.

use serde::Deserialize;
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
#[derive(Debug, Deserialize)]
pub(crate) struct SoldLine {
    pub kind: LineKind,
    pub code: String,
    pub amount_minor: i64,
}

/// Posts the money that a booking is confirmed by, where any was to pay, and its price lines, in their order.
pub(crate) async fn sale(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    money: Option<&MoneyCame>,
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
    let came = money.map(|money| money.posting(booking.id));
    let mut both: Vec<_> = came.into_iter().collect();
    both.push((posting, movements));
    post_all(conn, clock, &both).await
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
    post(conn, clock, posting, movements).await
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
    let back = movements.iter().map(Movement::reversed).collect();
    let both = [(posting(from), back), (posting(to), movements.to_vec())];
    post_all(conn, clock, &both).await
}

/// Money that has come for a payment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MoneyCame {
    pub payment_id: PaymentId,
    pub amount: Money,
    /// What it is called: in time, late, or mismatched.
    pub kind: Kind,
}

impl MoneyCame {
    fn posting(&self, booking_id: BookingId) -> (Posting, Vec<Movement>) {
        let posting = Posting {
            booking_id,
            kind: self.kind,
            reference: self.payment_id.0,
            currency: self.amount.currency(),
        };
        let minor = self.amount.minor();
        let movement = Movement::new(Account::StripeClearing, Account::Customer, minor);
        (posting, vec![movement])
    }
}

/// Posts the money of a payment that came.
pub(crate) async fn money_came(
    conn: &mut PgConnection,
    clock: &Clock,
    booking_id: BookingId,
    money: &MoneyCame,
) -> Result<()> {
    post_all(conn, clock, &[money.posting(booking_id)]).await
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
    post(conn, clock, posting, vec![movement]).await
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
    post(conn, clock, posting, vec![movement]).await
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
        post(conn, clock, posting, vec![movement]).await?;
    }
    let movement = Movement::new(Account::RefundsPayable, Account::Customer, amount.minor());
    let posting = of_refund(booking_id, id, amount, Kind::RefundFailed);
    post(conn, clock, posting, vec![movement]).await
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
    post(conn, clock, posting, vec![movement]).await
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
    post(conn, clock, posting, vec![movement]).await
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
    post(conn, clock, posting, vec![movement]).await
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
    post(conn, clock, posting, vec![movement]).await
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
    posting: Posting,
    movements: Vec<Movement>,
) -> Result<()> {
    post_all(conn, clock, &[(posting, movements)]).await
}

async fn post_all(
    conn: &mut PgConnection,
    clock: &Clock,
    postings: &[(Posting, Vec<Movement>)],
) -> Result<()> {
    let mut rows = Columns::default();
    for (posting, movements) in postings {
        // What one fact moves in several bookings is counted on.
        let (kind, reference) = (posting.kind.as_str(), posting.reference);
        let earlier = rows.kinds.iter().zip(&rows.references);
        let earlier = earlier.filter(|(of, cause)| *of == kind && **cause == reference);
        let first = i16::try_from(earlier.count()).unwrap_or(i16::MAX);
        for (ordinal, movement) in (first..).zip(movements) {
            rows.ids.push(Uuid::now_v7());
            rows.bookings.push(posting.booking_id.0);
            rows.kinds.push(posting.kind.as_str().to_owned());
            rows.references.push(posting.reference);
            rows.ordinals.push(ordinal);
            rows.debits.push(movement.debit.to_string());
            rows.credits.push(movement.credit.to_string());
            rows.amounts.push(movement.amount_minor);
            rows.currencies.push(posting.currency.code().to_owned());
        }
    }
    sqlx::query!(
        r#"
        insert into ledger_entry (id, booking_id, posted_at, kind, reference, ordinal, debit, credit, amount_minor, currency)
        select t.id, t.booking_id, $1, t.kind, t.reference, t.ordinal, t.debit, t.credit, t.amount, t.currency
        from unnest($2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::smallint[], $7::text[], $8::text[], $9::bigint[], $10::text[])
             with ordinality as t (id, booking_id, kind, reference, ordinal, debit, credit, amount, currency, position)
        order by t.position
        on conflict on constraint ledger_entry_posted_once do nothing
        "#,
        clock.now(),
        &rows.ids,
        &rows.bookings,
        &rows.kinds,
        &rows.references,
        &rows.ordinals,
        &rows.debits,
        &rows.credits,
        &rows.amounts,
        &rows.currencies,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Entries in columns.
#[derive(Default)]
struct Columns {
    ids: Vec<Uuid>,
    bookings: Vec<Uuid>,
    kinds: Vec<String>,
    references: Vec<Uuid>,
    ordinals: Vec<i16>,
    debits: Vec<String>,
    credits: Vec<String>,
    amounts: Vec<i64>,
    currencies: Vec<String>,
}
