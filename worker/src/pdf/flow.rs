//! What all documents have in common: headings, lines, amounts, page turns.

use flightdesk_core::document::PriceLineContent;
use flightdesk_core::format;
use flightdesk_core::money::Money;

use super::face::Face;
use super::sheet::{HEIGHT, Sheets, Type, WIDTH, bold, grey, text};
use super::structure::Role;
use super::words;

pub(super) const LEFT: f64 = 17.0;
pub(super) const RIGHT: f64 = WIDTH - LEFT;
pub(super) const TOP: f64 = 16.0;
/// What is below belongs to the footer.
pub(super) const BOTTOM: f64 = HEIGHT - 18.0;
/// Where whom a price line is for begins.
const WHOM: f64 = LEFT + 96.0;
/// Where the widest amount begins.
const AMOUNT: f64 = RIGHT - 26.0;
/// The least size in points that a text is set in to fit.
const SMALLEST: u8 = 6;
/// The height of a line of small text.
pub(super) const LINE: f64 = 4.3;
/// The height of a total with what stands below it.
const TOTAL: f64 = 16.0;

/// A line of a table of amounts.
pub(super) struct AmountRow {
    pub(super) what: String,
    /// For whom, or for how many.
    pub(super) whom: String,
    pub(super) amount: Money,
}

/// Pages being filled from top to bottom.
pub(super) struct Flow {
    pub(super) sheets: Sheets,
    pub(super) y: f64,
}

impl Flow {
    /// The first page, empty.
    pub(super) fn new(face: Face) -> Result<Self, String> {
        Ok(Self {
            sheets: Sheets::new(face)?,
            y: TOP,
        })
    }

    /// The lines of a price below a heading, and their total.
    pub(super) fn amounts(&mut self, lines: &[PriceLineContent], total: Money, of_what: &str) {
        let rows: Vec<_> = lines
            .iter()
            .map(|line| AmountRow {
                what: words::price_line(line),
                whom: words::quantity(line),
                amount: line.amount,
            })
            .collect();
        self.amount_rows(&rows, total, of_what);
    }

