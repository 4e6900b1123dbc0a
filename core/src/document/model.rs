//! What is known of a document beside its bytes.

use chrono::{DateTime, Utc};
use sqlx::types::Json;

use crate::ids::{BookingId, DocumentId, RefundId};

/// A document of a booking, ready or on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The document.
    pub id: DocumentId,
    /// The booking it belongs to.
    pub booking_id: BookingId,
    /// The booking's reference, for people and file names.
    pub booking_ref: String,
    /// What it is.
    pub kind: DocumentKind,
    /// The validating airline of a ticket.
    pub airline: Option<String>,
    /// The number of an invoice, `FD/26-27/000123`, or of a refund's receipt, `FD/26-27/C00012`.
    pub number: Option<String>,
    /// The refund that a receipt is of.
    pub refund_id: Option<RefundId>,
    /// Where it stands.
    pub status: DocumentStatus,
    /// Grows when what the document says changes.
    pub revision: i32,
    /// When it was requested.
    pub created_at: DateTime<Utc>,
    /// When the present revision was stored.
    pub ready_at: Option<DateTime<Utc>>,
    /// Where the present revision is stored.
    pub storage_key: Option<String>,
    /// SHA-256 of its bytes.
    pub sha256: Option<Vec<u8>>,
    /// Its size in bytes.
    pub size_bytes: Option<i64>,
    /// Earlier revisions, which say what is no longer so; oldest first.
    pub superseded: Json<Vec<Superseded>>,
}

/// A revision that another has taken the place of.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Superseded {
    /// Which.
    pub revision: i32,
    /// When the next one was requested.
    pub superseded_at: DateTime<Utc>,
}

impl Document {
    /// Whether it is still being made.
    pub fn is_pending(&self) -> bool {
        match self.status {
            DocumentStatus::Queued | DocumentStatus::Rendering => true,
            DocumentStatus::Ready | DocumentStatus::Failed | DocumentStatus::Void => false,
        }
    }

    /// The name a traveller's computer keeps it under: `ticket-K7XQ3M-AI.pdf`,
    /// `invoice-K7XQ3M-FD-26-27-000123.pdf`.
    pub fn file_name(&self) -> String {
        let kind = match self.kind {
            DocumentKind::Ticket => "ticket",
            DocumentKind::Invoice => "invoice",
            DocumentKind::RefundReceipt => "refund-receipt",
        };
        let number = self.number.as_ref().map(|number| number.replace('/', "-"));
        match self.airline.as_ref().or(number.as_ref()) {
            Some(which) => format!("{kind}-{}-{which}.pdf", self.booking_ref),
            None => format!("{kind}-{}.pdf", self.booking_ref),
        }
    }
}

/// Where a revision of a document is stored: `{document}/{revision}.pdf`.
pub fn storage_key(document_id: DocumentId, revision: i32) -> String {
    format!("{document_id}/{revision}.pdf")
}

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum DocumentKind {
    /// The e-ticket receipt of one validating airline.
    Ticket,
    /// What was paid.
    Invoice,
    /// What went back: a credit note when it corrects an invoice.
    RefundReceipt,
}

/// Where a document stands: `queued → rendering → ready | failed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum DocumentStatus {
    /// Promised.
    Queued,
    /// A worker is at it.
    Rendering,
    /// Stored; it can be downloaded.
    Ready,
    /// Every attempt failed; staff look at it.
    Failed,
    /// A ticket whose flights were all cancelled: it is good for nothing any more.
    Void,
}

impl DocumentKind {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Invoice => "invoice",
            Self::RefundReceipt => "refund_receipt",
        }
    }
}

impl DocumentStatus {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Rendering => "rendering",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Void => "void",
        }
    }
}
