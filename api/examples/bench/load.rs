//! Clients that ask as fast as they are answered, for a while, and what they saw.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::Load;

/// Before the clock starts: connections, prepared statements and caches.
const WARM_UP: Duration = Duration::from_secs(2);
/// Stands for a status where no answer came: refused, cut, or given up after the client's time-out.
const NO_ANSWER: u16 = 0;
/// Answers a client remembers at most; with 256 clients half a gigabyte.
const MOST: usize = 500_000;

#[derive(Default)]
struct Seen {
    microseconds: Vec<u32>,
    refused: BTreeMap<u16, u64>,
}

/// Runs the clients; `request` makes the request number `n` of client `c`. Answers with another status than `good` are
/// counted apart, each status by itself, and never as throughput: a busy machine's 503 ends no measurement.
pub async fn run<F>(load: Load, good: u16, request: F) -> anyhow::Result<Value>
where
    F: Fn(usize, usize) -> RequestBuilder + Clone + Send + 'static,
{
    let warm_up = if load.cold { Duration::ZERO } else { WARM_UP };
    let from = Instant::now() + warm_up;
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
                let status = status_of(request(client, number)).await;
                let done = Instant::now();
                if begun < from || done > until {
                    continue;
                }
                seen.note(status == good, status, done - begun);
                if status == NO_ANSWER {
                    // Refused at once, a client would ask a hundred thousand times.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            seen
        });
    }
    let mut all = Seen::default();
    while let Some(seen) = clients.join_next().await {
        all.add(seen?);
    }
    all.report(load)
}

/// Begins `rate` requests a second, each at its time, however long the ones before take. The time of an answer counts
/// from when its request was due.
pub async fn run_at_rate<F>(load: Load, rate: u32, good: u16, request: F) -> anyhow::Result<Value>
where
    F: Fn(usize, usize) -> RequestBuilder,
{
    let from = Instant::now();
    let count = rate * u32::try_from(load.seconds)?;
    let mut requests = JoinSet::new();
    for number in 0..count {
        let due = from + Duration::from_secs(1) * number / rate;
        tokio::time::sleep_until(due.into()).await;
        let request = request(0, number as usize);
        requests.spawn(async move { (status_of(request).await, due.elapsed()) });
    }
    let mut all = Seen::default();
    while let Some(answered) = requests.join_next().await {
        let (status, took) = answered?;
        all.note(status == good, status, took);
    }
    let mut report = all.report(load)?;
    report["rate"] = json!(rate);
    Ok(report)
}

/// The status of an answer, which is there when its last byte is; [`NO_ANSWER`] when there is none.
async fn status_of(request: RequestBuilder) -> u16 {
    let answered = async {
        let response = request.send().await?;
        let status = response.status().as_u16();
        response.bytes().await?;
        Ok::<_, reqwest::Error>(status)
    };
    answered.await.unwrap_or(NO_ANSWER)
}

impl Seen {
    fn note(&mut self, is_good: bool, status: u16, took: Duration) {
        if is_good {
            let took = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
            self.microseconds.push(took);
        } else {
            *self.refused.entry(status).or_default() += 1;
        }
    }

    fn add(&mut self, other: Self) {
        self.microseconds.extend(other.microseconds);
        for (status, count) in other.refused {
            *self.refused.entry(status).or_default() += count;
        }
    }

    fn report(mut self, load: Load) -> anyhow::Result<Value> {
        self.microseconds.sort_unstable();
        let count = self.microseconds.len();
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
            "p50_ms": milliseconds(&self.microseconds, 50),
            "p99_ms": milliseconds(&self.microseconds, 99),
            "other_answers": self.refused,
        }))
    }
}

/// The percentile of sorted microseconds, in milliseconds.
pub fn milliseconds(sorted: &[u32], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted
        .get(rank)
        .map_or(0.0, |microseconds| f64::from(*microseconds) / 1000.0)
}
