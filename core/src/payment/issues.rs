//! Money that staff have to look after: refunds that failed or do not move, and disputes that are open.

use chrono::{DateTime, Duration, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::disputes::CHARGE_DISPUTED;
use crate::Result;
use crate::clock::Clock;
use crate::ids::{BookingRef, PaymentId};
use crate::money::{self, Money};

/// After this long a refund that is still pending is shown to staff.
const SLOW: Duration = Duration::hours(24);

/// After this long a payment that is still open although its page has ended is shown to staff: the deadline's job and the
/// questions to Stripe should have ended it.
pub(crate) const STUCK: Duration = Duration::minutes(15);

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum IssueKind {
    /// A refund failed, and nothing went in its place.
    FailedRefund,
    /// A refund is pending for more than a day, or waits for the end of a dispute.
    WaitingRefund,
    /// A bank asks about a payment, or has taken it back and decides.
    OpenDispute,
    /// A payment stays open although its page has ended.
    StuckPayment,
}

impl IssueKind {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FailedRefund => "failed_refund",
            Self::WaitingRefund => "waiting_refund",
            Self::OpenDispute => "open_dispute",
            Self::StuckPayment => "stuck_payment",
        }
    }
}

/// Which issues staff want to see. What is not said is any.
#[derive(Clone, Debug, Default)]
pub struct IssueFilter {
    /// Of this kind.
    pub kind: Option<IssueKind>,
    /// Of the booking with this reference.
    pub booking_ref: Option<BookingRef>,
    /// The issue after which the list goes on.
    pub after: Option<Uuid>,
    /// How many at most.
    pub limit: i64,
}

/// Something that is wrong, and what helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoneyIssue {
    /// The refund's id, the dispute's, or the payment's.
    pub id: Uuid,
    /// What is wrong.
    pub kind: IssueKind,
    /// The booking.
    pub booking_ref: String,
    /// The payment that it is about.
    pub payment_id: PaymentId,
    /// How much.
    pub amount: Money,
    /// Since when: when the refund failed or was promised, when the dispute began, when the payment's page ended.
    pub since: DateTime<Utc>,
    /// What Stripe says of it, in its own word or words: `expired_or_canceled_card`, `needs_response`.
    pub said: Option<String>,
    /// What the cardholder says, of a dispute: `fraudulent`.
    pub reason: Option<String>,
    /// What Stripe calls it: where to find it in the dashboard. `None` when Stripe was not asked for it yet.
    pub stripe_id: Option<String>,
    /// Until when evidence can be sent, of a dispute.
    pub answer_by: Option<DateTime<Utc>>,
    /// What helps, in sentences.
    pub what_to_do: &'static str,
}

/// Everything that is wrong with money, the oldest first by id; what nobody owes any more is not among it.
pub async fn list_issues(
    conn: &mut PgConnection,
    clock: &Clock,
    filter: &IssueFilter,
) -> Result<Vec<MoneyIssue>> {
    let rows = sqlx::query!(
        r#"
        select issue.id as "id!", issue.kind as "kind!: IssueKind", b.booking_ref, issue.payment_id as "payment_id!: PaymentId",
               issue.currency as "currency!", issue.amount_minor as "amount_minor!", issue.since as "since!", issue.said, issue.reason,
               issue.stripe_id, issue.answer_by
        from (
            select r.id, 'failed_refund' as kind, r.booking_id, r.payment_id, r.currency, r.amount_minor,
                   coalesce(r.ended_at, r.created_at) as since, r.failure as said, null::text as reason,
                   r.stripe_refund_id as stripe_id, null::timestamptz as answer_by
            from refund r
            where r.status = 'failed' and coalesce(r.failure, '') not in ('refunded_at_stripe', 'lost_dispute')
              and not exists (select from refund other where other.replaces_id = r.id)
            union all
            select id, 'waiting_refund', booking_id, payment_id, currency, amount_minor, created_at,
                   case when is_disputed then 'charge_disputed' else failure end, null, stripe_refund_id, null
            from (
                select r.*, r.stripe_refund_id is null and exists (
                    select from dispute d where d.payment_id = r.payment_id and d.status in ('needs_response', 'under_review')) as is_disputed
                from refund r where r.status = 'pending'
            ) pending
            where is_disputed or failure = 'charge_disputed' or created_at < $5
            union all
            select d.id, 'open_dispute', d.booking_id, d.payment_id, d.currency, d.amount_minor, d.opened_at, d.status, d.reason,
                   d.stripe_dispute_id, d.evidence_due_by
            from dispute d where d.closed_at is null and d.payment_id is not null
            union all
            select p.id, 'stuck_payment', p.booking_id, p.id, p.currency, p.amount_minor, p.expires_at, null, null,
                   p.stripe_session_id, null
            from payment p where p.status = 'open' and p.expires_at < $6
        ) issue
        join booking b on b.id = issue.booking_id
        where ($1::text is null or issue.kind = $1)
          and ($2::text is null or b.booking_ref = $2)
          and ($3::uuid is null or issue.id > $3)
        order by issue.id
        limit $4
        "#,
        filter.kind.map(IssueKind::as_str),
        filter.booking_ref.as_ref().map(BookingRef::as_str),
        filter.after,
        filter.limit,
        clock.now() - SLOW,
        clock.now() - STUCK,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(MoneyIssue {
                id: row.id,
                kind: row.kind,
                booking_ref: row.booking_ref,
                payment_id: row.payment_id,
                amount: Money::new(row.amount_minor, money::known_currency(&row.currency)?),
                since: row.since,
                what_to_do: what_to_do(row.kind, row.said.as_deref(), row.stripe_id.is_some()),
                said: row.said,
                reason: row.reason,
                stripe_id: row.stripe_id,
                answer_by: row.answer_by,
            })
        })
        .collect()
}

