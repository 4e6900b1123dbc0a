//! R4 of a cancellation: the api is killed at each step of confirming a quote, the worker at each step of the refund.

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::killed::{
    book_party, kill_worker_at, marker, try_checkout, until_confirmed, without_caps, worker,
};
use super::traveller::{Traveller, until_idle};
use super::{Deployment, PATIENCE};
use crate::consistent::assert_consistent;
use crate::support::smtp::Smtp;
use crate::support::until_true;

/// Where the api is killed (`fault::point`).
const API: [&str; 4] = [
    "cancelled_seats_freed",
    "cancelled_tickets_closed",
    "cancellation_refunded",
    "cancellation_committed",
];

/// Where the worker is killed.
const WORKER: [&str; 3] = ["refund_asked", "refund_recorded", "refund_committed"];

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn killed_at_any_step_from_cancellation_to_refund_the_money_goes_back_once(pool: PgPool) {
    let mut deployment = Deployment::start(&pool).await;
    let traveller = Traveller::sign_up(&deployment, "asha").await;
    let smtp = Smtp::start(&["ok"]);
    let mut cancelled = Vec::new();
    for point in API {
        let reference = buy(&pool, &traveller, cancelled.len()).await;
        let quote = quote(&traveller, &reference).await;
        let die = async || confirm(&traveller, &reference, &quote).await;
        kill_api_at(&mut deployment, point, die).await;
        confirm(&traveller, &reference, &quote).await.unwrap();
        cancelled.push(reference);
    }
    for point in WORKER {
        let reference = buy(&pool, &traveller, cancelled.len()).await;
        let quote = quote(&traveller, &reference).await;
        confirm(&traveller, &reference, &quote).await.unwrap();
        cancelled.push(reference);
        kill_worker_at(&deployment, &smtp, point).await;
    }
    let _worker = worker(&deployment, &smtp, &[]);
    until_idle(&pool).await;
    let open = "select count(*) from refund where status <> 'succeeded'";
    until_true("every refund succeeds", PATIENCE, async || {
        let open = sqlx::query_scalar::<_, i64>(open);
        open.fetch_one(&pool).await.unwrap() == 0
    })
    .await;
    until_idle(&pool).await;
    // Of each booking one refund, and Stripe gave back what we said.
    let rows: Vec<(i64, i64, i64)> = sqlx::query_as(
        "select count(*), sum(r.amount_minor)::bigint, sum(s.amount)::bigint
         from refund r left join sandbox.refund s on s.id = r.stripe_refund_id group by r.booking_id",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(rows.len(), cancelled.len());
    for (refunds, ours, stripes) in rows {
        assert_eq!((refunds, ours), (1, stripes));
    }
    let given: i64 = sqlx::query_scalar("select count(*) from sandbox.refund")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(given, i64::try_from(cancelled.len()).unwrap());
    assert_mails(&smtp, &cancelled);
    assert_consistent(&pool).await;
}

/// Buys a round trip for two.
pub(super) async fn buy(pool: &PgPool, traveller: &Traveller, number: usize) -> String {
    let reference = book_party(traveller, number).await;
    let page = try_checkout(traveller, &reference).await.unwrap();
    traveller.pay(&page).await;
    until_confirmed(pool, std::slice::from_ref(&reference)).await;
    reference
}

async fn quote(traveller: &Traveller, reference: &str) -> Value {
    let path = format!("/v1/bookings/{reference}/cancellation-quotes");
    traveller.post(&path, &json!({ "scope": "both" })).await
}

/// The booking, unless the api dies before it answers.
async fn confirm(traveller: &Traveller, reference: &str, quote: &Value) -> Option<Value> {
    let path = format!("/v1/bookings/{reference}/cancellations");
    let body = json!({ "quote_id": quote["quote_id"] });
    let booking = traveller.attempt(Method::POST, &path, Some(&body)).await?;
    assert_eq!(booking["status"], "cancelled");
    Some(booking)
}

/// Kills the api at a step of what it is asked to do, and starts another one.
pub(super) async fn kill_api_at(
    deployment: &mut Deployment,
    point: &str,
    ask: impl AsyncFnOnce() -> Option<Value>,
) {
    let marker = marker(deployment, point);
    let mut armed = without_caps();
    armed.extend([
        ("FAULT_POINT", point),
        ("FAULT_MARKER", marker.to_str().unwrap()),
    ]);
    deployment.api.kill();
    deployment.api.restart_with(&armed).await;
    assert!(ask().await.is_none(), "{point}");
    assert!(marker.exists(), "{point}");
    assert_eq!(deployment.api.wait().code(), None, "{point}: it was killed");
    deployment.api.restart_with(&without_caps()).await;
}

/// Each cancellation is told once: what left twice has one Message-ID.
fn assert_mails(smtp: &Smtp, cancelled: &[String]) {
    let header = |mail: &str, name: &str| {
        let line = mail.lines().find(|line| line.starts_with(name));
        line.unwrap_or_default().to_owned()
    };
    for reference in cancelled {
        let mails = smtp.accepted();
        let own = mails.iter().filter(|mail| {
            header(mail, "Message-ID:").contains("cancellation_confirmed")
                && header(mail, "Subject:").contains(reference)
        });
        let ids: std::collections::BTreeSet<_> =
            own.map(|mail| header(mail, "Message-ID:")).collect();
        assert_eq!(ids.len(), 1, "{reference}: {ids:?}");
    }
}
