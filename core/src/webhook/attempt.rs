//! One attempt to deliver: what is sent, and what its answer leads to.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{DeliveryStatus, DisabledReason, TEST_TYPE};
use super::schedule;
use super::secret::{WebhookSecret, WebhookSecrets};
use crate::booking_event::{self, PUBLISHED_VERSION};
use crate::ids::{AccountId, JobId, WebhookDeliveryId, WebhookEndpointId};
use crate::outbox::{self, SendEndpointDisabled, redact};
use crate::{Clock, Error, Result};

/// What is sent.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The delivery.
    pub delivery_id: WebhookDeliveryId,
    /// Where it goes.
    pub url: String,
    /// The header `webhook-id`.
    pub event_id: Uuid,
    /// The same text at every attempt.
    pub body: String,
    endpoint_id: WebhookEndpointId,
    account_id: AccountId,
    secrets: Vec<WebhookSecret>,
    number: i32,
    is_test: bool,
}

impl Attempt {
    /// The headers of Standard Webhooks at this instant, signed with each secret that is good.
    pub fn headers(&self, now: DateTime<Utc>) -> [(&'static str, String); 3] {
        let timestamp = now.timestamp();
        let sign = |secret: &WebhookSecret| secret.sign(self.event_id, timestamp, &self.body);
        let signatures: Vec<_> = self.secrets.iter().map(sign).collect();
        [
            ("webhook-id", self.event_id.to_string()),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", signatures.join(" ")),
        ]
    }
}

/// What an attempt came to.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    /// The headers that were sent.
    pub headers: Vec<(&'static str, String)>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// The beginning of the answer.
    pub body: Option<String>,
    /// How long that took.
    pub duration_ms: u32,
    /// Why there is no answer, or why it is none that counts.
    pub error: Option<String>,
}

impl Exchange {
    fn is_success(&self) -> bool {
        self.error.is_none()
            && self
                .status
                .is_some_and(|status| (200..300).contains(&status))
    }
}

/// What an attempt led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The endpoint has it.
    Delivered,
    /// It is tried again at this instant.
    RetryAt(DateTime<Utc>),
    /// It is not tried again by itself.
    Failed,
}

