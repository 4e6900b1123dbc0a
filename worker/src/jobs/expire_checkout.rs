//! Ask Stripe to expire a Checkout Session whose booking has ended or is due, and settle what it says.

use flightdesk_core::backend::Backend;
use flightdesk_core::booking;
use flightdesk_core::booking_lock;
use flightdesk_core::outbox::{self, ExpireCheckout, Lease};
use flightdesk_core::payment::stripe::{CheckoutSession, StripeError};
use flightdesk_core::payment::{self, Payment, PaymentStatus};
use flightdesk_core::settlement;

use crate::{Ctx, JobError};

/// Expired: the booking ends if it is due. Complete: the money came first, and is settled.
pub async fn run(ctx: &Ctx, job: ExpireCheckout, lease: &Lease) -> Result<(), JobError> {
    let payment = find(ctx, &job).await?;
    let session = if is_over(&payment) {
        None
    } else {
        close(ctx, &job, &payment).await?
    };
    let mut tx = ctx.db.begin().await?;
    if let Some(session) = session {
        outbox::answered(&mut tx, &ctx.clock, Backend::Payments).await?;
        let settlement = settlement::settle(&mut tx, &ctx.clock, &session).await?;
        tracing::info!(payment_id = %payment.id, settlement = settlement.as_str(), "a checkout ended");
    }
    let booking = booking_lock::lock(&mut tx, payment.booking_id).await?;
    if booking.payment_due_at <= ctx.clock.now() {
        booking::expire(&mut tx, &ctx.clock, &booking).await?;
    }
    outbox::finish(&mut tx, &ctx.clock, lease).await?;
    tx.commit().await?;
    Ok(())
}

async fn find(ctx: &Ctx, job: &ExpireCheckout) -> Result<Payment, JobError> {
    let mut conn = ctx.db.acquire().await?;
    let payment = payment::find(&mut conn, job.payment_id).await?;
    payment.ok_or_else(|| JobError::fail(format!("no payment {}", job.payment_id)))
}

/// Whether the session is known to have ended. That of a cancelled payment may still be open at Stripe.
fn is_over(payment: &Payment) -> bool {
    match payment.status {
        PaymentStatus::Succeeded | PaymentStatus::Expired | PaymentStatus::Mismatched => true,
        PaymentStatus::Open | PaymentStatus::Cancelled => false,
    }
}

/// Has Stripe close the session; `None` when it was settled while Stripe was asked, and nothing is left to close.
async fn close(
    ctx: &Ctx,
    job: &ExpireCheckout,
    payment: &Payment,
) -> Result<Option<CheckoutSession>, JobError> {
    let Some(session_id) = &payment.session_id else {
        return Err(JobError::retry("the payment has no session yet"));
    };
    match ctx.stripe.expire_checkout(session_id).await {
        Ok(session) => Ok(Some(session)),
        Err(StripeError::Unavailable(cause)) => Err(JobError::away(Backend::Payments, cause)),
        Err(StripeError::Refused { .. }) if is_over(&find(ctx, job).await?) => Ok(None),
        Err(StripeError::Refused { message, .. }) => {
            Err(JobError::fail(message).answered_by(Backend::Payments))
        }
    }
}
