//! The ticket as a reader, a scanner and a gate see it.

use std::path::{Path, PathBuf};
use std::process::Command;

use flightdesk_core::document::TicketContent;
use flightdesk_core::storage::Storage;
use flightdesk_worker::pdf;
use sqlx::PgPool;

use crate::booked::{TempFolder, context, output, ticketed, tool};
use crate::sample;

/// What both tickets of the fixture's booking say.
async fn contents(pool: PgPool) -> Vec<TicketContent> {
    let ctx = context(pool, Storage::memory());
    let mut contents = Vec::new();
    for job in ticketed(&ctx).await {
        let mut conn = ctx.db.acquire().await.unwrap();
        contents.push(
            TicketContent::load(&mut conn, job.document_id)
                .await
                .unwrap(),
        );
    }
    contents
}

fn write(folder: &TempFolder, content: &TicketContent) -> PathBuf {
    let file = folder.0.join("ticket.pdf");
    std::fs::write(&file, pdf::ticket(content).unwrap()).unwrap();
    output(Command::new("qpdf").arg("--check").arg(&file));
    file
}

fn text_of(file: &Path) -> String {
    output(Command::new("pdftotext").arg("-layout").arg(file).arg("-"))
}

fn barcodes_on(file: &Path) -> Vec<String> {
    const READ: &str = "
import sys, pypdfium2, zxingcpp
for page in pypdfium2.PdfDocument(sys.argv[1]):
    for code in zxingcpp.read_barcodes(page.render(scale=3).to_pil()):
        assert code.format == zxingcpp.BarcodeFormat.Aztec, code.format
        print(code.text)
";
    let python = tool("venv/bin/python");
    let printed = output(Command::new(python).args(["-c", READ]).arg(file));
    printed.lines().map(str::to_owned).collect()
}

