//! What staff do about a refund that failed: have it tried again, or say that they paid it otherwise.
//!
//! **What failed stays failed.** Stripe's key is the refund's id, and Stripe answers the same to the same key; its ledger
//! entries are posted once, and its receipt, if it had one, is void. So whatever goes in its place is a refund of its own
//! (`refund.replaces_id`), of the same amount and for the same reason, with a key, entries and a receipt of its own. One refund
//! is replaced once: however many people press the button, one more is made.
//!
//! **What may pass is tried again by itself.** Stripe tries a failed refund no more than once. Where the card can still take the
//! money ([`can_pass`]) another goes in its place twelve hours later, twice at most; after that, and where only another way helps
//! (the card is expired, cancelled, lost or stolen) or a person has to find out why, it is staff's
//! ([`crate::payment::list_issues`] says what to do). Why refunds fail: <https://docs.stripe.com/refunds#failed-refunds>.

use chrono::Duration;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::disputes::{self, LOST_DISPUTE};
use super::refund_list::{self, Refund};
use super::refunds::{self, Moved};
use crate::audit::{self, Act};
use crate::booking_event::{self, Event, RefundCause};
use crate::clock::Clock;
use crate::document;
use crate::error::Refusal;
use crate::ids::{BookingRef, RefundId};
use crate::ledger;
use crate::{Error, Result, fault, outbox};

/// How often a refund that failed is tried again by itself.
const MOST_RETRIES: i64 = 2;
/// How much later: a bank that declined has had its night, and there is money at Stripe again.
const RETRY_AFTER: Duration = Duration::hours(12);

/// Whether the same card may take the money another day, by what Stripe says of a refund that failed.
fn can_pass(failure: &str) -> bool {
    ["declined", "insufficient_funds", "unknown"].contains(&failure)
}

/// Why nothing goes in a refund's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefundNotOwed {
    /// It may still succeed.
    #[error("the refund is pending: only one that has failed can be replaced")]
    Pending,
    /// The bank has the money.
    #[error("the refund has succeeded: only one that has failed can be replaced")]
    Succeeded,
    /// Another one went in its place.
    #[error("another refund went in its place")]
    Replaced,
    /// Staff gave the money back in Stripe's dashboard.
    #[error("a refund that was made at the payment provider took its place")]
    RefundedAtStripe,
    /// The bank gave the money back.
    #[error("the bank gave the money back after a dispute")]
    LostDispute,
    /// Other refunds and lost disputes have taken what was paid.
    #[error("more would go back than was paid")]
    TooMuch,
}

impl Refusal for RefundNotOwed {
    fn code(&self) -> &'static str {
        "refund_not_owed"
    }
}

/// How staff paid a refund, when not through Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettledBy {
    /// From the seller's bank account to the traveller's.
    BankTransfer,
}

impl SettledBy {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BankTransfer => "bank_transfer",
        }
    }
}

/// A refund, as staff who did something about it see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaffRefund {
    /// The booking's reference.
    pub booking_ref: BookingRef,
    /// The refund.
    pub refund: Refund,
}

/// Promises a refund in the place of one that failed. Said again, it answers the refund that was promised then.
///
/// Errors: [`Error::NotFound`], [`RefundNotOwed`].
pub async fn retry_refund(
    conn: &mut PgConnection,
    clock: &Clock,
    id: RefundId,
) -> Result<StaffRefund> {
    let (failed, found) = lock(conn, id).await?;
    if let (Some(retry), None) = (found.replaced_by, &found.settled_by) {
        audit::nothing_done();
        return staff_refund(conn, &failed, retry).await;
    }
    let payment_id = failed.payment_id;
    require_owed(conn, &failed, &found).await?;
    let retry = insert(conn, clock, id, None).await?;
    let told = (failed.amount, RefundCause::Retry);
    let whose = (failed.booking.account_id, failed.booking.id);
    refunds::promised(conn, clock, whose, payment_id, retry, told).await?;
    let retried = json!({ "refund_id": retry, "amount": failed.amount.to_json() });
    let retried = act("refund_retried", id, &found, retried);
    audit::record(conn, clock, &retried).await?;
    fault::point("refund_retried");
    staff_refund(conn, &failed, retry).await
}

/// Promises a refund in the place of one that Stripe has just failed, where that may help and was not tried often enough. The
/// caller has the [`refunds::lock_refund`].
pub(super) async fn retry_by_itself(
    conn: &mut PgConnection,
    clock: &Clock,
    failed: &Moved,
    id: RefundId,
) -> Result<()> {
    let found = find(conn, id).await?;
    let may_pass = found.failure.as_deref().is_some_and(can_pass);
    if !may_pass || found.tries > MOST_RETRIES || found.is_made_at_stripe {
        return Ok(());
    }
    if why_not_owed(conn, failed, &found).await?.is_some() {
        return Ok(());
    }
    let retry = insert(conn, clock, id, None).await?;
    let told = (failed.amount, RefundCause::Retry);
    let whose = (failed.booking.account_id, failed.booking.id);
    let job = refunds::promised(conn, clock, whose, failed.payment_id, retry, told).await?;
    outbox::delay(conn, job, clock.now() + RETRY_AFTER).await
}

