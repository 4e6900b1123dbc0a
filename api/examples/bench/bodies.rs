//! The worst bodies of a mebibyte, as a stranger with a key could send them. The whole set, from every schema, is a test
//! (`api/tests/it/worst_bodies.rs`); here are the costliest of each kind, against an optimised build.

use std::fs;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::client::Shop;

const MIB: usize = 1024 * 1024;
/// `/proc` counts processor time in hundredths of a second: many requests make a number.
const TIMES: u32 = 20;
const TICKS_PER_SECOND: f64 = 100.0;

/// Milliseconds of the api's processor time for one request of the worst kind, and which that is.
pub async fn run(shop: &Shop, pid: u32) -> anyhow::Result<Value> {
    let mut kinds = Vec::new();
    for (what, body) in bodies() {
        for path in ["/v1/bookings", "/v1/holds"] {
            // Once without the clock: schemas are compiled at the first.
            send(shop, path, &body).await?;
            let before = ticks(pid)?;
            for _ in 0..TIMES {
                send(shop, path, &body).await?;
            }
            let took = f64::from(ticks(pid)? - before) / TICKS_PER_SECOND * 1000.0;
            kinds.push((took / f64::from(TIMES), format!("{what} to {path}")));
        }
    }
    kinds.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (worst_ms, worst) = kinds.first().context("no body")?;
    let all: Vec<_> = (kinds.iter())
        .map(|(ms, what)| json!({"ms": ms, "what": what}))
        .collect();
    Ok(json!({"worst_ms": worst_ms, "worst": worst, "bodies": kinds.len(), "all": all}))
}

async fn send(shop: &Shop, path: &str, body: &str) -> anyhow::Result<()> {
    let request = || {
        shop.post(shop.key(0), path, &Value::Null)
            .body(body.to_owned())
    };
    let status = shop.answer(request).await?.status();
    ensure!(status.is_client_error(), "{path} answered {status}");
    Ok(())
}

/// Hundredths of a second that a process has computed (`man 5 proc`: `utime` and `stime`).
fn ticks(pid: u32) -> anyhow::Result<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("this needs Linux")?;
    let (_, fields) = stat.rsplit_once(") ").context("no fields")?;
    let fields: Vec<_> = fields.split(' ').collect();
    let ticks = |field: usize| {
        fields
            .get(field)
            .and_then(|field| field.parse::<u32>().ok())
    };
    Ok(ticks(11).context("utime")? + ticks(12).context("stime")?)
}

fn bodies() -> Vec<(&'static str, String)> {
    let many = |item: &str| {
        let count = (MIB - 64) / (item.len() + 1);
        format!("[{}]", vec![item; count].join(","))
    };
    let names = |count: usize| {
        let names: Vec<_> = (0..count).map(|n| format!("\"n{n}\":{n}")).collect();
        format!("{{{}}}", names.join(","))
    };
    let passenger = r#"{"title":"ms","first_name":"A","last_name":"B","gender":"female","date_of_birth":"1990-04-12"}"#;
    vec![
        ("open arrays", "[".repeat(MIB)),
        (
            "a text of escapes",
            format!("\"{}\"", "\\u0000".repeat(MIB / 6 - 1)),
        ),
        ("digits", "9".repeat(MIB)),
        ("unknown fields", names(60_000)),
        ("unknown fields within the bound", names(15_000)),
        ("empty objects", many("{}")),
        ("offers", format!("{{\"offers\":{}}}", many("\"x\""))),
        (
            "passengers",
            format!("{{\"passengers\":{}}}", many(passenger)),
        ),
        (
            "passengers of nothing",
            format!("{{\"passengers\":{}}}", many("{}")),
        ),
        ("passengers within the bound", {
            let some = vec!["{}"; 14_000].join(",");
            format!("{{\"passengers\":[{some}]}}")
        }),
    ]
}
