use std::process::Command;

use chrono::DateTime;
use serde_json::{Value, json};

use super::super::{CheckoutStatus, StripeRefundStatus};
use super::*;
use crate::ids::{BookingId, PaymentId, RefundId};
use crate::money::{Currency, Money};
use crate::trade::DisputeStatus;

const SECRET: &str = "whsec_vector";
const SIGNED_AT: i64 = 1_795_200_000;
const BODY: &str = r#"{"id":"evt_1","object":"event","type":"ping","data":{"object":{}}}"#;
/// `printf '%s' "1795200000.$BODY" | openssl dgst -sha256 -hmac whsec_vector`
const SIGNATURE: &str = "e02d64325f14daca1b138ddb5fd60fc4cf617c00974e2e5638f4a75408c26151";

fn at(seconds: i64) -> Clock {
    Clock::manual(DateTime::from_timestamp(seconds, 0).unwrap())
}

fn read_at(now: i64, header: &str, body: &[u8]) -> Result<Event, SignatureError> {
    read_event(&SecretString::from(SECRET), header, body, &at(now))
}

fn read(header: &str) -> Result<Event, SignatureError> {
    read_at(SIGNED_AT, header, BODY.as_bytes())
}

/// The fact of a signed event of this type about this object.
fn fact_of(kind: &str, object: &Value) -> Event {
    let body = json!({
        "id": "evt_2", "object": "event", "api_version": "2026-09-30.endive", "created": SIGNED_AT,
        "livemode": false, "pending_webhooks": 1, "type": kind, "data": {"object": object},
    })
    .to_string();
    let header = Webhook::generate_test_header(&body, SECRET, Some(SIGNED_AT));
    read_at(SIGNED_AT, &header, body.as_bytes()).unwrap()
}

fn session() -> Value {
    json!({
        "id": "cs_test_1", "object": "checkout.session", "automatic_tax": {"enabled": false}, "created": SIGNED_AT,
        "custom_fields": [], "custom_text": {}, "expires_at": SIGNED_AT + 1860, "livemode": false, "mode": "payment",
        "payment_method_types": ["card"], "payment_status": "paid", "shipping_options": [], "status": "complete",
        "amount_total": 591_410, "currency": "inr", "payment_intent": "pi_1", "url": null,
        "metadata": {
            "payment_id": "0199b2f0-0000-7000-8000-000000000001",
            "booking_id": "0199b2f0-0000-7000-8000-000000000002",
        },
    })
}

#[test]
fn the_signature_is_hmac_sha256_over_time_and_body() {
    let event = read(&format!("t={SIGNED_AT},v1={SIGNATURE}")).unwrap();
    assert_eq!((event.id.as_str(), event.kind.as_str()), ("evt_1", "ping"));
    assert_eq!(event.fact, Fact::Other);
}

#[test]
fn one_fitting_signature_of_several_is_enough() {
    let wrong = "00".repeat(32);
    for header in [
        format!("t={SIGNED_AT},v1={wrong},v1={SIGNATURE}"),
        format!("t={SIGNED_AT},v1={SIGNATURE},v1={wrong},v0=old"),
    ] {
        assert!(read(&header).is_ok(), "{header}");
    }
}

#[test]
fn forged_or_changed_events_are_not_believed() {
    let good = format!("t={SIGNED_AT},v1={SIGNATURE}");
    let changed = BODY.replace("evt_1", "evt_9");
    assert_eq!(
        read_at(SIGNED_AT, &good, changed.as_bytes()),
        Err(SignatureError::Mismatch)
    );
    // another time, another secret, a truncated signature, another scheme's value
    for header in [
        format!("t={},v1={SIGNATURE}", SIGNED_AT + 1),
        Webhook::generate_test_header(BODY, "whsec_other", Some(SIGNED_AT)),
        format!("t={SIGNED_AT},v1={}", &SIGNATURE[..62]),
        format!("t={SIGNED_AT},v1=,v0={SIGNATURE}"),
    ] {
        assert_eq!(read(&header), Err(SignatureError::Mismatch), "{header}");
    }
    let mut bytes = BODY.as_bytes().to_vec();
    bytes.push(0xff);
    assert_eq!(
        read_at(SIGNED_AT, &good, &bytes),
        Err(SignatureError::Mismatch)
    );
}

#[test]
fn a_header_without_time_or_signature_is_malformed() {
    for header in [
        String::new(),
        "nonsense".to_owned(),
        format!("t={SIGNED_AT}"),
        format!("v1={SIGNATURE}"),
        format!("t=soon,v1={SIGNATURE}"),
        format!("t={SIGNED_AT},v0={SIGNATURE}"),
    ] {
        assert_eq!(read(&header), Err(SignatureError::Malformed), "{header}");
    }
}

