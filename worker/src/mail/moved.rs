//! What a mail says of another aircraft: who sits where instead, and what goes back.

use flightdesk_core::format::money;
use flightdesk_core::mail_content::{MailContent, MailMove};

/// A sentence or two for each flight and each passenger; nothing when no aircraft changed.
pub(super) fn sentences(content: &MailContent) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut about: Option<(&str, &str)> = None;
    for moved in &content.moves {
        let this = (moved.flight.as_str(), moved.to_aircraft.as_str());
        if about != Some(this) {
            about = Some(this);
            sentences.push(format!(
                "Flight {} will be flown with another aircraft: {} instead of {}.",
                moved.flight, moved.to_aircraft, moved.from_aircraft
            ));
        }
        sentences.push(seat(moved));
        sentences.extend(refund(moved));
    }
    sentences
}

fn seat(moved: &MailMove) -> String {
    let (name, before) = (&moved.first_name, &moved.from_seat);
    match &moved.to_seat {
        Some(seat) if seat == before => format!("{name} keeps seat {seat}."),
        Some(seat) => format!("{name} has seat {seat} instead of {before}."),
        None => {
            format!("Seat {before} does not exist on it: {name} gets another seat at check-in.")
        }
    }
}

fn refund(moved: &MailMove) -> Option<String> {
    let (amount, seat) = (money(moved.refund?), &moved.from_seat);
    Some(if moved.to_seat.as_ref() == Some(seat) {
        format!(
            "Seat {seat} costs less on this aircraft; we are sending {amount} back to the card you paid with."
        )
    } else {
        format!("We are sending the {amount} paid for seat {seat} back to the card you paid with.")
    })
}
