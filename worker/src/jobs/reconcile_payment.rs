//! Ask Stripe what became of a payment that stays open: its webhook may be lost.

use flightdesk_core::backend::Backend;
use flightdesk_core::outbox::{self, Lease, ReconcilePayment};
use flightdesk_core::payment::stripe::{CheckoutSession, StripeError};
use flightdesk_core::payment::{self, PaymentStatus};
use flightdesk_core::settlement;

use crate::{Ctx, JobError};

/// Settles what Stripe says, by the same function as the webhook. A payment that is settled already needs no answer.
pub async fn run(ctx: &Ctx, job: ReconcilePayment, lease: &Lease) -> Result<(), JobError> {
    let session = match open_session(ctx, &job).await? {
        None => None,
        Some(id) => ask(ctx, &job, &id).await?,
    };
    let mut tx = ctx.db.begin().await?;
    if let Some(session) = session {
        outbox::answered(&mut tx, &ctx.clock, Backend::Payments).await?;
        let settlement = settlement::settle(&mut tx, &ctx.clock, &session).await?;
        tracing::info!(payment_id = %job.payment_id, settlement = settlement.as_str(), "asked about a payment");
    }
    outbox::finish(&mut tx, &ctx.clock, lease).await?;
    tx.commit().await?;
    Ok(())
}

/// The session to ask about, as long as the payment is open.
async fn open_session(ctx: &Ctx, job: &ReconcilePayment) -> Result<Option<String>, JobError> {
    let mut conn = ctx.db.acquire().await?;
    let payment = payment::find(&mut conn, job.payment_id).await?;
    Ok(payment
        .filter(|payment| payment.status == PaymentStatus::Open)
        .and_then(|payment| payment.session_id))
}

/// What Stripe says; `None` when it says no and the payment was settled meanwhile.
async fn ask(
    ctx: &Ctx,
    job: &ReconcilePayment,
    session_id: &str,
) -> Result<Option<CheckoutSession>, JobError> {
    match ctx.stripe.checkout(session_id).await {
        Ok(session) => Ok(Some(session)),
        Err(StripeError::Unavailable(cause)) => Err(JobError::away(Backend::Payments, cause)),
        Err(StripeError::Refused { .. }) if open_session(ctx, job).await?.is_none() => Ok(None),
        Err(StripeError::Refused { message, .. }) => {
            Err(JobError::fail(message).answered_by(Backend::Payments))
        }
    }
}
