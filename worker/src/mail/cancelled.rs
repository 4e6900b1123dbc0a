//! What the mail about a cancellation says.

use flightdesk_core::format::{money, sentence_case};
use flightdesk_core::mail_content::{MailCancellation, MailCancelled, MailContent, MailFlight};
use uuid::Uuid;

use super::layout::{Block, Frame, Words, compose};
use super::structured;
use super::templates::{greeting, passengers};

pub(super) fn confirmed(content: &MailContent, frame: Frame<'_>, id: Uuid) -> Words {
    let reference = &content.booking_ref;
    let flies_on = !content.flights.is_empty();
    let title = if flies_on {
        format!("Part of your booking {reference} is cancelled")
    } else {
        format!("Your booking {reference} is cancelled")
    };
    let Some(cancellation) = content.cancellation(id) else {
        return compose(frame, title, &[Block::Paragraph(greeting(content))]);
    };
    let mut blocks = vec![
        Block::Paragraph(greeting(content)),
        Block::Paragraph(if cancellation.is_by_airline {
            format!("{title}. We are sorry: the airline no longer operates it as booked.")
        } else {
            format!("{title}, as you asked.")
        }),
        Block::Reference(reference),
        Block::List("Cancelled", cancellation.items.iter().map(line).collect()),
    ];
    let ended = ended(content, cancellation);
    if !ended.is_empty() {
        let what = "These flights are no longer booked:";
        blocks.extend([Block::Paragraph(what.to_owned()), Block::Flights(&ended)]);
    }
    blocks.extend(money_of(cancellation).map(Block::Paragraph));
    if flies_on {
        let rest = "These flights stay booked. New tickets follow in a separate mail.";
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

/// The flights of the directions that nobody flies since.
fn ended(content: &MailContent, cancellation: &MailCancellation) -> Vec<MailFlight> {
    let is_of_it = |flight: &&MailFlight| {
        let mut items = cancellation.items.iter();
        items.any(|item| item.direction == flight.direction)
    };
    let flights = content.cancelled_flights.iter().filter(is_of_it);
    flights.cloned().collect()
}

/// What becomes of the fees that are charged once a booking, and what is refunded in all.
fn money_of(cancellation: &MailCancellation) -> impl Iterator<Item = String> {
    let (kept, back) = (cancellation.fees_kept, cancellation.fees_back);
    let kept = (kept.minor() > 0).then(|| {
        let kept = money(kept);
        format!("Per-booking fees of {kept} are not refundable.")
    });
    let back = (back.minor() > 0).then(|| {
        let back = money(back);
        format!("Per-booking fees of {back} are refunded too.")
    });
    let all = if cancellation.refund.minor() > 0 {
        format!(
            "We are sending {} back to the card you paid with. Banks usually show it within 5 to 10 days. You need not do anything.",
            money(cancellation.refund)
        )
    } else {
        "There is nothing to refund.".to_owned()
    };
    [kept, back, Some(all)].into_iter().flatten()
}

/// `Asha Verma, departing: INR 4,000.00 of INR 7,000.00 is refunded. Standard fare, cancelled more than …`
fn line(item: &MailCancelled) -> String {
    format!(
        "{}, {}: {} of {} is refunded. {}",
        item.name,
        item.direction,
        money(item.refund),
        money(item.paid),
        sentence_case(&item.rule)
    )
}
