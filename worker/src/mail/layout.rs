//! How mails look: the same blocks as text, and as HTML that is readable in a window of any width.

use flightdesk_core::format;
use flightdesk_core::html::escape;
use flightdesk_core::mail_content::{MailFlight, MailStop};
use serde_json::Value;

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

/// What a mail has beside the facts that it is about.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The address of the page that its button leads to.
    pub link: &'a str,
    /// Who sells, in one line.
    pub seller: &'a str,
    /// Where answers go.
    pub reply_to: &'a str,
    /// Days around a flight that the airline cancels or moves in which another one is free.
    pub rebook_days: u32,
}

/// A piece of a mail.
pub(super) enum Block<'a> {
    Paragraph(String),
    /// What explains.
    Small(String),
    Reference(&'a str),
    Flights(&'a [MailFlight]),
    /// Lines under a heading.
    List(&'static str, Vec<String>),
    /// A link that reads as what it does.
    Button(String, &'a str),
    /// What programs read; people do not see it.
    Data(Value),
}

/// A mail of these blocks, with who sells and where answers go below.
pub(super) fn compose(frame: Frame<'_>, subject: String, blocks: &[Block<'_>]) -> Words {
    let footer = format!(
        "{}. Reply to {}.",
        frame.seller.trim_end_matches('.'),
        frame.reply_to
    );
    let is_for_people = |block: &&Block<'_>| !matches!(block, Block::Data(_));
    let texts: Vec<_> = blocks
        .iter()
        .filter(is_for_people)
        .map(Block::text)
        .collect();
    let body: String = blocks.iter().map(Block::html).collect();
    Words {
        text: format!("{}\n\n-- \n{footer}\n", texts.join("\n\n")),
        html: page(&subject, &body, &footer),
        subject,
    }
}

impl Block<'_> {
    fn text(&self) -> String {
        match self {
            Self::Paragraph(text) | Self::Small(text) => text.clone(),
            Self::Reference(reference) => format!("Booking reference: {reference}"),
            Self::Flights(flights) => flights_text(flights),
            Self::List(heading, items) => format!("{heading}\n  {}", items.join("\n  ")),
            Self::Button(label, url) => format!("{label}:\n{url}"),
            Self::Data(_) => String::new(),
        }
    }

    fn html(&self) -> String {
        match self {
            Self::Paragraph(text) => format!(r#"<p style="margin:0 0 16px">{}</p>"#, escape(text)),
            Self::Small(text) => format!(
                r#"<p style="margin:0 0 16px;font-size:14px;color:#51606f">{}</p>"#,
                escape(text)
            ),
            Self::Reference(reference) => format!(
                r#"<p style="margin:0 0 16px">Booking reference<br><strong style="font-size:26px;letter-spacing:3px">{}</strong></p>"#,
                escape(reference)
            ),
            Self::Flights(flights) => flights_html(flights),
            Self::List(heading, items) => {
                let items: String = items.iter().map(|item| item_html(item)).collect();
                format!(
                    r#"<h2 style="font-size:18px;margin:0 0 8px">{heading}</h2><ul style="margin:0 0 16px;padding-left:20px">{items}</ul>"#
                )
            }
            Self::Button(label, url) => format!(
                r#"<p style="margin:0 0 16px"><a href="{}" style="display:inline-block;background:#0b5cad;color:#ffffff;padding:12px 20px;border-radius:8px;text-decoration:none">{}</a></p>"#,
                escape(url),
                escape(label)
            ),
            // Nothing in a text may end the element.
            Self::Data(data) => format!(
                r#"<script type="application/ld+json">{}</script>"#,
                data.to_string().replace('<', "\\u003c")
            ),
        }
    }
}

fn item_html(item: &str) -> String {
    format!("<li>{}</li>", escape(item))
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
    let directions: Vec<_> = directions.collect();
    format!("{}\n\n{TIMES}", directions.join("\n\n"))
}

fn flights_html(flights: &[MailFlight]) -> String {
    let directions = directions(flights).map(|(heading, flights)| {
        let heading = heading.map_or_else(String::new, |heading| {
            format!(r#"<h2 style="font-size:18px;margin:0 0 8px">{heading}</h2>"#)
        });
        let flights: String = flights.iter().map(flight_html).collect();
        heading + &flights
    });
    let directions: String = directions.collect();
    directions + &Block::Small(TIMES.to_owned()).html()
}

const TIMES: &str = "All times are local to the airport.";

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
        "{} {}, {}\n  {}  {}\n  {}  {}{}",
        flight.airline,
        flight.number,
        duration(flight),
        format::moment(flight.departure.local),
        place(&flight.departure),
        format::moment(flight.arrival.local),
        place(&flight.arrival),
        next_day(flight),
    )
}

fn flight_html(flight: &MailFlight) -> String {
    let row = |stop: &MailStop, mark: &str| {
        format!(
            r#"<tr><td style="padding:4px 12px 4px 0;vertical-align:top">{}</td><td style="padding:4px 0;vertical-align:top"><strong>{}</strong>{}</td></tr>"#,
            escape(&format::moment(stop.local)),
            escape(&place(stop)),
            escape(mark),
        )
    };
    format!(
        r#"<div style="border:1px solid #d5dbe3;border-radius:8px;padding:12px 16px;margin:0 0 12px"><div style="color:#51606f;padding-bottom:4px">{} {}, {}</div><table role="presentation" cellpadding="0" cellspacing="0" style="border-collapse:collapse;width:100%;font-size:15px">{}{}</table></div>"#,
        escape(&flight.airline),
        escape(&flight.number),
        duration(flight),
        row(&flight.departure, ""),
        row(&flight.arrival, &next_day(flight)),
    )
}

/// `flight time 9 h 40 min`.
fn duration(flight: &MailFlight) -> String {
    let time = flight.arrival.local - flight.departure.local;
    format!("flight time {}", format::duration(time))
}

fn place(stop: &MailStop) -> String {
    format!("{} ({})", stop.city, stop.iata)
}

/// ` +1 day`.
fn next_day(flight: &MailFlight) -> String {
    match format::day_offset(flight.departure.local, flight.arrival.local) {
        same if same.is_empty() => same,
        days => format!(" {days}"),
    }
}

fn page(title: &str, body: &str, footer: &str) -> String {
    let (title, footer) = (escape(title), escape(footer));
    format!(
        r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>{title}</title></head><body style="margin:0;background:#eef1f5"><div style="max-width:600px;margin:0 auto;padding:16px"><div style="background:#ffffff;border-radius:12px;padding:24px;font-family:Helvetica,Arial,sans-serif;font-size:16px;line-height:1.5;color:#1c2733;overflow-wrap:anywhere"><h1 style="font-size:22px;line-height:1.3;margin:0 0 16px">{title}</h1>{body}</div><p style="font-family:Helvetica,Arial,sans-serif;font-size:13px;line-height:1.5;color:#51606f;padding:0 24px;overflow-wrap:anywhere">{footer}</p></div></body></html>"#
    )
}
