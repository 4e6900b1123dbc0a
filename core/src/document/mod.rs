//! Documents: tickets, invoices and receipts of refunds. A document is a resource of its own with revisions; what it
//! says is [`TicketContent`], [`InvoiceContent`] or [`RefundReceiptContent`], how that looks is the worker's business.

mod content;
mod invoice;
mod lines;
mod load;
mod model;
mod queries;
mod refund_receipt;
mod render;
mod request;
mod returned;
mod supply;

pub use content::{
    Baggage, Boarding, Carrier, CorrectedInvoice, CouponContent, DirectionContent, FlightContent,
    InvoiceContent, PaidWith, PassengerContent, Place, PriceLineContent, RefundCause,
    RefundReceiptContent, ReturnedLine, Seller, TicketContent,
};
pub use model::{Document, DocumentKind, DocumentStatus, Superseded, storage_key};
pub use queries::{find_kind, get, list_by_booking};
pub(crate) use queries::{list_by_booking_id, list_by_booking_ids};
pub(crate) use refund_receipt::{request_refund_receipt, void_refund_receipt};
pub use render::{mark_failed, mark_ready, mark_rendering};
pub use request::{Settled, next_line, request_invoice, request_sold, request_tickets};
pub use supply::{SupplyContent, SupplyTax};

use sqlx::PgConnection;

use crate::Result;
use crate::clock::Clock;
use crate::ids::{AccountId, BookingId, DocumentId, RefundId};
use crate::outbox::{self, RenderDocument};

/// Promises a new revision of every ticket document of a booking: the numbers stay, a seat or bag is another.
///
/// What was ready is filed as superseded. Belongs in the transaction of the change.
pub async fn reissue_tickets(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    booking_id: BookingId,
) -> Result<()> {
    let of = RevisionOf::Tickets(booking_id);
    request_revision(conn, clock, account_id, of).await
}

/// Whose content has changed.
enum RevisionOf {
    Tickets(BookingId),
    Receipt(RefundId),
}

/// Files the present revision as superseded, whether it was ready or not, and promises the next.
async fn request_revision(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    of: RevisionOf,
) -> Result<()> {
    let (booking_id, refund_id) = match of {
        RevisionOf::Tickets(booking_id) => (Some(booking_id.0), None),
        RevisionOf::Receipt(refund_id) => (None, Some(refund_id.0)),
    };
    let requested = sqlx::query_as!(
        Requested,
        r#"
        with old as (
            select id, revision, storage_key, sha256, size_bytes, ready_at from document
            where (booking_id = $1 and kind = 'ticket' and status <> 'void') or refund_id = $3 for update
        ), filed as (
            insert into document_revision (document_id, revision, storage_key, sha256, size_bytes, ready_at, superseded_at)
            select id, revision, storage_key, sha256, size_bytes, ready_at, $2 from old
        )
        update document d set revision = d.revision + 1, status = 'queued', ready_at = null, storage_key = null, sha256 = null, size_bytes = null
        from old where d.id = old.id
        returning d.id as "document_id: DocumentId", d.revision
        "#,
        booking_id,
        clock.now(),
        refund_id,
    )
    .fetch_all(&mut *conn)
    .await?;
    for Requested {
        document_id,
        revision,
    } in requested
    {
        let job = RenderDocument {
            document_id,
            revision,
        };
        outbox::put(conn, clock, Some(account_id), &job).await?;
    }
    Ok(())
}

/// After some of a booking was cancelled: a ticket document of an airline that nobody flies any more is void, the others get
/// a new revision. Belongs in the transaction of the cancellation.
pub(crate) async fn after_cancellation(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    booking_id: BookingId,
) -> Result<()> {
    sqlx::query!(
        r#"
        update document set status = 'void'
        where booking_id = $1 and kind = 'ticket' and not exists (
            select from direction d
            where d.booking_id = $1 and d.status = 'booked' and d.validating_airline = document.airline)
        "#,
        booking_id.0,
    )
    .execute(&mut *conn)
    .await?;
    reissue_tickets(conn, clock, account_id, booking_id).await
}

struct Requested {
    document_id: DocumentId,
    revision: i32,
}

#[cfg(test)]
mod tests;
