//! How a ticket looks: what stands where on its pages.

use flightdesk_core::document::{DirectionContent, FlightContent, PriceLineContent, TicketContent};
use flightdesk_core::money::Money;

use super::face::Face;
use super::sheet::{HEIGHT, Sheets, Type, WIDTH, bold, grey, text};
use super::words;

pub(super) const LEFT: f64 = 17.0;
pub(super) const RIGHT: f64 = WIDTH - LEFT;
pub(super) const TOP: f64 = 16.0;
/// What is below belongs to the footer.
const BOTTOM: f64 = HEIGHT - 18.0;
/// Where whom a price line is for begins.
const WHOM: f64 = LEFT + 96.0;

/// Where the times of a flight begin.
const TIMES: f64 = LEFT + 46.0;

/// Pages being filled from top to bottom.
pub(super) struct Flow {
    pub(super) sheets: Sheets,
    pub(super) y: f64,
}

/// Sets a whole ticket in a face. The barcodes must be encodable: ASCII.
pub fn ticket(content: &TicketContent, face: Face) -> Result<Sheets, String> {
    let mut flow = Flow {
        sheets: Sheets::new(face)?,
        y: TOP,
    };
    flow.header(content);
    for direction in &content.directions {
        flow.direction(direction);
    }
    flow.passengers(content)?;
    flow.price(content);
    flow.rules(content);
    flow.boarding(content);
    if flow.sheets.missing_glyphs() {
        flow.room(10.0);
        flow.y += 3.0;
        flow.line(
            grey(8),
            "Some names are printed in Latin letters: this document has no letters of their script.",
        );
    }
    let what = format!(
        "E-ticket receipt {}, {}",
        content.booking_ref, content.airline.name
    );
    footer(&mut flow.sheets, &what);
    Ok(flow.sheets)
}

impl Flow {
    fn header(&mut self, content: &TicketContent) {
        let sheets = &mut self.sheets;
        sheets.text(LEFT, TOP, bold(22), "E-ticket receipt");
        sheets.text(LEFT, TOP + 10.5, grey(11), &content.airline.name);
        sheets.text_right(RIGHT, TOP, grey(8), "Booking reference");
        sheets.text_right(RIGHT, TOP + 3.5, bold(26), &content.booking_ref);
        sheets.rule(LEFT, RIGHT, TOP + 18.5);
        self.y = TOP + 21.5;

        let utc = |instant: chrono::DateTime<chrono::Utc>| {
            instant.format("%-d %b %Y, %H:%M UTC").to_string()
        };
        let facts = [
            ("Status", words::sentence_case(&content.booking_status)),
            ("Booked", utc(content.booked_at)),
            ("Ticket issued", utc(content.issued_at)),
            (
                "Issuing airline",
                format!("{} ({})", content.airline.name, content.airline.iata),
            ),
        ];
        for (column, (label, fact)) in [0.0, 34.0, 80.0, 126.0].into_iter().zip(facts) {
            self.sheets.text(LEFT + column, self.y, grey(8), label);
            self.sheets
                .text(LEFT + column, self.y + 3.8, text(9), &fact);
        }
        self.y += 10.5;
        if content.revision > 1 {
            let replaced = format!(
                "Revision {}: it replaces revision {}. The ticket numbers stay as they were.",
                content.revision,
                content.revision - 1
            );
            self.line(bold(9), &replaced);
            self.y += 1.5;
        }
    }

    fn direction(&mut self, direction: &DirectionContent) {
        let cities = match (direction.flights.first(), direction.flights.last()) {
            (Some(first), Some(last)) => {
                format!("{} to {}", first.origin.city, last.destination.city)
            }
            _ => String::new(),
        };
        self.room(38.0);
        let name = words::sentence_case(&direction.name);
        self.heading(&format!("{name}: {cities}"));
        let fare = format!(
            "{}, {} fare",
            words::sentence_case(&direction.cabin),
            direction.fare_family
        );
        self.sheets.text_right(RIGHT, self.y - 7.5, grey(9), &fare);

        let mut landed: Option<&FlightContent> = None;
        for flight in &direction.flights {
            self.room(24.0);
            if let Some(before) = landed {
                let line = words::layover(before, flight);
                self.sheets.text(TIMES, self.y, grey(8), &line);
                self.y += 5.0;
            }
            self.flight(flight);
            landed = Some(flight);
        }
    }

