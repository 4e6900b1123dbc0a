//! Searches: of direct flights, with connections, between hubs, of answers that are kept, and calendars.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use clap::ValueEnum;
use futures::{StreamExt, TryStreamExt};
use redis::AsyncCommands;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::Load;
use crate::client::{Shop, Target};
use crate::load;

/// What is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Direct flights of random routes and days, each search for the first time
    Direct,
    /// One way and round trip in turn, up to two stops, each search for the first time
    FirstAsked,
    /// Up to two stops between 1,000 random pairs of the 500 largest airports, each search for the first time
    Connected,
    /// The same between the 50 busiest pairs of them
    Hubs,
    /// The lowest price of 31 days, each for the first time
    Calendar,
    /// What was searched for a moment ago, beside a handler that does authentication and one Redis GET of the same
    /// bytes (`bench baseline`)
    Cached,
}

/// Pairs of airports and a day.
#[derive(Clone, sqlx::FromRow)]
struct Pair {
    origin: String,
    destination: String,
    departure_date: String,
}

/// Answers that are kept, for the run of `Kind::Cached`.
const KEPT: usize = 200;
const PAIRS: usize = 1_000;

/// Searches per second, and how long one takes.
pub async fn run(
    shop: Shop,
    db: &PgPool,
    load: Load,
    kind: Kind,
    rate: Option<u32>,
    baseline: Option<url::Url>,
) -> anyhow::Result<Value> {
    match kind {
        Kind::FirstAsked => {
            let request = move |client: usize, number: usize| {
                let step = client * 7_919 + number;
                let target = &shop.targets[step % shop.targets.len()];
                let back = if step.is_multiple_of(2) {
                    String::new()
                } else {
                    format!("&return_date={}", target.return_date)
                };
                let path = format!("{}{back}&{}", search_of(target), unheard());
                shop.get(shop.key(step), &path)
            };
            match rate {
                Some(rate) => load::run_at_rate(load, rate, 200, request).await,
                None => load::run(load, 200, request).await,
            }
        }
        Kind::Direct => {
            load::run(load, 200, move |client, number| {
                // Targets are in a random order already: each client begins somewhere else and goes its own way.
                let step = client * 7_919 + number;
                let target = &shop.targets[step % shop.targets.len()];
                let path = format!("{}&max_stops=0&limit=100&{}", search_of(target), unheard());
                shop.get(shop.key(step), &path)
            })
            .await
        }
        Kind::Connected => {
            let pairs = with_itineraries(&shop, random_pairs(db).await?).await?;
            run_pairs(shop, load, pairs, "/v1/flights/search").await
        }
        Kind::Hubs => {
            let pairs = hub_pairs(db).await?;
            run_pairs(shop, load, pairs, "/v1/flights/search").await
        }
        Kind::Calendar => {
            let pairs = with_itineraries(&shop, random_pairs(db).await?).await?;
            run_calendar(shop, load, pairs).await
        }
        Kind::Cached => {
            let baseline = baseline.context("--baseline: where `bench baseline` serves")?;
            run_cached(shop, load, &baseline).await
        }
    }
}

fn search_of(target: &Target) -> String {
    let Target {
        origin,
        destination,
        departure_date,
        ..
    } = target;
    format!(
        "/v1/flights/search?origin={origin}&destination={destination}&departure_date={departure_date}&adults=1"
    )
}

/// A limit that no price reaches and no search had before: the question is new, the answer is not.
fn unheard() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let run = now.map_or(0, |now| now.as_secs() % 1_000_000);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("max_price={}", 1_000_000_000 + run * 1_000_000 + next)
}

impl Pair {
    fn ask(&self, shop: &Shop, step: usize, path: &str) -> RequestBuilder {
        let Self {
            origin,
            destination,
            departure_date,
        } = self;
        let path = format!(
            "{path}?origin={origin}&destination={destination}&origin_type=airport&destination_type=airport&departure_date={departure_date}"
        );
        shop.get(shop.key(step), &path)
    }

    fn ask_anew(&self, shop: &Shop, step: usize, path: &str) -> RequestBuilder {
        let (name, value) = unheard().split_once('=').map_or_else(
            || ("max_price".to_owned(), String::new()),
            |(name, value)| (name.to_owned(), value.to_owned()),
        );
        self.ask(shop, step, path).query(&[(name, value)])
    }
}

async fn run_pairs(
    shop: Shop,
    load: Load,
    pairs: Vec<Pair>,
    path: &'static str,
) -> anyhow::Result<Value> {
    let count = pairs.len();
    let mut measured = load::run(load, 200, move |client, number| {
        let step = client * 7_919 + number;
        pairs[step % pairs.len()].ask_anew(&shop, step, path)
    })
    .await?;
    measured["pairs"] = json!(count);
    Ok(measured)
}

