//! Send the confirmation of a booking to its contact's phone.

use flightdesk_core::mail_content::MailContent;
use flightdesk_core::outbox::{self, Lease, MailKind, SendSms};
use tracing::info;

use crate::mail::templates;
use crate::sms::Sms;
use crate::{Ctx, JobError};

/// Sends the message, if the booking is still confirmed. A crash between sending and finishing sends it again.
pub async fn run(ctx: &Ctx, job: SendSms, lease: &Lease) -> Result<(), JobError> {
    let mut conn = ctx.db.acquire().await?;
    let content = MailContent::find(&mut conn, &ctx.clock, &ctx.settings.sales, job.booking_id)
        .await?
        .ok_or_else(|| JobError::fail(format!("there is no booking {}", job.booking_id)))?;
    drop(conn);
    if content.is_still_true(MailKind::BookingConfirmed, ctx.clock.now()) {
        ctx.texter.send(Sms {
            text: templates::sms(&content),
            to: content.phone,
        });
    } else {
        info!(booking_id = %job.booking_id, "text message no longer true, not sent");
    }
    let mut tx = ctx.db.begin().await?;
    outbox::finish(&mut tx, &ctx.clock, lease).await?;
    tx.commit().await?;
    Ok(())
}
