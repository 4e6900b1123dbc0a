//! Ask Stripe to expire a Checkout Session whose booking has ended or is due, and settle what it says.

use flightdesk_core::booking;
use flightdesk_core::outbox::{self, ExpireCheckout, Lease};
use flightdesk_core::payment::{self, stripe::StripeError};

use crate::{Ctx, JobError};

/// Expired: the booking ends if it is due. Complete: the money came first, and is settled.
pub async fn run(ctx: &Ctx, job: ExpireCheckout, lease: &Lease) -> Result<(), JobError> {
    let mut conn = ctx.db.acquire().await?;
    let payment = payment::find(&mut conn, job.payment_id).await?;
    drop(conn);
    let payment =
        payment.ok_or_else(|| JobError::fail(format!("no payment {}", job.payment_id)))?;
    let Some(session_id) = &payment.session_id else {
        return Err(JobError::retry("the payment has no session yet"));
    };
    let session = match ctx.stripe.expire_checkout(session_id).await {
        Ok(session) => session,
        Err(StripeError::Unavailable(cause)) => return Err(JobError::retry(cause)),
        Err(StripeError::Refused { message, .. }) => return Err(JobError::fail(message)),
    };
    let mut tx = ctx.db.begin().await?;
    let settlement = payment::settle(&mut tx, &ctx.clock, &session).await?;
    let booking = booking::lock(&mut tx, payment.booking_id).await?;
    if booking.payment_due_at <= ctx.clock.now() {
        booking::expire(&mut tx, &ctx.clock, &booking).await?;
    }
    outbox::finish(&mut tx, &ctx.clock, lease).await?;
    tx.commit().await?;
    tracing::info!(payment_id = %payment.id, settlement = settlement.as_str(), "a checkout ended");
    Ok(())
}
