//! Ask Stripe for a refund that was promised, or what became of it.

use flightdesk_core::backend::Backend;
use flightdesk_core::fault;
use flightdesk_core::outbox::{self, CreateRefund, Lease};
use flightdesk_core::payment::{self, stripe::StripeError};

use crate::{Ctx, JobError};

/// Asks with a key made of the refund's id, so that K runs make one refund. What Stripe refuses is failed, for staff. Nothing
/// is asked for of a payment that is disputed: the end of the dispute promises the job again.
pub async fn run(ctx: &Ctx, job: CreateRefund, lease: &Lease) -> Result<(), JobError> {
    let mut conn = ctx.db.acquire().await?;
    let pending = payment::find_refund(&mut conn, job.refund_id).await?;
    drop(conn);
    let answer = match &pending {
        None => None,
        Some(refund) if refund.is_disputed && refund.stripe_refund_id.is_none() => None,
        Some(refund) => Some(match &refund.stripe_refund_id {
            Some(known) => ctx.stripe.refund(known).await,
            None => {
                ctx.stripe
                    .create_refund(refund.id, &refund.payment_intent, refund.amount)
                    .await
            }
        }),
    };
    fault::point("refund_asked");
    let mut tx = ctx.db.begin().await?;
    if let Some(Ok(_) | Err(StripeError::Refused { .. })) = &answer {
        outbox::answered(&mut tx, &ctx.clock, Backend::Payments).await?;
    }
    match answer {
        None => {}
        Some(Ok(answer)) => {
            payment::record_refund(&mut tx, &ctx.clock, job.refund_id, &answer).await?;
        }
        Some(Err(StripeError::Unavailable(cause))) => {
            return Err(JobError::away(Backend::Payments, cause));
        }
        Some(Err(StripeError::Refused { code, .. }))
            if code.as_deref() == Some(payment::CHARGE_DISPUTED) =>
        {
            tracing::warn!(refund_id = %job.refund_id, "a refund waits: its payment is disputed");
            payment::refund_waits(&mut tx, &ctx.clock, job.refund_id).await?;
        }
        Some(Err(StripeError::Refused { code, message })) => {
            tracing::error!(refund_id = %job.refund_id, code, message, "the payment provider refused a refund");
            payment::refund_failed(&mut tx, &ctx.clock, job.refund_id, &message).await?;
        }
    }
    outbox::finish(&mut tx, &ctx.clock, lease).await?;
    fault::point("refund_recorded");
    tx.commit().await?;
    fault::point("refund_committed");
    Ok(())
}
