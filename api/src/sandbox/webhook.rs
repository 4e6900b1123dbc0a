//! Events on their way out (<https://docs.stripe.com/webhooks>, <https://docs.stripe.com/webhooks/signature>).

use chrono::{DateTime, Duration, Utc};
use futures::future::join_all;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use sha2::Sha256;

use super::Sandbox;
use super::event::Event;

/// How long to wait after each failed attempt. Stripe tries for three days, which is too long for tests.
const BACK_OFF: [Duration; 6] = [
    Duration::seconds(1),
    Duration::seconds(5),
    Duration::seconds(25),
    Duration::minutes(2),
    Duration::minutes(10),
    Duration::hours(1),
];
/// How many deliveries are tried at once.
const BATCH: i64 = 10;

struct Delivery {
    id: i64,
    event_id: String,
    attempts: i32,
}

/// Tries what is due, and says how many that were. While one is tried nobody else takes it: it is due again in 30
/// seconds, should this process die.
pub(super) async fn deliver(sandbox: &Sandbox) -> Result<usize, sqlx::Error> {
    let now = sandbox.clock.now();
    let claimed = sqlx::query_as!(
        Delivery,
        "
        update sandbox.webhook_delivery set attempts = attempts + 1, due_at = $1::timestamptz + interval '30 seconds'
        where id in (
            select id from sandbox.webhook_delivery
            where delivered_at is null and given_up_at is null and due_at <= $1
            order by due_at, id
            limit $2
            for update skip locked
        )
        returning id, event_id, attempts
        ",
        now,
        BATCH
    )
    .fetch_all(&*sandbox.db)
    .await?;
    let count = claimed.len();
    for outcome in join_all(
        claimed
            .into_iter()
            .map(|delivery| attempt(sandbox, delivery)),
    )
    .await
    {
        outcome?;
    }
    Ok(count)
}

async fn attempt(sandbox: &Sandbox, delivery: Delivery) -> Result<(), sqlx::Error> {
    let mut conn = sandbox.db.acquire().await?;
    let Ok(Some(event)) = Event::find(&mut conn, &delivery.event_id).await else {
        // Logged where it failed; due again when the claim lapses.
        return Ok(());
    };
    // No connection is held while the other side thinks.
    drop(conn);
    let body = event.json().to_string();
    let signed_at = sandbox.clock.now().timestamp();
    let answer = sandbox
        .http
        .post(&sandbox.webhook_url)
        .header("content-type", "application/json; charset=utf-8")
        .header(
            "user-agent",
            "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        )
        .header("stripe-signature", signature(sandbox, signed_at, &body))
        .body(body)
        .send()
        .await;
    let (delivered, said) = match answer {
        Ok(answer) => (answer.status().is_success(), answer.status().to_string()),
        Err(error) => (false, error.without_url().to_string()),
    };
    let now = sandbox.clock.now();
    let wait = usize::try_from(delivery.attempts - 1)
        .ok()
        .and_then(|failures| BACK_OFF.get(failures));
    let retry_at: Option<DateTime<Utc>> = wait.map(|wait| now + *wait);
    if !delivered {
        tracing::debug!(
            event = event.id,
            kind = event.kind,
            said,
            "a sandbox event was not taken"
        );
    }
    sqlx::query!(
        "
        update sandbox.webhook_delivery
        set delivered_at = case when $2 then $3::timestamptz end,
            given_up_at  = case when not $2 and $4::timestamptz is null then $3 end,
            due_at       = coalesce($4, due_at),
            last_answer  = $5
        where id = $1 and delivered_at is null
        ",
        delivery.id,
        delivered,
        now,
        retry_at,
        said
    )
    .execute(&*sandbox.db)
    .await?;
    Ok(())
}

/// `t=…,v1=…`: HMAC-SHA256 with the endpoint's secret over the time, a dot and the body.
fn signature(sandbox: &Sandbox, signed_at: i64, body: &str) -> String {
    use std::fmt::Write as _;
    let secret = sandbox.webhook_secret.expose_secret().as_bytes();
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length is a key");
    mac.update(format!("{signed_at}.{body}").as_bytes());
    let mut header = format!("t={signed_at},v1=");
    for byte in mac.finalize().into_bytes() {
        // Writing into a String cannot fail.
        let _ = write!(header, "{byte:02x}");
    }
    header
}
