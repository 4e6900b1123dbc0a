//! Tell an account that its webhook endpoint was disabled.

use flightdesk_core::outbox::{Lease, SendEndpointDisabled};
use flightdesk_core::{seller, webhook};
use tracing::info;

use super::send_mail::finish;
use crate::mail::Mail;
use crate::mail::endpoint_disabled::{self, Frame};
use crate::{Ctx, JobError};

/// Sends the mail, if the endpoint is still there and disabled. A crash after it has left sends it again, under the same
/// Message-ID.
pub async fn run(ctx: &Ctx, job: SendEndpointDisabled, lease: &Lease) -> Result<(), JobError> {
    let mut conn = ctx.db.acquire().await?;
    let disabled = webhook::disabled(&mut conn, job.endpoint_id).await?;
    let seller = seller::get(&mut conn).await?.in_one_line();
    // A slow mail server holds no connection.
    drop(conn);
    let Some(endpoint) = disabled else {
        info!(endpoint_id = %job.endpoint_id, "the endpoint is enabled again or gone, no mail sent");
        return finish(ctx, lease, false).await;
    };
    let docs = format!("{}/docs", ctx.settings.public_url.trim_end_matches('/'));
    let frame = Frame {
        link: &docs,
        seller: &seller,
        reply_to: &ctx.mail.reply_to(),
        rebook_days: ctx.settings.sales.disruption_rebook_days,
    };
    let words = endpoint_disabled::words(frame, &endpoint);
    let name = format!("endpoint_disabled.{}.{}", job.endpoint_id, lease.job_id);
    let mail = Mail {
        message_id: format!("{name}@{}", ctx.mail.host()),
        to: endpoint.email,
        subject: words.subject,
        text: words.text,
        html: words.html,
        attachments: Vec::new(),
    };
    ctx.mail.send(mail, ctx.clock.now()).await?;
    info!(endpoint_id = %job.endpoint_id, "mail about a disabled endpoint sent");
    finish(ctx, lease, true).await
}
