//! What the mails about a flight say that the airline has cancelled or moved.

use flightdesk_core::booking::{ChoiceOption, RefundScope};
use flightdesk_core::format::{self, money};
use flightdesk_core::mail_content::{MailContent, MailDisruption, MailStop, MailTimes};
use flightdesk_core::trade::{DefaultChoice, DisruptionChoice, DisruptionKind};
use uuid::Uuid;

use super::layout::{Block, Frame, Words, compose};
use super::templates::{greeting, passengers};

/// What has happened, what can be chosen and until when, what happens without an answer, and what the law says.
pub(super) fn told(content: &MailContent, frame: Frame<'_>, id: Uuid) -> Words {
    let reference = &content.booking_ref;
    let Some(told) = content.disruption(id) else {
        let title = format!("Your booking {reference}");
        return compose(frame, title, &[Block::Paragraph(greeting(content))]);
    };
    let (flight, from) = (&told.flight, &told.before.departure);
    let date = format::date(from.local);
    let title = match told.kind {
        DisruptionKind::Cancelled => format!("Your flight {flight} on {date} is cancelled"),
        DisruptionKind::Retimed => format!("Your flight {flight} on {date} has new times"),
    };
    let what = format!(
        "We are sorry: the airline {} flight {flight} from {} to {}. The reason: {}",
        match told.kind {
            DisruptionKind::Cancelled => "has cancelled",
            DisruptionKind::Retimed => "has changed the times of",
        },
        from.city,
        told.before.arrival.city,
        format::sentence_case(&ended(&told.reason)),
    );
    let mut blocks = vec![
        Block::Paragraph(greeting(content)),
        Block::Paragraph(what),
        Block::Reference(reference),
        Block::List("Times", times(told)),
        passengers(content),
    ];
    if told.connection_broken {
        let missed = "At the new times you would miss a connection of your journey.";
        blocks.push(Block::Paragraph(missed.to_owned()));
    }
    let options = told.options.iter().map(|option| choice(option, frame));
    if told.options.is_empty() {
        let help = "There is nothing to choose on the page of the booking. Please reply to this mail if you need help with your journey.";
        blocks.extend([
            Block::Paragraph(help.to_owned()),
            Block::Button("See the booking".to_owned(), frame.link),
        ]);
    } else {
        let by = format!(
            "Please choose by {}. {}",
            format::moment(told.decide_by),
            silence(told.default_choice)
        );
        blocks.extend([
            Block::List("You can choose", options.collect()),
            Block::Paragraph(by),
            Block::Button("Choose on the page of the booking".to_owned(), frame.link),
        ]);
    }
    let rights = rights(told);
    if !rights.is_empty() {
        blocks.push(Block::List("What the law says", rights));
        let note = "This is information: whether it is owed depends on the circumstances. Claim it from the airline that operates the flight.";
        blocks.push(Block::Small(note.to_owned()));
    }
    compose(frame, title, &blocks)
}

/// A sentence for each flight whose new times were accepted with the tickets of this mail.
pub(super) fn accepted(content: &MailContent) -> Vec<String> {
    let sentence = |told: &MailDisruption| {
        let after = told.after.as_ref()?;
        Some(format!(
            "Flight {} leaves {} at {} instead of {}.",
            told.flight,
            after.departure.city,
            format::moment(after.departure.local),
            format::moment(told.before.departure.local),
        ))
    };
    content.accepted_now().filter_map(sentence).collect()
}

fn times(told: &MailDisruption) -> Vec<String> {
    match &told.after {
        None => vec![format!("Cancelled: {}", line(&told.before))],
        Some(after) => vec![
            format!("Booked: {}", line(&told.before)),
            format!("New: {}", line(after)),
        ],
    }
}

/// `Sun 20 Dec 2026, 08:00 (UTC+5:30) New Delhi (DEL) to Sun 20 Dec 2026, 10:10 (UTC+5:30) Mumbai (BOM)`
fn line(times: &MailTimes) -> String {
    let stop = |stop: &MailStop| {
        format!(
            "{} {} ({})",
            format::moment(stop.local),
            stop.city,
            stop.iata
        )
    };
    format!("{} to {}", stop(&times.departure), stop(&times.arrival))
}

fn choice(option: &ChoiceOption, frame: Frame<'_>) -> String {
    let refund = option
        .refund
        .map_or_else(String::new, |amount| format!(" of {}", money(amount)));
    match (option.choice, option.scope) {
        (DisruptionChoice::Accept, _) => "Fly at the new times; you get new tickets.".to_owned(),
        (DisruptionChoice::Rebook, _) => rebook(frame.rebook_days),
        (DisruptionChoice::Refund, Some(RefundScope::Ticket)) => format!(
            "A full refund{refund} for both directions, which are on one ticket, seats and bags included."
        ),
        (DisruptionChoice::Refund, Some(RefundScope::Direction) | None) => {
            format!("A full refund{refund} for this direction, seats and bags included.")
        }
    }
}

fn rebook(days: u32) -> String {
    let within = match days {
        0 => "at the same time".to_owned(),
        1 => "within 1 day".to_owned(),
        days => format!("within {days} days"),
    };
    format!(
        "Another flight on the same route {within}, free of charge, while seats are available; ask for it where you booked."
    )
}

const fn silence(choice: DefaultChoice) -> &'static str {
    match choice {
        DefaultChoice::Accept => "If we do not hear from you by then, you fly at the new times.",
        DefaultChoice::Refund => "If we do not hear from you by then, we will refund you in full.",
        DefaultChoice::Nothing => {
            "If we do not hear from you by then, our staff will look at your booking."
        }
    }
}

fn rights(told: &MailDisruption) -> Vec<String> {
    let applying = told.entitlements.iter().filter(|one| one.applies);
    let line = |one: &flightdesk_core::entitlement::Entitlement| {
        let amount = one.amount.map_or_else(String::new, |amount| {
            format!("{} for each passenger. ", money(amount.money()))
        });
        format!("{amount}{} {}", one.why, one.regulation.source())
    };
    applying.map(line).collect()
}

/// With a full stop at its end.
fn ended(reason: &str) -> String {
    if reason.ends_with(['.', '!', '?']) {
        reason.to_owned()
    } else {
        format!("{reason}.")
    }
}
