//! Send one mail about a booking to its contact.
//!
//! **A mail waits for its documents as long as it takes.** It is put off without an attempt, and the document that
//! becomes ready last makes it due. An answer of the mail server about one recipient (4xx) counts, with waits of up
//! to four hours and for four to five days, as RFC 5321 wants it.

use flightdesk_core::backend::Backend;
use flightdesk_core::booking::BookingLinks;
use flightdesk_core::document::DocumentStatus;
use flightdesk_core::fault;
use flightdesk_core::mail::admit_to_stranger;
use flightdesk_core::mail_content::MailContent;
use flightdesk_core::outbox::{self, Lease, MailKind, SendMail};
use tracing::{info, warn};

use crate::mail::templates::Frame;
use crate::mail::{Attachment, Mail, MailError, calendar, templates};
use crate::{Ctx, JobError};

/// Sends the mail, if what it says is still true.
///
/// The mail leaves before the job is done: a crash in between sends it again, under the same Message-ID. Until the
/// booking's tickets are ready, and while the mail server or the document store is away, the job waits; neither is an
/// attempt of it.
pub async fn run(ctx: &Ctx, job: SendMail, lease: &Lease) -> Result<(), JobError> {
    let mut conn = ctx.db.acquire().await?;
    let content = MailContent::find(&mut conn, &ctx.clock, &ctx.settings.sales, job.booking_id)
        .await?
        .ok_or_else(|| JobError::fail(format!("there is no booking {}", job.booking_id)))?;
    // A slow mail server holds no connection.
    drop(conn);

    let is_wanted = if !content.is_still_true(job.mail, ctx.clock.now()) {
        info!(mail = job.mail.as_str(), booking_id = %job.booking_id, "mail no longer true, not sent");
        false
    } else if !is_admitted(ctx, &content, job.mail).await? {
        warn!(mail = job.mail.as_str(), booking_id = %job.booking_id, "its address has had enough mails that it may not have asked for this hour, not sent");
        false
    } else {
        true
    };
    if is_wanted {
        let mut attachments = files(ctx, &content, job.mail).await?;
        if job.mail == MailKind::BookingConfirmed {
            attachments.push(calendar::file(&content, &ctx.mail, ctx.clock.now()));
        }
        let links = BookingLinks::new(&ctx.settings);
        let frame = Frame {
            link: &links.page(content.account_id, &content.booking_ref, &content.to),
            seller: &content.seller,
            reply_to: &ctx.mail.reply_to(),
            rebook_days: ctx.settings.sales.disruption_rebook_days,
        };
        let words = templates::words(job.mail, &content, frame);
        let mail = Mail {
            message_id: format!("{}.{}@{}", job.mail.name(), job.booking_id, ctx.mail.host()),
            to: content.goes_to(job.mail).to_owned(),
            subject: words.subject,
            text: words.text,
            html: words.html,
            attachments,
        };
        fault::point("mail_composed");
        ctx.mail.send(mail, ctx.clock.now()).await?;
        fault::point("mail_sent");
        info!(mail = job.mail.as_str(), booking_id = %job.booking_id, "mail sent");
    }

    finish(ctx, lease, is_wanted).await
}

/// Ends the job of a mail, whether it was sent or not wanted.
pub(super) async fn finish(ctx: &Ctx, lease: &Lease, was_sent: bool) -> Result<(), JobError> {
    let mut tx = ctx.db.begin().await?;
    if was_sent {
        outbox::answered(&mut tx, &ctx.clock, Backend::Mail).await?;
    }
    outbox::finish(&mut tx, &ctx.clock, lease).await?;
    fault::point("mail_finished");
    tx.commit().await?;
    fault::point("mail_committed");
    Ok(())
}

/// Whether the mail may go where it shall. Anybody can book with anybody's address, or name it later: one that has never
/// paid gets so many mails that it may not have asked for in an hour and no more.
async fn is_admitted(ctx: &Ctx, content: &MailContent, mail: MailKind) -> Result<bool, JobError> {
    if !(mail.is_unasked() && content.is_stranger) {
        return Ok(true);
    }
    let name = format!("{}:{}", mail.name(), content.booking_id);
    count(ctx, &content.to, &name).await
}

/// Counts a mail to an address that may be anybody's; false when it has had enough of them.
pub(super) async fn count(ctx: &Ctx, to: &str, mail: &str) -> Result<bool, JobError> {
    let most = ctx.settings.mail.mails_to_stranger_per_hour;
    let mut tx = ctx.db.begin().await?;
    let admitted = admit_to_stranger(&mut tx, &ctx.clock, to, mail, most).await?;
    tx.commit().await?;
    Ok(admitted)
}

/// The bytes of every document that goes with the mail.
async fn files(
    ctx: &Ctx,
    content: &MailContent,
    mail: MailKind,
) -> Result<Vec<Attachment>, JobError> {
    if mail == MailKind::BookingConfirmed && content.tickets().next().is_none() {
        return Err(JobError::not_yet("the booking has no ticket document yet"));
    }
    let mut attachments = Vec::new();
    for document in content.enclosed(mail) {
        let (DocumentStatus::Ready, Some(key)) = (document.status, &document.storage_key) else {
            let waiting = format!("document {} is not ready", document.id);
            return Err(JobError::not_yet(waiting));
        };
        let bytes = ctx.storage.get(key).await?.ok_or_else(|| {
            JobError::retry(format!("document {} is not in the store", document.id))
        })?;
        attachments.push(Attachment {
            file_name: document.file_name(),
            content_type: "application/pdf",
            bytes,
        });
    }
    if !attachments.is_empty() {
        let mut conn = ctx.db.acquire().await?;
        outbox::answered(&mut conn, &ctx.clock, Backend::Storage).await?;
    }
    Ok(attachments)
}

impl From<MailError> for JobError {
    fn from(error: MailError) -> Self {
        match error {
            MailError::Away(_) => Self::away(Backend::Mail, error),
            MailError::Temporary(_) => Self::retry(error).answered_by(Backend::Mail),
            MailError::Permanent(_) => Self::fail(error),
        }
    }
}
