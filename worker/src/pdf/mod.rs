//! Documents as PDF. What they say comes from the core; how it looks is `draw`'s.

mod barcode;
mod draw;
mod face;
mod passengers;
mod sheet;
mod stamp;
mod words;

use flightdesk_core::document::TicketContent;

use face::Face;

/// Why a PDF could not be made; trying again does not help.
#[derive(Debug, thiserror::Error)]
#[error("the PDF could not be made: {0}")]
pub struct PdfError(String);

/// The e-ticket receipt as a PDF. The same content gives the same bytes, in any process.
///
/// Takes a millisecond of computing, a hundred when a name needs the embedded fonts: call it from `spawn_blocking`.
pub fn ticket(content: &TicketContent) -> Result<Vec<u8>, PdfError> {
    let mut sheets = draw::ticket(content, Face::Helvetica).map_err(PdfError)?;
    if sheets.missing_glyphs() {
        sheets = draw::ticket(content, Face::NotoSans).map_err(PdfError)?;
    }
    let title = format!("E-ticket receipt {}", content.booking_ref);
    let pdf = sheets
        .write(&title)
        .map_err(|error| PdfError(error.to_string()))?;
    let identity = format!("{}/{}", content.document_id, content.revision);
    stamp::stamp(pdf, &identity, content.issued_at).map_err(PdfError)
}
