//! Deliveries that somebody asks for: again, of a range of time, or as a test.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::deliveries::find_delivery;
use super::endpoint;
use super::model::{Delivery, TEST_TYPE};
use crate::booking_event::Kind;
use crate::error::Violations;
use crate::ids::{AccountId, WebhookDeliveryId, WebhookEndpointId};
use crate::{Clock, Result};

/// Events that one call replays.
pub const MOST_REPLAYED: usize = 1_000;

/// What a range came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// How many events are delivered again, or for the first time.
    pub events: usize,
    /// Where the next call goes on, when there are more than one call replays.
    pub next_from: Option<DateTime<Utc>>,
}

/// Has a delivery made again, whatever became of it before: at once, and with all attempts. The message is the same, with
/// the same `webhook-id`.
///
/// [`crate::Error::NotFound`] for anybody else's.
pub async fn replay(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    endpoint_id: WebhookEndpointId,
    id: WebhookDeliveryId,
) -> Result<Delivery> {
    endpoint::lock(conn, account_id, endpoint_id).await?;
    // One whose attempt is promised is made in a moment.
    sqlx::query!(
        r#"
        update webhook_delivery set status = 'pending', attempts = 0, next_attempt_at = $3
        where id = $1 and endpoint_id = $2 and job_id is null
        "#,
        id.0,
        endpoint_id.0,
        clock.now(),
    )
    .execute(&mut *conn)
    .await?;
    find_delivery(conn, endpoint_id, id).await
}

/// Has every event of the account's bookings delivered that happened from `from` on and before `to` and that the endpoint
/// wants: again, or for the first time where it was not there or disabled.
///
/// Errors: [`crate::Error::NotFound`] for anybody else's endpoint, [`crate::Error::Invalid`].
pub async fn replay_range(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    endpoint_id: WebhookEndpointId,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Replayed> {
    if from >= to {
        let mut wrong = Violations::new();
        wrong.add("to", "order", "must be later than `from`");
        return Err(wrong.into_error());
    }
    endpoint::lock(conn, account_id, endpoint_id).await?;
    let kinds: Vec<_> = Kind::ALL
        .iter()
        .map(|kind| kind.as_str().to_owned())
        .collect();
    let types: Vec<_> = Kind::ALL
        .iter()
        .map(|kind| kind.published_as().to_owned())
        .collect();
    let limit = i64::try_from(MOST_REPLAYED).unwrap_or(i64::MAX) + 1;
    let mut events = sqlx::query!(
        r#"
        select e.id, e.occurred_at, told.as_type as "as_type!"
        from booking b
        join booking_event e on e.booking_id = b.id
        join unnest($4::text[], $5::text[]) as told (kind, as_type) on told.kind = e.kind
        join webhook_endpoint endpoint on endpoint.id = $6
        where b.account_id = $1 and e.occurred_at >= $2 and e.occurred_at < $3
          and (endpoint.events = '{}' or told.as_type = any(endpoint.events))
        order by e.occurred_at, e.position
        limit $7
        "#,
        account_id.0,
        from,
        to,
        &kinds,
        &types,
        endpoint_id.0,
        limit,
    )
    .fetch_all(&mut *conn)
    .await?;
    let next_from = events.get(MOST_REPLAYED).map(|event| event.occurred_at);
    events.truncate(MOST_REPLAYED);
    let (ids, types): (Vec<_>, Vec<_>) = events
        .into_iter()
        .map(|event| (event.id, event.as_type))
        .unzip();
    sqlx::query!(
        r#"
        insert into webhook_delivery (id, endpoint_id, event_id, event_type, created_at, next_attempt_at)
        select gen_random_uuid(), $1, told.id, told.as_type, $4, $4 from unnest($2::uuid[], $3::text[]) as told (id, as_type)
        on conflict on constraint webhook_delivery_once
        do update set status = 'pending', attempts = 0, next_attempt_at = excluded.next_attempt_at where webhook_delivery.job_id is null
        "#,
        endpoint_id.0,
        &ids,
        &types,
        clock.now(),
    )
    .execute(conn)
    .await?;
    Ok(Replayed {
        events: ids.len(),
        next_from,
    })
}

/// Promises a message that says nothing, to see whether the endpoint works: one attempt, which counts for nothing else.
///
/// [`crate::Error::NotFound`] for anybody else's.
pub async fn test(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    endpoint_id: WebhookEndpointId,
) -> Result<Delivery> {
    endpoint::lock(conn, account_id, endpoint_id).await?;
    let id = sqlx::query_scalar!(
        r#"
        insert into webhook_delivery (id, endpoint_id, event_id, event_type, created_at, next_attempt_at)
        values ($1, $2, $3, $4, $5, $5)
        returning id as "id: WebhookDeliveryId"
        "#,
        WebhookDeliveryId::new().0,
        endpoint_id.0,
        Uuid::now_v7(),
        TEST_TYPE,
        clock.now(),
    )
    .fetch_one(&mut *conn)
    .await?;
    find_delivery(conn, endpoint_id, id).await
}
