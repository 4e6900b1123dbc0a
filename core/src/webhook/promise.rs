//! From deliveries that are due to jobs.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::ids::{AccountId, WebhookDeliveryId, WebhookEndpointId};
use crate::outbox::{self, DeliverWebhook};
use crate::{Clock, Result};

/// Attempts of one endpoint that are under way at once, however many workers there are.
pub const MOST_UNDER_WAY: i64 = 4;
/// The same of one at which every delivery fails: it would only have the queue wait for it.
const MOST_OF_FAILING: i64 = 1;
/// Endpoints that one call looks after.
const BATCH: i64 = 100;

/// What [`promise_due`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Promised {
    /// How many jobs it has promised.
    pub jobs: usize,
    /// When the next delivery is due, as far as it is known.
    pub next_at: Option<DateTime<Utc>>,
}

/// Promises a job for each delivery that is due, the oldest first, up to what may be under way of its endpoint, in the
/// caller's transaction. Several that call it at once do not wait for each other, and together promise no more.
pub async fn promise_due(conn: &mut PgConnection, clock: &Clock) -> Result<Promised> {
    let now = clock.now();
    let endpoints = sqlx::query!(
        r#"
        select e.id as "id: WebhookEndpointId", e.account_id as "account_id: AccountId", e.failing_since is not null as "is_failing!"
        from webhook_endpoint e
        where e.status = 'enabled' and exists (
            select from webhook_delivery d
            where d.endpoint_id = e.id and d.status = 'pending' and d.job_id is null and d.next_attempt_at <= $1)
          and (select count(*) from webhook_delivery d where d.endpoint_id = e.id and d.job_id is not null)
              < case when e.failing_since is null then $3::bigint else $4::bigint end
        limit $2
        for no key update of e skip locked
        "#,
        now,
        BATCH,
        MOST_UNDER_WAY,
        MOST_OF_FAILING,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut jobs = 0;
    for endpoint in endpoints {
        let most = if endpoint.is_failing {
            MOST_OF_FAILING
        } else {
            MOST_UNDER_WAY
        };
        // A statement of its own: it sees what was under way when the lock was got.
        let due = sqlx::query_scalar!(
            r#"
            select id as "id: WebhookDeliveryId" from webhook_delivery
            where endpoint_id = $1 and status = 'pending' and job_id is null and next_attempt_at <= $2
            order by next_attempt_at, position
            limit greatest($3 - (select count(*) from webhook_delivery where endpoint_id = $1 and job_id is not null), 0)
            "#,
            endpoint.id.0,
            now,
            most,
        )
        .fetch_all(&mut *conn)
        .await?;
        for delivery_id in due {
            let job = DeliverWebhook { delivery_id };
            let job_id = outbox::put(conn, clock, Some(endpoint.account_id), &job).await?;
            sqlx::query!(
                "update webhook_delivery set job_id = $2 where id = $1",
                delivery_id.0,
                job_id.0,
            )
            .execute(&mut *conn)
            .await?;
            jobs += 1;
        }
    }
    if jobs > 0 {
        return Ok(Promised {
            jobs,
            next_at: None,
        });
    }
    let next_at = sqlx::query_scalar!(
        r#"
        select min(due.next_attempt_at) from webhook_endpoint e cross join lateral (
            select d.next_attempt_at from webhook_delivery d
            where d.endpoint_id = e.id and d.status = 'pending' and d.job_id is null and d.next_attempt_at > $1
            order by d.next_attempt_at limit 1
        ) due
        where e.status = 'enabled'
        "#,
        now,
    )
    .fetch_one(conn)
    .await?;
    Ok(Promised { jobs, next_at })
}