#[test]
fn three_hundred_seconds_of_tolerance_hold_both_ways() {
    let header = format!("t={SIGNED_AT},v1={SIGNATURE}");
    for (offset, believed) in [(-301, false), (-300, true), (300, true), (301, false)] {
        let answer = read_at(SIGNED_AT + offset, &header, BODY.as_bytes());
        assert_eq!(answer.is_ok(), believed, "{offset}");
        if !believed {
            assert_eq!(answer, Err(SignatureError::OutsideTolerance), "{offset}");
        }
    }
}

#[test]
fn a_completed_checkout_says_what_was_paid_for_what() {
    for kind in [
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
    ] {
        let event = fact_of(kind, &session());
        assert_eq!((event.id.as_str(), event.kind.as_str()), ("evt_2", kind));
        let Fact::Checkout(session) = event.fact else {
            panic!("{kind} is no checkout")
        };
        assert_eq!(session.status, CheckoutStatus::Complete);
        assert!(session.paid);
        assert_eq!(session.amount, Some(Money::new(591_410, Currency::INR)));
        assert_eq!(session.payment_intent.as_deref(), Some("pi_1"));
        let own = |id: &str| id.parse().unwrap();
        assert_eq!(
            session.payment_id,
            Some(PaymentId(own("0199b2f0-0000-7000-8000-000000000001")))
        );
        assert_eq!(
            session.booking_id,
            Some(BookingId(own("0199b2f0-0000-7000-8000-000000000002")))
        );
        assert_eq!(session.expires_at.timestamp(), SIGNED_AT + 1860);
    }
}

#[test]
fn a_checkout_somebody_else_made_has_none_of_our_ids() {
    let mut foreign = session();
    foreign["metadata"] = json!({"payment_id": "order 7"});
    foreign["payment_status"] = json!("unpaid");
    let Fact::Checkout(session) = fact_of("checkout.session.completed", &foreign).fact else {
        panic!()
    };
    assert_eq!(
        (session.payment_id, session.booking_id, session.paid),
        (None, None, false)
    );
}

#[test]
fn a_refund_event_says_which_refund_and_how_it_ended() {
    let id = "0199b2f0-0000-7000-8000-000000000003";
    let refund = |status: &str, reason: Value| {
        json!({
            "id": "re_1", "object": "refund", "amount": 500, "currency": "isk", "created": SIGNED_AT, "status": status,
            "failure_reason": reason, "payment_intent": "pi_1", "charge": "ch_1", "metadata": {"refund_id": id},
        })
    };
    for (kind, status, reason, expected, failure) in [
        (
            "refund.created",
            "pending",
            Value::Null,
            StripeRefundStatus::Pending,
            None,
        ),
        (
            "refund.updated",
            "succeeded",
            Value::Null,
            StripeRefundStatus::Succeeded,
            None,
        ),
        (
            "refund.updated",
            "requires_action",
            Value::Null,
            StripeRefundStatus::Pending,
            None,
        ),
        (
            "refund.updated",
            "canceled",
            Value::Null,
            StripeRefundStatus::Failed,
            Some("canceled"),
        ),
        (
            "refund.failed",
            "failed",
            json!("declined"),
            StripeRefundStatus::Failed,
            Some("declined"),
        ),
        (
            "charge.refund.updated",
            "succeeded",
            Value::Null,
            StripeRefundStatus::Succeeded,
            None,
        ),
    ] {
        let Fact::Refund(read) = fact_of(kind, &refund(status, reason)).fact else {
            panic!("{kind} is no refund")
        };
        assert_eq!(
            (read.status, read.failure.as_deref()),
            (expected, failure),
            "{kind} {status}"
        );
        assert_eq!(read.refund_id, Some(RefundId(id.parse().unwrap())));
        assert_eq!(read.amount, Money::new(5, Currency::ISK));
    }
}