/// Files that staff have paid a refund that failed otherwise than through Stripe. It has a receipt as one that Stripe paid; the
/// note says where the money went, for the books.
///
/// Errors: [`Error::NotFound`], [`RefundNotOwed`].
pub async fn settle_failed_refund(
    conn: &mut PgConnection,
    clock: &Clock,
    id: RefundId,
    how: SettledBy,
    note: &str,
) -> Result<StaffRefund> {
    let (failed, found) = lock(conn, id).await?;
    require_owed(conn, &failed, &found).await?;
    let refund_id = insert(conn, clock, id, Some((how, note))).await?;
    let (booking, amount) = (&failed.booking, failed.amount);
    ledger::refund_promised(conn, clock, booking.id, refund_id, amount).await?;
    ledger::refund_settled(conn, clock, booking.id, refund_id, amount).await?;
    let promised = Event::RefundPromised {
        refund_id,
        payment_id: failed.payment_id,
        amount,
        cause: RefundCause::SettledOtherwise,
    };
    for event in [promised, Event::RefundPaid { refund_id, amount }] {
        booking_event::record(conn, clock, booking.account_id, booking.id, &event).await?;
    }
    let paid = json!({ "refund_id": refund_id, "amount": amount.to_json(), "how": how.as_str(), "note": note });
    audit::record(conn, clock, &act("refund_settled", id, &found, paid)).await?;
    // The counter of receipts is locked last.
    document::request_refund_receipt(conn, clock, booking.account_id, refund_id).await?;
    staff_refund(conn, &failed, refund_id).await
}

/// What was done about a refund that failed.
fn act<'a>(action: &'a str, id: RefundId, found: &Found, after: Value) -> Act<'a> {
    Act {
        action,
        object_kind: "refund",
        object_id: id.to_string(),
        before: Some(json!({ "status": found.status, "failure": found.failure })),
        after: Some(after),
    }
}

/// How a refund stands that staff want something done about.
struct Found {
    status: String,
    failure: Option<String>,
    replaced_by: Option<RefundId>,
    /// How what replaces it was paid, when not through Stripe.
    settled_by: Option<String>,
    /// How many refunds there were of the same money, this one too.
    tries: i64,
    is_made_at_stripe: bool,
}

/// Locks the booking of a refund, and reads the refund after that.
async fn lock(conn: &mut PgConnection, id: RefundId) -> Result<(Moved, Found)> {
    let failed = refunds::lock_refund(conn, id).await?;
    let failed = failed.ok_or(Error::NotFound("refund"))?;
    let found = find(conn, id).await?;
    Ok((failed, found))
}

async fn find(conn: &mut PgConnection, id: RefundId) -> Result<Found> {
    let found = sqlx::query_as!(
        Found,
        r#"
        with recursive earlier as (
            select id, replaces_id from refund where id = $1
            union all
            select r.id, r.replaces_id from refund r join earlier on r.id = earlier.replaces_id
        )
        select refund.status, refund.failure, refund.reason = 'made_at_stripe' as "is_made_at_stripe!",
               other.id as "replaced_by?: RefundId", other.settled_by as "settled_by?",
               (select count(*) from earlier) as "tries!"
        from refund left join refund other on other.replaces_id = refund.id
        where refund.id = $1
        "#,
        id.0,
    )
    .fetch_one(conn)
    .await?;
    Ok(found)
}

async fn require_owed(conn: &mut PgConnection, failed: &Moved, found: &Found) -> Result<()> {
    match why_not_owed(conn, failed, found).await? {
        Some(refused) => Err(refused.into()),
        None => Ok(()),
    }
}

/// Why nothing goes in the place of a refund; none where something may.
async fn why_not_owed(
    conn: &mut PgConnection,
    failed: &Moved,
    found: &Found,
) -> Result<Option<RefundNotOwed>> {
    let refused = match (found.status.as_str(), found.failure.as_deref()) {
        ("pending", _) => Some(RefundNotOwed::Pending),
        ("succeeded", _) => Some(RefundNotOwed::Succeeded),
        (_, Some("refunded_at_stripe")) => Some(RefundNotOwed::RefundedAtStripe),
        (_, Some(LOST_DISPUTE)) => Some(RefundNotOwed::LostDispute),
        _ if found.replaced_by.is_some() => Some(RefundNotOwed::Replaced),
        _ => None,
    };
    if refused.is_some() {
        return Ok(refused);
    }
    let kept = sqlx::query_scalar!(
        r#"
        select p.amount_minor - coalesce((
                   select sum(r.amount_minor) from refund r where r.payment_id = p.id and r.status <> 'failed'), 0)::bigint as "kept!"
        from payment p where p.id = $1
        "#,
        failed.payment_id.0,
    )
    .fetch_one(&mut *conn)
    .await?;
    let lost = disputes::lost_of(conn, failed.payment_id).await?;
    let is_too_much = failed.amount.minor() > kept - lost;
    Ok(is_too_much.then_some(RefundNotOwed::TooMuch))
}

/// Writes what replaces a refund: pending, or paid by staff.
async fn insert(
    conn: &mut PgConnection,
    clock: &Clock,
    failed: RefundId,
    settled: Option<(SettledBy, &str)>,
) -> Result<RefundId> {
    let id = RefundId::new();
    let (how, note) = settled.unzip();
    sqlx::query!(
        r#"
        insert into refund (id, payment_id, booking_id, reason, cancellation_id, booking_change_id, currency, amount_minor, created_at, replaces_id,
                            status, ended_at, settled_by, settled_note)
        select $1, payment_id, booking_id, reason, cancellation_id, booking_change_id, currency, amount_minor, $3, id,
               case when $4::text is null then 'pending' else 'succeeded' end,
               case when $4 is null then null else $3::timestamptz end, $4, $5
        from refund where id = $2
        "#,
        id.0,
        failed.0,
        clock.now(),
        how.map(SettledBy::as_str),
        note,
    )
    .execute(conn)
    .await?;
    Ok(id)
}

async fn staff_refund(conn: &mut PgConnection, of: &Moved, id: RefundId) -> Result<StaffRefund> {
    Ok(StaffRefund {
        booking_ref: of.booking.reference.clone(),
        refund: refund_list::get_refund(conn, id).await?,
    })
}
