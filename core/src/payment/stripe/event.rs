//! What Stripe tells us by itself: believed only when it is signed, and read only when it is believed.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use stripe_webhook::{EventObject, Webhook, WebhookError};

use super::dispute::StripeDispute;
use super::model::{CheckoutSession, StripeRefund};
use crate::clock::Clock;

/// Stripe's identifiers have at most 255 characters (<https://docs.stripe.com/upgrades#what-changes-does-stripe-consider-to-be-backward-compatible>).
const MOST_NAME: usize = 255;

/// A genuine event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Stripe's identifier, `evt_…`: the same event delivered twice has it twice.
    pub id: String,
    /// Stripe's type: `checkout.session.completed`.
    pub kind: String,
    /// Whether it tells of real money; `None` when it does not say.
    pub livemode: Option<bool>,
    /// What it says.
    pub fact: Fact,
}

/// What an event says. The object inside is as it was when the event was made: an older one may arrive later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A payment page was completed, has expired, or its slow payment has ended.
    Checkout(CheckoutSession),
    /// A refund was made or has changed.
    Refund(StripeRefund),
    /// Whoever paid has disputed it at the bank, or the dispute has changed.
    Dispute(StripeDispute),
    /// Something else, or an object this version cannot read. The reconciler asks Stripe about what matters.
    Other,
}

/// Why an event is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The header has no readable time or signature.
    #[error("the Stripe-Signature header is malformed")]
    Malformed,
    /// Nobody who knows the secret signed these bytes at this time.
    #[error("no signature in the Stripe-Signature header fits")]
    Mismatch,
    /// Signed more than 300 seconds before or after now: perhaps a replay.
    #[error("the signature's time is more than 300 seconds away from now")]
    OutsideTolerance,
}

/// Reads an event from the untouched bytes of a webhook, after checking who signed them and when.
///
/// The scheme is <https://docs.stripe.com/webhooks/signature>: HMAC-SHA256 over `{t}.{body}`, any of several `v1`
/// values, compared in constant time, 300 seconds of tolerance both ways. The library does all of that before it
/// parses, and takes the time from us: so the rule stands on our [`Clock`] and not on a second implementation.
pub fn read_event(
    secret: &SecretString,
    signature_header: &str,
    body: &[u8],
    clock: &Clock,
) -> Result<Event, SignatureError> {
    // Stripe signs JSON: what is not UTF-8 was not signed by it.
    let text = std::str::from_utf8(body).map_err(|_| SignatureError::Mismatch)?;
    let now = clock.now().timestamp();
    match Webhook::construct_event_with_timestamp(
        text,
        signature_header,
        secret.expose_secret(),
        now,
    ) {
        Ok(event) => Ok(storable(
            Event {
                id: event.id.to_string(),
                kind: event.type_.to_string(),
                livemode: Some(event.livemode),
                fact: fact(event.data.object),
            },
            text,
        )),
        Err(WebhookError::BadParse(why)) => {
            let event = storable(envelope(text), text);
            if event.kind.starts_with("charge.dispute.") {
                unread_dispute(&why);
            }
            Ok(event)
        }
        Err(WebhookError::BadHeader(_)) => Err(SignatureError::Malformed),
        Err(WebhookError::BadTimestamp(_)) => Err(SignatureError::OutsideTolerance),
        // The library calls a header without `v1` a bad signature, too.
        Err(WebhookError::BadSignature | WebhookError::BadKey) => {
            let complete = signature_header.contains("v1=") && signature_header.contains("t=");
            Err(if complete {
                SignatureError::Mismatch
            } else {
                SignatureError::Malformed
            })
        }
    }
}

fn fact(object: EventObject) -> Fact {
    match object {
        EventObject::CheckoutSessionCompleted(session)
        | EventObject::CheckoutSessionExpired(session)
        | EventObject::CheckoutSessionAsyncPaymentSucceeded(session)
        | EventObject::CheckoutSessionAsyncPaymentFailed(session) => {
            CheckoutSession::read(*session).map_or(Fact::Other, Fact::Checkout)
        }
        EventObject::RefundCreated(refund)
        | EventObject::RefundUpdated(refund)
        | EventObject::RefundFailed(refund)
        | EventObject::ChargeRefundUpdated(refund) => {
            StripeRefund::read(*refund).map_or(Fact::Other, Fact::Refund)
        }
        EventObject::ChargeDisputeCreated(dispute)
        | EventObject::ChargeDisputeUpdated(dispute)
        | EventObject::ChargeDisputeFundsWithdrawn(dispute)
        | EventObject::ChargeDisputeFundsReinstated(dispute)
        | EventObject::ChargeDisputeClosed(dispute) => match StripeDispute::read(*dispute) {
            Ok(dispute) => Fact::Dispute(dispute),
            Err(error) => {
                unread_dispute(&error);
                Fact::Other
            }
        },
        // `charge.refunded` is one of these: it says how much of a charge went back in all, and not by which refunds. Stripe
        // says to listen to `refund.created` for those (<https://docs.stripe.com/api/events/types>), which it sends of every
        // refund, whoever made it. Of a refund of ours that stays unanswered the reconciler asks.
        _ => Fact::Other,
    }
}

/// Nobody asks Stripe about disputes by itself: what cannot be read has to be seen by a person.
fn unread_dispute(why: &dyn std::fmt::Display) {
    tracing::error!(%why, "an event about a dispute cannot be read: look at the disputes in Stripe's dashboard");
}

/// Genuine, but with an object that the library cannot read: kept under its own id, or under the hash of its bytes
/// when it has none, so that it is stored once.
fn envelope(text: &str) -> Event {
    #[derive(serde::Deserialize)]
    struct Envelope {
        id: String,
        #[serde(rename = "type")]
        kind: String,
        livemode: Option<bool>,
    }
    let envelope = serde_json::from_str(text).unwrap_or_else(|_| Envelope {
        id: unreadable_id(text),
        kind: "unreadable".to_owned(),
        livemode: None,
    });
    Event {
        id: envelope.id,
        kind: envelope.kind,
        livemode: envelope.livemode,
        fact: Fact::Other,
    }
}

/// An event that can be stored: an id or a type that is no name of Stripe's is not kept as one.
fn storable(mut event: Event, text: &str) -> Event {
    let is_name = |name: &str| {
        (1..=MOST_NAME).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
    };
    if !is_name(&event.id) {
        event.id = unreadable_id(text);
    }
    if !is_name(&event.kind) {
        "unreadable".clone_into(&mut event.kind);
    }
    event
}

fn unreadable_id(text: &str) -> String {
    format!("unreadable_{}", hex(&Sha256::digest(text.as_bytes())))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing into a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