    fn flight(&mut self, flight: &FlightContent) {
        let y = self.y;
        let first = TIMES - LEFT - 2.0;
        self.sheets
            .text(LEFT, y, bold(13), &words::flight_number(flight));
        self.fitted(LEFT, y + 6.0, text(9), &flight.airline.name, first);
        self.fitted(LEFT, y + 10.2, grey(8), &flight.aircraft, first);
        let duration = format!("Flight time {}", words::duration(flight.duration()));
        self.sheets.text(LEFT, y + 14.0, grey(8), &duration);

        let width = (RIGHT - TIMES) / 2.0;
        for (x, local, place, mark) in [
            (TIMES, flight.departs, &flight.origin, String::new()),
            (
                TIMES + width,
                flight.arrives,
                &flight.destination,
                words::day_offset(flight),
            ),
        ] {
            let hour = words::time(local);
            let after = x + self.sheets.width(bold(13), &hour) + 2.0;
            self.sheets.text(x, y, bold(13), &hour);
            let iata = format!("{}  {}", place.iata, place.city);
            self.fitted(after, y, text(13), &iata, width - (after - x) - 2.0);
            let day = format!("{}, {}", words::date(local), words::offset(local));
            self.sheets.text(x, y + 6.0, text(9), &day);
            if !mark.is_empty() {
                let after = x + self.sheets.width(text(9), &day) + 2.0;
                self.sheets.text(after, y + 6.0, bold(9), &mark);
            }
            self.fitted(x, y + 10.2, grey(8), &place.name, width - 2.0);
        }
        self.y += 20.0;
    }

    fn price(&mut self, content: &TicketContent) {
        // A short list stays with its total.
        let lines = u32::try_from(content.price_lines.len()).map_or(0.0, f64::from);
        self.room((30.0 + 4.3 * lines).min(90.0));
        self.heading("Price");
        self.amounts(&content.price_lines, content.total, "Total of this ticket");
        if content.booking_total != content.total {
            let whole = format!(
                "The whole booking, with the tickets of other airlines and fees of the booking: {} {}",
                content.booking_total.currency().code(),
                words::amount(content.booking_total)
            );
            self.line(grey(9), &whole);
        }
        self.line(grey(9), &words::paid(content.paid_with.as_ref()));
        self.y += 3.0;
    }

    /// The lines of a price below a heading, and their total.
    pub(super) fn amounts(&mut self, lines: &[PriceLineContent], total: Money, of_what: &str) {
        let code = total.currency().code();
        let label = format!("Amount in {code}");
        self.sheets.text_right(RIGHT, self.y - 7.5, grey(8), &label);
        for line in lines {
            self.room(4.6);
            let what = words::price_line(line);
            self.fitted(LEFT, self.y, text(9), &what, WHOM - 4.0 - LEFT);
            let who = words::quantity(line);
            self.sheets.text(WHOM, self.y, grey(9), &who);
            let amount = words::amount(line.amount);
            self.sheets.text_right(RIGHT, self.y, text(9), &amount);
            self.y += 4.3;
        }
        self.room(16.0);
        self.sheets.rule(LEFT, RIGHT, self.y + 0.9);
        self.y += 2.2;
        self.sheets.text(LEFT, self.y, bold(10), of_what);
        let total = format!("{code} {}", words::amount(total));
        self.sheets.text_right(RIGHT, self.y, bold(10), &total);
        self.y += 5.0;
    }