    /// Amounts below a heading, and their total, which is never alone on a page: the last two rows stay with it.
    pub(super) fn amount_rows(&mut self, rows: &[AmountRow], total: Money, of_what: &str) {
        let code = total.currency().code();
        let label = format!("Amount in {code}");
        self.sheets.text_right(RIGHT, self.y - 7.5, grey(8), &label);
        self.sheets.open(Role::Table);
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                let what = self.sheets.wrap(text(9), &row.what, WHOM - 4.0 - LEFT);
                let whom = self.sheets.wrap(grey(9), &row.whom, AMOUNT - 4.0 - WHOM);
                let height = LINE * count(&what).max(count(&whom));
                (what, whom, format::amount(row.amount), height)
            })
            .collect();
        let with_total = rows.len().saturating_sub(2);
        for (index, (what, whom, amount, height)) in rows.iter().enumerate() {
            if index == with_total {
                let rest: f64 = rows[index..].iter().map(|(.., height)| height).sum();
                self.room(rest + TOTAL);
            } else {
                self.room(*height);
            }
            self.sheets.open(Role::Row);
            let top = self.y;
            self.sheets.open(Role::RowHeader);
            self.column(LEFT, top, text(9), what);
            self.sheets.close();
            if whom.iter().any(|line| !line.is_empty()) {
                self.sheets.open(Role::Cell);
                self.column(WHOM, top, grey(9), whom);
                self.sheets.close();
            }
            self.sheets.text_right(RIGHT, top, text(9), amount);
            self.sheets.close();
            self.y = top + height;
        }
        self.room(TOTAL);
        self.sheets.rule(LEFT, RIGHT, self.y + 0.9);
        self.y += 2.2;
        self.sheets.open(Role::Row);
        self.sheets.text(LEFT, self.y, bold(10), of_what);
        self.sheets
            .text_right(RIGHT, self.y, bold(10), &format::money(total));
        self.sheets.close();
        self.sheets.close();
        self.y += 5.0;
    }

    /// Lines of small text below each other.
    fn column(&mut self, x: f64, top: f64, kind: Type, lines: &[String]) {
        let mut y = top;
        for line in lines {
            self.sheets.text(x, y, kind, line);
            y += LINE;
        }
    }

    pub(super) fn heading(&mut self, title: &str) {
        self.heading_within(title, RIGHT - LEFT - 40.0);
    }

    /// A heading that leaves the right of its line free.
    pub(super) fn heading_within(&mut self, title: &str, width: f64) {
        self.y += 2.0;
        self.sheets.open(Role::Heading);
        self.fitted(LEFT, self.y, bold(12), title, width);
        self.sheets.close();
        self.sheets.rule(LEFT, RIGHT, self.y + 6.2);
        self.y += 8.6;
    }

    /// A paragraph, in as many lines as it takes.
    pub(super) fn line(&mut self, kind: Type, line: &str) {
        self.sheets.open(Role::Paragraph);
        for line in self.sheets.wrap(kind, line, RIGHT - LEFT) {
            self.room(LINE);
            self.sheets.text(LEFT, self.y, kind, &line);
            self.y += LINE;
        }
        self.sheets.close();
    }

    /// A label with what it is of below it.
    pub(super) fn fact(&mut self, x: f64, label: &str, kind: Type, fact: &str, width: f64) {
        self.sheets.open(Role::Paragraph);
        self.sheets.text(x, self.y, grey(8), label);
        self.fitted(x, self.y + 3.8, kind, fact, width);
        self.sheets.close();
    }

    /// Sets a line in one size less after the other until it is no wider than `width`. What is too long in the smallest
    /// ends with a mark: nothing is left out silently.
    pub(super) fn fitted(&mut self, x: f64, y: f64, kind: Type, line: &str, width: f64) {
        let least = SMALLEST.min(kind.size);
        let sizes = (least..=kind.size).rev();
        let mut kinds = sizes.map(|size| Type { size, ..kind });
        let fits = kinds.find(|kind| self.sheets.width(*kind, line) <= width);
        let kind = fits.unwrap_or(Type {
            size: least,
            ..kind
        });
        let line = self.sheets.shortened(kind, line, width);
        self.sheets.text(x, y, kind, &line);
    }

    /// Sets a line that ends at `right` in one size less after the other until it is no wider than `width`.
    pub(super) fn fitted_right(&mut self, right: f64, y: f64, kind: Type, line: &str, width: f64) {
        let least = SMALLEST.min(kind.size);
        let mut sizes = (least..=kind.size).rev();
        let size = sizes
            .find(|size| {
                self.sheets.width(
                    Type {
                        size: *size,
                        ..kind
                    },
                    line,
                ) <= width
            })
            .unwrap_or(least);
        let kind = Type { size, ..kind };
        self.sheets.text_right(right, y, kind, line);
    }

    /// Sets a text in one line or, below it, a second, which ends with a mark when it is still too long.
    pub(super) fn two_lines(&mut self, x: f64, y: f64, kind: Type, text: &str, width: f64) {
        let lines = self.sheets.wrap(kind, text, width);
        if let [first, rest @ ..] = lines.as_slice() {
            self.sheets.text(x, y, kind, first);
            self.fitted(x, y + 3.5, kind, &rest.join(" "), width);
        }
    }

    /// Turns the page unless `height` millimetres are left on it.
    pub(super) fn room(&mut self, height: f64) {
        if self.y + height > BOTTOM {
            self.sheets.turn_page();
            self.y = TOP;
        }
    }

    /// Below every page: what it is of, and which of how many.
    pub(super) fn footer(self, what: &str) -> Sheets {
        let mut flow = self;
        let what = flow.sheets.shortened(grey(8), what, RIGHT - LEFT - 30.0);
        flow.sheets.on_every_page(|sheets, number, count| {
            let y = BOTTOM + 4.0;
            sheets.rule(LEFT, RIGHT, y);
            sheets.text(LEFT, y + 1.6, grey(8), &what);
            let page = format!("Page {number} of {count}");
            sheets.text_right(RIGHT, y + 1.6, grey(8), &page);
        });
        flow.sheets
    }
}

/// How many, as a length is reckoned with.
pub(super) fn count<T>(items: &[T]) -> f64 {
    u32::try_from(items.len()).map_or(0.0, f64::from)
}
