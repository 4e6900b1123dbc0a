//! Documents: tickets and invoices today, receipts later. A document is a resource of its own with revisions; what
//! it says is [`TicketContent`] or [`InvoiceContent`], how that looks is the worker's business.

mod content;
mod invoice;
mod lines;
mod load;
mod model;
mod queries;
mod render;
mod supply;

pub use content::{
    Baggage, Boarding, Carrier, CouponContent, DirectionContent, FlightContent, InvoiceContent,
    PaidWith, PassengerContent, Place, PriceLineContent, Seller, TicketContent,
};
pub use invoice::{Settled, next_line, request_invoice};
pub use model::{Document, DocumentKind, DocumentStatus, Superseded, storage_key};
pub use queries::{find_kind, get, list_by_booking};
pub(crate) use queries::{list_by_booking_id, list_by_booking_ids};
pub use render::{mark_failed, mark_ready, mark_rendering};
pub use supply::{SupplyContent, SupplyTax};

use sqlx::PgConnection;

use crate::Result;
use crate::clock::Clock;
use crate::ids::{AccountId, BookingId, DocumentId};
use crate::outbox::{self, RenderDocument};

/// Promises a ticket document for every validating airline of the booking's directions.
///
/// Belongs in the transaction that confirms the booking, after [`crate::ticket::issue`]. An airline whose document
/// was requested before gets no second one.
pub async fn request_tickets(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    booking_id: BookingId,
) -> Result<()> {
    let airlines = sqlx::query_scalar!(
        "select distinct validating_airline from direction where booking_id = $1 and status = 'booked' order by 1",
        booking_id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    for airline in airlines {
        let requested = sqlx::query_as!(
            Requested,
            r#"
            insert into document (id, account_id, booking_id, kind, airline, created_at)
            values ($1, $2, $3, 'ticket', $4, $5)
            on conflict (booking_id, airline) where kind = 'ticket' do nothing
            returning id as "document_id: DocumentId", revision
            "#,
            DocumentId::new().0,
            account_id.0,
            booking_id.0,
            airline,
            clock.now(),
        )
        .fetch_optional(&mut *conn)
        .await?;
        if let Some(Requested {
            document_id,
            revision,
        }) = requested
        {
            let job = RenderDocument {
                document_id,
                revision,
            };
            outbox::put(conn, clock, Some(account_id), &job).await?;
        }
    }
    Ok(())
}

/// Promises a new revision of every ticket document of a booking: the numbers stay, a seat or bag is another.
///
/// What was ready is filed as superseded. Belongs in the transaction of the change.
pub async fn reissue_tickets(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    booking_id: BookingId,
) -> Result<()> {
    let reissued = sqlx::query_as!(
        Requested,
        r#"
        with old as (
            select id, revision, storage_key, sha256, size_bytes, ready_at from document
            where booking_id = $1 and kind = 'ticket' for update
        ), filed as (
            insert into document_revision (document_id, revision, storage_key, sha256, size_bytes, ready_at, superseded_at)
            select id, revision, storage_key, sha256, size_bytes, ready_at, $2 from old
        )
        update document d set revision = d.revision + 1, status = 'queued', ready_at = null, storage_key = null, sha256 = null, size_bytes = null
        from old where d.id = old.id
        returning d.id as "document_id: DocumentId", d.revision
        "#,
        booking_id.0,
        clock.now(),
    )
    .fetch_all(&mut *conn)
    .await?;
    for Requested {
        document_id,
        revision,
    } in reissued
    {
        let job = RenderDocument {
            document_id,
            revision,
        };
        outbox::put(conn, clock, Some(account_id), &job).await?;
    }
    Ok(())
}

struct Requested {
    document_id: DocumentId,
    revision: i32,
}

#[cfg(test)]
mod tests;
