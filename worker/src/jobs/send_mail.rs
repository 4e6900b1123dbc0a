//! Send one mail about a booking to its contact.

use flightdesk_core::document::DocumentStatus;
use flightdesk_core::fault;
use flightdesk_core::mail::MailContent;
use flightdesk_core::outbox::{self, Lease, MailKind, SendMail};
use tracing::info;

use crate::mail::{Attachment, Mail, MailError, calendar, templates};
use crate::{Ctx, JobError};

/// Sends the mail, if what it says is still true.
///
/// The mail leaves before the job is done: a crash in between sends it again, under the same Message-ID. Until the
/// booking's tickets are ready, and while the mail server or the document store is away, the job waits.
pub async fn run(ctx: &Ctx, job: SendMail, lease: &Lease) -> Result<(), JobError> {
    let mut conn = ctx.db.acquire().await?;
    let content = MailContent::find(&mut conn, job.booking_id)
        .await?
        .ok_or_else(|| JobError::fail(format!("there is no booking {}", job.booking_id)))?;
    // A slow mail server holds no connection.
    drop(conn);

    if content.is_still_true(job.mail, ctx.clock.now()) {
        let mut attachments = files(ctx, &content, job.mail).await?;
        if job.mail == MailKind::BookingConfirmed {
            attachments.push(calendar::file(&content, ctx.mail.host(), ctx.clock.now()));
        }
        let words = templates::words(job.mail, &content);
        let mail = Mail {
            message_id: format!("{}.{}@{}", job.mail.name(), job.booking_id, ctx.mail.host()),
            to: content.to,
            subject: words.subject,
            text: words.text,
            html: words.html,
            attachments,
        };
        fault::point("mail_composed");
        ctx.mail.send(mail, ctx.clock.now()).await?;
        fault::point("mail_sent");
        info!(mail = job.mail.as_str(), booking_id = %job.booking_id, "mail sent");
    } else {
        info!(mail = job.mail.as_str(), booking_id = %job.booking_id, "mail no longer true, not sent");
    }

    let mut tx = ctx.db.begin().await?;
    outbox::finish(&mut tx, &ctx.clock, lease).await?;
    fault::point("mail_finished");
    tx.commit().await?;
    fault::point("mail_committed");
    Ok(())
}

/// The bytes of every document that goes with the mail.
async fn files(
    ctx: &Ctx,
    content: &MailContent,
    mail: MailKind,
) -> Result<Vec<Attachment>, JobError> {
    if mail == MailKind::BookingConfirmed && content.tickets().next().is_none() {
        return Err(JobError::retry("the booking has no ticket document yet"));
    }
    let mut attachments = Vec::new();
    for document in content.enclosed(mail) {
        let (DocumentStatus::Ready, Some(key)) = (document.status, &document.storage_key) else {
            let waiting = format!("document {} is not ready", document.id);
            return Err(JobError::retry(waiting));
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
    Ok(attachments)
}

impl From<MailError> for JobError {
    fn from(error: MailError) -> Self {
        match error {
            MailError::Temporary(_) => Self::retry(error),
            MailError::Permanent(_) => Self::fail(error),
        }
    }
}
