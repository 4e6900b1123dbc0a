use chrono::{TimeZone, Utc};
use sqlx::PgPool;
use uuid::uuid;

use super::*;
use crate::Error;
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
