//! Send the link that sets another password.

use flightdesk_core::account::{self, RESET_TIME, ResetLinks};
use flightdesk_core::outbox::{Lease, SendPasswordReset};
use flightdesk_core::seller;
use tracing::{info, warn};

use super::send_mail::{count, finish};
use crate::mail::Mail;
use crate::mail::password_reset::{self, Frame};
use crate::{Ctx, JobError};

/// Sends the link. A job may have been promised for an account that does not exist, so that nobody learns which do: it
/// sends nothing.
///
/// The link is made when the mail leaves, so that it lasts as long as it says, and names the password of that moment.
pub async fn run(ctx: &Ctx, job: SendPasswordReset, lease: &Lease) -> Result<(), JobError> {
    let mut conn = ctx.db.acquire().await?;
    let found = account::find_resettable(&mut conn, job.account_id).await?;
    let seller = seller::get(&mut conn).await?.in_one_line();
    // A slow mail server holds no connection.
    drop(conn);
    let Some(whose) = found else {
        info!("no account, no link sent");
        return finish(ctx, lease, false).await;
    };
    let account = &whose.account;
    let name = format!("reset_password.{}.{}", account.id, lease.job_id);
    if !count(ctx, &account.email, &name).await? {
        warn!(account_id = %account.id, "its address has had enough mails this hour, no link sent");
        return finish(ctx, lease, false).await;
    }
    let expires_at = ctx.clock.now() + RESET_TIME;
    let frame = Frame {
        link: &ResetLinks::new(&ctx.settings).page(&whose, expires_at),
        seller: &seller,
        reply_to: &ctx.mail.reply_to(),
        rebook_days: ctx.settings.sales.disruption_rebook_days,
    };
    let words = password_reset::words(frame, expires_at);
    let mail = Mail {
        message_id: format!("{name}@{}", ctx.mail.host()),
        to: account.email.clone(),
        subject: words.subject,
        text: words.text,
        html: words.html,
        attachments: Vec::new(),
    };
    ctx.mail.send(mail, ctx.clock.now()).await?;
    info!(account_id = %account.id, "link to set another password sent");
    finish(ctx, lease, true).await
}