/// What a job is to send: `None` when its delivery is not wanted now, because it was delivered, its endpoint is disabled or
/// deleted, or another job has it. Then the job is done.
pub async fn begin(
    conn: &mut PgConnection,
    clock: &Clock,
    secrets: &WebhookSecrets,
    delivery_id: WebhookDeliveryId,
    job_id: JobId,
) -> Result<Option<Attempt>> {
    let row = sqlx::query!(
        r#"
        select d.event_id, d.event_type, d.attempts, d.request_body, d.created_at, e.id as "endpoint_id: WebhookEndpointId",
               e.account_id as "account_id: AccountId", e.url,
               (select array_agg(s.id order by s.valid_until desc nulls first) from webhook_secret s
                where s.endpoint_id = e.id and (s.valid_until is null or s.valid_until > $3)) as "secrets!"
        from webhook_delivery d join webhook_endpoint e on e.id = d.endpoint_id
        where d.id = $1 and d.job_id = $2 and d.status = 'pending' and e.status = 'enabled'
        "#,
        delivery_id.0,
        job_id.0,
        clock.now(),
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let is_test = row.event_type == TEST_TYPE;
    let body = match row.request_body {
        Some(body) => body,
        None if is_test => {
            let timestamp = row
                .created_at
                .to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
            json!({ "type": TEST_TYPE, "version": PUBLISHED_VERSION, "timestamp": timestamp, "data": { "event_id": row.event_id } }).to_string()
        }
        None => {
            let (event, reference) = booking_event::find(conn, row.event_id)
                .await?
                .ok_or_else(|| Error::Internal(format!("no event {} to deliver", row.event_id)))?;
            booking_event::published(&event, &reference, &row.event_type).to_string()
        }
    };
    let derive = |id: Uuid| secrets.derive(row.endpoint_id, id);
    Ok(Some(Attempt {
        delivery_id,
        url: row.url,
        event_id: row.event_id,
        body,
        endpoint_id: row.endpoint_id,
        account_id: row.account_id,
        secrets: row.secrets.into_iter().map(derive).collect(),
        number: row.attempts + 1,
        is_test,
    }))
}

/// Gives a delivery back whose job does not send it: it is promised again when it is due and its endpoint enabled.
pub async fn release(
    conn: &mut PgConnection,
    delivery_id: WebhookDeliveryId,
    job_id: JobId,
) -> Result<()> {
    sqlx::query!(
        "update webhook_delivery set job_id = null where id = $1 and job_id = $2",
        delivery_id.0,
        job_id.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives up a delivery whose job is dead: nobody knows what its attempts came to, and a person looks at the job. It is made
/// again by hand.
pub async fn release_dead(conn: &mut PgConnection, delivery_id: WebhookDeliveryId) -> Result<()> {
    sqlx::query!(
        "update webhook_delivery set status = 'failed', next_attempt_at = null, job_id = null where id = $1 and status = 'pending'",
        delivery_id.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes down what an attempt came to, in the transaction that ends its job, and disables the endpoint when it is gone or
/// has failed for three days; then it promises the mail that says so.
pub async fn record(
    conn: &mut PgConnection,
    clock: &Clock,
    attempt: &Attempt,
    exchange: &Exchange,
) -> Result<Verdict> {
    let now = clock.now();
    let verdict = if exchange.is_success() {
        Verdict::Delivered
    } else if attempt.is_test {
        Verdict::Failed
    } else {
        match schedule::after(attempt.number) {
            Some(wait) if exchange.status != Some(410) => Verdict::RetryAt(now + wait),
            _ => Verdict::Failed,
        }
    };
    // The endpoint before its deliveries, as in `promise_due`.
    match verdict {
        Verdict::Delivered => still_works(conn, attempt.endpoint_id).await?,
        // Whoever asks for a test looks at its answer.
        _ if attempt.is_test => {}
        _ => fails(conn, clock, attempt, exchange.status == Some(410)).await?,
    }
    let (status, next_attempt_at) = match verdict {
        Verdict::Delivered => (DeliveryStatus::Delivered, None),
        Verdict::RetryAt(at) => (DeliveryStatus::Pending, Some(at)),
        Verdict::Failed => (DeliveryStatus::Failed, None),
    };
    let headers: Value = (exchange.headers.iter())
        .map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())))
        .collect::<serde_json::Map<_, _>>()
        .into();
    sqlx::query!(
        r#"
        update webhook_delivery
        set status = $2, next_attempt_at = $3, job_id = null, attempts = $4, attempted_at = $5, request_headers = $6,
            request_body = $7, response_status = $8, response_body = $9, duration_ms = $10, error = $11
        where id = $1
        "#,
        attempt.delivery_id.0,
        status.as_str(),
        next_attempt_at,
        attempt.number,
        now,
        headers,
        attempt.body,
        exchange.status.and_then(|status| i16::try_from(status).ok()),
        exchange.body,
        i32::try_from(exchange.duration_ms).unwrap_or(i32::MAX),
        exchange.error.as_deref().map(redact),
    )
    .execute(conn)
    .await?;
    Ok(verdict)
}

async fn still_works(conn: &mut PgConnection, id: WebhookEndpointId) -> Result<()> {
    sqlx::query!(
        "update webhook_endpoint set failing_since = null where id = $1 and failing_since is not null",
        id.0
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that a delivery failed, and disables the endpoint when that is enough.
async fn fails(
    conn: &mut PgConnection,
    clock: &Clock,
    attempt: &Attempt,
    is_gone: bool,
) -> Result<()> {
    let now = clock.now();
    sqlx::query!(
        "update webhook_endpoint set failing_since = $2 where id = $1 and failing_since is null and status = 'enabled'",
        attempt.endpoint_id.0,
        now,
    )
    .execute(&mut *conn)
    .await?;
    let reason = if is_gone {
        DisabledReason::Gone
    } else {
        DisabledReason::Failing
    };
    let disabled = sqlx::query!(
        r#"
        update webhook_endpoint set status = 'disabled', disabled_reason = $2, disabled_at = $3
        where id = $1 and status = 'enabled' and ($4 or failing_since <= $5)
        "#,
        attempt.endpoint_id.0,
        reason.as_str(),
        now,
        is_gone,
        now - schedule::PATIENCE,
    )
    .execute(&mut *conn)
    .await?;
    if disabled.rows_affected() == 1 {
        let job = SendEndpointDisabled {
            endpoint_id: attempt.endpoint_id,
        };
        outbox::put(conn, clock, Some(attempt.account_id), &job).await?;
        tracing::warn!(
            endpoint_id = %attempt.endpoint_id,
            account_id = %attempt.account_id,
            reason = reason.as_str(),
            "a webhook endpoint was disabled"
        );
    }
    Ok(())
}
