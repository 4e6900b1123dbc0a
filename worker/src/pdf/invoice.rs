//! How an invoice looks.

use flightdesk_core::document::InvoiceContent;

use super::draw::{Flow, LEFT, RIGHT, TOP, footer};
use super::face::Face;
use super::sheet::{Sheets, bold, grey, text};
use super::words;

/// Where the buyer begins, beside the seller.
const BUYER: f64 = LEFT + 92.0;

/// Sets a whole invoice in a face.
pub fn invoice(content: &InvoiceContent, face: Face) -> Result<Sheets, String> {
    let mut flow = Flow {
        sheets: Sheets::new(face)?,
        y: TOP,
    };
    flow.invoice_header(content);
    flow.heading("What was sold");
    flow.amounts(&content.lines, content.total, "Total of this invoice");
    flow.line(grey(9), &words::paid(content.paid_with.as_ref()));
    let what = format!(
        "Invoice {}, booking {}",
        content.number, content.booking_ref
    );
    footer(&mut flow.sheets, &what);
    Ok(flow.sheets)
}

impl Flow {
    fn invoice_header(&mut self, content: &InvoiceContent) {
        let sheets = &mut self.sheets;
        sheets.text(LEFT, TOP, bold(22), "Invoice");
        sheets.text_right(RIGHT, TOP, grey(8), "Invoice number");
        sheets.text_right(RIGHT, TOP + 3.5, bold(16), &content.number);
        sheets.rule(LEFT, RIGHT, TOP + 14.5);
        self.y = TOP + 17.5;
        let airlines: Vec<_> = content
            .airlines
            .iter()
            .map(|airline| format!("{} ({})", airline.name, airline.iata))
            .collect();
        let date = content.issued_on.format("%-d %B %Y").to_string();
        for (column, label, fact) in [
            (0.0, "Date", date.as_str()),
            (46.0, "Booking reference", &content.booking_ref),
            (92.0, "Flights of", &airlines.join(", ")),
        ] {
            self.sheets.text(LEFT + column, self.y, grey(8), label);
            let width = (RIGHT - LEFT - column).min(if column < 92.0 { 44.0 } else { 90.0 });
            self.fitted(LEFT + column, self.y + 3.8, text(10), fact, width);
        }
        self.y += 12.5;
        self.parties(content);
    }

    fn parties(&mut self, content: &InvoiceContent) {
        let seller = &content.seller;
        let tax_number = seller
            .tax_number
            .as_ref()
            .map(|number| format!("Tax number {number}"));
        let sells = [
            Some(seller.name.clone()),
            Some(seller.address.clone()),
            tax_number,
        ];
        let top = self.y;
        let mut bottom = top;
        for (x, label, lines) in [
            (LEFT, "Seller", sells.into_iter().flatten().collect()),
            (BUYER, "Buyer", content.buyer.clone()),
        ] {
            self.sheets.text(x, top, grey(8), label);
            let mut y = top + 3.8;
            for line in lines.iter().flat_map(|line| line.split('\n')) {
                for part in self.sheets.wrap(text(10), line, BUYER - LEFT - 6.0) {
                    self.sheets.text(x, y, text(10), &part);
                    y += 4.6;
                }
            }
            bottom = bottom.max(y);
        }
        self.y = bottom + 3.0;
    }
}
