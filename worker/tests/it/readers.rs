//! A document is the same in poppler, `PDFium`, `MuPDF` and Ghostscript: one reader alone forgives what others do not.

use std::path::Path;
use std::process::Command;

use flightdesk_core::document::{Place, PriceLineContent, RefundReceiptContent, TicketContent};
use flightdesk_core::money::{Currency, Money};
use flightdesk_worker::pdf;
use serde::Deserialize;

use crate::booked::{TempFolder, output, tool};
use crate::sample;

/// Two readers smooth letters differently, by 40 of 255 at most on a spot of a letter's size; a letter that is
/// elsewhere makes three times that.
const MOST_INK: u8 = 70;

#[derive(Deserialize)]
struct Read {
    pages: Vec<Page>,
}

#[derive(Deserialize)]
struct Page {
    words: Vec<String>,
    barcodes: Vec<String>,
    ink: u8,
}

impl Read {
    fn words(&self) -> String {
        let words = self.pages.iter().flat_map(|page| &page.words);
        words.cloned().collect::<Vec<_>>().join(" ")
    }

    fn barcodes(&self) -> Vec<String> {
        let codes = self.pages.iter().flat_map(|page| page.barcodes.clone());
        let mut codes: Vec<_> = codes.collect();
        codes.sort();
        codes
    }
}

