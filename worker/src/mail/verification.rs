//! The mail with the link that verifies an address. Anybody may have typed that: it has no word of whoever signed up.

use chrono::{DateTime, Utc};
use flightdesk_core::format;

use super::layout::{Block, compose};
pub use super::layout::{Frame, Words};

/// The words of the mail.
pub fn words(frame: Frame<'_>, expires_at: DateTime<Utc>) -> Words {
    let what = "An account was opened with this address. If that was you, please verify that the address is yours: holding and booking flights may need it.";
    let until = format!(
        "The link works until {}. If you did not open an account, ignore this mail: without the link nobody can verify your address.",
        format::instant(expires_at)
    );
    compose(
        frame,
        "Verify your e-mail address".to_owned(),
        &[
            Block::Paragraph("Hello,".to_owned()),
            Block::Paragraph(what.to_owned()),
            Block::Button("Verify the address".to_owned(), frame.link),
            Block::Small(until),
        ],
    )
}
