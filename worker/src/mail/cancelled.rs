//! What the mail about a cancellation says.

use flightdesk_core::format::{money, sentence_case};
use flightdesk_core::mail_content::{MailCancelled, MailContent};
use uuid::Uuid;

use super::layout::{Block, Frame, Words, compose};
use super::structured;
use super::templates::{greeting, passengers};

pub(super) fn confirmed(content: &MailContent, frame: Frame<'_>, id: Uuid) -> Words {
    let reference = &content.booking_ref;
    let flies_on = !content.flights.is_empty();
    let title = if flies_on {
        format!("A part of your booking {reference} is cancelled")
    } else {
        format!("Your booking {reference} is cancelled")
    };
    let Some(cancellation) = content.cancellation(id) else {
        return compose(frame, title, &[Block::Paragraph(greeting(content))]);
    };
    let mut blocks = vec![
        Block::Paragraph(greeting(content)),
        Block::Paragraph(if cancellation.is_by_airline {
            format!("{title}. We are sorry: the airline does not fly it as you booked it.")
        } else {
            format!("{title}, as you asked.")
        }),
        Block::Reference(reference),
        Block::List("Cancelled", cancellation.items.iter().map(line).collect()),
    ];
    if cancellation.fees_kept.minor() > 0 {
        let kept = format!(
            "Fees of {} that are charged once for a booking do not come back.",
            money(cancellation.fees_kept)
        );
        blocks.push(Block::Paragraph(kept));
    }
    if cancellation.fees_back.minor() > 0 {
        let back = format!(
            "Fees of {} that are charged once for a booking come back too.",
            money(cancellation.fees_back)
        );
        blocks.push(Block::Paragraph(back));
    }
    let back = if cancellation.refund.minor() > 0 {
        format!(
            "We are sending {} back to the card you paid with. Banks usually show it within 5 to 10 days. You need not do anything.",
            money(cancellation.refund)
        )
    } else {
        "Nothing is left to send back.".to_owned()
    };
    blocks.push(Block::Paragraph(back));
    if flies_on {
        let rest = "These flights stay booked. New tickets follow in a mail of their own.";
        blocks.extend([
            Block::Paragraph(rest.to_owned()),
            Block::Flights(&content.flights),
            passengers(content),
            Block::Data(structured::reservations(content, frame.link)),
        ]);
    }
    blocks.push(Block::Button("See the booking".to_owned(), frame.link));
    compose(frame, title, &blocks)
}

/// `Asha Verma, departing: INR 4,000.00 of INR 7,000.00 comes back. Standard fare, cancelled more than …`
fn line(item: &MailCancelled) -> String {
    format!(
        "{}, {}: {} of {} comes back. {}",
        item.name,
        item.direction,
        money(item.refund),
        money(item.paid),
        sentence_case(&item.rule)
    )
}
