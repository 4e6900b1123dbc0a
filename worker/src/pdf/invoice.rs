//! How an invoice looks.

use flightdesk_core::document::{Carrier, InvoiceContent, Seller, SupplyContent, SupplyTax};
use flightdesk_core::format;

use super::face::Face;
use super::flow::{Flow, LEFT, LINE, RIGHT, TOP, count};
use super::sheet::{Sheets, bold, grey, text};
use super::structure::Role;
use super::words;

/// Where the buyer begins, beside the seller.
pub(super) const BUYER: f64 = LEFT + 92.0;
/// Where the columns of the taxes begin or, from the value on, end.
const PLACE: f64 = LEFT + 66.0;
const VALUE: f64 = LEFT + 124.0;
const TAXABLE: f64 = LEFT + 146.0;

/// Sets a whole invoice in a face.
pub fn invoice(content: &InvoiceContent, face: Face) -> Result<Sheets, String> {
    let mut flow = Flow::new(face)?;
    flow.invoice_header(content);
    flow.heading("What was sold");
    flow.amounts(&content.lines, content.total, "Total of this invoice");
    flow.line(grey(9), &words::paid(content.paid_with.as_ref()));
    flow.taxes(&content.supplies);
    let what = format!(
        "Invoice {}, booking {}",
        content.number, content.booking_ref
    );
    Ok(flow.footer(&what))
}

impl Flow {
    fn invoice_header(&mut self, content: &InvoiceContent) {
        self.sheets.open(Role::Title);
        self.sheets.text(LEFT, TOP, bold(22), "Invoice");
        self.sheets.close();
        self.sheets.open(Role::Paragraph);
        self.sheets
            .text_right(RIGHT, TOP, grey(8), "Invoice number");
        self.sheets
            .text_right(RIGHT, TOP + 3.5, bold(16), &content.number);
        self.sheets.close();
        self.sheets.rule(LEFT, RIGHT, TOP + 14.5);
        self.y = TOP + 17.5;
        let date = format::long_date(content.issued_on);
        self.fact(LEFT, "Date", text(10), &date, 44.0);
        let reference = &content.booking_ref;
        self.fact(LEFT + 46.0, "Booking reference", text(10), reference, 44.0);
        let y = self.flights_of(&content.airlines);
        self.y = y + 4.1;
        self.parties(&content.seller, &content.buyer);
    }

    /// The airlines, beside what is set; where they end.
    pub(super) fn flights_of(&mut self, airlines: &[Carrier]) -> f64 {
        let airlines: Vec<_> = airlines
            .iter()
            .map(|airline| format!("{} ({})", airline.name, airline.iata))
            .collect();
        self.sheets.open(Role::Paragraph);
        self.sheets.text(BUYER, self.y, grey(8), "Flights of");
        let mut y = self.y + 3.8;
        let lines = self
            .sheets
            .wrap(text(10), &airlines.join(", "), RIGHT - BUYER);
        for line in lines {
            self.sheets.text(BUYER, y, text(10), &line);
            y += 4.6;
        }
        self.sheets.close();
        y
    }

    /// Who sells and who buys, side by side.
    pub(super) fn parties(&mut self, seller: &Seller, buyer: &[String]) {
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
        let sells: Vec<_> = sells.into_iter().flatten().collect();
        for (x, label, lines, width) in [
            (LEFT, "Seller", sells, BUYER - LEFT - 6.0),
            (BUYER, "Buyer", buyer.to_vec(), RIGHT - BUYER),
        ] {
            self.sheets.open(Role::Paragraph);
            self.sheets.text(x, top, grey(8), label);
            let mut y = top + 3.8;
            for line in lines.iter().flat_map(|line| line.split('\n')) {
                for part in self.sheets.wrap(text(10), line, width) {
                    self.sheets.text(x, y, text(10), &part);
                    y += 4.6;
                }
            }
            self.sheets.close();
            bottom = bottom.max(y);
        }
        self.y = bottom + 3.0;
    }

    /// What India's GST asks for: the code, the place of supply and the split of the tax. Others are not asked.
    pub(super) fn taxes(&mut self, supplies: &[SupplyContent]) {
        let is_taxed = supplies.iter().any(|supply| !supply.taxes.is_empty());
        if !is_taxed {
            return;
        }
        self.y += 3.0;
        self.room(32.0);
        self.heading("Taxes by place of supply");
        self.sheets.open(Role::Table);
        self.sheets.open(Role::Row);
        for (x, label, is_number) in [
            (LEFT, "Service and its code (SAC)", false),
            (PLACE, "Place of supply", false),
            (VALUE, "Value", true),
            (TAXABLE, "Taxable", true),
            (RIGHT, "Tax", true),
        ] {
            self.sheets.open(Role::ColumnHeader);
            if is_number {
                self.sheets.text_right(x, self.y, grey(8), label);
            } else {
                self.sheets.text(x, self.y, grey(8), label);
            }
            self.sheets.close();
        }
        self.sheets.close();
        self.y += 4.6;
        for supply in supplies {
            self.supply(supply);
        }
        self.sheets.close();
        self.line(grey(8), "Tax is not payable on reverse charge.");
    }

    fn supply(&mut self, supply: &SupplyContent) {
        let about = supply
            .direction
            .as_ref()
            .map_or_else(String::new, |direction| format!(", {direction}"));
        let what = format!("{} ({}){about}", supply.description, supply.sac);
        let what = self.sheets.wrap(text(9), &what, PLACE - LEFT - 4.0);
        let place = self
            .sheets
            .wrap(text(9), &supply.place, VALUE - PLACE - 24.0);
        let taxes: Vec<_> = supply.taxes.iter().map(tax).collect();
        let lines = count(&what).max(count(&place)).max(count(&taxes) * 2.0);
        self.room(LINE * lines);

        let top = self.y;
        self.sheets.open(Role::Row);
        for (x, role, lines) in [(LEFT, Role::RowHeader, &what), (PLACE, Role::Cell, &place)] {
            self.sheets.open(role);
            for (index, line) in lines.iter().enumerate() {
                let y = top + LINE * count(&lines[..index]);
                self.sheets.text(x, y, text(9), line);
            }
            self.sheets.close();
        }
        for (x, amount) in [(VALUE, supply.value), (TAXABLE, supply.taxable)] {
            self.fitted_right(x, top, text(9), &format::amount(amount), 20.0);
        }
        self.sheets.open(Role::Cell);
        for (index, (name, amount)) in taxes.iter().enumerate() {
            let y = top + 2.0 * LINE * count(&taxes[..index]);
            self.sheets.text_right(RIGHT, y, grey(9), name);
            self.sheets.text_right(RIGHT, y + LINE, text(9), amount);
        }
        self.sheets.close();
        self.sheets.close();
        self.y = top + LINE * lines + 1.0;
    }
}

/// `CGST 2.5 %` and its amount.
fn tax(tax: &SupplyTax) -> (String, String) {
    let name = match &tax.rate {
        Some(rate) => format!("{} {rate} %", tax.name),
        None => tax.name.to_owned(),
    };
    (name, format::amount(tax.amount))
}
