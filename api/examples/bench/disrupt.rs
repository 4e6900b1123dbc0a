//! A flight with many bookings that does not fly: how long until all of them are told, and until silence has decided for all.

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::time::sleep;
use uuid::Uuid;

use crate::client::Shop;
use crate::paid;

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_mins(10);

/// Seconds from the answer to staff until every booking has its row, its event and the promise of its mail, which are one
/// commit, until the worker has sent what it promised, and from the deadline until every booking is given back by default.
///
/// The first caller may disrupt flights. Nobody waits three days: the deadline is moved to now, and the worker's clock finds it.
pub async fn run(shop: &Shop, db: &PgPool, bookings: usize, target: i32) -> anyhow::Result<Value> {
    paid::buy(shop, db, bookings, Some(target)).await?;
    let flight = shop.targets.iter().find(|one| one.n == target);
    let Some(flight) = flight.map(|one| one.flight_id) else {
        bail!("bench.target has no such row");
    };
    let path = format!("/v1/admin/flights/{flight}/disruptions");
    let body = json!({ "cancel": true, "reason": "A part has to be replaced" });
    let asked = Instant::now();
    let made = shop
        .ask(|| shop.post(shop.key(0), &path, &body), 200)
        .await?;
    let answered = asked.elapsed();
    ensure!(
        made["bookings"] == bookings,
        "{} of {bookings} bookings are concerned",
        made["bookings"]
    );
    let id: Uuid = serde_json::from_value(made["disruption_id"].clone())?;
    let begun = Instant::now();
    let promised = "select count(*) from outbox where kind = 'send_mail' and unique_key like 'flight_cancelled%'";
    let told = until(db, promised, bookings, begun).await?;
    let rows: i64 =
        sqlx::query_scalar("select count(*) from disrupted_booking where disruption_id = $1")
            .bind(id)
            .fetch_one(db)
            .await?;
    ensure!(rows == i64::try_from(bookings)?, "only {rows} were told");
    paid::idle(db).await?;
    let sent = begun.elapsed();

    sqlx::query("update disrupted_booking set decide_by = now() where disruption_id = $1")
        .bind(id)
        .execute(db)
        .await?;
    let due = Instant::now();
    let refunded =
        "select count(*) from disrupted_booking where status = 'refunded' and is_default";
    let decided = until(db, refunded, bookings, due).await?;
    paid::idle(db).await?;
    let settled = due.elapsed();
    Ok(json!({
        "bookings": bookings,
        "answer_ms": answered.as_millis(),
        "told_seconds": told.as_secs_f64(),
        "sent_seconds": sent.as_secs_f64(),
        "decided_seconds": decided.as_secs_f64(),
        "settled_seconds": settled.as_secs_f64(),
    }))
}

/// How long after `since` a query counts that many.
async fn until(
    db: &PgPool,
    query: &'static str,
    wanted: usize,
    since: Instant,
) -> anyhow::Result<Duration> {
    let wanted = i64::try_from(wanted)?;
    loop {
        let count: i64 = sqlx::query_scalar(query).fetch_one(db).await?;
        if count == wanted {
            return Ok(since.elapsed());
        }
        if since.elapsed() > PATIENCE {
            bail!(
                "{count} of {wanted} after {} s: {query}",
                PATIENCE.as_secs()
            );
        }
        sleep(BETWEEN_LOOKS).await;
    }
}
