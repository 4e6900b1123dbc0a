//! What the mails say.

use chrono::{DateTime, Utc};
use flightdesk_core::document::DocumentKind;
use flightdesk_core::format;
use flightdesk_core::mail_content::{MailBag, MailContent, MailPassenger};
use flightdesk_core::outbox::MailKind;

use super::layout::{Block, compose};
pub use super::layout::{Frame, Words};
use super::{cancelled, changed, contact, disrupted, moved, returned, structured};
use crate::pdf::words::checked;

/// The words of a mail about a booking.
pub fn words(kind: MailKind, content: &MailContent, frame: Frame<'_>) -> Words {
    match kind {
        MailKind::BookingHeld => to_pay(content, frame, false),
        MailKind::BookingChanged { .. } => to_pay(content, frame, true),
        MailKind::BookingConfirmed => confirmed(content, frame),
        MailKind::BookingCancelled => cancelled_unpaid(content, frame),
        MailKind::BookingExpired => expired(content, frame),
        MailKind::ContactChanged { change_id } => contact::changed(content, frame, change_id),
        MailKind::ContactReplaced { .. } => contact::replaced(content, frame),
        MailKind::TicketsChanged { revision } => tickets_changed(content, frame, revision),
        MailKind::DocumentsAgain { .. } => documents_again(content, frame),
        MailKind::DepartureReminder { direction } => departure_reminder(content, frame, direction),
        MailKind::LatePaymentRefunded => returned::late_payment_refunded(content, frame),
        MailKind::MoneyReturned { refund_id } => {
            returned::money_returned(content, frame, refund_id)
        }
        MailKind::RefundPaid { refund_id } => returned::refund_paid(content, frame, refund_id),
        MailKind::SeatsNotChanged { seat_change_id } => {
            returned::seats_not_changed(content, frame, seat_change_id)
        }
        MailKind::FlightsChanged { change_id } => changed::flights(content, frame, change_id),
        MailKind::FlightsHeld { change_id } => changed::held(content, frame, change_id),
        MailKind::FlightsNotChanged { change_id } => {
            changed::not_changed(content, frame, change_id)
        }
        MailKind::BookingSplit { new_booking_id } => changed::split(content, frame, new_booking_id),
        MailKind::CancellationConfirmed { cancellation_id } => {
            cancelled::confirmed(content, frame, cancellation_id)
        }
        MailKind::FlightCancelled { disruption_id } | MailKind::FlightRetimed { disruption_id } => {
            disrupted::told(content, frame, disruption_id)
        }
    }
}

/// The confirmation as a text message, within 160 characters of GSM 7-bit for most bookings.
pub fn sms(content: &MailContent) -> String {
    let flights: Vec<_> = content
        .flights
        .iter()
        .map(|flight| {
            format!(
                "{} {}-{} {}",
                flight.number,
                flight.departure.iata,
                flight.arrival.iata,
                flight.departure.local.format("%-d %b %H:%M")
            )
        })
        .collect();
    format!(
        "Booking {} is confirmed: {}. Times are local. Tickets are in your mail.",
        content.booking_ref,
        flights.join(", ")
    )
}

/// A mail of a greeting, paragraphs and a link to the booking, with a title that is its subject too.
pub(super) fn letter(
    content: &MailContent,
    frame: Frame<'_>,
    title: String,
    paragraphs: &[&str],
) -> Words {
    let mut blocks = vec![Block::Paragraph(greeting(content))];
    let paragraphs = paragraphs.iter().map(|words| (*words).to_owned());
    blocks.extend(paragraphs.map(Block::Paragraph));
    blocks.push(Block::Button("See the booking".to_owned(), frame.link));
    compose(frame, title, &blocks)
}