    fn rules(&mut self, content: &TicketContent) {
        let same = content
            .directions
            .windows(2)
            .all(|pair| pair[0].rules == pair[1].rules);
        let shown = if same { 1 } else { content.directions.len() };
        let directions = content.directions.iter().take(shown);
        for direction in directions.filter(|direction| !direction.rules.is_empty()) {
            self.room(14.0);
            if same {
                self.heading("Fare rules");
            } else {
                let name = words::sentence_case(&direction.name);
                self.heading(&format!("Fare rules, {}", name.to_lowercase()));
            }
            for rule in &direction.rules {
                for line in self.sheets.wrap(text(9), rule, RIGHT - LEFT) {
                    self.line(text(9), &line);
                }
            }
            self.y += 3.0;
        }
    }

    fn boarding(&mut self, content: &TicketContent) {
        let flights: Vec<_> = content
            .directions
            .iter()
            .flat_map(|direction| &direction.flights)
            .collect();
        self.room(26.0);
        self.heading("Before you board");
        let columns = [0.0, 36.0, 76.0, 112.0, 146.0].map(|x| LEFT + x);
        let labels = [
            "Local times",
            "Desk opens",
            "Desk closes",
            "Boarding",
            "Gate closes",
        ];
        let notes = [
            "",
            "3 h before",
            "60 min before",
            "35 min before",
            "15 min before",
        ];
        for ((x, label), note) in columns.into_iter().zip(labels).zip(notes) {
            self.sheets.text(x, self.y, grey(8), label);
            self.sheets.text(x, self.y + 3.5, grey(8), note);
        }
        self.y += 8.4;
        for flight in flights {
            self.room(5.0);
            let boarding = &flight.boarding;
            let day = flight.departs.format("%-d %b");
            let which = format!("{}, {day}", words::flight_number(flight));
            self.sheets.text(columns[0], self.y, text(9), &which);
            for (x, moment) in columns[1..].iter().zip([
                boarding.desk_opens,
                boarding.desk_closes,
                boarding.begins,
                boarding.gate_closes,
            ]) {
                self.sheets.text(*x, self.y, bold(9), &words::time(moment));
            }
            self.y += 4.6;
        }
        self.y += 0.8;
        self.line(
            text(9),
            "Bring a photo ID; the name on it must be the name on this receipt.",
        );
        self.line(
            text(9),
            "This receipt is not a boarding pass: check in to get one.",
        );
    }

    pub(super) fn heading(&mut self, title: &str) {
        self.y += 2.0;
        self.sheets.text(LEFT, self.y, bold(12), title);
        self.sheets.rule(LEFT, RIGHT, self.y + 6.2);
        self.y += 8.6;
    }

    pub(super) fn line(&mut self, kind: Type, line: &str) {
        self.room(4.3);
        self.sheets.text(LEFT, self.y, kind, line);
        self.y += 4.3;
    }

    /// Sets a line smaller, and at last cut, until it is no wider than `width`.
    pub(super) fn fitted(&mut self, x: f64, y: f64, kind: Type, line: &str, width: f64) {
        let sizes = (kind.size.saturating_sub(3)..=kind.size).rev();
        for size in sizes {
            let smaller = Type { size, ..kind };
            if self.sheets.width(smaller, line) <= width {
                self.sheets.text(x, y, smaller, line);
                return;
            }
        }
        let smallest = Type {
            size: kind.size.saturating_sub(3),
            ..kind
        };
        let mut lines = self.sheets.wrap(smallest, line, width).into_iter();
        self.sheets
            .text(x, y, smallest, &lines.next().unwrap_or_default());
    }

    /// Turns the page unless `height` millimetres are left on it.
    pub(super) fn room(&mut self, height: f64) {
        if self.y + height > BOTTOM {
            self.sheets.turn_page();
            self.y = TOP;
        }
    }
}

/// Below every page: what it is of, and which of how many.
pub(super) fn footer(sheets: &mut Sheets, what: &str) {
    sheets.on_every_page(|sheets, number, count| {
        let y = BOTTOM + 4.0;
        sheets.rule(LEFT, RIGHT, y);
        sheets.text(LEFT, y + 1.6, grey(8), what);
        sheets.text_right(
            RIGHT,
            y + 1.6,
            grey(8),
            &format!("Page {number} of {count}"),
        );
    });
}