/// What helps, in sentences for staff. What may pass was tried again twice before it came here.
///
/// Why refunds fail: <https://docs.stripe.com/refunds#failed-refunds>; where disputes
/// stand: <https://docs.stripe.com/disputes/how-disputes-work>.
fn what_to_do(kind: IssueKind, said: Option<&str>, is_asked_for: bool) -> &'static str {
    match (kind, said) {
        (IssueKind::FailedRefund, Some("expired_or_canceled_card")) => {
            "The card has expired or was cancelled, so trying again fails again. Ask the traveller for a bank account, pay by bank transfer, and record it as a settlement."
        }
        (IssueKind::FailedRefund, Some("lost_or_stolen_card")) => {
            "The card was reported lost or stolen, so trying again fails again. Ask the traveller for a bank account, pay by bank transfer, and record it as a settlement."
        }
        (IssueKind::FailedRefund, Some("insufficient_funds")) => {
            "The balance at Stripe was too small, also when it was tried again. Add money to it in Stripe's dashboard, then try the refund again."
        }
        (IssueKind::FailedRefund, Some("declined")) => {
            "The traveller's bank declined it, also when it was tried again. Ask the traveller for a bank account, pay by bank transfer, and record it as a settlement."
        }
        (IssueKind::FailedRefund, Some("merchant_request" | "canceled")) => {
            "It was cancelled at Stripe. Find out who did so and why; if the money is still owed, try the refund again."
        }
        (IssueKind::FailedRefund, Some("charge_for_pending_refund_disputed" | CHARGE_DISPUTED)) => {
            "The payment was disputed before the traveller had the money. Wait for the end of the dispute: if it is won, try the refund again; if it is lost, the bank has given the money back, and this ends by itself."
        }
        (IssueKind::FailedRefund, _) => {
            "Look the payment up in Stripe's dashboard. If the card can still take the money, try the refund again; otherwise pay by bank transfer and record it as a settlement."
        }
        (IssueKind::WaitingRefund, Some(CHARGE_DISPUTED)) => {
            "The payment is disputed, and Stripe refunds nothing of it meanwhile. Answer the dispute in Stripe's dashboard. If it is won, the refund goes on by itself; if it is lost, the bank has given the money back, and the refund ends."
        }
        (IssueKind::WaitingRefund, _) if is_asked_for => {
            "Stripe has it and the bank has not confirmed it yet. Banks take up to ten days; after that, ask Stripe's support about it."
        }
        (IssueKind::WaitingRefund, _) => {
            "Stripe was not asked for it yet. See in the list of jobs whether its `create_refund` was given up or the queue of payments is paused."
        }
        (IssueKind::OpenDispute, Some("warning_needs_response")) => {
            "The bank asks about the payment and has taken no money. Answer in Stripe's dashboard in time, or refund the payment, which ends the inquiry."
        }
        (IssueKind::OpenDispute, Some("needs_response")) => {
            "The bank has taken the money back. Send evidence in Stripe's dashboard in time, or accept the dispute there. Do not pay the traveller otherwise: the bank would pay a second time."
        }
        (IssueKind::StuckPayment, _) => {
            "Its page has ended, and nobody knows yet whether it was paid. See whether the queue of payments is paused and bring its dead jobs back: each asks Stripe again. Look the session up in Stripe's dashboard before you tell the traveller anything."
        }
        (IssueKind::OpenDispute, _) => {
            "The bank has the evidence and decides; that takes up to three months. Nothing is to be done, and nothing is to be paid to the traveller otherwise."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{IssueKind, what_to_do};

    #[test]
    fn every_reason_has_sentences_that_say_what_to_do() {
        let kinds = [
            (
                IssueKind::FailedRefund,
                &[
                    "charge_for_pending_refund_disputed",
                    "charge_disputed",
                    "declined",
                    "expired_or_canceled_card",
                    "insufficient_funds",
                    "lost_or_stolen_card",
                    "merchant_request",
                    "unknown",
                    "Refund amount is greater than unrefunded amount on charge",
                ][..],
            ),
            (IssueKind::WaitingRefund, &["charge_disputed", "other"]),
            (IssueKind::StuckPayment, &[]),
            (
                IssueKind::OpenDispute,
                &[
                    "warning_needs_response",
                    "warning_under_review",
                    "needs_response",
                    "under_review",
                ],
            ),
        ];
        for (kind, reasons) in kinds {
            let reasons = reasons.iter().map(|reason| Some(*reason)).chain([None]);
            for (reason, is_asked_for) in reasons.flat_map(|one| [(one, false), (one, true)]) {
                let said = what_to_do(kind, reason, is_asked_for);
                assert!(said.ends_with('.') && said.len() > 60, "{said}");
            }
        }
    }
}
