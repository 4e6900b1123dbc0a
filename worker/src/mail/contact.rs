//! What mails say of another contact: to the address that has them from now on, and to the one that had them.
//!
//! Neither says the other's address. The mail to the old one has no link: it opens nothing any more.

use flightdesk_core::mail_content::MailContent;
use uuid::Uuid;

use super::layout::{Block, Frame, Words, compose};
use super::templates::letter;

/// To the contact as it is now.
pub(super) fn changed(content: &MailContent, frame: Frame<'_>, change_id: Uuid) -> Words {
    let reference = &content.booking_ref;
    let mut changes = content.contact_changes.iter();
    let change = changes.find(|change| change.id == change_id);
    let is_elsewhere = change.is_some_and(|change| change.from_email.is_some());
    let unasked = "If you know nothing of this, please reply to this mail.";
    if is_elsewhere {
        let what = format!(
            "Mails about booking {reference} come to this address from now on. The page of the booking has its tickets and invoices; addresses of that page in earlier mails have stopped working."
        );
        let title = format!("Mails about booking {reference} now come to this address");
        letter(content, frame, title, &[&what, unasked])
    } else {
        let what = format!(
            "Booking {reference} has another telephone number to reach you at. Mails come to this address as before."
        );
        let title = format!("Booking {reference} has another telephone number");
        letter(content, frame, title, &[&what, unasked])
    }
}

/// To the address that was left.
pub(super) fn replaced(content: &MailContent, frame: Frame<'_>) -> Words {
    let reference = &content.booking_ref;
    let what = format!(
        "The contact of booking {reference} was changed: mails about it go to another address from now on, and this is the last one here. The page of the booking no longer opens with the addresses that you have."
    );
    let unasked = "If you did not ask for this, please reply to this mail at once: somebody else may be using the account that the booking was made with.";
    let title = format!("Mails about booking {reference} no longer come to this address");
    compose(
        frame,
        title,
        &[
            Block::Paragraph("Hello,".to_owned()),
            Block::Paragraph(what),
            Block::Paragraph(unasked.to_owned()),
            Block::Reference(reference),
        ],
    )
}