fn decode_with_npm_bcbp(barcode: &str) -> serde_json::Value {
    const DECODE: &str = "
const { decode } = require(process.argv[1]);
const { data } = decode(process.argv[2], 2026);
process.stdout.write(JSON.stringify(data));
";
    let module = tool("node_modules/bcbp");
    let printed = output(
        Command::new("node")
            .args(["-e", DECODE])
            .arg(module)
            .arg(barcode),
    );
    serde_json::from_str(&printed).unwrap()
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn everything_a_traveller_needs_can_be_read(pool: PgPool) {
    let contents = contents(pool).await;
    let folder = TempFolder::new();
    let out = text_of(&write(&folder, &contents[0]));
    for said in [
        "E-ticket receipt",
        "K7XQ3M",
        "Air India",
        "Confirmed",
        "Fri 20 Nov 2026, 09:05 UTC",
        "AI 161",
        "Boeing 787-8",
        "DEL",
        "New Delhi",
        "Indira Gandhi International Airport",
        "LHR",
        "London Heathrow Airport",
        "14:00",
        "18:10",
        "Sun 20 Dec 2026, UTC+5:30",
        "9 h 40 min",
        "Ms Hồng Đào Thị Nguyễn",
        "Mr Łukasz Żółć",
        "Ms Işık Şimşek-Yağmur",
        "Mr Minh Nguyễn",
        "Infant on the lap of Hồng Đào Nguyễn",
        "098-2100000001 (1)",
        "098-2100000004 (4)",
        "21A",
        "21B",
        "21C",
        "Checked 1 piece, 15 kg",
        "Cabin bag 7 kg",
        "72,000.00",
        "Total of this ticket",
        "INR 1,02,783.00",
        "ending in 4242",
        "Cancellation: Per passenger",
        "11:00",
        "13:00",
        "13:25",
        "13:45",
        "Bring a passport",
        "not a boarding pass",
        "Page 1 of",
    ] {
        assert!(out.contains(said), "{said:?} is not in {out}");
    }
    assert!(!out.contains("BA 143"), "the other airline's flight: {out}");
    let back = text_of(&write(&folder, &contents[1]));
    for said in [
        "BA 143",
        "British Airways",
        "Wed 6 Jan 2027, UTC+5:30",
        "+1 day",
        "125-2100000005",
    ] {
        assert!(back.contains(said), "{said:?} is not in {back}");
    }
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn every_barcode_scans_and_says_who_flies(pool: PgPool) {
    let folder = TempFolder::new();
    for content in contents(pool).await {
        let mut wanted: Vec<_> = content
            .passengers
            .iter()
            .flat_map(|passenger| {
                passenger
                    .coupons
                    .iter()
                    .map(|coupon| coupon.barcode.clone())
            })
            .collect();
        let mut scanned = barcodes_on(&write(&folder, &content));
        wanted.sort();
        scanned.sort();
        assert_eq!(scanned, wanted);
    }
    let decoded =
        decode_with_npm_bcbp("M1NGUYEN/HONGDAO      EK7XQ3M DELLHRAI 0161 354Y021A0000 000");
    assert_eq!(decoded["passengerName"], "NGUYEN/HONGDAO");
    let leg = &decoded["legs"][0];
    for (field, said) in [
        ("operatingCarrierPNR", "K7XQ3M"),
        ("departureAirport", "DEL"),
        ("arrivalAirport", "LHR"),
        ("operatingCarrierDesignator", "AI"),
        ("flightNumber", "0161"),
        ("compartmentCode", "Y"),
        ("seatNumber", "021A"),
        ("passengerStatus", "0"),
    ] {
        assert_eq!(leg[field], said, "{field} in {decoded}");
    }
    assert!(
        leg["flightDate"]
            .as_str()
            .unwrap()
            .starts_with("2026-12-20"),
        "{decoded}"
    );
}

/// Sixty barcodes, on pages that say how many they are.
#[test]
fn a_party_of_ten_on_six_flights_reads_and_every_barcode_scans() {
    let folder = TempFolder::new();
    let content = sample::round_trip(10, "Zoë", "O'Brien-Müller").unwrap();
    let file = write(&folder, &content);
    let text = text_of(&file);
    for said in [
        "Departing: Bengaluru to Edinburgh",
        "Returning: Edinburgh to Bengaluru",
        "5 h 05 min in New Delhi",
        "6 h 55 min to change from LGW to LHR in London",
        "Wed 6 Jan 2027, UTC+5:30",
        "+1 day",
        "098-6000000001 (2) and 098-6000000002 (3)",
        "098-6000000019 (6) and 098-6000000020 (0)",
        "Infant on the lap of Zoë O'Brien-Müller",
        "Page 1 of 5",
        "Page 5 of 5",
    ] {
        assert!(text.contains(said), "{said:?} is not in {text}");
    }
    let mut wanted: Vec<_> = content
        .passengers
        .iter()
        .flat_map(|passenger| passenger.coupons.iter().map(|coupon| &coupon.barcode))
        .collect();
    let scanned = barcodes_on(&file);
    let mut scanned: Vec<_> = scanned.iter().collect();
    wanted.sort();
    scanned.sort();
    assert_eq!((scanned.len(), scanned), (60, wanted));

    let flown: Vec<_> = content.passengers[0]
        .coupons
        .iter()
        .map(|coupon| {
            let decoded = decode_with_npm_bcbp(&coupon.barcode);
            let leg = &decoded["legs"][0];
            ["departureAirport", "arrivalAirport", "flightNumber"]
                .map(|field| leg[field].as_str().unwrap().to_owned())
                .join(" ")
        })
        .collect();
    let legs = [
        "BLR DEL 0804",
        "DEL LHR 0161",
        "LHR EDI 7904",
        "EDI LGW 7907",
        "LHR DEL 0162",
        "DEL BLR 0803",
    ];
    assert_eq!(flown, legs);
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn bags_requests_and_the_discount_stand_beside_whom_they_are_for(pool: PgPool) {
    for statement in [
        "insert into baggage_item select booking_id, id, 0, 10 from passenger where first_name = 'Łukasz'",
        "update passenger set special_requests = '{VGML,WCHR}' where first_name = 'Łukasz'",
        "insert into price_line (booking_id, ordinal, direction, kind, code, passenger_type, quantity, unit_minor, amount_minor, refundable, passenger_id)
         select booking_id, 12, 0, 'baggage', '10kg', 'adult', 1, 450000, 450000, true, id from passenger where first_name = 'Łukasz'",
        "insert into price_line (booking_id, ordinal, direction, flight_id, kind, code, passenger_type, quantity, unit_minor, amount_minor, refundable)
         select booking_id, 13, 0, flight_id, 'discount', 'WELCOME10', 'adult', 1, -720000, -720000, false from price_line where ordinal = 1",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    let contents = contents(pool).await;
    let extra = |content: &TicketContent| -> Vec<i64> {
        let coupons = content
            .passengers
            .iter()
            .map(|passenger| &passenger.coupons[0]);
        coupons.map(|coupon| coupon.extra_kg).collect()
    };
    assert_eq!(extra(&contents[0]), [0, 10, 0, 0]);
    assert_eq!(
        extra(&contents[1]),
        [0; 4],
        "the returning direction has none"
    );
    let folder = TempFolder::new();
    let out = text_of(&write(&folder, &contents[0]));
    for said in [
        "Checked 15 kg + 10 kg",
        "Vegan meal (VGML)",
        "(WCHR)",
        "Extra baggage 10 kg, departing",
        "4,500.00",
        "Coupon WELCOME10, AI 161",
        "-7,200.00",
        "INR 1,00,083.00",
    ] {
        assert!(out.contains(said), "{said:?} is not in {out}");
    }
}

/// Runs itself in a second process: there the hashes of maps and the ids of printpdf have other seeds.
#[test]
fn the_same_ticket_has_the_same_bytes_in_every_process() {
    const FOLDER: &str = "TICKET_FOLDER";
    let tickets = [
        sample::round_trip(10, "Zoë", "O'Brien-Müller").unwrap(),
        sample::ticket(10, "Hồng Đào", "Nguyễn").unwrap(),
    ]
    .map(|content| pdf::ticket(&content).unwrap());
    if let Some(folder) = std::env::var_os(FOLDER) {
        for (name, ticket) in ["0", "1"].iter().zip(tickets) {
            std::fs::write(Path::new(&folder).join(name), ticket).unwrap();
        }
        return;
    }
    let folder = TempFolder::new();
    output(
        Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "ticket_pdf::the_same_ticket_has_the_same_bytes_in_every_process",
            ])
            .env(FOLDER, &folder.0),
    );
    for (name, here) in ["0", "1"].iter().zip(tickets) {
        let elsewhere = std::fs::read(folder.0.join(name)).unwrap();
        assert!(here == elsewhere, "the bytes of ticket {name} differ");
    }
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn no_text_becomes_pdf_and_no_name_becomes_boxes(pool: PgPool) {
    let mut content = contents(pool).await.swap_remove(0);
    content.passengers.truncate(2);
    content.airline.name = ") Tj ET (\\ <</S/JavaScript/JS(app.alert(1))>>".to_owned();
    content.passengers[0].name = "Ms 王小明".to_owned();
    content.passengers[1].name = "Mr )Bad\\Name(\u{7}\u{202e}".to_owned();
    let folder = TempFolder::new();
    let file = write(&folder, &content);
    let text = text_of(&file);
    for said in [
        "Ms Wang Xiao Ming",
        "Mr )Bad\\Name(",
        "app.alert(1)",
        "are printed in Latin letters",
    ] {
        assert!(text.contains(said), "{said:?} is not in {text}");
    }
    let objects = output(
        Command::new("qpdf")
            .args(["--json", "--json-key=qpdf"])
            .arg(&file),
    );
    assert!(!objects.contains("/JavaScript"), "an action: {objects}");
    assert!(
        objects.contains("\"/Lang\": \"u:en\""),
        "a language: {objects}"
    );
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn names_of_western_europe_need_no_embedded_font(pool: PgPool) {
    let mut content = contents(pool).await.swap_remove(0);
    content.passengers.truncate(1);
    content.passengers[0].name = "Ms Zoë O'Brien-Müller".to_owned();
    let folder = TempFolder::new();
    let file = write(&folder, &content);
    assert!(text_of(&file).contains("Ms Zoë O'Brien-Müller"));
    let fonts = output(Command::new("pdffonts").arg(&file));
    assert!(
        fonts.contains("Helvetica") && !fonts.contains("Noto"),
        "{fonts}"
    );
    assert!(std::fs::metadata(&file).unwrap().len() <= 30_000);
}

#[test]
fn times_of_the_evening_before_say_their_day_and_only_a_trip_abroad_asks_for_a_passport() {
    let folder = TempFolder::new();
    let mut content = sample::ticket(1, "Asha", "Verma").unwrap();
    let flight = &mut content.directions[0].flights[0];
    let earlier = chrono::TimeDelta::minutes(19 * 60 + 40);
    // Leaves at 02:00.
    for moment in [
        &mut flight.departs,
        &mut flight.arrives,
        &mut flight.boarding.desk_opens,
        &mut flight.boarding.desk_closes,
        &mut flight.boarding.begins,
        &mut flight.boarding.gate_closes,
    ] {
        *moment -= earlier;
    }
    let text = text_of(&write(&folder, &content));
    let row = text
        .lines()
        .find(|line| line.contains("AI 382, Sun 20 Dec"));
    let row: Vec<_> = row.unwrap().split_whitespace().collect();
    assert_eq!(
        row.join(" "),
        "AI 382, Sun 20 Dec Sat 19 Dec, 23:00 01:00 01:25 01:45",
    );
    assert!(text.contains("Bring a passport"), "{text}");

    content.directions[0].flights[0].destination.country = "IN".to_owned();
    let text = text_of(&write(&folder, &content));
    assert!(
        text.contains("Bring a photo ID") && !text.contains("passport"),
        "{text}"
    );
}

/// The structure that a screen reader goes by, as poppler reads it.
#[test]
fn a_screen_reader_finds_title_headings_and_a_row_for_every_passenger() {
    let folder = TempFolder::new();
    let content = sample::round_trip(3, "Zoë", "O'Brien-Müller").unwrap();
    let file = write(&folder, &content);
    let info = output(Command::new("pdfinfo").arg(&file));
    let facts: Vec<_> = info
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for fact in ["Title: E-ticket receipt K7XQ3M", "Tagged: yes"] {
        assert!(facts.contains(&fact.to_owned()), "{info}");
    }
    let tree = output(Command::new("pdfinfo").arg("-struct-text").arg(&file));
    let tree: Vec<_> = tree.lines().map(str::trim).collect();
    assert_eq!(tree.iter().filter(|line| line.starts_with("H1")).count(), 1);
    let after_title = tree.iter().position(|line| line.starts_with("H1")).unwrap() + 1;
    assert_eq!(tree[after_title], "\"E-ticket receipt\"");
    let passengers = tree
        .iter()
        .position(|line| *line == "\"Passengers\"")
        .unwrap();
    let price = tree.iter().position(|line| *line == "\"Price\"").unwrap();
    let table = &tree[passengers + 1..price];
    assert!(table[0].starts_with("Table"), "{table:?}");
    let starting = |what: &str| table.iter().filter(|line| line.starts_with(what)).count();
    assert_eq!((starting("TR"), starting("TH")), (3, 3), "{table:?}");
    // Two directions of three flights each, and their names.
    assert_eq!(starting("TD"), 3 * (6 + 2), "{table:?}");
    let objects = output(
        Command::new("qpdf")
            .args(["--json", "--json-key=qpdf"])
            .arg(&file),
    );
    for said in [
        "\"/DisplayDocTitle\": true",
        "\"/Lang\": \"u:en\"",
        "Aztec barcodes",
    ] {
        assert!(objects.contains(said), "{said} is missing");
    }
    assert!(
        !objects.contains("/Interpolate"),
        "Ghostscript drops such images"
    );
}
