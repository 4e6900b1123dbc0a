//! Refunds as whoever booked sees them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::disputes::LOST_DISPUTE;
use crate::ids::{AccountId, BookingRef, DocumentId, PaymentId, RefundId};
use crate::money::{self, Money};
use crate::{Error, Result};

/// Money that goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// The refund.
    pub id: RefundId,
    /// The payment whose money it is.
    pub payment_id: PaymentId,
    /// `pending`, `succeeded` or `failed`.
    pub status: String,
    /// Why, in the database's word: `late_payment`.
    pub reason: String,
    /// How much.
    pub amount: Money,
    /// When it was promised.
    pub created_at: DateTime<Utc>,
    /// When it succeeded or failed; a success that the bank sent back failed when it did.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it failed, in a sentence.
    pub failure: Option<&'static str>,
    /// Why it is pending, in a sentence, when it waits for somebody else than the bank that gets it.
    pub pending_reason: Option<&'static str>,
    /// The refund that failed and in whose place this one goes.
    pub replaces: Option<RefundId>,
    /// How staff paid it, when not through Stripe: `bank_transfer`.
    pub settled_by: Option<String>,
    /// Its receipt; a void one when the bank sent the money back.
    pub receipt: Option<RefundReceipt>,
}

/// The receipt of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundReceipt {
    /// The document.
    pub document_id: DocumentId,
    /// `FD/26-27/C00012`.
    pub number: String,
}

/// The refunds of a booking of this account, oldest first; [`Error::NotFound`] when it has no such booking.
pub async fn list_refunds(
    conn: &mut PgConnection,
    account_id: AccountId,
    reference: &BookingRef,
) -> Result<Vec<Refund>> {
    let booking_id = sqlx::query_scalar!(
        "select id from booking where booking_ref = $1 and account_id = $2",
        reference.as_str(),
        account_id.0,
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(Error::NotFound("booking"))?;
    load(conn, Some(booking_id), None).await
}

/// A refund, whoever's it is: for staff. [`Error::NotFound`] when there is none.
pub(super) async fn get_refund(conn: &mut PgConnection, id: RefundId) -> Result<Refund> {
    let found = load(conn, None, Some(id)).await?.pop();
    found.ok_or(Error::NotFound("refund"))
}

async fn load(
    conn: &mut PgConnection,
    booking_id: Option<Uuid>,
    id: Option<RefundId>,
) -> Result<Vec<Refund>> {
    let rows = sqlx::query!(
        r#"
        select refund.id as "id: RefundId", refund.payment_id as "payment_id: PaymentId", refund.status, refund.reason,
               refund.currency, refund.amount_minor, refund.created_at, refund.ended_at, refund.failure,
               refund.replaces_id as "replaces_id: RefundId", refund.settled_by,
               (refund.failure = 'charge_disputed' or (refund.stripe_refund_id is null and exists (
                   select from dispute where dispute.payment_id = refund.payment_id and dispute.status in ('needs_response', 'under_review')))) as is_disputed,
               document.id as "document_id?: DocumentId", document.number as "number?"
        from refund left join document on document.refund_id = refund.id
        where refund.booking_id = $1 or refund.id = $2 order by refund.id
        "#,
        booking_id,
        id.map(|id| id.0),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let has_failed = row.status == "failed";
            let is_waiting = row.status == "pending" && row.is_disputed == Some(true);
            Ok(Refund {
                id: row.id,
                payment_id: row.payment_id,
                failure: has_failed.then(|| sentence(row.failure.as_deref())),
                pending_reason: is_waiting.then_some(DISPUTED),
                replaces: row.replaces_id,
                settled_by: row.settled_by,
                status: row.status,
                reason: row.reason,
                amount: Money::new(row.amount_minor, money::known_currency(&row.currency)?),
                created_at: row.created_at,
                ended_at: row.ended_at,
                receipt: row
                    .document_id
                    .zip(row.number)
                    .map(|(document_id, number)| RefundReceipt {
                        document_id,
                        number,
                    }),
            })
        })
        .collect()
}

/// Why a refund of a disputed payment is pending.
const DISPUTED: &str = "The payment is disputed at the bank. The refund goes on when the bank has decided, unless the bank gives the money back itself.";

/// What a failure means to whoever waits for the money (<https://docs.stripe.com/refunds#failed-refunds>). What else the
/// payment provider says is for staff: its words name what is nobody else's business.
fn sentence(failure: Option<&str>) -> &'static str {
    match failure {
        Some("lost_or_stolen_card") => {
            "The card was reported lost or stolen; our staff look for another way."
        }
        Some("expired_or_canceled_card") => {
            "The card has expired or was cancelled; our staff look for another way."
        }
        Some("charge_for_pending_refund_disputed") => {
            "The payment is disputed: the bank gives the money back itself."
        }
        Some("refunded_at_stripe") => "Another refund of the same payment took its place.",
        Some(LOST_DISPUTE) => {
            "The bank gave the money back itself, because the payment was disputed."
        }
        _ => "The bank or the payment provider did not take the refund; our staff look at it.",
    }
}

#[cfg(test)]
mod tests {
    use super::{LOST_DISPUTE, sentence};

    #[test]
    fn a_failure_is_a_sentence_and_no_word_of_the_provider() {
        for failure in [
            None,
            Some("lost_or_stolen_card"),
            Some("expired_or_canceled_card"),
            Some("charge_for_pending_refund_disputed"),
            Some("refunded_at_stripe"),
            Some(LOST_DISPUTE),
            Some("Charge ch_1 has been charged back"),
        ] {
            let said = sentence(failure);
            assert!(said.ends_with('.') && !said.contains('_'), "{said}");
        }
    }
}
