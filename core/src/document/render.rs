//! How a document becomes ready: `queued → rendering → ready | failed`. Each step names the revision it is about, so
//! that a job of an older one changes nothing.

use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use super::model::storage_key;
use crate::Result;
use crate::booking_event::{self, Event};
use crate::clock::Clock;
use crate::ids::{AccountId, BookingId, DocumentId, RefundId};
use crate::mail;
use crate::outbox::{MailKind, RenderDocument};

/// Says that a worker is at it. False when it is not wanted: no such document, the revision is not the present one or
/// is ready already, or it is a ticket and the booking is not confirmed. A number that was given has an invoice.
pub async fn mark_rendering(conn: &mut PgConnection, job: &RenderDocument) -> Result<bool> {
    let marked = sqlx::query!(
        r#"
        update document set status = 'rendering'
        from booking
        where document.id = $1 and document.revision = $2 and document.status not in ('ready', 'void')
            and booking.id = document.booking_id
            and (document.kind <> 'ticket' or booking.status in ('confirmed', 'partially_cancelled'))
        "#,
        job.document_id.0,
        job.revision,
    )
    .execute(conn)
    .await?;
    Ok(marked.rows_affected() == 1)
}

/// Says that the bytes are stored, and promises the mail that carries them: of a receipt at once, else when they were the
/// last of the booking's tickets and invoices. Changes nothing when the revision is not the present one or is ready already.
///
/// Belongs in the transaction that finishes the job.
pub async fn mark_ready(
    conn: &mut PgConnection,
    clock: &Clock,
    job: &RenderDocument,
    pdf: &[u8],
) -> Result<()> {
    // Two documents of one booking may become ready at once. Without the lock neither transaction would see the
    // other's, and nobody would promise the mail.
    let Some(booking) = sqlx::query!(
        r#"
        select booking.id as "id: BookingId", booking.account_id as "account_id: AccountId" from booking
        where id = (select booking_id from document where id = $1) for update
        "#,
        job.document_id.0,
    )
    .fetch_optional(&mut *conn)
    .await?
    else {
        return Ok(());
    };
    let sha256 = Sha256::digest(pdf);
    let size = i64::try_from(pdf.len()).unwrap_or(i64::MAX);
    let marked = sqlx::query!(
        r#"
        update document set status = 'ready', ready_at = $3, storage_key = $4, sha256 = $5, size_bytes = $6
        where id = $1 and revision = $2 and status not in ('ready', 'void')
        returning refund_id as "refund_id: RefundId"
        "#,
        job.document_id.0,
        job.revision,
        clock.now(),
        storage_key(job.document_id, job.revision),
        sha256.as_slice(),
        size,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(marked) = marked else {
        return Ok(());
    };
    if let Some(refund_id) = marked.refund_id {
        let ready = Event::ReceiptReady {
            refund_id,
            document_id: job.document_id,
        };
        booking_event::record(conn, clock, booking.account_id, booking.id, &ready).await?;
        return Ok(());
    }
    let Some(Ready {
        revision: Some(revision),
        documents,
    }) = find_ready(conn, booking.id).await?
    else {
        return Ok(());
    };
    let confirmed = MailKind::BookingConfirmed;
    let is_again = mail::is_promised(conn, booking.id, confirmed).await?;
    let ready = Event::DocumentsReady {
        revision,
        is_again,
        documents,
    };
    booking_event::record(conn, clock, booking.account_id, booking.id, &ready).await?;
    if is_again {
        // They may have been put off until now.
        mail::hasten(conn, clock, booking.id, confirmed).await?;
        let changed = MailKind::TicketsChanged { revision };
        mail::hasten(conn, clock, booking.id, changed).await?;
    }
    Ok(())
}

/// Says that nobody will try again by themselves. Belongs where the job is declared dead; changes nothing when the
/// revision is not the present one or is ready.
pub async fn mark_failed(
    conn: &mut PgConnection,
    document_id: DocumentId,
    revision: i32,
) -> Result<()> {
    sqlx::query!(
        "update document set status = 'failed' where id = $1 and revision = $2 and status in ('queued', 'rendering')",
        document_id.0,
        revision,
    )
    .execute(conn)
    .await?;
    Ok(())
}

struct Ready {
    /// The newest of the tickets.
    revision: Option<i32>,
    documents: Vec<DocumentId>,
}

/// The booking's tickets and invoices once they are all ready.
async fn find_ready(conn: &mut PgConnection, booking_id: BookingId) -> Result<Option<Ready>> {
    let ready = sqlx::query_as!(
        Ready,
        r#"
        select max(revision) filter (where kind = 'ticket') as revision, array_agg(id order by id) as "documents!: Vec<DocumentId>"
        from document
        where booking_id = $1 and kind in ('ticket', 'invoice') and status <> 'void'
        having bool_and(status = 'ready')
        "#,
        booking_id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(ready)
}
