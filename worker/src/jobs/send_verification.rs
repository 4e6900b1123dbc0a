//! Send the link that verifies an account's address.

use chrono::Duration;
use flightdesk_core::account::{self, VerificationLinks};
use flightdesk_core::outbox::{Lease, SendVerification};
use flightdesk_core::seller;
use tracing::{info, warn};

use super::send_mail::{count, finish};
use crate::mail::Mail;
use crate::mail::verification::{self, Frame};
use crate::{Ctx, JobError};

/// Sends the link, unless the address is verified already. A job may have been promised for an account that does not
/// exist, so that nobody learns which do: it sends nothing.
///
/// As with every mail, a crash after it has left sends it again, under the same Message-ID.
pub async fn run(ctx: &Ctx, job: SendVerification, lease: &Lease) -> Result<(), JobError> {
    let mut conn = ctx.db.acquire().await?;
    let unverified = account::find_unverified(&mut conn, job.account_id).await?;
    let seller = seller::get(&mut conn).await?.in_one_line();
    // A slow mail server holds no connection.
    drop(conn);
    let Some(account) = unverified else {
        info!("no address to verify, no link sent");
        return finish(ctx, lease, false).await;
    };
    let name = format!("verify_email.{}.{}", account.id, lease.job_id);
    if !count(ctx, &account.email, &name).await? {
        warn!(account_id = %account.id, "its address has had enough mails this hour, no link sent");
        return finish(ctx, lease, false).await;
    }
    let hours = i64::from(ctx.settings.mail.verification_link_hours);
    let expires_at = ctx.clock.now() + Duration::hours(hours);
    let links = VerificationLinks::new(&ctx.settings);
    let frame = Frame {
        link: &links.page(account.id, &account.email, expires_at),
        seller: &seller,
        reply_to: &ctx.mail.reply_to(),
        rebook_days: ctx.settings.sales.disruption_rebook_days,
    };
    let words = verification::words(frame, expires_at);
    let mail = Mail {
        message_id: format!("{name}@{}", ctx.mail.host()),
        to: account.email,
        subject: words.subject,
        text: words.text,
        html: words.html,
        attachments: Vec::new(),
    };
    ctx.mail.send(mail, ctx.clock.now()).await?;
    info!(account_id = %account.id, "link to verify an address sent");
    finish(ctx, lease, true).await
}