fn to_pay(content: &MailContent, frame: Frame<'_>, is_changed: bool) -> Words {
    let reference = &content.booking_ref;
    let (total, due) = (format::money(content.total), due(content));
    let pay = Block::Button(format!("Pay {total}"), frame.link);
    let title = if is_changed {
        format!("Booking {reference} has changed: pay {total} by {due}")
    } else {
        format!("Pay for booking {reference} by {due}")
    };
    if content.is_stranger {
        return to_pay_by_stranger(content, frame, title, pay);
    }
    let changed = if is_changed {
        "Your booking has changed, and this mail replaces the earlier ones. "
    } else {
        ""
    };
    let seats = format!("{changed}We are keeping your seats. Please pay {total} by {due}.");
    let after =
        "After that the seats go back on sale and the booking ends by itself; nothing is charged.";
    compose(
        frame,
        title,
        &[
            Block::Paragraph(greeting(content)),
            Block::Paragraph(seats),
            pay,
            Block::Reference(reference),
            Block::Flights(&content.flights),
            Block::Paragraph(after.to_owned()),
        ],
    )
}

/// To an address that has never paid, which anybody may have typed: no word that the caller chose, and no journey.
fn to_pay_by_stranger(
    content: &MailContent,
    frame: Frame<'_>,
    title: String,
    pay: Block<'_>,
) -> Words {
    let what = format!(
        "Flights were booked with this address. Please pay {} by {} to keep them; the page shows what was booked.",
        format::money(content.total),
        due(content)
    );
    let unasked = "If you did not ask for this, you need not do anything: the booking ends by itself, and nothing is charged.";
    compose(
        frame,
        title,
        &[
            Block::Paragraph("Hello,".to_owned()),
            Block::Paragraph(what),
            pay,
            Block::Reference(&content.booking_ref),
            Block::Paragraph(unasked.to_owned()),
        ],
    )
}

fn cancelled_unpaid(content: &MailContent, frame: Frame<'_>) -> Words {
    let reference = &content.booking_ref;
    let what = format!(
        "Booking {reference} was cancelled before it was paid. The seats are on sale again; nothing was charged."
    );
    let late = "Any later payment is refunded in full.";
    let title = format!("Your booking {reference} is cancelled");
    letter(content, frame, title, &[&what, late])
}

fn expired(content: &MailContent, frame: Frame<'_>) -> Words {
    let reference = &content.booking_ref;
    let what = format!(
        "Booking {reference} was not paid in time and has ended. The seats are on sale again; nothing was charged."
    );
    let again = "If you still want to fly, please search and book again. Any later payment either confirms the booking or is refunded in full.";
    let title = format!("Your booking {reference} has expired");
    letter(content, frame, title, &[&what, again])
}

fn tickets_changed(content: &MailContent, frame: Frame<'_>, revision: i32) -> Words {
    let reference = &content.booking_ref;
    let retimed = disrupted::accepted(content);
    let has_new_flights = content.has_new_flights();
    let what = if has_new_flights {
        format!("Flights of booking {reference} have changed.")
    } else if !retimed.is_empty() {
        format!("Times of booking {reference} have changed.")
    } else if !content.cancellations.is_empty() {
        format!(
            "Booking {reference} has changed: these are the flights and passengers that are left."
        )
    } else if !content.renamed.is_empty() {
        format!("Names on booking {reference} have been corrected.")
    } else if content.splits.iter().any(|split| split.is_new) {
        format!("Some passengers of booking {reference} have a booking of their own now.")
    } else {
        format!("Seats of booking {reference} have changed.")
    };
    let numbers = if has_new_flights {
        "They have new ticket numbers."
    } else {
        "The ticket numbers stay as they were."
    };
    let what = format!(
        "{what} The new tickets are attached; they are revision {revision} and replace those that you have. {numbers}"
    );
    let moved = moved::sentences(content).join(" ");
    let mut blocks = vec![Block::Paragraph(greeting(content)), Block::Paragraph(what)];
    blocks.extend(changed::divided(content));
    if !content.renamed.is_empty() {
        let names = content.renamed.clone();
        blocks.push(Block::List("Names on the tickets now", names));
    }
    if !moved.is_empty() {
        blocks.push(Block::Paragraph(moved));
    }
    blocks.extend(retimed.into_iter().map(Block::Paragraph));
    blocks.extend([
        Block::Reference(reference),
        Block::Flights(&content.flights),
        passengers(content),
        Block::Button("See the booking".to_owned(), frame.link),
        Block::Data(structured::reservations(content, frame.link)),
    ]);
    let title = format!("New tickets for booking {reference}");
    compose(frame, title, &blocks)
}

