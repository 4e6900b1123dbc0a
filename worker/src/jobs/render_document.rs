//! Make the PDF of a document's present revision, store it, and promise the mail that carries it.

use flightdesk_core::document::{self, TicketContent};
use flightdesk_core::fault;
use flightdesk_core::outbox::{self, Lease, RenderDocument};
use sqlx::{Connection, PgConnection};

use crate::{Ctx, JobError, pdf};

/// Renders, stores and records the document; done without effect when the job is no longer wanted.
///
/// Running twice, or being killed anywhere, leaves one object with the same bytes: the key names document and
/// revision, what is stored stays, and the same ticket always gives the same PDF.
pub async fn run(ctx: &Ctx, job: RenderDocument, lease: &Lease) -> Result<(), JobError> {
    let mut conn = ctx.db.acquire().await?;
    if !document::mark_rendering(&mut conn, &job).await? {
        return finish_unwanted(ctx, &mut conn, lease).await;
    }
    fault::point("document_rendering");
    let content = load(&mut conn, &job).await?;
    // Back to the pool: neither drawing nor storing needs it, and the store may be slow.
    drop(conn);

    let pdf = draw(content).await?;
    fault::point("document_drawn");
    let key = document::storage_key(job.document_id, job.revision);
    ctx.storage.put(&key, pdf.clone(), PDF).await?;
    fault::point("document_stored");

    let mut tx = ctx.db.begin().await?;
    document::mark_ready(&mut tx, &ctx.clock, &job, &pdf).await?;
    fault::point("document_ready");
    outbox::finish(&mut tx, &ctx.clock, lease).await?;
    fault::point("document_finished");
    tx.commit().await?;
    fault::point("document_committed");
    Ok(())
}

const PDF: &str = "application/pdf";

/// Everything as it was at one moment, so that the lines of a ticket are those of its total.
async fn load(conn: &mut PgConnection, job: &RenderDocument) -> Result<TicketContent, JobError> {
    let mut tx = conn.begin().await?;
    sqlx::query!("set transaction isolation level repeatable read, read only")
        .execute(&mut *tx)
        .await?;
    let content = TicketContent::load(&mut tx, job.document_id).await?;
    tx.commit().await?;
    Ok(content)
}

async fn draw(content: TicketContent) -> Result<Vec<u8>, JobError> {
    tokio::task::spawn_blocking(move || pdf::ticket(&content))
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
