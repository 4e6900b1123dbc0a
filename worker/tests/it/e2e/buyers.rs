//! Buyers under whose feet something happens to the deployment: it goes on, nothing answers 500, and whoever paid has
//! tickets.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::traveller::Traveller;
use super::{Deployment, in_a_month};
use crate::consistent::assert_consistent;
use crate::support::process::Worker;
use crate::support::{tally, until_true};

/// After so long whoever books anew succeeds.
const BOOKING: Duration = Duration::from_secs(10);
/// After so long every job is done.
const JOBS: Duration = Duration::from_mins(1);
/// Bookings that a buyer makes at most; the flight has 180 seats.
const EACH: usize = 6;

/// One purchase, as far as it gets: whether it was paid.
async fn buy(traveller: &Traveller, on_hand: &AtomicUsize) -> bool {
    let bought = async {
        let date = in_a_month();
        let path =
            format!("/v1/flights/search?origin=DEL&destination=BOM&departure_date={date}&adults=1");
        let found = traveller.attempt(Method::GET, &path, None).await?;
        let offer = found["offers"][0]["offer_id"].clone();
        let hold = json!({ "offers": [offer] });
        let hold = traveller
            .attempt(Method::POST, "/v1/holds", Some(&hold))
            .await?;
        let booking = traveller.form(&hold);
        let booking = traveller
            .attempt(Method::POST, "/v1/bookings", Some(&booking))
            .await?;
        let reference = booking["booking_ref"].as_str()?;
        let path = format!("/v1/bookings/{reference}/payment");
        let payment = traveller
            .attempt(Method::POST, &path, Some(&json!({})))
            .await?;
        traveller
            .try_to_pay(payment["checkout_url"].as_str()?)
            .await
            .then_some(())
    };
    let paid = bought.await.is_some();
    on_hand.fetch_add(usize::from(paid), Ordering::Relaxed);
    paid
}

/// So many buyers buy while something happens; afterwards all is well and consistent.
pub async fn buyers_go_on(
    deployment: &Deployment,
    worker: &mut Worker,
    buyers: usize,
    happen: impl AsyncFnOnce(),
) {
    let pool = deployment.pool.clone();
    let names: Vec<_> = (0..=buyers)
        .map(|number| format!("buyer{number}"))
        .collect();
    let mut travellers = join_all(
        names
            .iter()
            .map(|name| Traveller::sign_up(deployment, name)),
    )
    .await;
    let newcomer = travellers.pop().unwrap();
    let (paid, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let buying = join_all(travellers.iter().map(async |traveller| {
        for _ in 0..EACH {
            if over.load(Ordering::Relaxed) {
                break;
            }
            buy(traveller, &paid).await;
        }
    }));
    let cut = async {
        until_true("people buy", JOBS, async || {
            paid.load(Ordering::Relaxed) >= buyers
        })
        .await;
        happen().await;
        until_true("booking works again", BOOKING, async || {
            buy(&newcomer, &paid).await
        })
        .await;
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(buying, cut);
    // Whoever paid has a ticket and mail; whoever was cut off before has what was promised to him until then.
    // A ticket and an invoice for each booking that is confirmed.
    let state = "select (select count(*) from booking where status = 'confirmed'),
                        (select count(*) from document where status = 'ready'),
                        (select count(*) from outbox where status <> 'done')";
    until_true(
        "all who paid have their documents and every job is done",
        JOBS,
        async || {
            let (confirmed, documents, open): (i64, i64, i64) =
                sqlx::query_as(state).fetch_one(&pool).await.unwrap();
            let paid = i64::try_from(paid.load(Ordering::Relaxed)).unwrap();
            assert_eq!(tally(&pool).await.dead, 0);
            open == 0 && confirmed >= paid && documents == 2 * confirmed
        },
    )
    .await;
    assert!(worker.is_running(), "{}", worker.log());
    until_true("readiness says that all is well", JOBS, async || {
        let ready = newcomer.attempt(Method::GET, "/health/ready", None).await;
        ready.is_some_and(|report| report["status"] == "ok")
    })
    .await;
    assert_consistent(&pool).await;
}
