//! Invoice, calendar file, mails and text message as whoever gets them reads them.

use chrono::{DateTime, TimeZone, Utc};
use flightdesk_core::Clock;
use flightdesk_core::document::{
    self, DocumentKind, InvoiceContent, RefundReceiptContent, Settled,
};
use flightdesk_core::ids::{DocumentId, JobId, PaymentId, RefundId};
use flightdesk_core::money::{Currency, Money};
use flightdesk_core::outbox::{self, MailKind, SendSms};
use flightdesk_core::payment;
use flightdesk_core::payment::stripe::{StripeRefund, StripeRefundStatus};
use flightdesk_worker::pushed::Pushed;
use flightdesk_worker::{Ctx, pdf};
use flightdesk_worker::{attempt, outcome::Outcome};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::{Uuid, uuid};

use crate::booked::{TempFolder, output, take_jobs, ticketed, tool};
use crate::support::bookings::{ACCOUNT, BOOKING, promise};
use crate::support::ctx;

const PAYMENT: PaymentId = PaymentId(uuid!("00000000-0000-7000-8000-000000000801"));

fn clock() -> Clock {
    Clock::manual(Utc.with_ymd_and_hms(2026, 11, 20, 9, 10, 0).unwrap())
}

pub async fn run(ctx: &Ctx, kind: &str, job_id: flightdesk_core::ids::JobId) {
    let pushed = Pushed {
        job_id,
        attempt: 1,
        kind: kind.to_owned(),
        request_id: None,
        trace_parent: None,
    };
    assert_eq!(attempt::run(ctx, &pushed).await, Outcome::Done);
}

