//! Documents as PDF. What they say comes from the core; how it looks is `draw`'s.

mod barcode;
mod draw;
mod face;
mod finish;
mod flow;
mod invoice;
mod operators;
mod passengers;
mod refund_receipt;
mod sheet;
mod structure;
mod widths;
pub(crate) mod words;

use chrono::{DateTime, Utc};
use flightdesk_core::document::{InvoiceContent, RefundReceiptContent, TicketContent};

use face::Face;
use sheet::Sheets;

/// Why a PDF could not be made; trying again does not help.
#[derive(Debug, thiserror::Error)]
#[error("the PDF could not be made: {0}")]
pub struct PdfError(String);

/// The e-ticket receipt as a PDF. The same content gives the same bytes, in any process.
///
/// Takes a millisecond of computing, a hundred when a name needs the embedded fonts: call it from `spawn_blocking`.
pub fn ticket(content: &TicketContent) -> Result<Vec<u8>, PdfError> {
    let title = format!("E-ticket receipt {}", content.booking_ref);
    let identity = format!("{}/{}", content.document_id, content.revision);
    let set = |face| draw::ticket(content, face);
    pdf(set, &title, &identity, content.issued_at)
}

/// The invoice as a PDF; the same content gives the same bytes. It costs what a ticket costs.
pub fn invoice(content: &InvoiceContent) -> Result<Vec<u8>, PdfError> {
    let title = format!("Invoice {}", content.number);
    let identity = format!("{}/1", content.document_id);
    let set = |face| invoice::invoice(content, face);
    pdf(set, &title, &identity, content.issued_at)
}

/// The receipt of a refund as a PDF; the same content gives the same bytes. It costs what a ticket costs.
pub fn refund_receipt(content: &RefundReceiptContent) -> Result<Vec<u8>, PdfError> {
    let title = format!("{} {}", refund_receipt::title(content), content.number);
    let identity = format!("{}/{}", content.document_id, content.revision);
    let set = |face| refund_receipt::refund_receipt(content, face);
    pdf(set, &title, &identity, content.issued_at)
}

/// Set in the small face that every reader has, or in our own when a name needs its letters.
fn pdf(
    set: impl Fn(Face) -> Result<Sheets, String>,
    title: &str,
    identity: &str,
    issued_at: DateTime<Utc>,
) -> Result<Vec<u8>, PdfError> {
    let mut sheets = set(Face::Helvetica).map_err(PdfError)?;
    if sheets.missing_glyphs() {
        sheets = set(Face::NotoSans).map_err(PdfError)?;
    }
    let (pdf, structure) = sheets
        .write(title)
        .map_err(|error| PdfError(error.to_string()))?;
    finish::finish(&pdf, &structure, identity, issued_at).map_err(PdfError)
}
