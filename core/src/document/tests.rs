use chrono::{TimeZone, Utc};
use sqlx::PgPool;
use uuid::uuid;

use super::*;
use crate::Error;
use crate::ids::PaymentId;
use crate::outbox::MailKind;
use crate::ticket;

const ACCOUNT: AccountId = AccountId(uuid!("00000000-0000-7000-8000-000000000001"));
const OTHER_ACCOUNT: AccountId = AccountId(uuid!("00000000-0000-7000-8000-000000000002"));
const BOOKING: BookingId = BookingId(uuid!("00000000-0000-7000-8000-000000000401"));

fn clock() -> Clock {
    Clock::manual(Utc.with_ymd_and_hms(2026, 11, 20, 9, 7, 0).unwrap())
}

/// The documents of the booking after it was ticketed, Air India's first.
async fn ticketed(conn: &mut PgConnection) -> Vec<RenderDocument> {
    ticket::issue(conn, &clock(), BOOKING).await.unwrap();
    request_tickets(conn, &clock(), ACCOUNT, BOOKING)
        .await
        .unwrap();
    sqlx::query!(r#"select id as "id: DocumentId", revision from document order by airline"#)
        .fetch_all(conn)
        .await
        .unwrap()
        .into_iter()
        .map(|row| RenderDocument {
            document_id: row.id,
            revision: row.revision,
        })
        .collect()
}

async fn promised(conn: &mut PgConnection, kind: &str) -> i64 {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from outbox where kind = $1"#,
        kind
    )
    .fetch_one(conn)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "crate::db::MIGRATOR", fixtures("confirmed_booking"))]
async fn each_airline_gets_one_document_and_one_promise_however_often_it_is_asked(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let first = ticketed(&mut conn).await;
    let again = ticketed(&mut conn).await;
    assert_eq!(first, again);
    assert_eq!(first.len(), 2);
    assert_eq!(promised(&mut conn, "render_document").await, 2);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR", fixtures("confirmed_booking"))]
async fn a_ticket_says_who_flies_when_and_where(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let jobs = ticketed(&mut conn).await;
    let out = TicketContent::load(&mut conn, jobs[0].document_id)
        .await
        .unwrap();
    let back = TicketContent::load(&mut conn, jobs[1].document_id)
        .await
        .unwrap();

    let flight = &out.directions[0].flights[0];
    assert_eq!(flight.departs.to_rfc3339(), "2026-12-20T14:00:00+05:30");
    assert_eq!(flight.arrives.to_rfc3339(), "2026-12-20T18:10:00+00:00");
    assert_eq!(
        (flight.duration().num_minutes(), flight.day_offset()),
        (580, 0)
    );
    assert_eq!(back.directions[0].flights[0].day_offset(), 1);

    let names: Vec<_> = out.passengers.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "Ms Hồng Đào Thị Nguyễn",
            "Mr Łukasz Żółć",
            "Ms Işık Şimşek-Yağmur",
            "Mr Minh Nguyễn"
        ]
    );
    assert_eq!(
        out.passengers[3].on_lap_of.as_deref(),
        Some("Hồng Đào Nguyễn")
    );
    assert_eq!(
        out.passengers[0].ticket_number.to_string(),
        "098-2100000001 (1)"
    );
    let barcodes: Vec<_> = out
        .passengers
        .iter()
        .map(|p| p.coupons[0].barcode.as_str())
        .collect();
    assert_eq!(
        barcodes,
        [
            "M1NGUYEN/HONGDAO      EK7XQ3M DELLHRAI 0161 354Y021A0000 000",
            "M1ZOLC/LUKASZ         EK7XQ3M DELLHRAI 0161 354Y021B0000 000",
            "M1SIMSEKYAGMUR/ISIK   EK7XQ3M DELLHRAI 0161 354Y021C0000 000",
            "M1NGUYEN/MINH         EK7XQ3M DELLHRAI 0161 354YINF 0000 000",
        ]
    );
    assert!(out.directions[0].rules[1].starts_with("Change: Per passenger"));
    assert!(out.directions[0].rules[0].starts_with("Cancellation: Per passenger"));
    assert_eq!(out.directions[0].baggage.checked_kg, 15);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR", fixtures("confirmed_booking"))]
