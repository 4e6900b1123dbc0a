//! The log of deliveries.

use chrono::Duration;
use sqlx::PgConnection;

use super::model::{Delivery, DeliveryStatus};
use crate::ids::{WebhookDeliveryId, WebhookEndpointId};
use crate::{Clock, Error, Result};

/// How long a delivery is remembered.
const REMEMBERED: Duration = Duration::days(30);
/// Rows that one transaction deletes at most.
const BATCH: i64 = 500;

/// Up to `limit` deliveries to an endpoint, the newest promise first, those behind `after`. The caller has made sure whose
/// endpoint it is.
pub async fn list_deliveries(
    conn: &mut PgConnection,
    endpoint_id: WebhookEndpointId,
    status: Option<DeliveryStatus>,
    after: Option<WebhookDeliveryId>,
    limit: i64,
) -> Result<Vec<Delivery>> {
    select(conn, endpoint_id, None, status, after, limit).await
}

/// One of them. [`Error::NotFound`] for another endpoint's.
pub async fn find_delivery(
    conn: &mut PgConnection,
    endpoint_id: WebhookEndpointId,
    id: WebhookDeliveryId,
) -> Result<Delivery> {
    let found = select(conn, endpoint_id, Some(id), None, None, 1).await?;
    found.into_iter().next().ok_or(Error::NotFound("delivery"))
}

async fn select(
    conn: &mut PgConnection,
    endpoint_id: WebhookEndpointId,
    id: Option<WebhookDeliveryId>,
    status: Option<DeliveryStatus>,
    after: Option<WebhookDeliveryId>,
    limit: i64,
) -> Result<Vec<Delivery>> {
    Ok(sqlx::query_as!(
        Delivery,
        r#"
        select id as "id: WebhookDeliveryId", event_id, event_type, created_at, status as "status: DeliveryStatus", attempts,
               next_attempt_at, attempted_at, request_headers, request_body, response_status, response_body, duration_ms, error
        from webhook_delivery
        where endpoint_id = $1 and ($2::uuid is null or id = $2) and ($3::text is null or status = $3)
          and ($4::uuid is null or position < (select position from webhook_delivery where id = $4 and endpoint_id = $1))
        order by position desc
        limit $5
        "#,
        endpoint_id.0,
        id.map(|id| id.0),
        status.map(DeliveryStatus::as_str),
        after.map(|after| after.0),
        limit,
    )
    .fetch_all(conn)
    .await?)
}

/// Deletes up to 500 deliveries promised more than 30 days ago and returns how many: call again until it is none. Also of
/// endpoints that are gone.
pub async fn trim(conn: &mut PgConnection, clock: &Clock) -> Result<u64> {
    let deleted = sqlx::query!(
        r#"
        delete from webhook_delivery where id in (
            select id from webhook_delivery where created_at < $1 and job_id is null order by created_at limit $2 for update skip locked)
        "#,
        clock.now() - REMEMBERED,
        BATCH,
    )
    .execute(conn)
    .await?;
    Ok(deleted.rows_affected())
}
