//! How the receipt of a refund looks: as the invoice that it stands beside.

use chrono::NaiveDate;
use flightdesk_core::document::RefundReceiptContent;
use flightdesk_core::format;

use super::face::Face;
use super::flow::{AmountRow, Flow, LEFT, RIGHT, TOP};
use super::invoice::BUYER;
use super::sheet::{Sheets, bold, grey, text};
use super::structure::Role;
use super::words;

/// What it is called: `Credit note`, `Refund receipt`; a void one says so.
pub fn title(content: &RefundReceiptContent) -> String {
    let kind = match content.corrects {
        Some(_) => "Credit note",
        None => "Refund receipt",
    };
    match content.returned_on {
        Some(_) => format!("{kind} (void)"),
        None => kind.to_owned(),
    }
}

/// Sets a whole receipt in a face.
pub fn refund_receipt(content: &RefundReceiptContent, face: Face) -> Result<Sheets, String> {
    let mut flow = Flow::new(face)?;
    flow.receipt_header(content);
    flow.parties(&content.seller, &content.buyer);
    if !content.passengers.is_empty() {
        flow.labelled("Passengers", &content.passengers.join(", "));
    }
    flow.returned_lines(content);
    let what = format!(
        "{} {}, booking {}",
        title(content),
        content.number,
        content.booking_ref
    );
    Ok(flow.footer(&what))
}

impl Flow {
    fn receipt_header(&mut self, content: &RefundReceiptContent) {
        self.sheets.open(Role::Title);
        self.sheets.text(LEFT, TOP, bold(22), &title(content));
        self.sheets.close();
        let (number, corrects) = match &content.corrects {
            Some(invoice) => {
                let day = format::long_date(invoice.issued_on);
                ("Credit note number", format!("{} of {day}", invoice.number))
            }
            None => ("Receipt number", "None".to_owned()),
        };
        self.sheets.open(Role::Paragraph);
        self.sheets.text_right(RIGHT, TOP, grey(8), number);
        self.sheets
            .text_right(RIGHT, TOP + 3.5, bold(16), &content.number);
        self.sheets.close();
        self.sheets.rule(LEFT, RIGHT, TOP + 14.5);
        self.y = TOP + 17.5;
        if let Some(day) = content.returned_on {
            self.void(day);
        }
        let date = format::long_date(content.issued_on);
        self.fact(LEFT, "Date", text(10), &date, 44.0);
        let reference = &content.booking_ref;
        self.fact(LEFT + 46.0, "Booking reference", text(10), reference, 44.0);
        self.y = self.flights_of(&content.airlines) + 4.1;
        let width = BUYER - LEFT - 6.0;
        self.fact(LEFT, "Corrects invoice", text(10), &corrects, width);
        let target = words::paid_back_to(content);
        self.fact(BUYER, "Refunded to", text(10), &target, RIGHT - BUYER);
        self.y += 12.5;
    }

    fn void(&mut self, day: NaiveDate) {
        let since = format!(
            "Void since {}: the bank returned this money.",
            format::long_date(day)
        );
        self.line(bold(10), &since);
        self.line(
            text(9),
            "This document is no longer valid, and its number is not used again. A refund that replaces it has its own receipt.",
        );
        self.sheets.rule(LEFT, RIGHT, self.y + 1.5);
        self.y += 4.5;
    }

    /// A label with a text below it that takes as many lines as it needs.
    fn labelled(&mut self, label: &str, fact: &str) {
        self.sheets.open(Role::Paragraph);
        self.sheets.text(LEFT, self.y, grey(8), label);
        self.y += 3.8;
        for line in self.sheets.wrap(text(10), fact, RIGHT - LEFT) {
            self.room(4.6);
            self.sheets.text(LEFT, self.y, text(10), &line);
            self.y += 4.6;
        }
        self.sheets.close();
        self.y += 3.0;
    }

    fn returned_lines(&mut self, content: &RefundReceiptContent) {
        let cause = words::cause(content.cause);
        let mut rows: Vec<_> = content
            .lines
            .iter()
            .map(|returned| AmountRow {
                what: words::price_line(&returned.line),
                whom: returned
                    .passenger
                    .clone()
                    .unwrap_or_else(|| words::quantity(&returned.line)),
                amount: returned.line.amount,
            })
            .collect();
        if rows.is_empty() {
            rows.push(AmountRow {
                what: cause.to_owned(),
                whom: String::new(),
                amount: content.total,
            });
        } else {
            self.labelled("Reason", cause);
        }
        if let Some(waiver) = &content.waiver {
            self.labelled("Cancellation fee waived", waiver);
        }
        self.room(30.0);
        self.heading("What was refunded");
        let (total, no_tax) = match &content.corrects {
            Some(_) => (
                "Total of this credit note",
                "The tax of the invoice stays as it is.",
            ),
            None => (
                "Total of this receipt",
                "No invoice was issued for this money, so this receipt changes no tax.",
            ),
        };
        self.amount_rows(&rows, content.total, total);
        self.line(grey(9), &words::paid_back(content));
        let mut supplies = content.supplies.iter();
        if supplies.any(|supply| !supply.taxes.is_empty()) {
            self.taxes(&content.supplies);
        } else {
            self.line(grey(9), no_tax);
        }
    }
}