#[test]
fn a_dispute_event_says_how_much_of_which_payment_and_how_it_stands() {
    let dispute = |status: &str, due_by: Value| {
        json!({
            "id": "du_1", "object": "dispute", "amount": 591_410, "currency": "inr", "created": SIGNED_AT, "status": status,
            "reason": "fraudulent", "payment_intent": "pi_1", "charge": "ch_1", "balance_transactions": [], "livemode": false,
            "enhanced_eligibility_types": [], "evidence": {"enhanced_evidence": {}}, "is_charge_refundable": false, "metadata": {},
            "evidence_details": {"due_by": due_by, "enhanced_eligibility": {}, "has_evidence": false, "past_due": false, "submission_count": 0},
        })
    };
    for (kind, status, expected) in [
        (
            "charge.dispute.created",
            "warning_needs_response",
            DisputeStatus::WarningNeedsResponse,
        ),
        (
            "charge.dispute.updated",
            "under_review",
            DisputeStatus::UnderReview,
        ),
        (
            "charge.dispute.funds_withdrawn",
            "needs_response",
            DisputeStatus::NeedsResponse,
        ),
        ("charge.dispute.funds_reinstated", "won", DisputeStatus::Won),
        ("charge.dispute.closed", "lost", DisputeStatus::Lost),
        (
            "charge.dispute.closed",
            "warning_closed",
            DisputeStatus::WarningClosed,
        ),
        (
            "charge.dispute.created",
            "prevented",
            DisputeStatus::Prevented,
        ),
    ] {
        let Fact::Dispute(read) = fact_of(kind, &dispute(status, json!(SIGNED_AT + 60))).fact
        else {
            panic!("{kind} is no dispute")
        };
        assert_eq!(read.status, expected, "{kind}");
        assert_eq!(
            (read.id.as_str(), read.reason.as_str()),
            ("du_1", "fraudulent")
        );
        assert_eq!(read.payment_intent.as_deref(), Some("pi_1"));
        assert_eq!(read.amount, Money::new(591_410, Currency::INR));
        assert_eq!(read.opened_at.timestamp(), SIGNED_AT);
        let due_by = read.evidence_due_by.map(|due_by| due_by.timestamp());
        assert_eq!(due_by, Some(SIGNED_AT + 60));
    }
    let Fact::Dispute(unanswerable) =
        fact_of("charge.dispute.created", &dispute("lost", json!(0))).fact
    else {
        panic!()
    };
    assert_eq!(unanswerable.evidence_due_by, None);
    let newer = fact_of("charge.dispute.updated", &dispute("haggling", Value::Null));
    assert_eq!(newer.fact, Fact::Other, "what it means nobody knows");
}

#[test]
fn genuine_events_we_do_not_understand_are_no_errors() {
    let unknown = fact_of(
        "invoice.exploded",
        &json!({"object": "invoice", "id": "in_1"}),
    );
    assert_eq!(
        (unknown.kind.as_str(), unknown.fact),
        ("invoice.exploded", Fact::Other)
    );

    let unreadable = fact_of(
        "checkout.session.completed",
        &json!({"id": "cs_1", "object": "checkout.session"}),
    );
    assert_eq!(
        (unreadable.id.as_str(), unreadable.fact),
        ("evt_2", Fact::Other)
    );

    let body = "[]";
    let header = Webhook::generate_test_header(body, SECRET, Some(SIGNED_AT));
    let first = read_at(SIGNED_AT, &header, body.as_bytes()).unwrap();
    let second = read_at(SIGNED_AT, &header, body.as_bytes()).unwrap();
    assert!(
        first.id.starts_with("unreadable_") && first == second,
        "{first:?}"
    );
}

/// Stripe's own Python library signs, and checks what we believe.
#[test]
fn stripes_own_library_agrees_about_signatures() {
    const SCRIPT: &str = "
import sys, time, stripe
body, secret, header = sys.argv[1:4]
now = int(time.time())
print(now, 't=%d,v1=%s' % (now, stripe.WebhookSignature._compute_signature('%d.%s' % (now, body), secret)))
for given, key in ((header, secret), (header, 'whsec_other'), (header.replace('v1=e', 'v1=f'), secret)):
    try:
        print(stripe.WebhookSignature.verify_header(body, given, key, tolerance=None))
    except stripe.SignatureVerificationError:
        print(False)
";
    let python = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../.local/tools/venv/bin/python"
    );
    assert!(
        std::path::Path::new(python).exists(),
        "{python} is missing: run scripts/tools, which installs the `stripe` package from PyPI"
    );
    let ours = format!("t={SIGNED_AT},v1={SIGNATURE}");
    let output = Command::new(python)
        .args(["-c", SCRIPT, BODY, SECRET, &ours])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let answer = String::from_utf8(output.stdout).unwrap();
    let mut lines = answer.lines();
    let (now, theirs) = lines.next().unwrap().split_once(' ').unwrap();
    assert!(
        read_at(now.parse().unwrap(), theirs, BODY.as_bytes()).is_ok(),
        "we refuse theirs"
    );
    assert_eq!(
        lines.collect::<Vec<_>>(),
        ["True", "False", "False"],
        "they disagree about ours"
    );
}