pub async fn invoice(ctx: &Ctx) -> InvoiceContent {
    let mut conn = ctx.db.acquire().await.unwrap();
    let settled = Settled {
        account_id: ACCOUNT,
        booking_id: BOOKING,
        payment_id: Some(PAYMENT),
        first_line: 0,
    };
    document::request_invoice(&mut conn, &ctx.clock, &settled)
        .await
        .unwrap();
    let documents = document::list_by_booking(&mut conn, ACCOUNT, "K7XQ3M")
        .await
        .unwrap();
    let invoice = documents
        .iter()
        .find(|document| document.kind == DocumentKind::Invoice)
        .unwrap();
    InvoiceContent::load(&mut conn, invoice.id).await.unwrap()
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn an_invoice_can_be_read_and_is_the_same_bytes_each_time(pool: PgPool) {
    let content = invoice(&ctx(&pool, clock())).await;
    let made = pdf::invoice(&content).unwrap();
    assert_eq!(made, pdf::invoice(&content).unwrap());
    let folder = TempFolder::new();
    let file = folder.0.join("invoice.pdf");
    std::fs::write(&file, made).unwrap();
    output(std::process::Command::new("qpdf").arg("--check").arg(&file));
    let mut read = std::process::Command::new("pdftotext");
    let text = output(read.arg("-layout").arg(&file).arg("-"));
    for said in [
        "FD/26-27/000001",
        "20 November 2026",
        "K7XQ3M",
        "Air India (AI), British Airways (BA)",
        "Hồng Đào Nguyễn",
        "nguyen@example.com",
        "1 × booking",
        "INR 2,18,767.00",
        "with Visa ending in 4242",
        "Page 1 of 1",
    ] {
        assert!(text.contains(said), "{said:?} is missing in\n{text}");
    }
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn the_confirmation_carries_tickets_invoice_and_the_instants_of_the_flights(pool: PgPool) {
    let ctx = ctx(&pool, clock());
    ticketed(&ctx).await;
    invoice(&ctx).await;
    for (job, lease) in take_jobs(&ctx).await {
        flightdesk_worker::jobs::render_document::run(&ctx, job, &lease)
            .await
            .unwrap();
    }
    let mail: uuid::Uuid = sqlx::query_scalar("select id from outbox where kind = 'send_mail'")
        .fetch_one(&pool)
        .await
        .unwrap();
    run(&ctx, "send_mail", flightdesk_core::ids::JobId(mail)).await;
    let sent = ctx.mail.sent();
    assert_reservations(&sent[0].html, 8);
    let names: Vec<_> = sent[0]
        .attachments
        .iter()
        .map(|file| file.file_name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "ticket-K7XQ3M-AI.pdf",
            "ticket-K7XQ3M-BA.pdf",
            "invoice-K7XQ3M-FD-26-27-000001.pdf",
            "flights-K7XQ3M.ics"
        ]
    );
    let calendar = String::from_utf8(sent[0].attachments[3].bytes.clone()).unwrap();
    let instants: Vec<(DateTime<Utc>, DateTime<Utc>)> =
        sqlx::query_as("select departs_at, arrives_at from flight order by departs_at")
            .fetch_all(&pool)
            .await
            .unwrap();
    assert_eq!(calendar.matches("BEGIN:VEVENT").count(), 2);
    for (departs_at, arrives_at) in instants {
        for (key, instant) in [("DTSTART", departs_at), ("DTEND", arrives_at)] {
            let line = format!("\r\n{key}:{}\r\n", instant.format("%Y%m%dT%H%M%SZ"));
            assert!(
                calendar.contains(&line),
                "{line:?} is missing in\n{calendar}"
            );
        }
    }
    let read = read_strictly(&sent[0].attachments[3].bytes);
    assert_eq!(
        read,
        json!({
            "method": "PUBLISH", "product": "-//Flightdesk//Flights 1.0//EN", "errors": [],
            "organizers": ["mailto:tickets@flightdesk.example", "mailto:tickets@flightdesk.example"],
        })
    );
    assert!(
        sent[0].attachments[3]
            .content_type
            .contains("method=PUBLISH")
    );
    let unfolded = calendar.replace("\r\n ", "");
    for said in [
        "UID:00000000-0000-7000-8000-000000000601@flightdesk.example",
        "Sun 20 Dec 2026\\, 14:00 in New Delhi (DEL)\\, Asia/Kolkata",
        "Wed 6 Jan 2027\\, 09:00 in New Delhi (DEL)\\, Asia/Kolkata",
    ] {
        assert!(
            unfolded.contains(said),
            "{said:?} is missing in\n{unfolded}"
        );
    }
}

/// Promises a refund of the fixture's payment, of which the bank has the money when this returns.
async fn refunded(ctx: &Ctx, reason: &str, minor: i64) -> RefundId {
    let id: RefundId = sqlx::query_scalar(
        "insert into refund (id, payment_id, booking_id, reason, currency, amount_minor, created_at)
         select $1, id, booking_id, $2, currency, $3, $4 from payment returning id",
    )
    .bind(RefundId::new().0)
    .bind(reason)
    .bind(minor)
    .bind(ctx.clock.now())
    .fetch_one(&*ctx.db)
    .await
    .unwrap();
    stripe_says(ctx, id, minor, StripeRefundStatus::Succeeded).await;
    id
}

pub async fn stripe_says(ctx: &Ctx, id: RefundId, minor: i64, status: StripeRefundStatus) {
    let said = StripeRefund {
        id: format!("re_{id}"),
        status,
        failure: None,
        refund_id: Some(id),
        payment_intent: None,
        amount: Money::new(minor, Currency::INR),
    };
    let mut tx = ctx.db.begin().await.unwrap();
    payment::record_refund(&mut tx, &ctx.clock, id, &said)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// Renders what is due, and sends the mails that are promised then.
pub async fn render_and_send(ctx: &Ctx) {
    for (job, lease) in take_jobs(ctx).await {
        flightdesk_worker::jobs::render_document::run(ctx, job, &lease)
            .await
            .unwrap();
    }
    let due = "select id from outbox where kind = 'send_mail' and status = 'waiting' order by id";
    let mails: Vec<Uuid> = sqlx::query_scalar(due).fetch_all(&*ctx.db).await.unwrap();
    for mail in mails {
        run(ctx, "send_mail", JobId(mail)).await;
    }
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_refund_is_mailed_with_its_credit_note_and_a_void_one_is_not(pool: PgPool) {
    let ctx = ctx(&pool, clock());
    invoice(&ctx).await;
    let id = refunded(&ctx, "cancellation", 500_000).await;
    render_and_send(&ctx).await;
    let sent = ctx.mail.sent();
    assert_eq!(sent.len(), 1);
    let mail = &sent[0];
    assert_eq!(
        mail.subject,
        "INR 5,000.00 for booking K7XQ3M is back with your bank"
    );
    assert_eq!(
        mail.message_id,
        format!("refund_paid.{id}.{BOOKING}@flightdesk.example")
    );
    for said in [
        "INR 5,000.00",
        "K7XQ3M",
        "your Visa card ending in 4242",
        "within 5 to 10 days",
        "FD/26-27/C00001",
        "AI 161",
        "Sun 20 Dec 2026, 14:00 (UTC+5:30)",
        "Ms Hồng Đào Thị Nguyễn: AI 161 seat 21A, BA 143 seat 21A",
    ] {
        for form in [&mail.text, &mail.html] {
            assert!(form.contains(said), "{said:?} is missing in\n{form}");
        }
    }
    let names: Vec<_> = mail
        .attachments
        .iter()
        .map(|file| &file.file_name)
        .collect();
    assert_eq!(names, ["refund-receipt-K7XQ3M-FD-26-27-C00001.pdf"]);
    let text = text_of(&mail.attachments[0].bytes);
    for said in [
        "Credit note",
        "FD/26-27/C00001",
        "FD/26-27/000001 of 20 November 2026",
        "Hồng Đào Nguyễn",
        "Ms Işık Şimşek-Yağmur",
        "Cancelled flights",
        "5,000.00",
        "Visa ending in 4242",
    ] {
        assert!(text.contains(said), "{said:?} is missing in\n{text}");
    }

    let other = refunded(&ctx, "made_at_stripe", 100).await;
    for (id, minor) in [(id, 500_000), (other, 100)] {
        stripe_says(&ctx, id, minor, StripeRefundStatus::Failed).await;
    }
    render_and_send(&ctx).await;
    assert_eq!(
        ctx.mail.sent().len(),
        1,
        "money that came again is not back"
    );
    let void: Vec<Uuid> = sqlx::query_scalar(
        "select id from document where kind = 'refund_receipt' and status = 'ready' and revision = 2 order by number",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(void.len(), 2);
    let key = document::storage_key(DocumentId(void[0]), 2);
    let text = text_of(&ctx.storage.get(&key).await.unwrap().unwrap());
    for said in [
        "Credit note (void)",
        "FD/26-27/C00001",
        "Void since 20 November 2026: the bank returned this money.",
    ] {
        assert!(text.contains(said), "{said:?} is missing in\n{text}");
    }
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_receipt_is_the_same_bytes_each_time_and_names_what_the_money_was(pool: PgPool) {
    let ctx = ctx(&pool, clock());
    for (reason, said) in [
        ("late_payment", "it was no longer owed"),
        ("duplicate_payment", "the booking was already paid"),
        ("seat_fees", "Fee of a chosen seat that was not available"),
        (
            "seat_swap",
            "Fee of a chosen seat that another aircraft does",
        ),
        ("cancellation", "Cancelled flights"),
    ] {
        let id = refunded(&ctx, reason, 1_234).await;
        let mut conn = pool.acquire().await.unwrap();
        let receipt: Uuid = sqlx::query_scalar("select id from document where refund_id = $1")
            .bind(id.0)
            .fetch_one(&mut *conn)
            .await
            .unwrap();
        let mut content = RefundReceiptContent::load(&mut conn, DocumentId(receipt))
            .await
            .unwrap();
        content.waiver = Some("The traveller is ill".to_owned());
        let made = pdf::refund_receipt(&content).unwrap();
        assert_eq!(made, pdf::refund_receipt(&content).unwrap());
        let text = text_of(&made);
        for said in [
            said,
            "Cancellation fee waived",
            "The traveller is ill",
            "Refund receipt",
            "No invoice was issued for this money",
            "INR 12.34",
        ] {
            assert!(text.contains(said), "{said:?} is missing in\n{text}");
        }
        // Which makes room for the next: a payment goes back whole once.
        sqlx::query("update refund set reason = 'remainder'")
            .execute(&pool)
            .await
            .unwrap();
    }
}

/// What pdftotext reads.
fn text_of(pdf: &[u8]) -> String {
    let folder = TempFolder::new();
    let file = folder.0.join("document.pdf");
    std::fs::write(&file, pdf).unwrap();
    output(std::process::Command::new("qpdf").arg("--check").arg(&file));
    let mut read = std::process::Command::new("pdftotext");
    output(read.arg("-layout").arg(&file).arg("-"))
}

/// What another program reads in a calendar file.
fn read_strictly(file: &[u8]) -> Value {
    const READ: &str = "
import icalendar, json, sys
calendar = icalendar.Calendar.from_ical(open(sys.argv[1], 'rb').read())
events = calendar.walk('VEVENT')
print(json.dumps({
    'method': str(calendar['METHOD']), 'product': str(calendar['PRODID']),
    'organizers': [str(event['ORGANIZER']) for event in events],
    'errors': [str(error) for part in calendar.walk() for error in part.errors],
}))
";
    let folder = TempFolder::new();
    let path = folder.0.join("flights.ics");
    std::fs::write(&path, file).unwrap();
    let python = tool("venv/bin/python");
    let printed = output(
        std::process::Command::new(python)
            .args(["-c", READ])
            .arg(&path),
    );
    serde_json::from_str(&printed).unwrap()
}

/// The invoice of the fixture's booking with 5 % GST on its way out, in text.
async fn taxed_invoice(pool: &PgPool, tax_number: &str) -> String {
    let ctx = ctx(pool, clock());
    sqlx::query("update seller set tax_number = $1")
        .bind(tax_number)
        .execute(pool)
        .await
        .unwrap();
    let pdf = pdf::invoice(&invoice(&ctx).await).unwrap();
    let folder = TempFolder::new();
    let file = folder.0.join("invoice.pdf");
    std::fs::write(&file, pdf).unwrap();
    let mut read = std::process::Command::new("pdftotext");
    output(read.arg("-layout").arg(&file).arg("-"))
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn an_invoice_says_code_place_of_supply_and_how_the_tax_is_split(pool: PgPool) {
    for statement in [
        "update airport set subdivision = 'Delhi' where iata = 'DEL'",
        "insert into tax_rule (code, country, name, kind, amount, cabins, passenger_types, applies_to, refundable)
         values ('GST', 'IN', 'Goods and services tax', 'percent', 5, '{economy}', '{adult,child,infant}', 'flight', true)",
        "insert into price_line (booking_id, ordinal, direction, flight_id, kind, code, passenger_type, quantity, unit_minor, amount_minor, refundable)
         select booking_id, 12, 0, flight_id, 'tax', 'GST', 'adult', 2, 180000, 360000, true from price_line where ordinal = 1",
        "update booking set total_minor = (select sum(amount_minor) from price_line)",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    // 102,600.00 of base fare and 183.00 of fees leave Delhi; the way back begins in London.
    for (tax_number, taxes) in [
        (
            "07AABCU9603R1ZP",
            ["CGST 2.5 %", "SGST 2.5 %", "1,800.00", "Delhi (07)"],
        ),
        (
            "27AABCU9603R1ZN",
            ["IGST 5 %", "3,600.00", "Delhi (07)", "Maharashtra (27)"],
        ),
        ("", ["GST 5 %", "3,600.00", "Delhi (07)", "The seller's"]),
    ] {
        let text = taxed_invoice(&pool, tax_number).await;
        for said in taxes.into_iter().chain([
            "(996425)",
            "(998551)",
            "1,02,783.00",
            "1,02,600.00",
            "Outside India (GB)",
            "Tax is not payable on reverse charge.",
        ]) {
            assert!(text.contains(said), "{said:?} is missing in\n{text}");
        }
        for statement in [
            "update price_line set invoice_id = null",
            "delete from document",
        ] {
            sqlx::query(statement).execute(&pool).await.unwrap();
        }
    }
}

/// The properties that schema.org has for a type, its parents' among them: <https://schema.org/FlightReservation> and the pages
/// that it names. Those that we use.
fn known_properties(kind: &str) -> &'static [&'static str] {
    match kind {
        "FlightReservation" => &[
            "reservationId",
            "reservationStatus",
            "reservationFor",
            "reservedTicket",
            "underName",
            "url",
        ],
        "Flight" => &[
            "flightNumber",
            "provider",
            "departureAirport",
            "departureTime",
            "arrivalAirport",
            "arrivalTime",
        ],
        "Airline" | "Airport" => &["name", "iataCode"],
        "Person" => &["name"],
        "Ticket" => &["ticketedSeat"],
        "Seat" => &["seatNumber"],
        _ => &[],
    }
}

/// Fails on a property that schema.org does not have for its type, and unless there are so many reservations, each of another
/// passenger or flight.
pub fn assert_reservations(html: &str, count: usize) {
    let (_, rest) = html
        .split_once(r#"<script type="application/ld+json">"#)
        .unwrap();
    let (data, _) = rest.split_once("</script>").unwrap();
    let reservations: Vec<serde_json::Value> = serde_json::from_str(data).unwrap();
    assert_eq!(reservations.len(), count);
    let mut seen = Vec::new();
    let mut waiting: Vec<_> = reservations.iter().collect();
    while let Some(value) = waiting.pop() {
        let object = value.as_object().unwrap();
        let kind = object["@type"].as_str().unwrap();
        for (name, member) in object {
            let is_known = name.starts_with('@') || known_properties(kind).contains(&name.as_str());
            assert!(is_known, "{kind} has no {name}");
            if member.is_object() {
                waiting.push(member);
            }
        }
    }
    for reservation in &reservations {
        let flight = &reservation["reservationFor"];
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let departs = text(&flight["departureTime"]);
        assert!(
            chrono::DateTime::parse_from_rfc3339(&departs).is_ok(),
            "{departs}"
        );
        seen.push((
            text(&reservation["underName"]["name"]),
            text(&flight["flightNumber"]),
        ));
    }
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), all, "a reservation stands twice");
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn whoever_has_cancelled_a_direction_has_no_reservation_for_its_flights(pool: PgPool) {
    let ctx = ctx(&pool, clock());
    let mut counts = Vec::new();
    let cancelled = r#"
        insert into cancellation_quote (id, booking_id, created_at, expires_at, content) select id, id, created_at, created_at,
            '{"version":1,"scope":"returning","currency":"INR","items":[],"fees_kept_minor":0,"asked_passengers":null,"waiver":null}' from booking;
        insert into cancellation (id, booking_id, quote_id, cancelled_at, currency, refund_minor) select id, id, id, created_at, currency, 0 from booking;
        insert into cancelled_place (passenger_id, direction_id, booking_id, cancellation_id)
        select p.id, d.id, b.id, b.id from booking b join passenger p on p.booking_id = b.id and p.ordinal = (select min(ordinal) from passenger) join direction d on d.booking_id = b.id and d.ordinal = 1"#;
    for (number, change) in ["select", cancelled].into_iter().enumerate() {
        sqlx::raw_sql(change).execute(&pool).await.unwrap();
        let revision = i32::try_from(number).unwrap() + 2;
        let job = promise(&pool, &ctx.clock, MailKind::TicketsChanged { revision }).await;
        run(&ctx, "send_mail", job).await;
        let mails = ctx.mail.sent();
        assert_eq!(mails.len(), number + 1);
        counts.push(
            mails
                .last()
                .unwrap()
                .html
                .matches("FlightReservation")
                .count(),
        );
    }
    let flights: i64 = sqlx::query_scalar(
        "select count(*) from booked_flight bf join direction d on d.id = bf.direction_id where d.ordinal = 1",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert!(flights > 0);
    assert_eq!(counts[0] - counts[1], usize::try_from(flights).unwrap());
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn each_turn_of_a_booking_has_its_mail_and_none_that_is_no_longer_true(pool: PgPool) {
    let turns = [
        (
            "pending_payment",
            MailKind::BookingHeld,
            "Pay for booking K7XQ3M by 15:06 on Fri 20 Nov 2026 (UTC+5:30)",
            "INR 2,18,767.00",
        ),
        (
            "expired",
            MailKind::BookingExpired,
            "Your booking K7XQ3M has expired",
            "nothing was charged",
        ),
        (
            "cancelled",
            MailKind::BookingCancelled,
            "Your booking K7XQ3M is cancelled",
            "Booking K7XQ3M was cancelled before it was paid.",
        ),
        (
            "confirmed",
            MailKind::DepartureReminder { direction: 1 },
            "Your flight to New Delhi leaves on Tuesday at 18:50",
            "BA 143",
        ),
        (
            "confirmed",
            MailKind::TicketsChanged { revision: 2 },
            "New tickets for booking K7XQ3M",
            "revision 2",
        ),
        (
            "confirmed",
            MailKind::SeatsNotChanged {
                seat_change_id: Uuid::nil(),
            },
            "We could not change the seats on booking K7XQ3M",
            "does not have the seats that you asked for",
        ),
        (
            "confirmed",
            MailKind::FlightsNotChanged {
                change_id: Uuid::nil(),
            },
            "The flights of booking K7XQ3M have not changed",
            "does not have the seats that were quoted",
        ),
    ];
    for (status, kind, subject, said) in turns {
        let ctx = ctx(&pool, clock());
        let other = if status == "cancelled" {
            "expired"
        } else {
            "cancelled"
        };
        for (now, mails) in [(other, 0), (status, 1)] {
            sqlx::query("update booking set status = $1")
                .bind(now)
                .execute(&pool)
                .await
                .unwrap();
            let job = promise(&pool, &ctx.clock, kind).await;
            run(&ctx, "send_mail", job).await;
            assert_eq!(ctx.mail.sent().len(), mails, "{kind:?} of a booking {now}");
        }
        let mail = &ctx.mail.sent()[0];
        assert_eq!(mail.subject, subject);
        for form in [&mail.text, &mail.html] {
            assert!(form.contains(said), "{said:?} is missing in\n{form}");
            assert!(form.contains("/booking?link="), "no link in\n{form}");
        }
        if matches!(kind, MailKind::FlightsNotChanged { .. }) {
            for said in [
                "Sun 20 Dec 2026, 14:00 (UTC+5:30)",
                "Ms Hồng Đào Thị Nguyễn: AI 161 seat 21A, BA 143 seat 21A",
            ] {
                assert!(mail.text.contains(said), "{said:?} in\n{}", mail.text);
            }
        }
        if matches!(kind, MailKind::TicketsChanged { .. }) {
            assert_reservations(&mail.html, 8);
            assert!(!mail.text.contains("schema.org"), "{}", mail.text);
        }
        assert_eq!(
            mail.message_id,
            format!("{}.{BOOKING}@flightdesk.example", kind.name())
        );
    }
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn the_mail_with_new_tickets_says_who_sits_where_on_which_aircraft_and_what_goes_back(
    pool: PgPool,
) {
    let moves = "insert into seat_move (id, booking_id, passenger_id, flight_id, moved_at, from_aircraft, to_aircraft, from_seat, to_seat, currency, refund_minor)
                     select gen_random_uuid(), p.booking_id, p.id, f.flight_id, '2026-11-21T09:00:00Z', w.iata, t.iata, '2B', '4C', 'INR', 60000
                     from (select * from passenger order by ordinal limit 1) p
                     join (select * from booked_flight order by ordinal limit 1) f on f.booking_id = p.booking_id
                     cross join (select min(iata) as iata from aircraft_type) w cross join (select max(iata) as iata from aircraft_type) t";
    sqlx::raw_sql(moves).execute(&pool).await.unwrap();
    let names: Vec<String> = sqlx::query_scalar("select name from aircraft_type order by iata")
        .fetch_all(&pool)
        .await
        .unwrap();
    let ctx = ctx(&pool, clock());
    let job = promise(&pool, &ctx.clock, MailKind::TicketsChanged { revision: 2 }).await;
    run(&ctx, "send_mail", job).await;
    let mail = &ctx.mail.sent()[0];
    let aircraft = format!(
        "another aircraft: {} instead of {}",
        names.last().unwrap(),
        names[0]
    );
    for said in [aircraft.as_str(), "has seat 4C instead of 2B", "INR 600.00"] {
        for form in [&mail.text, &mail.html] {
            assert!(form.contains(said), "{said:?} is missing in\n{form}");
        }
    }
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn whoever_has_money_back_is_told_how_much_and_why_once(pool: PgPool) {
    for (reason, amount, said) in [
        (
            "mismatched_payment",
            "INR 12.34",
            "not the payment that we asked for",
        ),
        ("duplicate_payment", "INR 12.35", "was already paid"),
        ("late_payment", "INR 12.36", "was no longer owed"),
        ("seat_fees", "INR 600.00", "the fee of INR 600.00"),
    ] {
        let ctx = ctx(&pool, clock());
        let minor: i64 = amount[4..].replace('.', "").parse().unwrap();
        let refund_id: RefundId = sqlx::query_scalar(
            "insert into refund (id, payment_id, booking_id, reason, currency, amount_minor, created_at)
             select gen_random_uuid(), id, booking_id, $1, 'INR', $2, now() from payment returning id",
        )
        .bind(reason)
        .bind(minor)
        .fetch_one(&pool)
        .await
        .unwrap();
        let kind = MailKind::MoneyReturned { refund_id };
        let job = promise(&pool, &ctx.clock, kind).await;
        run(&ctx, "send_mail", job).await;
        let sent = ctx.mail.sent();
        assert_eq!(sent.len(), 1, "{reason}");
        let subject = format!("{amount} for booking K7XQ3M is on its way back to you");
        assert_eq!(sent[0].subject, subject);
        for form in [&sent[0].text, &sent[0].html] {
            assert!(form.contains(said), "{said:?} is missing in\n{form}");
        }
        // Which also makes room for the next: a payment goes back whole once.
        sqlx::query("update refund set status = 'failed', reason = 'remainder'")
            .execute(&pool)
            .await
            .unwrap();
        let failed = promise(&pool, &ctx.clock, kind).await;
        run(&ctx, "send_mail", failed).await;
        assert_eq!(
            ctx.mail.sent().len(),
            1,
            "a refund that failed is not on its way"
        );
    }
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn the_contact_gets_a_text_message_with_reference_and_flights(pool: PgPool) {
    let ctx = ctx(&pool, clock());
    let job = SendSms {
        booking_id: BOOKING,
    };
    let mut conn = pool.acquire().await.unwrap();
    let id = outbox::put(&mut conn, &ctx.clock, Some(ACCOUNT), &job)
        .await
        .unwrap();
    run(&ctx, "send_sms", id).await;
    let sent = ctx.texter.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].to, "+84912345678");
    assert_eq!(
        sent[0].text,
        "Booking K7XQ3M is confirmed: AI 161 DEL-LHR 20 Dec 14:00, BA 143 LHR-DEL 5 Jan 18:50. Times are local. Tickets are in your mail."
    );
}
