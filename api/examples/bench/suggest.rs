//! Autosuggest as the api does it for each key press, but for HTTP.

use std::hint::black_box;
use std::time::Instant;

use flightdesk_core::place::Directory;
use serde_json::{Value, json};
use sqlx::PgPool;

/// How long one suggestion takes: beginnings of cities and airports of the catalogue, every other one with two
/// letters swapped.
pub async fn run(db: &PgPool, queries: usize) -> anyhow::Result<Value> {
    let directory = Directory::load(&mut *db.acquire().await?).await?;
    let names: Vec<String> = sqlx::query_scalar(
        "select name from (select city as name from airport where scheduled union select name from airport where scheduled) as names
         order by md5(name)",
    )
    .fetch_all(db)
    .await?;
    anyhow::ensure!(
        !names.is_empty(),
        "there are no airports: run `manage loaddata`"
    );
    let mut millis: Vec<f64> = (0..queries)
        .map(|number| {
            let typed = typed(&names[number % names.len()], number);
            let began = Instant::now();
            black_box(directory.suggest(black_box(&typed), 10));
            began.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    millis.sort_by(f64::total_cmp);
    let at = |percent: usize| millis.get(millis.len() * percent / 100).or(millis.last());
    Ok(json!({
        "queries": queries,
        "p50_ms": at(50),
        "p99_ms": at(99),
        "max_ms": millis.last(),
    }))
}

// From one letter to the whole name.
fn typed(name: &str, number: usize) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    letters.truncate(1 + number * 7 % letters.len());
    if number % 2 == 1 && letters.len() > 4 {
        letters.swap(2, 3);
    }
    letters.into_iter().collect()
}
