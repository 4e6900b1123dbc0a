//! Bookings of offers: hold and booking in one request and one transaction.

use anyhow::ensure;
use clap::Args;
use futures::{StreamExt, TryStreamExt};
use serde_json::Value;

use crate::Load;
use crate::client::{Journey, Offer, Shop, Target};
use crate::load;

/// What is booked.
#[derive(Args, Clone, Copy)]
pub struct Wish {
    /// Offers to search for; each is booked again and again
    #[arg(long, default_value_t = 2_000)]
    offers: usize,
    /// Book this target (`bench.target.n`) alone instead of all
    #[arg(long)]
    hot: Option<i32>,
    /// Grown-ups of a booking
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=10))]
    party: u16,
    /// Round trips
    #[arg(long)]
    round_trip: bool,
    /// Half of the parties come from the other end: the flight between is the returning direction of one half and the departing one of
    /// the other
    #[arg(long, requires = "round_trip")]
    crossing: bool,
}

impl Wish {
    fn journey(&self, target: &Target, index: usize) -> Journey {
        match (self.round_trip, self.crossing && index % 2 == 1) {
            (false, _) => target.one_way(self.party),
            (true, false) => target.round_trip(self.party),
            (true, true) => target.round_trip_from_there(self.party),
        }
    }
}

/// Bookings per second, and how long one takes.
///
/// The offers are searched for before the clock starts. One offer is booked many times: it reserves nothing, so its
/// account gets other seats on the same flights each time.
pub async fn run(shop: Shop, load: Load, wish: Wish) -> anyhow::Result<Value> {
    let offers = collect(&shop, wish).await?;
    load::run(load, 201, move |client, number| {
        let step = client * 7_919 + number;
        shop.book(&offers[step % offers.len()])
    })
    .await
}

/// The offers of a wish, an account each.
pub async fn collect(shop: &Shop, wish: Wish) -> anyhow::Result<Vec<Offer>> {
    let wanted = wish.offers;
    let targets: Vec<_> = shop
        .targets
        .iter()
        .filter(|target| wish.hot.is_none_or(|n| target.n == n))
        .collect();
    ensure!(!targets.is_empty(), "bench.target has no such row");
    let searches = (0..wanted).map(|index| {
        let journey = wish.journey(targets[index % targets.len()], index);
        async move { shop.offer(shop.key(index), &journey).await }
    });
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

impl Wish {
    /// So many offers for one, of all targets in turn.
    pub fn of_all_flights(offers: usize) -> Self {
        Self {
            offers,
            hot: None,
            party: 1,
            round_trip: false,
            crossing: false,
        }
    }

    /// So many offers of one target for one.
    pub fn of_one_flight(target: i32, offers: usize) -> Self {
        Self {
            hot: Some(target),
            ..Self::of_all_flights(offers)
        }
    }
}
