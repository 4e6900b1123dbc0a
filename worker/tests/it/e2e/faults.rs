//! R4, R5 and R10 on the journey.

use std::time::Duration;

use serde_json::json;
use sqlx::PgPool;

use super::traveller::{Traveller, assert_delivered_once, until_idle};
use super::{Deployment, files};
use crate::consistent::assert_consistent;
use crate::support::tally;

/// Tells the sandbox how to deliver its webhooks from now on.
async fn webhooks(deployment: &Deployment, how: serde_json::Value) {
    let address = format!("{}/sandbox/stripe/_config/webhooks", deployment.api.address);
    let answer = reqwest::Client::new()
        .post(address)
        .bearer_auth("sk_test_anything")
        .json(&how)
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn while_redis_answers_nobody_people_book_and_pay_and_the_ticket_comes_afterwards(
    pool: PgPool,
) {
    let deployment = Deployment::start(&pool).await;
    let mut worker = deployment.worker();
    // One ticket through everything first: all connections stand.
    let before = Traveller::sign_up(&deployment, "before").await;
    let reference = before.buy().await;
    assert_delivered_once(&deployment, &before, &reference).await;

    deployment.redis.freeze();
    let during = Traveller::sign_up(&deployment, "during").await;
    let reference = during.buy().await;
    during.until_confirmed(&reference).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(deployment.mails().len(), 1, "no job ran without Redis");
    assert!(worker.is_running(), "{}", worker.log());
    deployment.redis.thaw();
    assert_delivered_once(&deployment, &during, &reference).await;
    assert_consistent(&pool).await;
}

/// How many jobs were ever begun.
async fn begun(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select coalesce(sum(attempts), 0) from outbox")
        .fetch_one(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_worker_killed_between_payment_and_mail_leaves_one_ticket_one_pdf_and_one_mail(
    pool: PgPool,
) {
    let deployment = Deployment::start(&pool).await;
    let (mut bought, mut interrupted) = (Vec::new(), 0);
    // Each worker finds something new to do, and dies so many milliseconds after it began.
    for moment in [0, 5, 20, 50, 90, 160, 300] {
        for _ in 0..2 {
            let name = format!("traveller{}", bought.len());
            let traveller = Traveller::sign_up(&deployment, &name).await;
            let reference = traveller.buy().await;
            traveller.until_confirmed(&reference).await;
            bought.push((traveller, reference));
        }
        let before = begun(&pool).await;
        let mut worker = deployment.worker();
        while begun(&pool).await == before {
            assert!(worker.is_running(), "{}", worker.log());
        }
        tokio::time::sleep(Duration::from_millis(moment)).await;
        worker.kill();
        interrupted += tally(&pool).await.running;
    }
    assert!(interrupted > 0, "no worker died at work");
    let _worker = deployment.worker();
    until_idle(&pool).await;
    for (traveller, reference) in &bought {
        assert_delivered_once(&deployment, traveller, reference).await;
    }
    let numbers: i64 = sqlx::query_scalar("select count(distinct number) from ticket")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(numbers, i64::try_from(bought.len()).unwrap());
    assert_eq!(
        (
            deployment.mails().len(),
            files(&deployment.documents()).len()
        ),
        // A mail each, and a ticket and an invoice.
        (bought.len(), 2 * bought.len())
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_purchase_whose_webhooks_are_all_lost_is_found_out_by_asking(pool: PgPool) {
    let deployment = Deployment::start(&pool).await;
    let _worker = deployment.worker();
    webhooks(&deployment, json!({ "drop": true })).await;
    let traveller = Traveller::sign_up(&deployment, "asha").await;
    let reference = traveller.buy().await;
    // Nobody asks yet: a webhook may still come.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(traveller.status(&reference).await, "pending_payment");
    sqlx::query("update payment set created_at = created_at - interval '91 seconds'")
        .execute(&pool)
        .await
        .unwrap();
    traveller.until_confirmed(&reference).await;
    assert_delivered_once(&deployment, &traveller, &reference).await;
    let events: i64 = sqlx::query_scalar("select count(*) from stripe_event")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(events, 0, "it was not a webhook that told us");
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_api_killed_between_payment_and_webhook_confirms_once_it_is_back(pool: PgPool) {
    let mut deployment = Deployment::start(&pool).await;
    let _worker = deployment.worker();
    webhooks(&deployment, json!({ "delay_ms": 1_500, "duplicate": true })).await;
    let traveller = Traveller::sign_up(&deployment, "asha").await;
    let reference = traveller.buy().await;
    deployment.api.kill();
    let paid: i64 = sqlx::query_scalar("select count(*) from payment where status = 'succeeded'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(paid, 0, "the webhook was faster");
    deployment.api.restart().await;
    traveller.until_confirmed(&reference).await;
    assert_delivered_once(&deployment, &traveller, &reference).await;
    assert_consistent(&pool).await;
}
