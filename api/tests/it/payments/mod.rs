//! Paying, in every order in which the facts may arrive.

mod access;
mod late;
mod mismatches;
mod settling;

use flightdesk_core::settlement;
use std::fmt::Write;

use flightdesk_core::payment::Settlement;
use flightdesk_core::payment::stripe::{CheckoutSession, CheckoutStatus};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use sqlx::PgPool;

use crate::support::{Answer, Client, Send, TestApp};
use crate::trip;

/// The session of a booking's open payment, as Stripe has it.
pub async fn session(app: &TestApp, pool: &PgPool) -> CheckoutSession {
    let id: String =
        sqlx::query_scalar("select stripe_session_id from payment order by id desc limit 1")
            .fetch_one(pool)
            .await
            .unwrap();
    app.app.stripe.checkout(&id).await.unwrap()
}

/// The same session, paid.
pub fn paid(session: &CheckoutSession) -> CheckoutSession {
    CheckoutSession {
        status: CheckoutStatus::Complete,
        paid: true,
        payment_intent: Some(format!("pi_{}", session.id)),
        ..session.clone()
    }
}

pub async fn settle(app: &TestApp, session: &CheckoutSession) -> Settlement {
    let mut tx = app.app.db.begin().await.unwrap();
    let settlement = settlement::settle(&mut tx, &app.clock, session)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    settlement
}

/// Pays on the sandbox's page with a card number.
pub async fn pay_with(app: &TestApp, page: &str, card: &str) -> Answer {
    let path = page
        .strip_prefix(&format!("http://{}", app.address))
        .unwrap();
    app.request(Method::POST, path)
        .form(&[("number", card)])
        .answer()
        .await
}

/// Delivers every event of the sandbox to the webhook, as often and in the order that `arrange` makes of them.
pub async fn deliver(app: &TestApp, arrange: impl FnOnce(Vec<Value>) -> Vec<Value>) {
    let list = app
        .request(Method::GET, "/sandbox/stripe/v1/events?limit=100")
        .bearer_auth("sk_test_anything")
        .answer()
        .await;
    let mut events = list.body["data"].as_array().unwrap().clone();
    events.reverse();
    for event in arrange(events) {
        let answer = webhook(app, &event.to_string(), app.clock.now().timestamp()).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
}

pub async fn webhook(app: &TestApp, body: &str, at: i64) -> Answer {
    use hmac::{Hmac, KeyInit, Mac};
    let secret = flightdesk_core::config::SANDBOX_WEBHOOK_SECRET;
    let mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes())
        .unwrap()
        .chain_update(format!("{at}.{body}"))
        .finalize()
        .into_bytes();
    let hex = mac.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    app.request(Method::POST, "/v1/webhooks/stripe")
        .header("Stripe-Signature", format!("t={at},v1={hex}"))
        .header("Content-Type", "application/json")
        .body(body.to_owned())
        .answer()
        .await
}

/// Tickets, documents, and promises to make documents.
async fn ticketed(pool: &PgPool) -> (i64, i64, i64) {
    (
        trip::count(pool, "select count(*) from ticket").await,
        trip::count(pool, "select count(*) from document").await,
        trip::count(
            pool,
            "select count(*) from outbox where kind = 'render_document'",
        )
        .await,
    )
}

pub async fn open(client: &Client<'_>, booking: &Value) -> Value {
    let opened = client.open_payment(booking).await;
    assert_eq!(opened.status, StatusCode::CREATED, "{opened:?}");
    opened.body
}
