//! The flights of a booking as a calendar file (RFC 5545).
//!
//! **The calendar file has instants in UTC.** A flight leaves at an instant; a `VTIMEZONE` would carry a copy of
//! zone rules that the reader's calendar has newer. The local times of both airports stand in words. A flight's
//! event keeps its UID.

use chrono::{DateTime, Utc};
use flightdesk_core::format;
use flightdesk_core::mail_content::{MailContent, MailFlight, MailStop};
use icalendar::{Calendar, Component, Event, EventLike, EventStatus};

use super::{Attachment, Mailer};

/// One event a flight.
///
/// Times are instants in UTC, which every calendar shows by its own clocks; those of the airports stand in the
/// description. An event keeps its UID when seats change, so that a second file moves it and adds none.
///
/// It is published and asks for no answer (RFC 5546, 3.2.1): the method stands in the file as well as in its type, and
/// each event names us as its organizer.
pub fn file(content: &MailContent, mailer: &Mailer, made_at: DateTime<Utc>) -> Attachment {
    let mut calendar = Calendar::empty();
    calendar
        .append_property(("VERSION", "2.0"))
        .append_property(("PRODID", "-//Flightdesk//Flights 1.0//EN"))
        .append_property(("CALSCALE", "GREGORIAN"))
        .append_property(("METHOD", "PUBLISH"))
        .name(&format!("Booking {}", content.booking_ref));
    for flight in &content.flights {
        calendar.push(event(content, flight, mailer, made_at));
    }
    let text = calendar.done().to_string();
    Attachment {
        file_name: format!("flights-{}.ics", content.booking_ref),
        content_type: "text/calendar; charset=utf-8; method=PUBLISH",
        bytes: text.into_bytes(),
    }
}

fn event(
    content: &MailContent,
    flight: &MailFlight,
    mailer: &Mailer,
    made_at: DateTime<Utc>,
) -> Event {
    let host = mailer.host();
    let (from, to) = (&flight.departure, &flight.arrival);
    let description = format!(
        "Booking reference {}\nDeparts {}\nArrives {}",
        content.booking_ref,
        clock(from),
        clock(to),
    );
    Event::new()
        .uid(&format!("{}@{host}", flight.id))
        .timestamp(made_at)
        .starts(from.local.to_utc())
        .ends(to.local.to_utc())
        .summary(&format!(
            "Flight {} {} to {}",
            flight.number, from.city, to.city
        ))
        .location(&format!("{} ({})", from.city, from.iata))
        .description(&description)
        .status(EventStatus::Confirmed)
        .append_property(("ORGANIZER", format!("mailto:{}", mailer.from()).as_str()))
        .done()
}

/// `Sun 20 Dec 2026, 14:00 in New Delhi (DEL), Asia/Kolkata`
fn clock(stop: &MailStop) -> String {
    format!(
        "{}, {} in {} ({}), {}",
        format::date(stop.local),
        format::time(stop.local),
        stop.city,
        stop.iata,
        stop.time_zone,
    )
}
