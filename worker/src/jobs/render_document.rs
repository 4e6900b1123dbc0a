//! Make the PDF of a document's present revision, store it, and promise the mail that carries it.

use flightdesk_core::backend::Backend;
use flightdesk_core::document::{
    self, DocumentKind, InvoiceContent, RefundReceiptContent, TicketContent,
};
use flightdesk_core::fault;
use flightdesk_core::outbox::{self, Lease, RenderDocument};
use flightdesk_core::payment;
use sqlx::PgConnection;
use tracing::warn;

use crate::{Ctx, JobError, pdf};

/// Renders, stores and records the document; done without effect when the job is no longer wanted.
///
/// Running twice, or being killed anywhere, leaves one object with the same bytes: the key names document and
/// revision, what is stored stays, and the same content always gives the same PDF.
/// What an earlier attempt stored is kept: a card that was unknown to it may be known now.
pub async fn run(ctx: &Ctx, job: RenderDocument, lease: &Lease) -> Result<(), JobError> {
    let mut conn = ctx.db.acquire().await?;
    if !document::mark_rendering(&mut conn, &job).await? {
        return finish_unwanted(ctx, &mut conn, lease).await;
    }
    fault::point("document_rendering");
    drop(conn);
    let key = document::storage_key(job.document_id, job.revision);
    let stored = if lease.is_repeated() {
        ctx.storage.get(&key).await?
    } else {
        None
    };
    let pdf = match stored {
        Some(pdf) => pdf,
        None => make(ctx, &job, &key).await?,
    };
    fault::point("document_stored");

    let mut tx = ctx.db.begin().await?;
    outbox::answered(&mut tx, &ctx.clock, Backend::Storage).await?;
    document::mark_ready(&mut tx, &ctx.clock, &job, &pdf).await?;
    fault::point("document_ready");
    outbox::finish(&mut tx, &ctx.clock, lease).await?;
    fault::point("document_finished");
    tx.commit().await?;
    fault::point("document_committed");
    Ok(())
}

const PDF: &str = "application/pdf";

/// No connection is held while Stripe is asked, while it is drawn, or while it is stored.
async fn make(ctx: &Ctx, job: &RenderDocument, key: &str) -> Result<Vec<u8>, JobError> {
    ask_for_cards(ctx, job).await?;
    let paper = load(ctx, job).await?;
    let pdf = draw(paper).await?;
    fault::point("document_drawn");
    ctx.storage.put(key, pdf.clone(), PDF).await?;
    Ok(pdf)
}

/// Files the cards of the booking's payments. A document does not wait for Stripe: without an answer it says "by card".
async fn ask_for_cards(ctx: &Ctx, job: &RenderDocument) -> Result<(), JobError> {
    let mut conn = ctx.db.acquire().await?;
    let payments = payment::list_cardless(&mut conn, job.document_id).await?;
    drop(conn);
    for cardless in payments {
        match ctx.stripe.card(&cardless.payment_intent).await {
            Ok(Some(card)) => {
                let mut conn = ctx.db.acquire().await?;
                payment::record_card(&mut conn, cardless.payment_id, &card).await?;
            }
            Ok(None) => {}
            Err(error) => {
                warn!(payment_id = %cardless.payment_id, %error, "the card of a payment is not known");
            }
        }
    }
    Ok(())
}

enum Paper {
    Ticket(Box<TicketContent>),
    Invoice(Box<InvoiceContent>),
    RefundReceipt(Box<RefundReceiptContent>),
}

/// Everything as it was at one moment, so that the lines of a document are those of its total.
async fn load(ctx: &Ctx, job: &RenderDocument) -> Result<Paper, JobError> {
    let id = job.document_id;
    let mut tx = ctx.db.begin().await?;
    sqlx::query!("set transaction isolation level repeatable read, read only")
        .execute(&mut *tx)
        .await?;
    let paper = match document::find_kind(&mut tx, id).await? {
        Some(DocumentKind::Ticket) => {
            Paper::Ticket(Box::new(TicketContent::load(&mut tx, id).await?))
        }
        Some(DocumentKind::Invoice) => {
            Paper::Invoice(Box::new(InvoiceContent::load(&mut tx, id).await?))
        }
        Some(DocumentKind::RefundReceipt) => {
            Paper::RefundReceipt(Box::new(RefundReceiptContent::load(&mut tx, id).await?))
        }
        None => return Err(JobError::fail(format!("document {id} does not exist"))),
    };
    tx.commit().await?;
    Ok(paper)
}

async fn draw(paper: Paper) -> Result<Vec<u8>, JobError> {
    let draw = move || match paper {
        Paper::Ticket(content) => {
            fault::pause("ticket_drawing");
            pdf::ticket(&content)
        }
        Paper::Invoice(content) => pdf::invoice(&content),
        Paper::RefundReceipt(content) => pdf::refund_receipt(&content),
    };
    tokio::task::spawn_blocking(draw)
        .await
        .map_err(|_| JobError::retry("drawing panicked"))?
        .map_err(JobError::fail)
}

async fn finish_unwanted(
    ctx: &Ctx,
    conn: &mut PgConnection,
    lease: &Lease,
) -> Result<(), JobError> {
    outbox::finish(conn, &ctx.clock, lease).await?;
    Ok(())
}
