//! Mailing the documents of a booking once more.

use chrono::Duration;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::audit::{self, Act};
use crate::booking_event::{self, Event};
use crate::booking_lock;
use crate::clock::Clock;
use crate::document::{self, DocumentKind, DocumentStatus};
use crate::error::Refusal;
use crate::ids::{BookingRef, DocumentId};
use crate::trade::BookingStatus;
use crate::{Error, Result};

/// How often documents are mailed again within [`WITHIN`]: who asks more often has another trouble than a lost mail.
const MOST: i64 = 3;
const WITHIN: Duration = Duration::hours(24);

/// The documents were mailed again as often as may be.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "the documents of this booking were mailed again {MOST} times within 24 hours: ask the traveller to look among unwanted mails, or correct the address"
)]
pub struct ResentEnough;

impl Refusal for ResentEnough {
    fn code(&self) -> &'static str {
        "resent_enough"
    }
}

/// Documents that are mailed again.
#[derive(Clone, Debug)]
pub struct Resent {
    /// What tells this mail from the others.
    pub id: Uuid,
    /// Which documents go with it.
    pub document_ids: Vec<DocumentId>,
}

/// Promises a mail with the tickets and invoices of a booking as they are now.
///
/// Errors: [`Error::NotFound`], [`Error::WrongState`] unless it is paid, [`ResentEnough`].
pub async fn resend_documents(
    conn: &mut PgConnection,
    clock: &Clock,
    reference: &BookingRef,
) -> Result<Resent> {
    let booking = booking_lock::lock_of_anybody(conn, reference).await?;
    match booking.status {
        BookingStatus::Confirmed | BookingStatus::PartiallyCancelled => {}
        BookingStatus::PendingPayment | BookingStatus::Cancelled | BookingStatus::Expired => {
            return Err(Error::WrongState {
                status: booking.status.as_str(),
                action: "sent its documents again",
            });
        }
    }
    let before = sqlx::query_scalar!(
        r#"select count(*) as "before!" from booking_event where booking_id = $1 and kind = 'documents_resent' and occurred_at > $2"#,
        booking.id.0,
        clock.now() - WITHIN,
    )
    .fetch_one(&mut *conn)
    .await?;
    if before >= MOST {
        return Err(ResentEnough.into());
    }
    let documents = document::list_by_booking_id(conn, booking.id).await?;
    let goes_along = |one: &&document::Document| {
        one.kind != DocumentKind::RefundReceipt && one.status != DocumentStatus::Void
    };
    let resent = Resent {
        id: Uuid::now_v7(),
        document_ids: documents
            .iter()
            .filter(goes_along)
            .map(|one| one.id)
            .collect(),
    };
    let event = Event::DocumentsResent {
        resend_id: resent.id,
        document_ids: resent.document_ids.clone(),
    };
    booking_event::record(conn, clock, booking.account_id, booking.id, &event).await?;
    let act = Act {
        action: "documents_resent",
        object_kind: "booking",
        object_id: reference.to_string(),
        before: None,
        after: Some(json!({ "resend_id": resent.id, "document_ids": resent.document_ids })),
    };
    audit::record(conn, clock, &act).await?;
    Ok(resent)
}