fn documents_again(content: &MailContent, frame: Frame<'_>) -> Words {
    let reference = &content.booking_ref;
    let what = format!(
        "Here are the documents of booking {reference} again, as you asked us for them. They are as they stand now; the booking has not changed."
    );
    compose(
        frame,
        format!("Documents of booking {reference}"),
        &[
            Block::Paragraph(greeting(content)),
            Block::Paragraph(what),
            Block::Reference(reference),
            Block::Flights(&content.flights),
            passengers(content),
            Block::Button("See the booking".to_owned(), frame.link),
        ],
    )
}

fn departure_reminder(content: &MailContent, frame: Frame<'_>, direction: i16) -> Words {
    let reference = &content.booking_ref;
    let flights: Vec<_> = content.of_direction(direction).cloned().collect();
    let to = flights
        .last()
        .map_or_else(String::new, |last| format!(" to {}", last.arrival.city));
    let when = flights.first().map_or_else(String::new, |first| {
        first.departure.local.format("%A at %H:%M").to_string()
    });
    let what = format!("Your journey{to} begins soon. Your booking reference is {reference}.");
    compose(
        frame,
        format!("Your flight{to} leaves on {when}"),
        &[
            Block::Paragraph(greeting(content)),
            Block::Paragraph(what),
            Block::Flights(&flights),
            passengers(content),
            Block::Paragraph(before(content)),
            Block::Button("See the booking".to_owned(), frame.link),
            Block::Paragraph("Have a good flight!".to_owned()),
        ],
    )
}

fn confirmed(content: &MailContent, frame: Frame<'_>) -> Words {
    let reference = &content.booking_ref;
    let is_one = content.tickets().count() == 1;
    let enclosed = content.enclosed(MailKind::BookingConfirmed);
    let has_invoice = enclosed
        .iter()
        .any(|document| document.kind == DocumentKind::Invoice);
    let files = match (is_one, has_invoice) {
        (true, true) => "Your e-ticket and the invoice are attached as PDFs",
        (false, true) => {
            "Your e-tickets, one for each airline, and the invoice are attached as PDFs"
        }
        // The invoice is with the booking that the passengers were in when it was paid.
        (true, false) => "Your e-ticket is attached as a PDF",
        (false, false) => "Your e-tickets, one for each airline, are attached as PDFs",
    };
    let files = format!(
        "{files}, and the flights as a calendar file. You can download them again on the page of the booking."
    );
    let is_free = content.total.minor() == 0;
    let is_confirmed = if is_free {
        "Your booking is confirmed."
    } else {
        "Your booking is paid and confirmed."
    };
    let paid = if is_free {
        "No payment was due.".to_owned()
    } else {
        format!("Paid: {}", format::money(content.total))
    };
    let mut blocks = vec![
        Block::Paragraph(greeting(content)),
        Block::Paragraph(is_confirmed.to_owned()),
    ];
    blocks.extend(changed::divided(content));
    blocks.extend([
        Block::Reference(reference),
        Block::Flights(&content.flights),
        passengers(content),
        baggage(content),
    ]);
    if content.split_from.is_some() {
        let done = (content.changes.iter()).filter(|change| change.done_at.is_some());
        blocks.extend(done.flat_map(changed::about));
    }
    blocks.extend([
        Block::Paragraph(paid),
        Block::Paragraph(files),
        Block::Button("See the booking".to_owned(), frame.link),
        Block::Paragraph(before(content)),
        Block::Paragraph("Have a good flight!".to_owned()),
        Block::Data(structured::reservations(content, frame.link)),
    ]);
    compose(
        frame,
        format!("Your booking {reference} is confirmed"),
        &blocks,
    )
}

