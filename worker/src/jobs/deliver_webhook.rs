//! Make one attempt to deliver an event to an endpoint.

use flightdesk_core::outbox::{self, DeliverWebhook, Lease};
use flightdesk_core::webhook::{self, Verdict};
use tracing::info;

use crate::{Ctx, JobError};

/// Sends it, if it is still wanted, and writes down what came of it. No answer is no failure of the job: the delivery has a
/// clock of its own. A crash after it was sent sends it again, with the same `webhook-id`.
pub async fn run(ctx: &Ctx, job: DeliverWebhook, lease: &Lease) -> Result<(), JobError> {
    let (clock, secrets) = (&ctx.clock, &ctx.webhooks.secrets);
    let mut conn = ctx.db.acquire().await?;
    let wanted = webhook::begin(&mut conn, clock, secrets, job.delivery_id, lease.job_id).await?;
    // A slow endpoint holds no connection.
    drop(conn);
    let Some(attempt) = wanted else {
        info!(delivery_id = %job.delivery_id, "webhook no longer wanted, not sent");
        let mut tx = ctx.db.begin().await?;
        webhook::release(&mut tx, job.delivery_id, lease.job_id).await?;
        outbox::finish(&mut tx, clock, lease).await?;
        tx.commit().await?;
        return Ok(());
    };
    let exchange = ctx.webhooks.send(&attempt, clock.now()).await;
    let mut tx = ctx.db.begin().await?;
    let verdict = webhook::record(&mut tx, clock, &attempt, &exchange).await?;
    outbox::finish(&mut tx, clock, lease).await?;
    tx.commit().await?;
    crate::metrics::delivered(verdict);
    let (status, ms) = (exchange.status, exchange.duration_ms);
    match verdict {
        Verdict::Delivered => {
            info!(delivery_id = %job.delivery_id, status, ms, "webhook delivered");
        }
        Verdict::RetryAt(at) => {
            info!(delivery_id = %job.delivery_id, status, ms, error = exchange.error, retry_at = %at, "webhook not delivered");
        }
        Verdict::Failed => {
            info!(delivery_id = %job.delivery_id, status, ms, error = exchange.error, "webhook given up");
        }
    }
    Ok(())
}