/// A calendar has no `max_price`; other parties make other questions.
async fn run_calendar(shop: Shop, load: Load, pairs: Vec<Pair>) -> anyhow::Result<Value> {
    let count = pairs.len();
    let mut measured = load::run(load, 200, move |client, number| {
        let step = client * 7_919 + number;
        let party = step / pairs.len();
        let (adults, children) = (1 + party % 5, party / 5 % 5);
        let pair = &pairs[step % pairs.len()];
        let ask = pair.ask(&shop, step, "/v1/flights/calendar");
        ask.query(&[("adults", adults), ("children", children)])
    })
    .await?;
    measured["pairs"] = json!(count);
    Ok(measured)
}

async fn random_pairs(db: &PgPool) -> anyhow::Result<Vec<Pair>> {
    let pairs = sqlx::query_as(
        "with day as (select min(departure_date) + (max(departure_date) - min(departure_date)) / 2 as day from bench.target),
              large as (select origin from flight, day where departure_date = day group by origin order by count(*) desc, origin limit 500)
         select a.origin, b.origin as destination, day::text as departure_date
         from large a, large b, day where a.origin <> b.origin order by md5(a.origin || b.origin) limit 20000",
    );
    Ok(pairs.fetch_all(db).await?)
}

async fn hub_pairs(db: &PgPool) -> anyhow::Result<Vec<Pair>> {
    let pairs = sqlx::query_as(
        "with day as (select min(departure_date) + (max(departure_date) - min(departure_date)) / 2 as day from bench.target),
              large as (select origin, count(*) as departures from flight, day where departure_date = day group by origin order by 2 desc, 1 limit 100),
              area as (select iata, min(code) as code from metro_area_airport group by iata)
         select a.origin, b.origin as destination, day::text as departure_date
         from large a cross join large b cross join day
         left join area x on x.iata = a.origin left join area y on y.iata = b.origin
         where coalesce(x.code, a.origin) <> coalesce(y.code, b.origin)
         order by a.departures * b.departures desc, a.origin, b.origin limit 50",
    );
    Ok(pairs.fetch_all(db).await?)
}

/// The first thousand pairs between which one can travel.
async fn with_itineraries(shop: &Shop, pairs: Vec<Pair>) -> anyhow::Result<Vec<Pair>> {
    let tried = pairs
        .into_iter()
        .enumerate()
        .map(|(index, pair)| async move {
            let ask = |limit: u32| {
                let request = pair.ask(shop, index, "/v1/flights/search");
                request.query(&[("limit", limit)])
            };
            // What is no journey at all, two airports of one metro area, is refused.
            let found = shop.ask(|| ask(1), 200).await.ok();
            let is_found = found.is_some_and(|found| found["total"] != 0);
            Ok::<_, anyhow::Error>(is_found.then_some(pair))
        });
    let found = futures::stream::iter(tried).buffered(8);
    let found = found.try_filter_map(|pair| async { Ok(pair) });
    let found: Vec<Pair> = found.take(PAIRS).try_collect().await?;
    ensure!(!found.is_empty(), "no pair of airports has an itinerary");
    Ok(found)
}

async fn run_cached(shop: Shop, load: Load, baseline: &url::Url) -> anyhow::Result<Value> {
    let redis = redis::Client::open(std::env::var("REDIS_URL").context("REDIS_URL")?)?;
    let mut redis = redis.get_multiplexed_async_connection().await?;
    let count = shop.targets.len().min(KEPT);
    let mut bytes = 0;
    for (number, target) in shop.targets.iter().take(count).enumerate() {
        let path = search_of(target);
        // Found by the first, or by an earlier run; kept for the second.
        for is_kept in [false, true] {
            let answer = shop.answer(|| shop.get(shop.key(number), &path)).await?;
            ensure!(answer.status() == 200, "a search failed");
            let cache = answer.headers().get("x-cache").cloned();
            let body = answer.bytes().await?;
            if is_kept {
                ensure!(
                    cache.is_some_and(|cache| cache == "hit"),
                    "an answer was not kept"
                );
                bytes += body.len();
                let key = format!("bench:kept:{number}");
                let _: () = redis.set_ex(key, &body[..], 3_600).await?;
            }
        }
    }
    let asker = shop.clone();
    let ours = load::run(load, 200, move |client, number| {
        let step = client * 7_919 + number;
        asker.get(asker.key(step), &search_of(&asker.targets[step % count]))
    });
    let ours = ours.await?;
    let same = shop.at(baseline);
    let theirs = load::run(load, 200, move |client, number| {
        let step = client * 7_919 + number;
        same.get(same.key(step), &format!("/kept/{}", step % count))
    });
    let theirs = theirs.await?;
    let rate = |measured: &Value| measured["per_second"].as_f64().unwrap_or_default();
    let mut measured = BTreeMap::from([("ratio", json!(rate(&ours) / rate(&theirs)))]);
    measured.insert("bytes_each", json!(bytes / count));
    measured.insert("kept", ours);
    measured.insert("baseline", theirs);
    Ok(json!(measured))
}
