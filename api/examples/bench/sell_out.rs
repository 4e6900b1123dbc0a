//! A crowd in front of one flight: how long its seats last, and how fast whoever comes after is sent away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::task::JoinSet;

use crate::Load;
use crate::book::{self, Wish};
use crate::client::Shop;
use crate::load::milliseconds;

/// Nobody waits longer than this for the last seat.
const PATIENCE: Duration = Duration::from_mins(2);

/// Sells the seats of a target to clients that each book one seat after the other, and lets them ask on for a while.
///
/// Fails unless exactly as many bookings were answered as there were seats, and everybody else was told so.
pub async fn run(shop: Shop, db: &PgPool, load: Load, target: i32) -> anyhow::Result<Value> {
    let offers = book::collect(&shop, Wish::of_one_flight(target, load.clients.into())).await?;
    let seats = left(db, target).await?;
    let begun = Instant::now();
    let (booked, turned_away) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut clients = JoinSet::new();
    for offer in offers {
        let (shop, booked, turned_away) = (shop.clone(), booked.clone(), turned_away.clone());
        clients.spawn(async move {
            let mut refused = Vec::new();
            let mut sold_at = Duration::ZERO;
            let mut until = PATIENCE;
            while begun.elapsed() < until {
                let asked = begun.elapsed();
                let answer = shop.book(&offer).send().await?;
                let status = answer.status().as_u16();
                let body: Value = answer.json().await?;
                let answered = begun.elapsed();
                match status {
                    201 => {
                        booked.fetch_add(1, Ordering::Relaxed);
                        sold_at = answered;
                    }
                    409 if body["code"] == "sold_out" => {
                        if until == PATIENCE {
                            until = answered + Duration::from_secs(load.seconds);
                        }
                        refused.push((answered, answered.saturating_sub(asked)));
                    }
                    // No connection was free in time: nothing was done, and the same client asks again.
                    503 => {
                        turned_away.fetch_add(1, Ordering::Relaxed);
                    }
                    _ => anyhow::bail!("a booking was answered with {status}: {body}"),
                }
            }
            Ok::<_, anyhow::Error>((sold_at, refused))
        });
    }
    let (mut sold_at, mut refused) = (Duration::ZERO, Vec::new());
    while let Some(client) = clients.join_next().await {
        let (last, answers) = client??;
        sold_at = sold_at.max(last);
        refused.extend(answers);
    }
    let booked = booked.load(Ordering::Relaxed);
    ensure!(
        i64::try_from(booked)? == seats && left(db, target).await? == 0,
        "{booked} bookings of {seats} seats, {} left",
        left(db, target).await?
    );
    let window = sold_at..sold_at + Duration::from_secs(load.seconds);
    let mut micros: Vec<u32> = (refused.iter())
        .filter(|(answered, _)| window.contains(answered))
        .map(|(_, took)| u32::try_from(took.as_micros()).unwrap_or(u32::MAX))
        .collect();
    micros.sort_unstable();
    let rate = f64::from(u32::try_from(micros.len())?) / f64::from(u32::try_from(load.seconds)?);
    Ok(json!({
        "clients": load.clients,
        "seats": seats,
        "booked": booked,
        "answered_503": turned_away.load(Ordering::Relaxed),
        "sold_out_seconds": sold_at.as_secs_f64(),
        "refusals_per_second": (rate * 10.0).round() / 10.0,
        "refusal_p50_ms": milliseconds(&micros, 50),
        "refusal_p99_ms": milliseconds(&micros, 99),
    }))
}

/// The seats of a target that can still be sold.
async fn left(db: &PgPool, target: i32) -> anyhow::Result<i64> {
    sqlx::query_scalar(
        "select (c.capacity - c.held - c.sold)::bigint from bench.target t
         join flight_cabin c on c.flight_id = t.flight_id and c.cabin = 'economy' where t.n = $1",
    )
    .bind(target)
    .fetch_optional(db)
    .await?
    .context("bench.target has no such row")
}