async fn the_lines_of_a_ticket_are_those_of_its_airline_and_add_up(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let jobs = ticketed(&mut conn).await;
    let mut of_tickets = 0;
    for job in jobs {
        let content = TicketContent::load(&mut conn, job.document_id)
            .await
            .unwrap();
        let sum: i64 = content
            .price_lines
            .iter()
            .map(|line| line.amount.minor())
            .sum();
        assert_eq!(content.total.minor(), sum);
        of_tickets += sum;
        assert_eq!(content.paid_with.unwrap().amount, content.booking_total);
    }
    let of_the_booking = sqlx::query_scalar!(
        r#"select amount_minor from price_line where direction is null and kind = 'fee'"#
    )
    .fetch_one(&mut *conn)
    .await
    .unwrap();
    let total = sqlx::query_scalar!("select total_minor from booking")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(of_tickets + of_the_booking, total);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR", fixtures("confirmed_booking"))]
async fn both_ways_on_one_airline_is_one_document_that_says_all_of_the_price(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    sqlx::query("update direction set validating_airline = 'AI'")
        .execute(&mut *conn)
        .await
        .unwrap();
    let jobs = ticketed(&mut conn).await;
    assert_eq!(jobs.len(), 1);
    let content = TicketContent::load(&mut conn, jobs[0].document_id)
        .await
        .unwrap();
    let directions = content.directions.iter();
    let flights: Vec<_> = directions
        .map(|direction| {
            (
                direction.name.as_str(),
                direction.flights[0].number.as_str(),
            )
        })
        .collect();
    assert_eq!(flights, [("departing", "161"), ("returning", "143")]);
    assert_eq!(content.total, content.booking_total);
    let lines = content.price_lines.iter();
    let flights: Vec<_> = lines
        .filter(|line| line.kind == "base_fare")
        .filter_map(|line| line.flight.as_deref())
        .collect();
    assert_eq!(flights[..3], ["AI 161"; 3]);
    assert_eq!(flights[3..], ["BA 143"; 3]);
    let barcodes: Vec<_> = content.passengers[0]
        .coupons
        .iter()
        .map(|coupon| coupon.barcode.as_str())
        .collect();
    assert_eq!(
        barcodes,
        [
            "M1NGUYEN/HONGDAO      EK7XQ3M DELLHRAI 0161 354Y021A0000 000",
            "M1NGUYEN/HONGDAO      EK7XQ3M LHRDELBA 0143 005Y021A0000 000",
        ]
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR", fixtures("confirmed_booking"))]
async fn the_last_ticket_to_become_ready_promises_one_mail(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let jobs = ticketed(&mut conn).await;
    for (job, mails) in [(&jobs[0], 0), (&jobs[0], 0), (&jobs[1], 1), (&jobs[1], 1)] {
        mark_ready(&mut conn, &clock(), job, b"%PDF").await.unwrap();
        assert_eq!(promised(&mut conn, "send_mail").await, mails);
    }
    let document = get(&mut conn, ACCOUNT, jobs[0].document_id).await.unwrap();
    assert_eq!(document.status, DocumentStatus::Ready);
    assert_eq!(
        document.storage_key,
        Some(storage_key(jobs[0].document_id, 1))
    );
    assert_eq!(
        (document.size_bytes, document.sha256.as_ref().map(Vec::len)),
        (Some(4), Some(32))
    );
    assert_eq!(document.file_name(), "ticket-K7XQ3M-AI.pdf");
}

/// Without the lock on the booking both transactions would see one unready document.
#[sqlx::test(migrator = "crate::db::MIGRATOR", fixtures("confirmed_booking"))]
async fn two_tickets_that_become_ready_at_once_promise_the_mail(pool: PgPool) {
    let jobs = ticketed(&mut pool.acquire().await.unwrap()).await;
    let mut first = pool.begin().await.unwrap();
    mark_ready(&mut first, &clock(), &jobs[0], b"%PDF")
        .await
        .unwrap();
    let second = {
        let (pool, job) = (pool.clone(), jobs[1].clone());
        tokio::spawn(async move {
            let mut tx = pool.begin().await.unwrap();
            mark_ready(&mut tx, &clock(), &job, b"%PDF").await.unwrap();
            tx.commit().await.unwrap();
        })
    };
    // The second waits for the first's lock; or, were there none, reads before the first commits.
    wait_until_blocked_or(&pool, || second.is_finished()).await;
    first.commit().await.unwrap();
    second.await.unwrap();
    assert_eq!(
        promised(&mut pool.acquire().await.unwrap(), "send_mail").await,
        1
    );
}

async fn wait_until_blocked_or(pool: &PgPool, finished: impl Fn() -> bool) {
    loop {
        let blocked = sqlx::query_scalar!(
            r#"select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock') as "blocked!""#
        )
        .fetch_one(pool)
        .await
        .unwrap();
        if blocked || finished() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR", fixtures("confirmed_booking"))]
async fn a_job_of_an_old_revision_or_an_ended_booking_is_not_wanted(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let jobs = ticketed(&mut conn).await;
    let newer = RenderDocument {
        revision: 2,
        ..jobs[0].clone()
    };
    assert!(mark_rendering(&mut conn, &jobs[0]).await.unwrap());
    assert!(!mark_rendering(&mut conn, &newer).await.unwrap());
    sqlx::query!("update booking set status = 'cancelled'")
        .execute(&mut *conn)
        .await
        .unwrap();
    assert!(!mark_rendering(&mut conn, &jobs[1]).await.unwrap());
    mark_failed(&mut conn, jobs[0].document_id, 2)
        .await
        .unwrap();
    let status = |d: Document| d.status;
    assert_eq!(
        status(get(&mut conn, ACCOUNT, jobs[0].document_id).await.unwrap()),
        DocumentStatus::Rendering
    );
    mark_failed(&mut conn, jobs[0].document_id, 1)
        .await
        .unwrap();
    assert_eq!(
        status(get(&mut conn, ACCOUNT, jobs[0].document_id).await.unwrap()),
        DocumentStatus::Failed
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR", fixtures("confirmed_booking"))]
async fn another_accounts_documents_do_not_exist(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let jobs = ticketed(&mut conn).await;
    assert_eq!(
        list_by_booking(&mut conn, ACCOUNT, "K7XQ3M")
            .await
            .unwrap()
            .len(),
        2
    );
    let theirs = list_by_booking(&mut conn, OTHER_ACCOUNT, "K7XQ3M").await;
    assert!(matches!(theirs, Err(Error::NotFound("booking"))));
    let theirs = get(&mut conn, OTHER_ACCOUNT, jobs[0].document_id).await;
    assert!(matches!(theirs, Err(Error::NotFound("document"))));
}

/// As many payments of the fixture's booking as are to be settled at once.
async fn payments(pool: &PgPool, count: i32) -> Vec<PaymentId> {
    let ids = sqlx::query_scalar(
        "insert into payment (id, booking_id, status, currency, amount_minor, created_at, expires_at, success_url, cancel_url, ended_at)
         select gen_random_uuid(), booking_id, 'succeeded', currency, amount_minor, created_at, expires_at, 'http://x/', 'http://x/', ended_at
         from payment cross join generate_series(1, $1) returning id",
    )
    .bind(count)
    .fetch_all(pool)
    .await
    .unwrap();
    ids.into_iter().map(PaymentId).collect()
}

async fn invoice(conn: &mut PgConnection, payment_id: PaymentId) {
    let settled = Settled {
        account_id: ACCOUNT,
        booking_id: BOOKING,
        payment_id: Some(payment_id),
        first_line: 0,
    };
    request_invoice(conn, &clock(), &settled).await.unwrap();
}

#[sqlx::test(migrator = "crate::db::MIGRATOR", fixtures("confirmed_booking"))]
async fn settlements_at_once_are_numbered_without_a_gap_though_some_roll_back(pool: PgPool) {
    let settling = payments(&pool, 24).await.into_iter().enumerate();
    let settling = settling.map(|(index, payment_id)| {
        let pool = pool.clone();
        tokio::spawn(async move {
            let mut tx = pool.begin().await.unwrap();
            invoice(&mut tx, payment_id).await;
            if index % 3 == 0 {
                tx.rollback().await.unwrap();
            } else {
                tx.commit().await.unwrap();
            }
        })
    });
    for settled in settling.collect::<Vec<_>>() {
        settled.await.unwrap();
    }
    let numbers: Vec<String> =
        sqlx::query_scalar("select number from document where kind = 'invoice' order by number")
            .fetch_all(&pool)
            .await
            .unwrap();
    let expected: Vec<_> = (1..=16).map(|last| format!("FD/26-27/{last:06}")).collect();
    assert_eq!(numbers, expected);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR", fixtures("confirmed_booking"))]
async fn a_fiscal_year_begins_by_the_sellers_clocks(pool: PgPool) {
    let payments = payments(&pool, 2).await;
    let mut conn = pool.acquire().await.unwrap();
    let mut numbers = Vec::new();
    // A quarter of an hour before and after midnight of 1 April in India.
    for (payment_id, minute) in payments.into_iter().zip([15, 45]) {
        let clock = Clock::manual(Utc.with_ymd_and_hms(2027, 3, 31, 18, minute, 0).unwrap());
        let settled = Settled {
            account_id: ACCOUNT,
            booking_id: BOOKING,
            payment_id: Some(payment_id),
            first_line: 0,
        };
        request_invoice(&mut conn, &clock, &settled).await.unwrap();
        let number: String =
            sqlx::query_scalar("select number from document where payment_id = $1")
                .bind(payment_id.0)
                .fetch_one(&mut *conn)
                .await
                .unwrap();
        numbers.push(number);
    }
    assert_eq!(numbers, ["FD/26-27/000001", "FD/27-28/000001"]);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR", fixtures("confirmed_booking"))]
async fn an_invoice_says_what_was_sold_to_whom_and_what_it_was_paid_with(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let paid = PaymentId(uuid!("00000000-0000-7000-8000-000000000801"));
    invoice(&mut conn, paid).await;
    let documents = list_by_booking(&mut conn, ACCOUNT, "K7XQ3M").await.unwrap();
    assert_eq!(
        documents[0].file_name(),
        "invoice-K7XQ3M-FD-26-27-000001.pdf"
    );
    let content = InvoiceContent::load(&mut conn, documents[0].id)
        .await
        .unwrap();
    assert_eq!(content.number, "FD/26-27/000001");
    assert_eq!(
        content.buyer,
        ["Hồng Đào Nguyễn", "nguyen@example.com", "+84912345678"]
    );
    let total: i64 = content.lines.iter().map(|line| line.amount.minor()).sum();
    assert_eq!((content.lines.len(), total), (11, 21_876_700));
    assert_eq!(content.total.minor(), total);
    assert_eq!(
        content.paid_with.unwrap().card_last4.as_deref(),
        Some("4242")
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR", fixtures("confirmed_booking"))]
async fn the_mail_waits_for_the_invoice_and_new_tickets_have_a_mail_of_their_own(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let mut jobs = ticketed(&mut conn).await;
    invoice(
        &mut conn,
        PaymentId(uuid!("00000000-0000-7000-8000-000000000801")),
    )
    .await;
    for job in &jobs {
        mark_ready(&mut conn, &clock(), job, b"%PDF").await.unwrap();
    }
    assert_eq!(promised(&mut conn, "send_mail").await, 0);
    let bill: DocumentId = sqlx::query_scalar("select id from document where kind = 'invoice'")
        .fetch_one(&mut *conn)
        .await
        .map(DocumentId)
        .unwrap();
    let job = RenderDocument {
        document_id: bill,
        revision: 1,
    };
    mark_ready(&mut conn, &clock(), &job, b"%PDF")
        .await
        .unwrap();
    assert_eq!(mails(&mut conn).await, ["booking_confirmed"]);

    reissue_tickets(&mut conn, &clock(), ACCOUNT, BOOKING)
        .await
        .unwrap();
    for job in &mut jobs {
        job.revision = 2;
        mark_ready(&mut conn, &clock(), job, b"%PDF").await.unwrap();
    }
    assert_eq!(
        mails(&mut conn).await,
        ["booking_confirmed", "tickets_changed.2"]
    );
    let ticket = get(&mut conn, ACCOUNT, jobs[0].document_id).await.unwrap();
    let superseded: Vec<_> = ticket.superseded.iter().map(|old| old.revision).collect();
    assert_eq!(superseded, [1]);
}

/// The names of the mails that were promised, in their order.
async fn mails(conn: &mut PgConnection) -> Vec<String> {
    let mails = sqlx::query_scalar!(
        r#"select payload -> 'mail' as "mail!" from outbox where kind = 'send_mail' order by id"#
    )
    .fetch_all(conn)
    .await
    .unwrap();
    mails
        .into_iter()
        .map(|mail| serde_json::from_value::<MailKind>(mail).unwrap().name())
        .collect()
}

/// Whom a reminder is promised at an hour of December 2026 or January 2027.
async fn reminded(pool: &PgPool, month: u32, day: u32, hour: u32) -> Vec<String> {
    let year = if month == 1 { 2027 } else { 2026 };
    let clock = Clock::manual(Utc.with_ymd_and_hms(year, month, day, hour, 0, 0).unwrap());
    let mut conn = pool.acquire().await.unwrap();
    crate::reminder::promise_due(&mut conn, &clock)
        .await
        .unwrap();
    mails(&mut conn).await
}

#[sqlx::test(migrator = "crate::db::MIGRATOR", fixtures("confirmed_booking"))]
async fn each_direction_is_announced_once_a_day_before(pool: PgPool) {
    // The first leaves on 20 December at 08:30 UTC, the second on 5 January at 18:50.
    assert_eq!(reminded(&pool, 12, 19, 8).await, [""; 0]);
    assert_eq!(reminded(&pool, 12, 19, 9).await, ["departure_reminder.0"]);
    assert_eq!(reminded(&pool, 12, 19, 10).await, ["departure_reminder.0"]);
    assert_eq!(
        reminded(&pool, 1, 4, 19).await,
        ["departure_reminder.0", "departure_reminder.1"]
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR", fixtures("confirmed_booking"))]
async fn who_has_cancelled_or_booked_within_the_day_is_not_reminded(pool: PgPool) {
    sqlx::query("update direction set status = 'cancelled' where ordinal = 0")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(reminded(&pool, 12, 19, 9).await, [""; 0]);
    sqlx::query("update direction set status = 'booked'")
        .execute(&pool)
        .await
        .unwrap();
    sqlx::query("update booking set confirmed_at = '2026-12-19T08:31:00Z'")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(reminded(&pool, 12, 19, 9).await, [""; 0]);
}

/// The place of supply of a journey is named after the state in which it begins.
#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn every_airport_of_india_is_in_a_state_that_the_gst_knows(pool: PgPool) {
    let states: Vec<String> = sqlx::query_scalar("select name from gst_state")
        .fetch_all(&pool)
        .await
        .unwrap();
    let file = include_bytes!("../../../fixtures/airports.csv");
    let mut found = std::collections::HashMap::new();
    for row in csv::Reader::from_reader(file.as_slice()).records() {
        let row = row.unwrap();
        let (iata, state, country) = (&row[0], &row[4], &row[5]);
        if country == "IN" {
            assert!(
                states.iter().any(|name| name == state),
                "{iata} is in {state:?}"
            );
            found.insert(iata.to_owned(), state.to_owned());
        }
    }
    assert!(found.len() > 100, "{}", found.len());
    for (iata, state) in [
        ("DEL", "Delhi"),
        ("DED", "Uttarakhand"),
        ("RPR", "Chhattisgarh"),
        ("DIU", "Dadra and Nagar Haveli and Daman and Diu"),
        ("HYD", "Telangana"),
    ] {
        assert_eq!(found[iata], state, "{iata}");
    }
}
