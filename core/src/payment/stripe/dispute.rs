//! What Stripe says of a dispute, in our words.

use chrono::{DateTime, Utc};

use super::model::Unreadable;
use crate::charge;
use crate::money::Money;
use crate::trade::DisputeStatus;

/// Money that a bank takes back because whoever paid says so, or asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripeDispute {
    /// Stripe's identifier, `du_…` or `dp_…`.
    pub id: String,
    /// The payment that is disputed, `pi_…`.
    pub payment_intent: Option<String>,
    /// Where it stands.
    pub status: DisputeStatus,
    /// What the cardholder says, in Stripe's word: `fraudulent`.
    pub reason: String,
    /// How much is disputed; part of the payment, or all of it.
    pub amount: Money,
    /// When it began.
    pub opened_at: DateTime<Utc>,
    /// Until when evidence can be sent; `None` when the bank takes none.
    pub evidence_due_by: Option<DateTime<Utc>>,
}

impl StripeDispute {
    /// Reads the dispute as the library parsed it.
    pub(super) fn read(dispute: stripe_core::Dispute) -> Result<Self, Unreadable> {
        let id = dispute.id.to_string();
        let unreadable = |what: String| Unreadable {
            object: "dispute",
            id: id.clone(),
            what,
        };
        let status = status(&dispute.status)
            .ok_or_else(|| unreadable(format!("status {}", dispute.status)))?;
        let amount = charge::from_stripe(dispute.amount, &dispute.currency.to_string())
            .ok_or_else(|| unreadable(format!("amount {} {}", dispute.amount, dispute.currency)))?;
        let opened_at = DateTime::from_timestamp(dispute.created, 0)
            .ok_or_else(|| unreadable(format!("created {}", dispute.created)))?;
        // Zero stands for "no answer is taken".
        let due_by = dispute.evidence_details.due_by.filter(|due_by| *due_by > 0);
        Ok(Self {
            payment_intent: dispute
                .payment_intent
                .map(|intent| intent.into_id().to_string()),
            status,
            reason: dispute.reason,
            amount,
            opened_at,
            evidence_due_by: due_by.and_then(|due_by| DateTime::from_timestamp(due_by, 0)),
            id,
        })
    }
}

/// `None` for a status that Stripe has added since: what it means for the money nobody knows here.
fn status(status: &stripe_core::DisputeStatus) -> Option<DisputeStatus> {
    let mut known = DisputeStatus::ALL.iter().copied();
    known.find(|known| known.as_str() == status.as_str())
}
