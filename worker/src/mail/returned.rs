//! What the mails say about money that goes back, and about seats that cannot be had.

use flightdesk_core::format::{money, sentence_case};
use flightdesk_core::ids::RefundId;
use flightdesk_core::mail_content::{MailContent, ReturnCause};
use flightdesk_core::outbox::MailKind;

use super::templates::{Frame, Words, letter};

pub(super) fn late_payment_refunded(content: &MailContent, frame: Frame<'_>) -> Words {
    let reference = &content.booking_ref;
    let what = format!(
        "Your payment for booking {reference} reached us when the booking could not be confirmed any more."
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
            format!("Booking {reference} was paid already when another {paid} reached us.")
        }
        ReturnCause::SeatsGone => format!(
            "Your payment of {paid} for other seats on booking {reference} reached us when those seats could not be had any more. You keep the seats that you have."
        ),
        ReturnCause::FlightsGone => format!(
            "Your payment of {paid} for other flights of booking {reference} reached us when those flights could not be had any more. You keep the flights that you have."
        ),
        ReturnCause::SeatFees => format!(
            "A seat that you had chosen for booking {reference} could not be had any more when it was confirmed. Your ticket shows the seat that you have instead."
        ),
        ReturnCause::NotOwed => format!(
            "Your payment of {paid} for booking {reference} reached us when it was not owed any more."
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
            "We have paid {amount} for booking {reference} back by bank transfer, because it could not go back to the card."
        )
    } else {
        format!("We have paid {amount} for booking {reference} back to {card}.")
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
    letter(content, frame, title, &[&what, when, &receipts.join(" ")])
}

pub(super) fn seats_not_changed(content: &MailContent, frame: Frame<'_>) -> Words {
    let reference = &content.booking_ref;
    let what = format!(
        "Another aircraft will fly for booking {reference}, and it does not have the seats that you asked for. Nothing was charged for them."
    );
    let again = "You can choose other seats where you booked, until check-in closes. A payment that reaches us after all goes back in full.";
    let title = format!("The seats you asked for on booking {reference} cannot be had");
    letter(content, frame, title, &[&what, again])
}
