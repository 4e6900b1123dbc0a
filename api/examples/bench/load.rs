//! Clients that ask as fast as they are answered, for a while, and what they saw.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::ensure;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::Load;

/// Before the clock starts: connections, prepared statements and caches.
const WARM_UP: Duration = Duration::from_secs(2);
/// Answers a client remembers at most; with 256 clients half a gigabyte.
const MOST: usize = 500_000;

#[derive(Default)]
struct Seen {
    microseconds: Vec<u32>,
    refused: BTreeMap<u16, u64>,
}

/// Runs the clients; `request` makes the request number `n` of client `c`. Answers with another status than `good` are
/// counted apart and never as throughput.
pub async fn run<F>(load: Load, good: u16, request: F) -> anyhow::Result<Value>
where
    F: Fn(usize, usize) -> RequestBuilder + Clone + Send + 'static,
{
    let from = Instant::now() + WARM_UP;
    let until = from + Duration::from_secs(load.seconds);
    let mut clients = JoinSet::new();
    for client in 0..usize::from(load.clients) {
        let request = request.clone();
        clients.spawn(async move {
            let mut seen = Seen::default();
            for number in 0..MOST {
                let begun = Instant::now();
                if begun >= until {
                    break;
                }
                let response = request(client, number).send().await?;
                let status = response.status().as_u16();
                // An answer is there when its last byte is.
                response.bytes().await?;
                let done = Instant::now();
                if begun < from || done > until {
                    continue;
                }
                if status == good {
                    let took = (done - begun).as_micros();
                    seen.microseconds
                        .push(u32::try_from(took).unwrap_or(u32::MAX));
                } else {
                    *seen.refused.entry(status).or_default() += 1;
                }
            }
            Ok::<_, reqwest::Error>(seen)
        });
    }
    let mut all = Seen::default();
    while let Some(seen) = clients.join_next().await {
        let seen = seen??;
        all.microseconds.extend(seen.microseconds);
        for (status, count) in seen.refused {
            *all.refused.entry(status).or_default() += count;
        }
    }
    all.microseconds.sort_unstable();
    let count = all.microseconds.len();
    ensure!(
        count > 0,
        "no request was answered with {good}: {:?}",
        all.refused
    );
    #[expect(
        clippy::cast_precision_loss,
        reason = "a count of requests, far below 2^52"
    )]
    let per_second = count as f64 / f64::from(u32::try_from(load.seconds)?);
    Ok(json!({
        "clients": load.clients,
        "seconds": load.seconds,
        "count": count,
        "per_second": (per_second * 10.0).round() / 10.0,
        "p50_ms": milliseconds(&all.microseconds, 50),
        "p99_ms": milliseconds(&all.microseconds, 99),
        "other_answers": all.refused,
    }))
}

/// The percentile of sorted microseconds, in milliseconds.
pub fn milliseconds(sorted: &[u32], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted
        .get(rank)
        .map_or(0.0, |microseconds| f64::from(*microseconds) / 1000.0)
}
