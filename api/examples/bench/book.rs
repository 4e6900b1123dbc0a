//! Bookings of offers: hold and booking in one request and one transaction.

use anyhow::ensure;
use futures::{StreamExt, TryStreamExt};
use serde_json::Value;

use crate::Load;
use crate::client::{Offer, Shop};
use crate::load;

/// Bookings per second, and how long one takes.
///
/// The offers are searched for before the clock starts. One offer is booked many times: it reserves nothing, so its
/// account gets another seat on the same flight each time.
pub async fn run(shop: Shop, load: Load, offers: usize, hot: Option<i32>) -> anyhow::Result<Value> {
    let offers = collect(&shop, offers, hot).await?;
    load::run(load, 201, move |client, number| {
        let step = client * 7_919 + number;
        shop.book(&offers[step % offers.len()])
    })
    .await
}

async fn collect(shop: &Shop, wanted: usize, hot: Option<i32>) -> anyhow::Result<Vec<Offer>> {
    let targets: Vec<_> = shop
        .targets
        .iter()
        .filter(|target| hot.is_none_or(|n| target.n == n))
        .collect();
    ensure!(!targets.is_empty(), "bench.target has no such row");
    let searches =
        (0..wanted).map(|index| shop.offer(shop.key(index), targets[index % targets.len()]));
    let found: Vec<Option<Offer>> = futures::stream::iter(searches)
        .buffer_unordered(16)
        .try_collect()
        .await?;
    let offers: Vec<Offer> = found.into_iter().flatten().collect();
    ensure!(
        offers.len() * 10 >= wanted * 9,
        "only {} of {wanted} offers can be bought",
        offers.len()
    );
    Ok(offers)
}
