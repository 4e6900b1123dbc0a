//! What the mails say about refunds, and about seats that are no longer available.

use flightdesk_core::format::{money, sentence_case};
use flightdesk_core::ids::RefundId;
use flightdesk_core::mail_content::{MailContent, ReturnCause};
use flightdesk_core::outbox::MailKind;

use uuid::Uuid;

use super::layout::{Block, compose};
use super::templates::{Frame, Words, greeting, journey, letter};

pub(super) fn late_payment_refunded(content: &MailContent, frame: Frame<'_>) -> Words {
    let reference = &content.booking_ref;
    let what = format!(
        "Your payment for booking {reference} arrived when the booking could no longer be confirmed."
    );
    let amount = money(content.refunded.unwrap_or(content.total));
    let back = format!(
        "We are sending the full amount of {amount} back to the card you paid with. Banks usually show it within 5 to 10 days. You need not do anything."
    );
    let sorry = "We are sorry that it did not work out this time.";
    let title = format!("Your payment for booking {reference} is being refunded");
    letter(content, frame, title, &[&what, &back, sorry])
}

pub(super) fn money_returned(content: &MailContent, frame: Frame<'_>, id: RefundId) -> Words {
    let reference = &content.booking_ref;
    let returned = content.returned(id);
    let amount = money(returned.map_or(content.total, |returned| returned.amount));
    let paid = money(returned.map_or(content.total, |returned| returned.paid));
    let cause = returned.map_or(ReturnCause::NotOwed, |returned| returned.cause);
    let what = match cause {
        ReturnCause::NotAskedFor => format!(
            "We received {paid} for booking {reference}. That is not the payment that we asked for, so it does not count for the booking."
        ),
        ReturnCause::PaidTwice => {
            format!("Booking {reference} was already paid when another {paid} arrived.")
        }
        ReturnCause::SeatsGone => format!(
            "Your payment of {paid} for other seats on booking {reference} arrived when those seats were no longer available. You keep the seats that you have."
        ),
        ReturnCause::FlightsGone => format!(
            "Your payment of {paid} for other flights of booking {reference} arrived when those flights were no longer available. You keep the flights that you have."
        ),
        ReturnCause::SeatFees => format!(
            "A seat that you had chosen for booking {reference} was no longer available when it was confirmed. Your ticket shows the seat that you have instead."
        ),
        ReturnCause::NotOwed => format!(
            "Your payment of {paid} for booking {reference} arrived when it was no longer owed."
        ),
    };
    let all = if cause == ReturnCause::SeatFees {
        "the fee of"
    } else {
        "all of it,"
    };
    let back = format!(
        "We are sending {all} {amount} back to the card you paid with. Banks usually show it within 5 to 10 days. You need not do anything."
    );
    let title = format!("{amount} for booking {reference} is on its way back to you");
    letter(content, frame, title, &[&what, &back])
}

pub(super) fn refund_paid(content: &MailContent, frame: Frame<'_>, id: RefundId) -> Words {
    let reference = &content.booking_ref;
    let returned = content.returned(id);
    let amount = money(returned.map_or(content.total, |returned| returned.amount));
    let card = returned.and_then(|returned| {
        let brand = sentence_case(returned.card_brand.as_deref()?);
        let last4 = returned.card_last4.as_deref()?;
        Some(format!("your {brand} card ending in {last4}"))
    });
    let card = card.unwrap_or_else(|| "the card you paid with".to_owned());
    let is_bank_transfer = returned.is_some_and(|returned| returned.is_bank_transfer);
    let what = if is_bank_transfer {
        format!(
            "We have refunded {amount} for booking {reference} by bank transfer, because the card could not be refunded."
        )
    } else {
        format!("We have refunded {amount} for booking {reference} to {card}.")
    };
    let when = if is_bank_transfer {
        "Banks usually show it on the account within 3 days. You need not do anything."
    } else {
        "Your bank has the money now. Banks usually show it on the account within 5 to 10 days; some lower the payment instead of adding a line. You need not do anything."
    };
    let enclosed = content.enclosed(MailKind::RefundPaid { refund_id: id });
    let receipts = enclosed
        .into_iter()
        .filter_map(|document| document.number.as_deref());
    let receipts = receipts.map(|number| format!("The receipt {number} is attached as a PDF."));
    let receipts: Vec<_> = receipts.collect();
    let title = if is_bank_transfer {
        format!("{amount} for booking {reference} is on its way to your account")
    } else {
        format!("{amount} for booking {reference} is back with your bank")
    };
    let mut blocks = vec![
        Block::Paragraph(greeting(content)),
        Block::Paragraph(what),
        Block::Paragraph(when.to_owned()),
    ];
    if !receipts.is_empty() {
        blocks.push(Block::Paragraph(receipts.join(" ")));
    }
    blocks.extend(journey(content));
    blocks.push(Block::Button("See the booking".to_owned(), frame.link));
    compose(frame, title, &blocks)
}

pub(super) fn seats_not_changed(content: &MailContent, frame: Frame<'_>, id: Uuid) -> Words {
    let reference = &content.booking_ref;
    let what = if content.unpaid_seat_changes.contains(&id) {
        format!(
            "The other seats that you asked for on booking {reference} were not paid in time. Nothing was charged, and you keep the seats that you have."
        )
    } else {
        format!(
            "Another aircraft will operate a flight of booking {reference}, and it does not have the seats that you asked for. Nothing was charged for them."
        )
    };
    let again = "You can choose other seats where you booked, until check-in closes. Any later payment is refunded in full.";
    let title = format!("We could not change the seats on booking {reference}");
    letter(content, frame, title, &[&what, again])
}
