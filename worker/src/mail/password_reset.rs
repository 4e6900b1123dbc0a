//! The mail with the link that sets another password. Anybody may have asked for it: it has no word of the account.

use chrono::{DateTime, Utc};
use flightdesk_core::format;

use super::layout::{Block, compose};
pub use super::layout::{Frame, Words};

/// The words of the mail.
pub fn words(frame: Frame<'_>, expires_at: DateTime<Utc>) -> Words {
    let what = "Somebody has asked for a new password for the account with this address. If that was you, set one here: everybody who is logged in to the account is logged out then.";
    let until = format!(
        "The link works once, until {}. If you did not ask for it, ignore this mail: your password stays as it is, and without the link nobody can change it.",
        format::instant(expires_at)
    );
    compose(
        frame,
        "Set a new password".to_owned(),
        &[
            Block::Paragraph("Hello,".to_owned()),
            Block::Paragraph(what.to_owned()),
            Block::Button("Set a new password".to_owned(), frame.link),
            Block::Small(until),
        ],
    )
}
