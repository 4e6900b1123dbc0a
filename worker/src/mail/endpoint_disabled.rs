//! The mail that says that a webhook endpoint was disabled.

use flightdesk_core::format;
use flightdesk_core::webhook::{DisabledEndpoint, DisabledReason};

use super::layout::{Block, compose};
pub use super::layout::{Frame, Words};

/// The words of the mail.
pub fn words(frame: Frame<'_>, endpoint: &DisabledEndpoint) -> Words {
    let why = match endpoint.reason {
        DisabledReason::Failing => "it has not accepted any delivery for three days",
        DisabledReason::Gone => {
            "it answered 410 Gone, which says that nothing is wanted there any more"
        }
    };
    let what = format!(
        "We stopped delivering events to your webhook endpoint on {}, because {why}:",
        format::instant(endpoint.disabled_at)
    );
    let next = "Events that happen from now on are not delivered there. When the endpoint works again, enable it with PATCH /v1/webhook-endpoints/{id} and bring back what it has missed with POST /v1/webhook-endpoints/{id}/replays.";
    compose(
        frame,
        "Your webhook endpoint was disabled".to_owned(),
        &[
            Block::Paragraph("Hello,".to_owned()),
            Block::Paragraph(what),
            Block::Paragraph(endpoint.url.clone()),
            Block::Paragraph(next.to_owned()),
            Block::Button("How webhooks work".to_owned(), frame.link),
        ],
    )
}