/// What all four readers read; fails where one reads something else, or puts it elsewhere.
fn read(folder: &TempFolder, document: &[u8], is_embedded: bool) -> Read {
    let file = folder.0.join("document.pdf");
    std::fs::write(&file, document).unwrap();
    output(Command::new("qpdf").arg("--check").arg(&file));
    let fonts = if is_embedded {
        ["NotoSans-Regular.subset.ttf", "NotoSans-Bold.subset.ttf"]
    } else {
        ["LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"]
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let printed = output(
        Command::new(tool("venv/bin/python"))
            .arg(root.join("tests/it/support/readers.py"))
            .arg(&file)
            .args(fonts.map(|font| root.join("fonts").join(font))),
    );
    let read: Read = serde_json::from_str(&printed).unwrap();
    for page in &read.pages {
        assert!(page.ink < MOST_INK, "pages differ by {} of 255", page.ink);
    }
    read
}

fn barcodes_of(content: &TicketContent) -> Vec<String> {
    let coupons = content
        .passengers
        .iter()
        .flat_map(|passenger| &passenger.coupons);
    let mut codes: Vec<_> = coupons.map(|coupon| coupon.barcode.clone()).collect();
    codes.sort();
    codes
}

/// Ticket, invoice and receipts of refunds, read in four readers.
fn every_reader_agrees(content: &TicketContent, is_embedded: bool, name: &str) {
    let folder = TempFolder::new();
    let ticket = read(&folder, &pdf::ticket(content).unwrap(), is_embedded);
    assert_eq!(ticket.barcodes(), barcodes_of(content));
    let said = ticket.words();
    for words in ["E-ticket receipt", "K7XQ3M", "Total of this ticket", name] {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
    let invoice = sample::invoice(content);
    let invoice = read(&folder, &pdf::invoice(&invoice).unwrap(), is_embedded);
    let said = invoice.words();
    for words in [
        "Total of this invoice",
        "FD/26-27/000123",
        "CGST 2.5 %",
        name,
    ] {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
    let credit = sample::credit_note(content);
    let credit = read(&folder, &pdf::refund_receipt(&credit).unwrap(), is_embedded);
    let said = credit.words();
    for words in [
        "Credit note",
        "FD/26-27/C00012",
        "FD/26-27/000123 of 20 November 2026",
        "30 November 2026",
        "K7XQ3M",
        "Total of this credit note",
        "Visa ending in 4242",
        "Delhi (07)",
        "996425",
        "CGST 2.5 %",
        name,
    ] {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
    let mut receipt = sample::refund_receipt(content);
    receipt.returned_on = chrono::NaiveDate::from_ymd_opt(2026, 12, 3);
    let receipt = read(
        &folder,
        &pdf::refund_receipt(&receipt).unwrap(),
        is_embedded,
    );
    let said = receipt.words();
    for words in [
        "Refund receipt (void)",
        "FD/26-27/R00003",
        "Void since 3 December 2026: the bank returned this money.",
        "No invoice was issued for this money",
        "the booking was already paid",
        "Total of this receipt",
    ] {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
    assert!(!said.contains("CGST"), "no tax was charged on it: {said}");
}

#[test]
fn a_ticket_in_helvetica_is_the_same_in_four_readers() {
    let content = sample::ticket(1, "Zoë", "O'Brien-Müller").unwrap();
    every_reader_agrees(&content, false, "Ms Zoë O'Brien-Müller");
}

#[test]
fn a_ticket_in_an_embedded_font_is_the_same_in_four_readers() {
    let content = sample::ticket(1, "Hồng Đào", "Nguyễn").unwrap();
    every_reader_agrees(&content, true, "Ms Hồng Đào Nguyễn");
}

#[test]
fn ten_tickets_of_a_round_trip_in_helvetica_are_the_same_in_four_readers() {
    let content = sample::round_trip(10, "Zoë", "O'Brien-Müller").unwrap();
    every_reader_agrees(&content, false, "Ms Zoë O'Brien-Müller");
}

#[test]
fn ten_tickets_of_a_round_trip_in_an_embedded_font_are_the_same_in_four_readers() {
    let content = sample::round_trip(10, "Hồng Đào", "Nguyễn").unwrap();
    every_reader_agrees(&content, true, "Ms Hồng Đào Nguyễn");
}

#[test]
fn one_ticket_of_a_round_trip_and_ten_of_one_way_are_the_same_in_four_readers() {
    let content = sample::round_trip(1, "Zoë", "O'Brien-Müller").unwrap();
    every_reader_agrees(&content, false, "Ms Zoë O'Brien-Müller");
    let content = sample::ticket(10, "Zoë", "O'Brien-Müller").unwrap();
    every_reader_agrees(&content, false, "Ms Zoë O'Brien-Müller");
}

/// The longest values of columns of our fixtures.
fn longest(file: &str, column: &str) -> String {
    const LONGEST: &str = "
import csv, json, sys
rows = json.load(open(sys.argv[1])) if sys.argv[1].endswith('json') else csv.DictReader(open(sys.argv[1]))
print(max((row[sys.argv[2]] for row in rows), key=len))
";
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let printed = output(
        Command::new(tool("venv/bin/python"))
            .args(["-c", LONGEST])
            .arg(root.join(file))
            .arg(column),
    );
    printed.trim().to_owned()
}

/// A journey of the longest names that there are; `more` is put behind each.
fn long_journey(more: &str) -> TicketContent {
    let mut content = sample::round_trip(2, "Zoë", "O'Brien-Müller").unwrap();
    let airline = format!("{}{more}", longest("airlines.csv", "name"));
    let aircraft = format!("{}{more}", longest("aircraft.csv", "name"));
    let place = Place {
        iata: "GRU".to_owned(),
        name: format!("{}{more}", longest("airports.csv", "name")),
        city: format!("{}{more}", longest("airports.csv", "city")),
        country: "BR".to_owned(),
    };
    airline.clone_into(&mut content.airline.name);
    for direction in &mut content.directions {
        "premium_economy".clone_into(&mut direction.cabin);
        direction.fare_family = format!("{}{more}", longest("fare_families.json", "name"));
        direction.baggage.cabin = format!("{}{more}", longest("fare_families.json", "cabin_bag"));
        for flight in &mut direction.flights {
            airline.clone_into(&mut flight.airline.name);
            aircraft.clone_into(&mut flight.aircraft);
            "8888W".clone_into(&mut flight.number);
            flight.origin = place.clone();
            flight.destination = place.clone();
        }
    }
    let name = format!("{}{more}", longest("tax_rules.csv", "name"));
    for line in &mut content.price_lines {
        line.name = line.name.as_ref().map(|_| name.clone());
        line.amount = Money::new(99_999_999_999, Currency::INR);
        line.quantity = 10;
    }
    content.price_lines.push(PriceLineContent {
        kind: "seat".to_owned(),
        code: format!("preferred_exit_row{}", more.replace(' ', "_")),
        ..content.price_lines[0].clone()
    });
    for passenger in &mut content.passengers {
        let part = "Wolfeschlegelsteinhausenbergerdorffschme";
        passenger.name = format!("Mrs {part} {part} {part}");
        passenger.special_requests = ["VGML", "BLML", "WCHC"]
            .map(|code| format!("A wish as long as wishes are, in words ({code}){more}"))
            .into();
        for coupon in &mut passenger.coupons {
            "AI 8888W".clone_into(&mut coupon.flight);
        }
    }
    content
}

#[test]
fn the_longest_text_of_every_field_is_there_whole() {
    let content = long_journey("");
    let folder = TempFolder::new();
    let ticket = read(&folder, &pdf::ticket(&content).unwrap(), false);
    let said = ticket.words();
    let direction = &content.directions[0];
    let flight = &direction.flights[0];
    let mut fields = vec![
        content.airline.name.clone(),
        flight.aircraft.clone(),
        flight.origin.name.clone(),
        flight.origin.city.clone(),
        format!("{} fare", direction.fare_family),
        format!("Cabin bag {}", direction.baggage.cabin),
        "Total of this ticket INR".to_owned(),
        "Paid".to_owned(),
    ];
    fields.extend(direction.rules.clone());
    fields.extend(
        content
            .price_lines
            .iter()
            .filter_map(|line| line.name.clone()),
    );
    fields.extend(content.passengers[0].special_requests.clone());
    fields.push(content.passengers[0].name.clone());
    let said_letters: String = said.split_whitespace().collect();
    for field in fields {
        let letters: String = field.split_whitespace().collect();
        assert!(
            said_letters.contains(&letters),
            "{field:?} is not in {said}"
        );
    }
    assert!(!said.contains('…'), "something is cut: {said}");
    let invoice = sample::invoice(&content);
    let said = read(&folder, &pdf::invoice(&invoice).unwrap(), false).words();
    assert!(!said.contains('…'), "something is cut: {said}");

    let credit = longest_credit_note(&content);
    let said = read(&folder, &pdf::refund_receipt(&credit).unwrap(), false).words();
    let said_letters: String = said.split_whitespace().collect();
    let mut fields = vec![
        credit.number.clone(),
        credit.seller.name.clone(),
        credit.seller.address.clone(),
        credit.corrects.clone().unwrap().number,
        content.airline.name.clone(),
        "Mastercard debit worldwide ending in 4242".to_owned(),
    ];
    fields.extend(credit.buyer.clone());
    fields.extend(credit.passengers.clone());
    fields.extend(credit.lines.iter().filter_map(|one| one.line.name.clone()));
    fields.extend(credit.lines.iter().filter_map(|one| one.passenger.clone()));
    for field in fields {
        let letters: String = field.split_whitespace().collect();
        assert!(
            said_letters.contains(&letters),
            "{field:?} is not in {said}"
        );
    }
    assert!(!said.contains('…'), "something is cut: {said}");
}

/// Ten people of the longest names get back everything, from a seller with the longest name and address.
fn longest_credit_note(content: &TicketContent) -> RefundReceiptContent {
    let mut ticket = content.clone();
    let one = ticket.passengers[0].clone();
    ticket.passengers = vec![one; 13];
    let mut credit = sample::credit_note(&ticket);
    "FD/26-27C1234567".clone_into(&mut credit.number);
    let name = "Flightdesk Travels Private Limited ".repeat(6);
    name[..200].trim().clone_into(&mut credit.seller.name);
    let address = "1234 Janpath, Connaught Place, New Delhi ".repeat(5);
    address[..200].trim().clone_into(&mut credit.seller.address);
    credit.buyer = vec![
        ticket.passengers[0].name.clone(),
        format!("{}@{}.example", "traveller".repeat(7), "mailbox".repeat(25)),
        "+123456789012345".to_owned(),
    ];
    credit.paid_with.card_brand = Some("mastercard debit worldwide".to_owned());
    credit
}

#[test]
fn what_no_page_has_room_for_is_cut_with_a_mark() {
    let more =
        " and some more words that nobody has seen in any catalogue until this very day".repeat(3);
    let content = long_journey(&more);
    let folder = TempFolder::new();
    let said = read(&folder, &pdf::ticket(&content).unwrap(), false).words();
    let direction = &content.directions[0];
    let said_letters: String = said.split_whitespace().collect();
    for field in [
        &content.airline.name,
        &direction.flights[0].aircraft,
        &direction.flights[0].origin.name,
        &direction.flights[0].origin.city,
        &direction.fare_family,
        &direction.baggage.cabin,
        &content.passengers[0].special_requests[0],
        &content.price_lines[1].name.clone().unwrap(),
    ] {
        let letters: Vec<char> = field.chars().filter(|c| !c.is_whitespace()).collect();
        let kept = (1..=letters.len())
            .rev()
            .map(|end| letters[..end].iter().collect::<String>())
            .find(|kept| said_letters.contains(kept.as_str()))
            .unwrap();
        let is_marked = said_letters.contains(&format!("{kept}…"));
        assert!(
            kept.chars().count() == letters.len() || is_marked,
            "{field:?} ends silently after {kept:?}"
        );
    }
}

/// For every number of lines that a page can end with.
#[test]
fn the_total_is_never_alone_on_a_page() {
    let content = sample::ticket(1, "Zoë", "O'Brien-Müller").unwrap();
    let folder = TempFolder::new();
    let file = folder.0.join("document.pdf");
    let mut turned = 0;
    for lines in 8..64 {
        let mut invoice = sample::invoice(&content);
        let line = invoice.lines[0].clone();
        invoice.lines = vec![line; lines];
        std::fs::write(&file, pdf::invoice(&invoice).unwrap()).unwrap();
        let text = output(Command::new("pdftotext").arg("-layout").arg(&file).arg("-"));
        let pages: Vec<_> = text.split('\u{c}').collect();
        let page = pages
            .iter()
            .position(|page| page.contains("Total of this invoice"))
            .unwrap();
        turned += page;
        let above = pages[page].matches("Fare, AI 382").count();
        assert!(above >= 2, "{above} of {lines} lines stand above the total");
        assert!(pages[page].contains("ending in 4242"), "{lines} lines");
    }
    assert!(turned > 5, "the total never came to a second page");
}

#[test]
fn the_total_of_a_credit_note_keeps_two_lines_of_long_names_with_it() {
    let content = long_journey("");
    let folder = TempFolder::new();
    let file = folder.0.join("document.pdf");
    let mut turned = 0;
    for lines in 4..32 {
        let mut credit = sample::credit_note(&content);
        let mut line = credit.lines[0].clone();
        line.line.amount = Money::new(123_400, Currency::INR);
        credit.lines = vec![line; lines];
        std::fs::write(&file, pdf::refund_receipt(&credit).unwrap()).unwrap();
        let text = output(Command::new("pdftotext").arg("-layout").arg(&file).arg("-"));
        let pages: Vec<_> = text.split('\u{c}').collect();
        let page = pages
            .iter()
            .position(|page| page.contains("Total of this credit note"))
            .unwrap();
        turned += page;
        let above = pages[page].matches("1,234.00").count();
        assert!(above >= 2, "{above} of {lines} lines stand above the total");
    }
    assert!(turned > 5, "the total never came to a second page");
}
