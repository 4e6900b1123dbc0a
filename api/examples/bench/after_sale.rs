//! What cancelling and changing paid bookings costs: quotes, and confirmations.

use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::Load;
use crate::client::{Shop, expect};
use crate::load::{self, milliseconds};
use crate::paid::{self, Paid};

/// Which paid bookings.
#[derive(Args, Clone, Copy)]
pub struct Bought {
    /// How many are bought before the clock starts
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u16).range(1..=5_000))]
    bookings: u16,
    /// All of this target (`bench.target.n`) instead of many flights
    #[arg(long)]
    hot: Option<i32>,
}

/// Quotes of cancellations, then quotes of changes to the same flight in a fare that costs more: how long one takes.
///
/// A quote locks its booking, reads it whole and is filed; two clients that ask for one booking wait for each other, as they
/// would.
pub async fn quotes(shop: Shop, db: &PgPool, load: Load, bought: Bought) -> anyhow::Result<Value> {
    let all = paid::buy(&shop, db, bought.bookings.into(), bought.hot).await?;
    let with_offer = futures::stream::iter(all.iter().map(|one| dearer(&shop, one)));
    let changeable: Vec<Option<(Paid, String)>> =
        with_offer.buffer_unordered(16).try_collect().await?;
    let changeable: Arc<[_]> = changeable.into_iter().flatten().collect();
    anyhow::ensure!(!changeable.is_empty(), "no flight has another fare");
    let cancelled: Arc<[Paid]> = all.into();
    let number = changeable.len();
    let (asked, client) = (cancelled, shop.clone());
    let cancellation = load::run(load, 201, move |caller, number| {
        let one = &asked[(caller * 7_919 + number) % asked.len()];
        client.post(&one.key, &one.path("cancellation-quotes"), &json!({}))
    });
    let cancellation = cancellation.await?;
    let change = load::run(load, 201, move |caller, number| {
        let (one, offer) = &changeable[(caller * 7_919 + number) % changeable.len()];
        let body = json!({ "offer": offer });
        shop.post(&one.key, &one.path("change-quotes"), &body)
    });
    let change = change.await?;
    Ok(json!({
        "bookings": bought.bookings,
        "changeable": number,
        "cancellation": cancellation,
        "change": change,
    }))
}

/// The booking with an offer of its own flight in the dearest fare; `None` when there is none.
async fn dearer(shop: &Shop, one: &Paid) -> anyhow::Result<Option<(Paid, String)>> {
    let journey = shop.targets[one.target].one_way(1).in_fare("flex");
    let offer = shop.offer(&one.key, &journey).await?;
    let offer = offer.and_then(|offer| offer.tokens.into_iter().next());
    Ok(offer.map(|offer| (one.clone(), offer)))
}

/// Confirms the cancellation of every booking, each by a quote that is asked for before the clock starts.
///
/// Fails unless every one is answered as cancelled. The worker pays the refunds and makes the receipts meanwhile.
pub async fn cancellations(
    shop: &Shop,
    db: &PgPool,
    load: Load,
    bought: Bought,
) -> anyhow::Result<Value> {
    let all = paid::buy(shop, db, bought.bookings.into(), bought.hot).await?;
    let quotes = all.iter().map(|one| async move {
        let path = one.path("cancellation-quotes");
        let quote = shop.ask(|| shop.post(&one.key, &path, &json!({})), 201);
        Ok::<_, anyhow::Error>((one, json!({ "quote_id": quote.await?["quote_id"] })))
    });
    let quotes: Vec<_> = futures::stream::iter(quotes)
        .buffer_unordered(16)
        .try_collect()
        .await?;
    let begun = Instant::now();
    let confirmations = quotes.iter().map(|(one, quote)| async move {
        let asked = Instant::now();
        let request = shop.post(&one.key, &one.path("cancellations"), quote);
        let done = expect(request.send().await?, 200).await?;
        anyhow::ensure!(done["status"] == "cancelled", "not cancelled: {done}");
        Ok(u32::try_from(asked.elapsed().as_micros())?)
    });
    let took: Vec<u32> = futures::stream::iter(confirmations)
        .buffer_unordered(load.clients.into())
        .try_collect()
        .await?;
    let seconds = begun.elapsed().as_secs_f64();
    // Whoever measures next begins with an empty database.
    paid::idle(db).await?;
    report(load, seconds, took)
}

fn report(load: Load, seconds: f64, mut took: Vec<u32>) -> anyhow::Result<Value> {
    took.sort_unstable();
    let per_second = f64::from(u32::try_from(took.len())?) / seconds;
    Ok(json!({
        "clients": load.clients,
        "count": took.len(),
        "seconds": seconds,
        "per_second": (per_second * 10.0).round() / 10.0,
        "p50_ms": milliseconds(&took, 50),
        "p99_ms": milliseconds(&took, 99),
    }))
}