/// `Ms Asha Verma: AI 161 seat 21A, BA 143 seat 5C`.
pub(super) fn passengers(content: &MailContent) -> Block<'static> {
    let line = |passenger: &MailPassenger| {
        let seats = passenger.seats.iter().map(|seat| {
            seat.rsplit_once(' ').map_or_else(
                || seat.clone(),
                |(flight, seat)| format!("{flight} seat {seat}"),
            )
        });
        let seats: Vec<_> = seats.collect();
        let name = &passenger.name;
        match passenger.passenger_type.as_str() {
            "infant" => format!("{name}: infant on the lap of an adult"),
            _ if seats.is_empty() => format!("{name}: seats are given at check-in"),
            _ => format!("{name}: {}", seats.join(", ")),
        }
    };
    Block::List("Passengers", content.passengers.iter().map(line).collect())
}

/// The flights of a booking, those that are booked and those that no longer are, and who flies. Nothing to an address that
/// anybody may have typed.
pub(super) fn journey(content: &MailContent) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    if content.is_stranger {
        return blocks;
    }
    let is_booked = content.is_paid() && !content.flights.is_empty();
    if is_booked {
        blocks.extend([
            Block::Paragraph("These flights are booked:".to_owned()),
            Block::Flights(&content.flights),
            passengers(content),
        ]);
    }
    let ended = if is_booked || content.flights.is_empty() {
        &content.cancelled_flights
    } else {
        &content.flights
    };
    if !ended.is_empty() {
        let what = "These flights are no longer booked:";
        blocks.extend([Block::Paragraph(what.to_owned()), Block::Flights(ended)]);
    }
    if !is_booked {
        let names = content.passengers.iter().map(|one| one.name.clone());
        let names = names.chain(content.former_passengers.iter().cloned());
        blocks.push(Block::List("Passengers", names.collect()));
    }
    blocks
}

/// What the fares include, and what was bought beside that.
fn baggage(content: &MailContent) -> Block<'static> {
    let included = content.included.iter().map(|direction| {
        let checked = checked(&direction.baggage);
        let each = match direction.baggage.cabin.as_str() {
            "" => checked,
            cabin => format!("{checked}; cabin bag {cabin}"),
        };
        format!("{}: {each}", format::sentence_case(&direction.direction))
    });
    let extra = |bag: &MailBag| {
        format!(
            "{}: {} kg extra baggage ({})",
            bag.first_name, bag.kg, bag.direction
        )
    };
    let extra = content.bags.iter().map(extra);
    Block::List(
        "Baggage for each passenger with a seat",
        included.chain(extra).collect(),
    )
}

fn before(content: &MailContent) -> String {
    let papers = if content.crosses_border() {
        "Bring a passport that is valid for the whole journey."
    } else {
        "Bring a photo ID."
    };
    format!(
        "{papers} Check-in desks open 3 hours before departure and close 60 minutes before it; the gate closes 15 minutes before."
    )
}

fn due(content: &MailContent) -> String {
    deadline(content, content.payment_due_at)
}

/// `14:20 on Fri 20 Nov 2026 (UTC+5:30)`, by the clocks of where the journey begins.
pub(super) fn deadline(content: &MailContent, due: DateTime<Utc>) -> String {
    let local = content.flights.first().map_or_else(
        || due.fixed_offset(),
        |first| due.with_timezone(first.departure.local.offset()),
    );
    format!(
        "{} on {} ({})",
        format::time(local),
        format::date(local),
        format::offset(local)
    )
}

/// `Hello Asha, Ravi and Asha,`: two people with one name are two people, and infants do not read. A stranger, whom
/// nobody knows to be any of them, is not called by a name that somebody typed.
pub(super) fn greeting(content: &MailContent) -> String {
    let readers = content
        .passengers
        .iter()
        .filter(|passenger| passenger.passenger_type != "infant" && !content.is_stranger);
    let names: Vec<_> = readers
        .map(|passenger| passenger.first_name.as_str())
        .collect();
    match names.as_slice() {
        [] => "Hello,".to_owned(),
        [name] => format!("Hello {name},"),
        [names @ .., last] => format!("Hello {} and {last},", names.join(", ")),
    }
}
