//! What Stripe says, in our words: identifiers are ours again, amounts are [`Money`], states are closed.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use stripe_checkout::{CheckoutSessionPaymentStatus, CheckoutSessionStatus};
use uuid::Uuid;

use crate::charge;
use crate::ids::{BookingId, PaymentId, RefundId};
use crate::money::Money;

/// Stripe's amounts have at most twelve digits (<https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts>);
/// what is larger would not be summed with others.
const MOST_AMOUNT: i64 = 999_999_999_999;

/// What a traveller is asked to pay, and where they go afterwards.
#[derive(Clone, Debug)]
pub struct CheckoutRequest {
    /// Our row; also the idempotency key, so that asking twice makes one session.
    pub payment_id: PaymentId,
    /// The booking that is paid.
    pub booking_id: BookingId,
    /// Its six characters, shown in Stripe's dashboard.
    pub booking_ref: String,
    /// What is bought, as the traveller reads it on the payment page.
    pub description: String,
    /// The whole total; outside [`charge::within_limits`] Stripe refuses.
    pub amount: Money,
    /// When the page stops taking money: 30 minutes to 24 hours ahead by Stripe's clock.
    pub expires_at: DateTime<Utc>,
    /// Where a traveller who has paid goes; `{CHECKOUT_SESSION_ID}` in it is replaced by Stripe.
    pub success_url: String,
    /// Where a traveller who gives up goes.
    pub cancel_url: String,
    /// Filled in on the payment page.
    pub customer_email: String,
}

/// One payment page and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutSession {
    /// Stripe's identifier, `cs_…`.
    pub id: String,
    /// Address of the payment page; only while it is open.
    pub url: Option<String>,
    /// Whether it still takes money.
    pub status: CheckoutStatus,
    /// Whether the money has arrived.
    pub paid: bool,
    /// The total; `None` when it is no amount of a currency we know.
    pub amount: Option<Money>,
    /// Stripe's payment, `pi_…`, once a card was tried.
    pub payment_intent: Option<String>,
    /// Our payment, from the session's metadata.
    pub payment_id: Option<PaymentId>,
    /// Our booking, from the session's metadata.
    pub booking_id: Option<BookingId>,
    /// When it stops taking money by itself.
    pub expires_at: DateTime<Utc>,
}

/// The states of a Checkout Session (<https://docs.stripe.com/api/checkout/sessions/object>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckoutStatus {
    /// The traveller may still pay.
    Open,
    /// The traveller has finished.
    Complete,
    /// Nobody can pay here any more.
    Expired,
}

/// Money on its way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripeRefund {
    /// Stripe's identifier, `re_…`.
    pub id: String,
    /// How far it is.
    pub status: StripeRefundStatus,
    /// Why it failed, in Stripe's word: `expired_or_canceled_card`.
    pub failure: Option<String>,
    /// Our refund, from the metadata.
    pub refund_id: Option<RefundId>,
    /// The payment it gives back, `pi_…`.
    pub payment_intent: Option<String>,
    /// How much goes back.
    pub amount: Money,
}

/// The states of a refund. Stripe's `requires_action` is pending, `canceled` is failed: no money has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StripeRefundStatus {
    /// On its way.
    Pending,
    /// Given back. A bank may still return it: then it turns to failed.
    Succeeded,
    /// Not given back.
    Failed,
}

/// The card a payment was made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// `visa`, `mastercard`, …
    pub brand: String,
    /// The last four digits.
    pub last4: String,
}

/// An answer of Stripe's that this client cannot make sense of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Stripe's {object} {id} has {what}")]
pub(super) struct Unreadable {
    pub object: &'static str,
    pub id: String,
    pub what: String,
}

impl CheckoutSession {
    /// Reads the session as the library parsed it.
    pub(super) fn read(session: stripe_checkout::CheckoutSession) -> Result<Self, Unreadable> {
        let id = session.id.to_string();
        let unreadable = |what: String| Unreadable {
            object: "checkout session",
            id: id.clone(),
            what,
        };
        let status = match session.status {
            Some(CheckoutSessionStatus::Open) => CheckoutStatus::Open,
            Some(CheckoutSessionStatus::Complete) => CheckoutStatus::Complete,
            Some(CheckoutSessionStatus::Expired) => CheckoutStatus::Expired,
            other => return Err(unreadable(format!("status {other:?}"))),
        };
        let expires_at = DateTime::from_timestamp(session.expires_at, 0)
            .ok_or_else(|| unreadable(format!("expires_at {}", session.expires_at)))?;
        let amount = session
            .amount_total
            .filter(|total| (0..=MOST_AMOUNT).contains(total))
            .zip(session.currency)
            .and_then(|(total, currency)| charge::from_stripe(total, &currency.to_string()));
        let metadata = session.metadata.unwrap_or_default();
        Ok(Self {
            url: session.url,
            status,
            paid: matches!(session.payment_status, CheckoutSessionPaymentStatus::Paid),
            amount,
            payment_intent: session
                .payment_intent
                .map(|intent| intent.into_id().to_string()),
            payment_id: own_id(&metadata, "payment_id").map(PaymentId),
            booking_id: own_id(&metadata, "booking_id").map(BookingId),
            expires_at,
            id,
        })
    }
}

impl StripeRefund {
    /// Reads the refund as the library parsed it.
    pub(super) fn read(refund: stripe_core::Refund) -> Result<Self, Unreadable> {
        let id = refund.id.to_string();
        let amount =
            charge::from_stripe(refund.amount, &refund.currency.to_string()).ok_or_else(|| {
                Unreadable {
                    object: "refund",
                    id: id.clone(),
                    what: format!("amount {} {}", refund.amount, refund.currency),
                }
            })?;
        let (status, failure) = match refund.status.as_deref() {
            Some("succeeded") => (StripeRefundStatus::Succeeded, None),
            Some(ended @ ("failed" | "canceled")) => {
                let reason = refund.failure_reason.unwrap_or_else(|| ended.to_owned());
                (StripeRefundStatus::Failed, Some(reason))
            }
            // `pending`, `requires_action`, and whatever Stripe adds: nothing is final yet.
            _ => (StripeRefundStatus::Pending, None),
        };
        Ok(Self {
            status,
            failure,
            refund_id: own_id(&refund.metadata.unwrap_or_default(), "refund_id").map(RefundId),
            payment_intent: refund
                .payment_intent
                .map(|intent| intent.into_id().to_string()),
            amount,
            id,
        })
    }
}

/// One of our identifiers from an object's metadata, or `None` when somebody else made the object.
fn own_id(metadata: &HashMap<String, String>, key: &str) -> Option<Uuid> {
    metadata.get(key)?.parse().ok()
}
