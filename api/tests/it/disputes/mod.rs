//! Disputes: told in any order, seen on the booking and in the ledger, and never paid beside a refund.

mod issues;
mod orders;
mod refunds;
mod retries;

pub use retries::with_a_failed_refund;

use flightdesk_core::ids::RefundId;
use flightdesk_core::payment;
use flightdesk_core::payment::stripe::{StripeError, StripeRefund};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::payments::{deliver, open, pay_with, webhook};
use crate::support::{Client, Send, TestApp};
use crate::trip;

/// Stripe's card that pays, and whose holder says at once that it was somebody else.
pub const FRAUDULENT: &str = "4000000000000259";
/// Stripe's card that pays, and whose bank asks about it at once.
pub const INQUIRY: &str = "4000000000001976";

/// A paid booking of 7088.00, by a card.
pub async fn paid_with(client: &Client<'_>, card: &str) -> Value {
    let booking = client.book().await;
    let page = open(client, &booking).await;
    pay_with(client.app, page["checkout_url"].as_str().unwrap(), card).await;
    deliver(client.app, |events| events).await;
    client.booking(&booking).await
}

/// A paid booking that nobody disputes yet.
pub async fn paid(client: &Client<'_>) -> Value {
    paid_with(client, "4242424242424242").await
}

/// Sends evidence of the newest dispute, and delivers what the sandbox says then.
pub async fn answer(app: &TestApp, pool: &PgPool, evidence: &str) {
    let id: String =
        sqlx::query_scalar("select id from sandbox.dispute order by sequence desc limit 1")
            .fetch_one(pool)
            .await
            .unwrap();
    let answer = app
        .request(Method::POST, &format!("/sandbox/stripe/v1/disputes/{id}"))
        .bearer_auth("sk_test_anything")
        .form(&[("evidence[uncategorized_text]", evidence)])
        .answer()
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    deliver(app, |events| events).await;
}

/// Stripe's payment of a booking's newest payment.
pub async fn intent(pool: &PgPool) -> String {
    sqlx::query_scalar("select stripe_payment_intent_id from payment order by id desc limit 1")
        .fetch_one(pool)
        .await
        .unwrap()
}

/// A dispute as Stripe describes it.
pub fn dispute(app: &TestApp, id: &str, intent: &str, amount: i64, status: &str) -> Value {
    json!({
        "id": id, "object": "dispute", "amount": amount, "currency": "inr", "created": app.clock.now().timestamp(), "status": status,
        "reason": "product_not_received", "payment_intent": intent, "charge": "ch_1", "balance_transactions": [], "livemode": false,
        "enhanced_eligibility_types": [], "evidence": {"enhanced_evidence": {}}, "is_charge_refundable": false, "metadata": {},
        "evidence_details": {"due_by": app.clock.now().timestamp() + 777_600, "enhanced_eligibility": {}, "has_evidence": false, "past_due": false, "submission_count": 0},
    })
}

/// Delivers an event about a dispute, under an id of its own.
pub async fn tell(app: &TestApp, kind: &str, dispute: &Value) {
    let now = app.clock.now().timestamp();
    let event = json!({
        "id": format!("evt_{}", uuid::Uuid::now_v7().simple()), "object": "event", "api_version": "2026-09-30.endive", "created": now,
        "livemode": false, "pending_webhooks": 1, "type": format!("charge.dispute.{kind}"), "data": {"object": dispute},
    });
    let answer = webhook(app, &event.to_string(), now).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

/// What the job of a refund would ask Stripe, if it would ask.
pub async fn ask(
    app: &TestApp,
    pool: &PgPool,
    id: RefundId,
) -> Option<Result<StripeRefund, StripeError>> {
    let mut conn = pool.acquire().await.unwrap();
    let refund = payment::find_refund(&mut conn, id).await.unwrap()?;
    drop(conn);
    if refund.is_disputed {
        return None;
    }
    let stripe = &app.app.stripe;
    Some(
        stripe
            .create_refund(refund.id, &refund.payment_intent, refund.amount)
            .await,
    )
}

/// Every refund of a booking, as whoever booked sees it.
pub async fn refunds(client: &Client<'_>, booking: &Value) -> Vec<Value> {
    let path = format!("/v1/bookings/{}/refunds", trip::reference(booking));
    let answer = client.get(&path).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.body["data"].as_array().unwrap().clone()
}

/// The id of a refund that is listed.
pub fn id_of(refund: &Value) -> RefundId {
    RefundId(refund["id"].as_str().unwrap().parse().unwrap())
}

/// What a booking's timeline says of disputes and refunds: `kind outcome-or-cause`.
pub async fn told(client: &Client<'_>, booking: &Value) -> Vec<String> {
    let path = format!("/v1/bookings/{}/events?limit=100", trip::reference(booking));
    let events = client.get(&path).await.body["data"].clone();
    let events = events.as_array().unwrap().iter().filter(|event| {
        let kind = event["kind"].as_str().unwrap();
        kind.starts_with("dispute_") || kind.starts_with("refund_")
    });
    let line = |event: &Value| {
        let details = &event["details"];
        let said = ["outcome", "cause"].map(|name| details[name].as_str());
        let said = said.into_iter().flatten().next().unwrap_or_default();
        let said = match details["is_inquiry"].as_bool() {
            Some(true) => "inquiry",
            Some(false) => "chargeback",
            None => said,
        };
        format!("{} {said}", event["kind"].as_str().unwrap())
            .trim()
            .to_owned()
    };
    events.map(line).collect()
}

/// Somebody of another account who may look after money.
pub async fn desk<'a>(app: &'a TestApp, pool: &PgPool) -> Client<'a> {
    let client = app.sign_up().await;
    sqlx::query("update api_key set scopes = '{bookings,refunds}' where account_id = $1")
        .bind(client.account_id)
        .execute(pool)
        .await
        .unwrap();
    client
}
