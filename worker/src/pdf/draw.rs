//! How a ticket looks: what stands where on its pages.

use flightdesk_core::document::{DirectionContent, FlightContent, TicketContent};
use flightdesk_core::format;

use super::face::Face;
use super::flow::{Flow, LEFT, LINE, RIGHT, TOP, count};
use super::sheet::{Sheets, bold, grey, text};
use super::structure::Role;
use super::words;

/// Where the times of a flight begin.
const TIMES: f64 = LEFT + 46.0;

/// Sets a whole ticket in a face. The barcodes must be encodable: ASCII.
pub fn ticket(content: &TicketContent, face: Face) -> Result<Sheets, String> {
    let mut flow = Flow::new(face)?;
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
    Ok(flow.footer(&what))
}

impl Flow {
    fn header(&mut self, content: &TicketContent) {
        self.sheets.open(Role::Title);
        self.sheets.text(LEFT, TOP, bold(22), "E-ticket receipt");
        self.sheets.close();
        let name = &content.airline.name;
        self.fitted(LEFT, TOP + 10.5, grey(11), name, 110.0);
        self.sheets.open(Role::Paragraph);
        self.sheets
            .text_right(RIGHT, TOP, grey(8), "Booking reference");
        self.sheets
            .text_right(RIGHT, TOP + 3.5, bold(26), &content.booking_ref);
        self.sheets.close();
        self.sheets.rule(LEFT, RIGHT, TOP + 18.5);
        self.y = TOP + 21.5;

        let issuing = format!("{} ({})", content.airline.name, content.airline.iata);
        for (column, width, label, fact) in [
            (
                0.0,
                28.0,
                "Status",
                format::sentence_case(&content.booking_status),
            ),
            (30.0, 46.0, "Booked", format::instant(content.booked_at)),
            (
                80.0,
                46.0,
                "Ticket issued",
                format::instant(content.issued_at),
            ),
            (130.0, RIGHT - LEFT - 130.0, "Issuing airline", issuing),
        ] {
            self.fact(LEFT + column, label, text(9), &fact, width);
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
        let name = format::sentence_case(&direction.name);
        let fare = format!(
            "{}, {} fare",
            format::sentence_case(&direction.cabin),
            direction.fare_family
        );
        let fare = self.sheets.shortened(grey(9), &fare, 80.0);
        let left = RIGHT - LEFT - self.sheets.width(grey(9), &fare) - 4.0;
        self.heading_within(&format!("{name}: {cities}"), left);
        self.sheets.text_right(RIGHT, self.y - 7.5, grey(9), &fare);

        let mut landed: Option<&FlightContent> = None;
        for flight in &direction.flights {
            self.room(24.0);
            if let Some(before) = landed {
                let line = words::layover(before, flight);
                self.fitted(TIMES, self.y, grey(8), &line, RIGHT - TIMES);
                self.y += 5.0;
            }
            self.flight(flight);
            landed = Some(flight);
        }
    }

    fn flight(&mut self, flight: &FlightContent) {
        let y = self.y;
        let first = TIMES - LEFT - 2.0;
        self.sheets.open(Role::Paragraph);
        self.sheets
            .text(LEFT, y, bold(13), &words::flight_number(flight));
        self.fitted(LEFT, y + 6.0, text(9), &flight.airline.name, first);
        self.fitted(LEFT, y + 10.2, grey(8), &flight.aircraft, first);
        let duration = format!("Flight time {}", format::duration(flight.duration()));
        self.sheets.text(LEFT, y + 14.0, grey(8), &duration);
        self.sheets.close();

        let width = (RIGHT - TIMES) / 2.0;
        for (x, local, place, mark) in [
            (TIMES, flight.departs, &flight.origin, String::new()),
            (
                TIMES + width,
                flight.arrives,
                &flight.destination,
                format::day_offset(flight.departs, flight.arrives),
            ),
        ] {
            self.sheets.open(Role::Paragraph);
            let hour = format::time(local);
            let after = x + self.sheets.width(bold(13), &hour) + 2.0;
            self.sheets.text(x, y, bold(13), &hour);
            let iata = format!("{}  {}", place.iata, place.city);
            self.fitted(after, y, text(13), &iata, width - (after - x) - 2.0);
            let day = format!("{}, {}", format::date(local), format::offset(local));
            self.sheets.text(x, y + 6.0, text(9), &day);
            if !mark.is_empty() {
                let after = x + self.sheets.width(text(9), &day) + 2.0;
                self.sheets.text(after, y + 6.0, bold(9), &mark);
            }
            self.two_lines(x, y + 10.2, grey(8), &place.name, width - 2.0);
            self.sheets.close();
        }
        self.y += 20.0;
    }

    fn price(&mut self, content: &TicketContent) {
        // A short list stays with its total.
        self.room((30.0 + LINE * count(&content.price_lines)).min(90.0));
        self.heading("Price");
        self.amounts(&content.price_lines, content.total, "Total of this ticket");
        if content.booking_total != content.total {
            let whole = format!(
                "The whole booking, with the tickets of other airlines and fees of the booking: {}",
                format::money(content.booking_total)
            );
            self.line(grey(9), &whole);
        }
        self.line(grey(9), &words::paid(content.paid_with.as_ref()));
        self.y += 3.0;
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
                let name = format::sentence_case(&direction.name);
                self.heading(&format!("Fare rules, {}", name.to_lowercase()));
            }
            for rule in &direction.rules {
                self.line(text(9), rule);
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
        let columns = [0.0, 42.0, 80.0, 114.0, 146.0].map(|x| LEFT + x);
        let labels = [
            ("Local times", "by the airport's clocks"),
            ("Desk opens", "3 h before"),
            ("Desk closes", "60 min before"),
            ("Boarding", "35 min before"),
            ("Gate closes", "15 min before"),
        ];
        self.sheets.open(Role::Table);
        self.sheets.open(Role::Row);
        for (x, (label, note)) in columns.into_iter().zip(labels) {
            self.sheets.open(Role::ColumnHeader);
            self.sheets.text(x, self.y, grey(8), label);
            self.sheets.text(x, self.y + 3.5, grey(8), note);
            self.sheets.close();
        }
        self.sheets.close();
        self.y += 8.4;
        for flight in &flights {
            self.room(5.0);
            let boarding = &flight.boarding;
            let day = flight.departs.format("%a %-d %b");
            let which = format!("{}, {day}", words::flight_number(flight));
            self.sheets.open(Role::Row);
            self.sheets.open(Role::RowHeader);
            self.sheets.text(columns[0], self.y, text(9), &which);
            self.sheets.close();
            let departs_on = flight.departs.date_naive();
            for (x, moment) in columns[1..].iter().zip([
                boarding.desk_opens,
                boarding.desk_closes,
                boarding.begins,
                boarding.gate_closes,
            ]) {
                // A flight soon after midnight is prepared the day before.
                let time = format::time_seen_from(departs_on, moment);
                self.sheets.text(*x, self.y, bold(9), &time);
            }
            self.sheets.close();
            self.y += 4.6;
        }
        self.sheets.close();
        self.y += 0.8;
        let crosses_border = flights
            .iter()
            .any(|flight| flight.origin.country != flight.destination.country);
        self.line(
            text(9),
            if crosses_border {
                "Bring a passport that is valid for the whole journey; the name in it must be the name on this receipt."
            } else {
                "Bring a photo ID; the name on it must be the name on this receipt."
            },
        );
        self.line(
            text(9),
            "This receipt is not a boarding pass: check in to get one.",
        );
    }
}
