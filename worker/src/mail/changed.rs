//! What the mails about other flights, and about who flies them alone, say.

use flightdesk_core::format::money;
use flightdesk_core::ids::BookingId;
use flightdesk_core::mail_content::{MailChange, MailContent};
use flightdesk_core::money::Money;
use uuid::Uuid;

use super::layout::{Block, Frame, Words, compose};
use super::structured;
use super::templates::{deadline, greeting, passengers};

pub(super) fn flights(content: &MailContent, frame: Frame<'_>, id: Uuid) -> Words {
    let reference = &content.booking_ref;
    let title = format!("You have new flights on booking {reference}");
    let mut blocks = vec![
        Block::Paragraph(greeting(content)),
        Block::Paragraph(format!(
            "We have changed the flights of your booking {reference}, as you asked. These are your flights now:"
        )),
        Block::Reference(reference),
        Block::Flights(&content.flights),
        passengers(content),
    ];
    if let Some(change) = content.change(id) {
        blocks.extend(about(change));
    }
    let tickets = "Your old tickets are no longer valid. New tickets follow in a separate mail.";
    blocks.extend([
        Block::Paragraph(tickets.to_owned()),
        Block::Data(structured::reservations(content, frame.link)),
        Block::Button("See the booking".to_owned(), frame.link),
    ]);
    compose(frame, title, &blocks)
}

/// What a change has cost or gives back, and what is gone by it.
pub(super) fn about(change: &MailChange) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    if !change.former.is_empty() {
        blocks.push(Block::List("No longer booked", change.former.clone()));
    }
    if !change.lost_seats.is_empty() {
        let lost =
            "Seats you chose that the new flights do not have; what you paid for them is refunded";
        blocks.push(Block::List(lost, change.lost_seats.clone()));
    }
    let amount = change.amount;
    let words = match amount.minor() {
        1.. => format!("You have paid {} for the change.", money(amount)),
        0 => "The change costs nothing.".to_owned(),
        ..0 => format!(
            "We are sending {} back to the card you paid with. Banks usually show it within 5 to 10 days. You need not do anything.",
            money(Money::new(-amount.minor(), amount.currency()))
        ),
    };
    blocks.push(Block::Paragraph(words));
    blocks
}

/// That other flights are held, and how to pay for them.
pub(super) fn held(content: &MailContent, frame: Frame<'_>, id: Uuid) -> Words {
    let reference = &content.booking_ref;
    let change = content.change(id);
    let amount = money(change.map_or(content.total, |change| change.amount));
    let until = change.and_then(|change| change.held_until);
    let until = until.map_or_else(String::new, |until| deadline(content, until));
    let wanted = change.map_or_else(Vec::new, |change| change.wanted.clone());
    let as_they_were = "Until it is paid your flights are these. If you do not pay, they stay so, and nothing is charged:";
    compose(
        frame,
        format!("Pay {amount} by {until} for the new flights of booking {reference}"),
        &[
            Block::Paragraph(greeting(content)),
            Block::Paragraph(format!(
                "We are keeping seats for you on the flights that you asked for on booking {reference}. Please pay {amount} by {until}."
            )),
            Block::List("Flights you asked for", wanted),
            Block::Button(format!("Pay {amount}"), frame.link),
            Block::Paragraph(as_they_were.to_owned()),
            Block::Reference(reference),
            Block::Flights(&content.flights),
            passengers(content),
        ],
    )
}

/// That some passengers have a booking of their own, and which, in the mail with the tickets of either booking.
pub(super) fn divided(content: &MailContent) -> Vec<Block<'static>> {
    let reference = &content.booking_ref;
    let mut blocks = Vec::new();
    if let Some(from) = &content.split_from {
        blocks.push(Block::Paragraph(format!(
            "You asked for other flights for some of the passengers of booking {from}. They have this booking of their own from now on. What was paid for them there is paid for {reference}: nothing is charged twice."
        )));
    }
    for split in content.splits.iter().filter(|split| split.is_new) {
        let new = &split.new_booking_ref;
        blocks.extend([
            Block::Paragraph(format!(
                "You asked for other flights for some of the passengers of booking {reference}. They have a booking of their own from now on, {new}, with the same contact, and their tickets come in the mail about it. What was paid for them is paid for {new}: nothing is charged twice."
            )),
            Block::List("Now on the other booking", split.names.clone()),
        ]);
    }
    blocks
}

/// That the flights are as they were, and why.
pub(super) fn not_changed(content: &MailContent, frame: Frame<'_>, id: Uuid) -> Words {
    let reference = &content.booking_ref;
    let is_unpaid = content.change(id).is_some_and(|change| change.is_unpaid);
    let why = if is_unpaid {
        format!(
            "The change of flights that you asked for on booking {reference} was not paid in time and has ended."
        )
    } else {
        format!(
            "Another aircraft will operate one of the flights that you asked for on booking {reference}, and it does not have the seats that were quoted."
        )
    };
    let again = "You can ask for the change again where you booked. Any later payment for it is refunded in full.";
    let title = format!("The flights of booking {reference} have not changed");
    compose(
        frame,
        title,
        &[
            Block::Paragraph(greeting(content)),
            Block::Paragraph(format!(
                "{why} Nothing was charged, and your flights are as they were:"
            )),
            Block::Reference(reference),
            Block::Flights(&content.flights),
            passengers(content),
            Block::Paragraph(again.to_owned()),
            Block::Button("See the booking".to_owned(), frame.link),
        ],
    )
}

pub(super) fn split(content: &MailContent, frame: Frame<'_>, id: BookingId) -> Words {
    let reference = &content.booking_ref;
    let (new, names) = content
        .split(id)
        .map(|split| (split.new_booking_ref.clone(), split.names.clone()))
        .unwrap_or_default();
    let title = format!("Booking {reference} is now two bookings: the other one is {new}");
    let blocks = vec![
        Block::Paragraph(greeting(content)),
        Block::Paragraph(format!(
            "You asked for other flights for some of the passengers of booking {reference}. They have a booking of their own from now on, {new}, with the same contact, and their new flights are booked there."
        )),
        Block::List("Now on the new booking", names),
        Block::Paragraph(format!(
            "What was paid for them is paid for {new}: nothing is charged twice. Their tickets, and those of the passengers who stay on booking {reference}, follow in separate mails."
        )),
        Block::Reference(&new),
        Block::Button("See the booking".to_owned(), frame.link),
    ];
    compose(frame, title, &blocks)
}
