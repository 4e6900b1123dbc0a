//! Paid bookings, made before a clock starts.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use futures::{StreamExt, TryStreamExt};
use serde_json::json;
use sqlx::PgPool;
use tokio::time::sleep;

use crate::book::{self, Wish};
use crate::client::{Offer, Shop};
use crate::pay::CARD;

/// How many are bought at once.
const BUYERS: usize = 8;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
/// How long one may take to be confirmed, and the worker to end what it promised.
const PATIENCE: Duration = Duration::from_mins(10);

/// A booking and the key of whoever booked it.
#[derive(Clone)]
pub struct Paid {
    pub key: String,
    pub reference: String,
    /// The flight that it is on.
    pub target: usize,
}

impl Paid {
    /// A path below the booking.
    pub fn path(&self, below: &str) -> String {
        format!("/v1/bookings/{}/{below}", self.reference)
    }
}

/// So many paid bookings for one, of all targets in turn or of the target `hot` alone, and a worker that has nothing left to do
/// for them.
pub async fn buy(
    shop: &Shop,
    db: &PgPool,
    bookings: usize,
    hot: Option<i32>,
) -> anyhow::Result<Vec<Paid>> {
    let targets = shop.targets.len();
    let wish = hot.map_or(Wish::of_all_flights(bookings), |target| {
        Wish::of_one_flight(target, bookings)
    });
    let mut offers = book::collect(shop, wish).await?;
    ensure!(!offers.is_empty(), "no offer can be bought");
    let found = offers.len();
    // Some were sold out: others are booked once more.
    for index in found..bookings {
        offers.push(offers[index % found].clone());
    }
    let all = (offers.iter()).map(|offer| buy_one(shop, offer));
    let bought: Vec<Paid> = futures::stream::iter(all)
        .buffer_unordered(BUYERS)
        .try_collect()
        .await?;
    ensure!(
        bought.iter().all(|one| one.target < targets),
        "no such target"
    );
    idle(db).await?;
    Ok(bought)
}

async fn buy_one(shop: &Shop, offer: &Offer) -> anyhow::Result<Paid> {
    let booking = shop.ask(|| shop.book(offer), 201).await?;
    let reference = booking["booking_ref"].as_str().context("no booking_ref")?;
    let flight = booking["directions"][0]["flights"][0]["flight_id"].as_str();
    let target = (shop.targets.iter())
        .position(|target| Some(target.flight_id.to_string().as_str()) == flight)
        .context("a booking of another flight")?;
    let paid = Paid {
        key: offer.key.clone(),
        reference: reference.to_owned(),
        target,
    };
    let (payment, begun) = (paid.path("payment"), Instant::now());
    let opened = shop
        .ask(|| shop.post(&paid.key, &payment, &json!({})), 201)
        .await?;
    let page = opened["checkout_url"].as_str().context("no checkout_url")?;
    let answer = shop.answer(|| shop.submit(page, CARD)).await?;
    ensure!(
        answer.status() == 303,
        "the checkout page answered {}",
        answer.status()
    );
    let path = format!("/v1/bookings/{}", paid.reference);
    while shop.ask(|| shop.get(&paid.key, &path), 200).await?["status"] != "confirmed" {
        if begun.elapsed() > PATIENCE {
            bail!("a booking was paid and not confirmed");
        }
        sleep(BETWEEN_LOOKS).await;
    }
    Ok(paid)
}

/// Waits until the worker has done everything that is due: it shares the machine with what is measured next.
pub async fn idle(db: &PgPool) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let due: i64 = sqlx::query_scalar(
            "select count(*) from outbox where status in ('queued', 'running') or status = 'waiting' and run_after <= now()",
        )
        .fetch_one(db)
        .await?;
        if due == 0 {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            bail!("{due} jobs are not done yet");
        }
        sleep(BETWEEN_LOOKS).await;
    }
}
