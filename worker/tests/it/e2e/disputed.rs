//! A traveller disputes a payment at the bank and cancels the booking as well, through the two real binaries.

use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::traveller::{Traveller, until_idle};
use super::{Deployment, PATIENCE, files};
use crate::consistent::assert_consistent;
use crate::support::until_true;

/// Stripe's card that pays, and whose holder says at once that it was somebody else.
const DISPUTED: &str = "4000000000000259";

async fn is(pool: &PgPool, query: &'static str) -> bool {
    sqlx::query_scalar(query).fetch_one(pool).await.unwrap()
}

/// Books and pays with the card that is disputed, and cancels.
async fn cancel_what_is_disputed(pool: &PgPool, traveller: &Traveller) -> String {
    let reference = traveller.book().await;
    let page = traveller.checkout(&reference).await;
    let form = [("number", DISPUTED)];
    let paid = traveller.http.post(page).form(&form).send().await.unwrap();
    assert_eq!(paid.status(), StatusCode::SEE_OTHER);
    until_true("the dispute is known", PATIENCE, async || {
        is(
            pool,
            "select count(*) > 0 and bool_and(payment_id is not null) from dispute where closed_at is null",
        )
        .await
    })
    .await;
    let path = format!("/v1/bookings/{reference}");
    let quote = traveller
        .post(&format!("{path}/cancellation-quotes"), &json!({}))
        .await;
    let confirmed = json!({ "quote_id": quote["quote_id"] });
    let booking = traveller
        .post(&format!("{path}/cancellations"), &confirmed)
        .await;
    assert_eq!(booking["status"], "cancelled");
    // The job has seen the dispute, and asked for nothing.
    until_true("the job of the refund is done", PATIENCE, async || {
        is(
            pool,
            "select bool_and(status = 'done') from outbox where kind = 'create_refund'",
        )
        .await
    })
    .await;
    let refunds = traveller.get(&format!("{path}/refunds")).await;
    assert_eq!(refunds["data"][0]["status"], "pending", "{refunds}");
    assert!(refunds["data"][0]["pending_reason"].is_string());
    reference
}

async fn answer(deployment: &Deployment, traveller: &Traveller, evidence: &str) {
    let id: String =
        sqlx::query_scalar("select id from sandbox.dispute order by sequence desc limit 1")
            .fetch_one(&deployment.pool)
            .await
            .unwrap();
    let address = &deployment.api.address;
    let answer = traveller
        .http
        .post(format!("{address}/sandbox/stripe/v1/disputes/{id}"))
        .bearer_auth("sk_test_anything")
        .form(&[("evidence[uncategorized_text]", evidence)])
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

async fn refund(traveller: &Traveller, reference: &str) -> Value {
    let path = format!("/v1/bookings/{reference}/refunds");
    traveller.get(&path).await["data"][0].clone()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_disputed_payment_is_refunded_after_the_dispute_is_won_and_never_after_it_is_lost(
    pool: PgPool,
) {
    let deployment = Deployment::start(&pool).await;
    let _worker = deployment.worker();
    let traveller = Traveller::sign_up(&deployment, "asha").await;

    let won = cancel_what_is_disputed(&pool, &traveller).await;
    answer(&deployment, &traveller, "winning_evidence").await;
    until_true("the refund is paid", PATIENCE, async || {
        refund(&traveller, &won).await["status"] == "succeeded"
    })
    .await;

    let lost = cancel_what_is_disputed(&pool, &traveller).await;
    answer(&deployment, &traveller, "losing_evidence").await;
    until_true("the refund has ended", PATIENCE, async || {
        refund(&traveller, &lost).await["status"] == "failed"
    })
    .await;
    until_idle(&pool).await;
    let given = "select count(*) = 1 from sandbox.refund";
    assert!(is(&pool, given).await, "Stripe was asked once");
    let receipts = files(&deployment.mail());
    let receipts = receipts
        .iter()
        .filter(|path| path.to_string_lossy().contains("/refund_paid."));
    assert_eq!(receipts.count(), 1);
    assert_consistent(&pool).await;
}
