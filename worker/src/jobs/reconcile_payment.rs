//! Ask Stripe what became of a payment that stays open: its webhook may be lost.

use flightdesk_core::outbox::{self, Lease, ReconcilePayment};
use flightdesk_core::payment::{self, stripe::StripeError};

use crate::{Ctx, JobError};

/// Settles what Stripe says, by the same function as the webhook.
pub async fn run(ctx: &Ctx, job: ReconcilePayment, lease: &Lease) -> Result<(), JobError> {
    let mut conn = ctx.db.acquire().await?;
    let payment = payment::find(&mut conn, job.payment_id).await?;
    drop(conn);
    let session = match payment.and_then(|payment| payment.session_id) {
        None => None,
        Some(id) => match ctx.stripe.checkout(&id).await {
            Ok(session) => Some(session),
            Err(StripeError::Unavailable(cause)) => return Err(JobError::retry(cause)),
            Err(StripeError::Refused { message, .. }) => return Err(JobError::fail(message)),
        },
    };
    let mut tx = ctx.db.begin().await?;
    if let Some(session) = session {
        let settlement = payment::settle(&mut tx, &ctx.clock, &session).await?;
        tracing::info!(payment_id = %job.payment_id, settlement = settlement.as_str(), "asked about a payment");
    }
    outbox::finish(&mut tx, &ctx.clock, lease).await?;
    tx.commit().await?;
    Ok(())
}
