//! What the mails say, in text and in HTML that is readable in a window of any width.

use chrono::DateTime;
use flightdesk_core::html::escape;
use flightdesk_core::mail::{MailBag, MailContent, MailFlight, MailStop};
use flightdesk_core::outbox::MailKind;

use super::returned;

/// A mail's words.
#[derive(Clone, Debug)]
pub struct Words {
    /// One line.
    pub subject: String,
    /// For those who read text.
    pub text: String,
    /// For everybody else.
    pub html: String,
}

/// The words of a mail about a booking.
pub fn words(kind: MailKind, content: &MailContent) -> Words {
    match kind {
        MailKind::BookingHeld => held(content),
        MailKind::BookingConfirmed => confirmed(content),
        MailKind::BookingExpired => expired(content),
        MailKind::TicketsChanged { revision } => tickets_changed(content, revision),
        MailKind::DepartureReminder { direction } => departure_reminder(content, direction),
        MailKind::LatePaymentRefunded => returned::late_payment_refunded(content),
        MailKind::MoneyReturned { refund_id } => returned::money_returned(content, refund_id),
        MailKind::SeatsNotChanged { .. } => returned::seats_not_changed(content),
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

fn held(content: &MailContent) -> Words {
    let reference = &content.booking_ref;
    let due = due(content);
    let seats = format!(
        "we are keeping your seats. Please pay {} by {due}.",
        content.total
    );
    let else_ = "After that they go back on sale and the booking ends by itself; nothing is charged then. Pay where you booked.";
    let title = format!("Pay for booking {reference} by {due}");
    Words {
        text: lines(&[
            &greeting(content),
            "",
            &seats,
            "",
            &format!("Booking reference: {reference}"),
            "",
            &flights_text(&content.flights),
            "",
            TIMES,
            "",
            else_,
        ]),
        html: page(
            &title,
            &[
                paragraph(&greeting(content)),
                paragraph(&seats),
                reference_box(reference),
                flights_html(&content.flights),
                small(TIMES),
                paragraph(else_),
            ],
        ),
        subject: title,
    }
}

/// A mail of a greeting and paragraphs, with a title that is its subject too.
pub(super) fn letter(content: &MailContent, title: String, paragraphs: &[&str]) -> Words {
    let greeting = greeting(content);
    let mut text = vec![greeting.as_str()];
    let mut html = vec![paragraph(&greeting)];
    for words in paragraphs {
        text.extend(["", words]);
        html.push(paragraph(words));
    }
    Words {
        text: lines(&text),
        html: page(&title, &html),
        subject: title,
    }
}

fn expired(content: &MailContent) -> Words {
    let reference = &content.booking_ref;
    let what = format!(
        "booking {reference} was not paid in time and has ended. The seats are on sale again; nothing was charged."
    );
    let again = "If you still want to fly, please search and book again. A payment that reaches us after all either confirms the booking or goes back in full.";
    let title = format!("Your booking {reference} has expired");
    letter(content, title, &[&what, again])
}

fn tickets_changed(content: &MailContent, revision: i32) -> Words {
    let reference = &content.booking_ref;
    let what = format!(
        "seats of booking {reference} have changed. The new tickets are attached; they are revision {revision} and replace those that you have. The ticket numbers stay as they were."
    );
    let title = format!("New tickets for booking {reference}");
    Words {
        text: lines(&[
            &greeting(content),
            "",
            &what,
            "",
            &flights_text(&content.flights),
            "",
            TIMES,
        ]),
        html: page(
            &title,
            &[
                paragraph(&greeting(content)),
                paragraph(&what),
                reference_box(reference),
                flights_html(&content.flights),
                small(TIMES),
            ],
        ),
        subject: title,
    }
}

fn departure_reminder(content: &MailContent, direction: i16) -> Words {
    let reference = &content.booking_ref;
    let flights: Vec<_> = content.of_direction(direction).cloned().collect();
    let to = flights
        .last()
        .map_or_else(String::new, |last| format!(" to {}", last.arrival.city));
    let when = flights.first().map_or_else(String::new, |first| {
        first.departure.local.format("%A at %H:%M").to_string()
    });
    let title = format!("Your flight{to} leaves on {when}");
    let what = format!("your journey{to} begins soon. Your booking reference is {reference}.");
    Words {
        text: lines(&[
            &greeting(content),
            "",
            &what,
            "",
            &flights_text(&flights),
            "",
            TIMES,
            "",
            BEFORE,
            "",
            "Have a good flight!",
        ]),
        html: page(
            &title,
            &[
                paragraph(&greeting(content)),
                paragraph(&what),
                flights_html(&flights),
                small(TIMES),
                paragraph(BEFORE),
                paragraph("Have a good flight!"),
            ],
        ),
        subject: title,
    }
}

/// `14:20 on Fri 20 Nov 2026 (UTC+05:30)`, by the clocks of where the journey begins.
fn due(content: &MailContent) -> String {
    let due = content.payment_due_at;
    let local = content.flights.first().map_or_else(
        || due.fixed_offset(),
        |first| due.with_timezone(first.departure.local.offset()),
    );
    local.format("%H:%M on %a %-d %b %Y (UTC%:z)").to_string()
}

const TIMES: &str = "All times are local to the airport.";
const BEFORE: &str = "Bring a photo ID. Check-in desks open 3 hours before departure and close 60 minutes before it; the gate closes 15 minutes before.";

fn confirmed(content: &MailContent) -> Words {
    let reference = &content.booking_ref;
    let is_one = content.tickets().count() == 1;
    let files = if is_one {
        "Your e-ticket and the invoice are attached as PDFs, and the flights as a calendar file."
    } else {
        "Your e-tickets, one for each airline, and the invoice are attached as PDFs, and the flights as a calendar file."
    };
    let again = format!(
        "You can download them again at any time: they stay among the documents of booking {reference}, where you booked."
    );
    Words {
        subject: format!("Your booking {reference} is confirmed"),
        text: lines(&[
            &greeting(content),
            "",
            &format!("your booking {reference} {}", is_confirmed(content)),
            "",
            &flights_text(&content.flights),
            "",
            TIMES,
            "",
            &price_text(content),
            "",
            files,
            &again,
            "",
            BEFORE,
            "",
            "Have a good flight!",
        ]),
        html: page(
            &format!("Your booking {reference} is confirmed"),
            &[
                paragraph(&greeting(content)),
                paragraph(&format!("your booking {}", is_confirmed(content))),
                reference_box(reference),
                flights_html(&content.flights),
                small(TIMES),
                paragraph(&price_text(content)),
                paragraph(&format!("{files} {again}")),
                paragraph(BEFORE),
                paragraph("Have a good flight!"),
            ],
        ),
    }
}

fn is_confirmed(content: &MailContent) -> &'static str {
    if content.total.minor() == 0 {
        "is confirmed."
    } else {
        "is paid and confirmed."
    }
}

/// `Extra checked baggage: Asha 10 kg (departing). Paid: …`; nothing was paid where nothing was to pay.
fn price_text(content: &MailContent) -> String {
    let paid = if content.total.minor() == 0 {
        "Nothing was to pay.".to_owned()
    } else {
        format!("Paid: {}", content.total)
    };
    let bag = |bag: &MailBag| format!("{} {} kg ({})", bag.first_name, bag.kg, bag.direction);
    match content.bags.iter().map(bag).collect::<Vec<_>>().join(", ") {
        bags if bags.is_empty() => paid,
        bags => format!("Extra checked baggage: {bags}. {paid}"),
    }
}

/// `Hello Asha, Ravi and Asha,`: two people with one name are two people.
fn greeting(content: &MailContent) -> String {
    match content.first_names.as_slice() {
        [] => "Hello,".to_owned(),
        [name] => format!("Hello {name},"),
        [names @ .., last] => format!("Hello {} and {last},", names.join(", ")),
    }
}

/// The flights of each direction under its name, when there are two.
fn flights_text(flights: &[MailFlight]) -> String {
    let directions = directions(flights).map(|(heading, flights)| {
        let texts = flights.iter().map(flight_text);
        let parts: Vec<_> = heading
            .map(str::to_owned)
            .into_iter()
            .chain(texts)
            .collect();
        parts.join("\n\n")
    });
    directions.collect::<Vec<_>>().join("\n\n")
}

fn flights_html(flights: &[MailFlight]) -> String {
    let directions = directions(flights).map(|(heading, flights)| {
        let heading = heading.map_or_else(String::new, |heading| {
            format!(r#"<h2 style="font-size:18px;margin:0 0 8px">{heading}</h2>"#)
        });
        let flights: String = flights.iter().map(flight_html).collect();
        heading + &flights
    });
    directions.collect()
}

/// The flights of one direction after the other, named when there is more than one.
fn directions(
    flights: &[MailFlight],
) -> impl Iterator<Item = (Option<&'static str>, &[MailFlight])> {
    let runs = || flights.chunk_by(|one, next| one.direction == next.direction);
    let are_two = runs().count() > 1;
    runs().map(move |flights| {
        let name = match flights.first().map(|flight| flight.direction.as_str()) {
            Some("returning") => "Returning",
            _ => "Departing",
        };
        (are_two.then_some(name), flights)
    })
}

fn flight_text(flight: &MailFlight) -> String {
    format!(
        "{} {}\n  {}  {}\n  {}  {}{}",
        flight.airline,
        flight.number,
        moment(flight.departure.local),
        place(&flight.departure),
        moment(flight.arrival.local),
        place(&flight.arrival),
        next_day(flight),
    )
}

fn flight_html(flight: &MailFlight) -> String {
    let row = |stop: &MailStop, mark: &str| {
        format!(
            r#"<tr><td style="padding:4px 12px 4px 0;vertical-align:top">{}</td><td style="padding:4px 0;vertical-align:top"><strong>{}</strong>{}</td></tr>"#,
            escape(&moment(stop.local)),
            escape(&place(stop)),
            escape(mark),
        )
    };
    format!(
        r#"<div style="border:1px solid #d5dbe3;border-radius:8px;padding:12px 16px;margin:0 0 12px"><div style="color:#51606f;padding-bottom:4px">{} {}</div><table role="presentation" cellpadding="0" cellspacing="0" style="border-collapse:collapse;width:100%;font-size:15px">{}{}</table></div>"#,
        escape(&flight.airline),
        escape(&flight.number),
        row(&flight.departure, ""),
        row(&flight.arrival, &next_day(flight)),
    )
}

/// `Sun 20 Dec 2026, 14:00 (UTC+05:30)`
fn moment(local: DateTime<chrono::FixedOffset>) -> String {
    local.format("%a %-d %b %Y, %H:%M (UTC%:z)").to_string()
}

fn place(stop: &MailStop) -> String {
    format!("{} ({})", stop.city, stop.iata)
}

fn next_day(flight: &MailFlight) -> String {
    let days = (flight.arrival.local.date_naive() - flight.departure.local.date_naive()).num_days();
    match days {
        0 => String::new(),
        1 | -1 => format!(" {days:+} day"),
        _ => format!(" {days:+} days"),
    }
}

fn lines(lines: &[&str]) -> String {
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

fn page(title: &str, parts: &[String]) -> String {
    let title = escape(title);
    let body = parts.concat();
    format!(
        r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>{title}</title></head><body style="margin:0;background:#eef1f5"><div style="max-width:600px;margin:0 auto;padding:16px"><div style="background:#ffffff;border-radius:12px;padding:24px;font-family:Helvetica,Arial,sans-serif;font-size:16px;line-height:1.5;color:#1c2733;overflow-wrap:anywhere"><h1 style="font-size:22px;line-height:1.3;margin:0 0 16px">{title}</h1>{body}</div></div></body></html>"#
    )
}

fn paragraph(text: &str) -> String {
    format!(r#"<p style="margin:0 0 16px">{}</p>"#, escape(text))
}

fn small(text: &str) -> String {
    format!(
        r#"<p style="margin:0 0 16px;font-size:14px;color:#51606f">{}</p>"#,
        escape(text)
    )
}

fn reference_box(reference: &str) -> String {
    format!(
        r#"<p style="margin:0 0 16px">Booking reference<br><strong style="font-size:26px;letter-spacing:3px">{}</strong></p>"#,
        escape(reference)
    )
}
