//! Receipts of refunds, on the booking of the documents' fixture: INR 218,767.00 were paid for it and invoiced.

use chrono::{TimeZone, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::{Uuid, uuid};

use super::stripe::{StripeRefund, StripeRefundStatus};
use super::{
    IssueFilter, list_issues, list_refunds, number_missing_receipt, record_refund, settle_refund,
};
use crate::clock::Clock;
use crate::document::{
    self, CorrectedInvoice, Document, DocumentKind, InvoiceContent, RefundCause,
    RefundReceiptContent, Settled,
};
use crate::ids::{AccountId, BookingId, BookingRef, PaymentId, RefundId};
use crate::money::{Currency, Money};
use crate::outbox::{MailKind, RenderDocument};

const ACCOUNT: AccountId = AccountId(uuid!("00000000-0000-7000-8000-000000000001"));
const BOOKING: BookingId = BookingId(uuid!("00000000-0000-7000-8000-000000000401"));
const PAYMENT: PaymentId = PaymentId(uuid!("00000000-0000-7000-8000-000000000801"));
const PAID: i64 = 21_876_700;

/// 23:40 on 30 November by the seller's clocks.
fn clock() -> Clock {
    Clock::manual(Utc.with_ymd_and_hms(2026, 11, 30, 18, 10, 0).unwrap())
}

async fn invoice(conn: &mut PgConnection) {
    let settled = Settled {
        account_id: ACCOUNT,
        booking_id: BOOKING,
        payment_id: Some(PAYMENT),
        first_line: 0,
    };
    let paid_at = Clock::manual(Utc.with_ymd_and_hms(2026, 11, 20, 9, 7, 0).unwrap());
    document::request_invoice(conn, &paid_at, &settled)
        .await
        .unwrap();
}

/// Another payment of the booking, which nothing was invoiced for.
async fn other_payment(conn: &mut PgConnection, status: &str) -> PaymentId {
    sqlx::query_scalar(
        "insert into payment (id, booking_id, status, currency, amount_minor, created_at, expires_at, success_url, cancel_url, ended_at)
         select gen_random_uuid(), booking_id, $1, currency, amount_minor, created_at, expires_at, 'http://x/', 'http://x/', ended_at
         from payment limit 1 returning id",
    )
    .bind(status)
    .fetch_one(conn)
    .await
    .unwrap()
}

/// A refund that Stripe was asked for.
async fn refund(
    conn: &mut PgConnection,
    payment_id: PaymentId,
    reason: &str,
    minor: i64,
) -> RefundId {
    sqlx::query_scalar(
        "insert into refund (id, payment_id, booking_id, reason, currency, amount_minor, created_at)
         select $1, id, booking_id, $3, currency, $4, $5 from payment where id = $2 returning id",
    )
    .bind(RefundId::new().0)
    .bind(payment_id.0)
    .bind(reason)
    .bind(minor)
    .bind(clock().now())
    .fetch_one(conn)
    .await
    .unwrap()
}

fn said(id: RefundId, minor: i64, status: StripeRefundStatus) -> StripeRefund {
    StripeRefund {
        id: format!("re_{id}"),
        status,
        failure: None,
        refund_id: Some(id),
        payment_intent: None,
        amount: Money::new(minor, Currency::INR),
    }
}

async fn succeed(conn: &mut PgConnection, id: RefundId) {
    let answer = said(id, 1, StripeRefundStatus::Succeeded);
    record_refund(conn, &clock(), id, &answer).await.unwrap();
}

/// A refund that has succeeded.
async fn refunded(
    conn: &mut PgConnection,
    payment_id: PaymentId,
    reason: &str,
    minor: i64,
) -> RefundId {
    let id = refund(conn, payment_id, reason, minor).await;
    succeed(conn, id).await;
    id
}

async fn receipts(conn: &mut PgConnection) -> Vec<Document> {
    let documents = document::list_by_booking(conn, ACCOUNT, "K7XQ3M");
    let mut documents = documents.await.unwrap();
    documents.retain(|document| document.kind == DocumentKind::RefundReceipt);
    documents
}

async fn numbers(conn: &mut PgConnection) -> Vec<String> {
    let receipts = receipts(conn).await.into_iter();
    receipts.filter_map(|receipt| receipt.number).collect()
}

/// What the receipt of a refund says.
async fn content(conn: &mut PgConnection, id: RefundId) -> RefundReceiptContent {
    let receipts = receipts(conn).await;
    let receipt = receipts
        .iter()
        .find(|receipt| receipt.refund_id == Some(id));
    RefundReceiptContent::load(conn, receipt.unwrap().id)
        .await
        .unwrap()
}

async fn promised(conn: &mut PgConnection, kind: &str) -> i64 {
    sqlx::query_scalar("select count(*) from outbox where kind = $1")
        .bind(kind)
        .fetch_one(conn)
        .await
        .unwrap()
}

#[sqlx::test(
    migrator = "crate::db::MIGRATOR",
    fixtures(path = "../document/fixtures", scripts("confirmed_booking"))
)]
async fn a_refund_that_succeeds_has_one_credit_note_however_often_stripe_says_it(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    invoice(&mut conn).await;
    let id = refund(&mut conn, PAYMENT, "cancellation", 500_000).await;
    let pending = said(id, 500_000, StripeRefundStatus::Pending);
    settle_refund(&mut conn, &clock(), &pending).await.unwrap();
    assert_eq!(receipts(&mut conn).await, []);
    for _ in 0..3 {
        let paid = said(id, 500_000, StripeRefundStatus::Succeeded);
        settle_refund(&mut conn, &clock(), &paid).await.unwrap();
        succeed(&mut conn, id).await;
    }
    let receipts = receipts(&mut conn).await;
    assert_eq!(receipts.len(), 1);
    assert_eq!(receipts[0].number.as_deref(), Some("FD/26-27/C00001"));
    assert_eq!(
        receipts[0].file_name(),
        "refund-receipt-K7XQ3M-FD-26-27-C00001.pdf"
    );
    // The invoice's and its own.
    assert_eq!(promised(&mut conn, "render_document").await, 2);
    let reference = BookingRef::parse("K7XQ3M").unwrap();
    let listed = list_refunds(&mut conn, ACCOUNT, &reference).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        listed[0].receipt.as_ref().map(|receipt| &receipt.number),
        receipts[0].number.as_ref()
    );
}

#[sqlx::test(
    migrator = "crate::db::MIGRATOR",
    fixtures(path = "../document/fixtures", scripts("confirmed_booking"))
)]
async fn money_that_bought_nothing_has_receipts_of_their_own_series_and_no_invoice(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    invoice(&mut conn).await;
    let mismatched = other_payment(&mut conn, "mismatched").await;
    let twice = other_payment(&mut conn, "succeeded").await;
    let late = other_payment(&mut conn, "succeeded").await;
    let mut causes = Vec::new();
    for (payment_id, reason) in [
        (mismatched, "mismatched_payment"),
        (twice, "duplicate_payment"),
        (late, "late_payment"),
        // Which the invoice is without.
        (PAYMENT, "seat_fees"),
    ] {
        let id = refunded(&mut conn, payment_id, reason, 60_000).await;
        let said = content(&mut conn, id).await;
        assert_eq!((said.corrects, said.lines.len()), (None, 0), "{reason}");
        assert_eq!(said.supplies, []);
        assert_eq!(said.total, Money::new(60_000, Currency::INR));
        causes.push(said.cause);
    }
    assert_eq!(
        causes,
        [
            RefundCause::NotAskedFor,
            RefundCause::PaidTwice,
            RefundCause::NotOwed,
            RefundCause::SeatFees
        ]
    );
    refunded(&mut conn, PAYMENT, "cancellation", 1).await;
    assert_eq!(
        numbers(&mut conn).await,
        [
            "FD/26-27/R00001",
            "FD/26-27/R00002",
            "FD/26-27/R00003",
            "FD/26-27/R00004",
            "FD/26-27/C00001"
        ]
    );
}

#[sqlx::test(
    migrator = "crate::db::MIGRATOR",
    fixtures(path = "../document/fixtures", scripts("confirmed_booking"))
)]
async fn two_parts_of_a_payment_are_two_credit_notes_that_say_their_amounts(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    invoice(&mut conn).await;
    for (minor, number) in [(500_000, "FD/26-27/C00001"), (12_345, "FD/26-27/C00002")] {
        let id = refunded(&mut conn, PAYMENT, "cancellation", minor).await;
        let said = content(&mut conn, id).await;
        assert_eq!(said.number, number);
        assert_eq!(
            said.corrects,
            Some(CorrectedInvoice {
                number: "FD/26-27/000001".to_owned(),
                issued_on: "2026-11-20".parse().unwrap(),
            })
        );
        assert_eq!(said.issued_on.to_string(), "2026-11-30");
        assert_eq!(said.total.minor(), minor);
        assert_eq!(said.cause, RefundCause::Cancellation);
        // Which lines the part is of, nobody has said: neither has it a tax.
        assert_eq!((said.lines, said.supplies), (vec![], vec![]));
        assert_eq!(said.paid_with.card_last4.as_deref(), Some("4242"));
        assert_eq!(
            said.buyer,
            ["Hồng Đào Nguyễn", "nguyen@example.com", "+84912345678"]
        );
        assert_eq!(
            said.passengers,
            [
                "Ms Hồng Đào Thị Nguyễn",
                "Mr Łukasz Żółć",
                "Ms Işık Şimşek-Yağmur",
                "Mr Minh Nguyễn"
            ]
        );
    }
}

#[sqlx::test(
    migrator = "crate::db::MIGRATOR",
    fixtures(path = "../document/fixtures", scripts("confirmed_booking"))
)]
async fn all_of_an_invoice_goes_back_with_its_lines_and_its_taxes(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    sqlx::query("update price_line set kind = 'tax', code = 'GST' where ordinal = 11")
        .execute(&mut *conn)
        .await
        .unwrap();
    invoice(&mut conn).await;
    let id = refunded(&mut conn, PAYMENT, "made_at_stripe", PAID).await;
    let said = content(&mut conn, id).await;
    assert_eq!(said.cause, RefundCause::Staff);
    assert_eq!(said.lines.len(), 11);
    let sum: i64 = said.lines.iter().map(|one| one.line.amount.minor()).sum();
    assert_eq!(sum, PAID);
    let taxes = said.supplies.iter().flat_map(|supply| &supply.taxes);
    assert_eq!(taxes.map(|tax| tax.amount.minor()).sum::<i64>(), 30_000);
    let value: i64 = said.supplies.iter().map(|one| one.value.minor()).sum();
    assert_eq!(value, PAID - 30_000);
}

#[sqlx::test(
    migrator = "crate::db::MIGRATOR",
    fixtures(path = "../document/fixtures", scripts("confirmed_booking"))
)]
async fn a_seat_that_another_aircraft_lacks_is_a_line_with_its_passenger(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    invoice(&mut conn).await;
    sqlx::query(
        "insert into seat_move (id, booking_id, passenger_id, flight_id, moved_at, from_aircraft, to_aircraft, from_seat, to_seat, currency, refund_minor)
         select gen_random_uuid(), $1, id, '00000000-0000-7000-8000-000000000201', $2, '788', '77W', 21 || letter, null, 'INR', minor
         from (values ('00000000-0000-7000-8000-000000000701'::uuid, 'A', 60000), ('00000000-0000-7000-8000-000000000702', 'B', 30000)) t (id, letter, minor)",
    )
    .bind(BOOKING.0)
    // Noted after the refund was promised, in its transaction.
    .bind(clock().now() + chrono::Duration::milliseconds(3))
    .execute(&mut *conn)
    .await
    .unwrap();
    let id = refunded(&mut conn, PAYMENT, "seat_swap", 90_000).await;
    let said = content(&mut conn, id).await;
    let lines = said.lines.iter().map(|one| {
        let line = &one.line;
        format!(
            "{} {} {} {} {}",
            line.kind,
            line.code,
            line.flight.as_deref().unwrap_or_default(),
            one.passenger.as_deref().unwrap_or_default(),
            line.amount.minor()
        )
    });
    assert_eq!(
        lines.collect::<Vec<_>>(),
        [
            "seat 21A AI 161 Ms Hồng Đào Thị Nguyễn 60000",
            "seat 21B AI 161 Mr Łukasz Żółć 30000"
        ]
    );
    assert_eq!(said.supplies.len(), 1);
    assert_eq!(said.supplies[0].sac, "996425");
    assert_eq!(said.supplies[0].value.minor(), 90_000);
    // The fee that goes back from two payments is of no seat in particular.
    let part = refunded(&mut conn, PAYMENT, "seat_swap", 40_000).await;
    assert_eq!(content(&mut conn, part).await.lines, []);
}

#[sqlx::test(
    migrator = "crate::db::MIGRATOR",
    fixtures(path = "../document/fixtures", scripts("confirmed_booking"))
)]
async fn what_staff_give_back_instead_of_a_seats_fee_corrects_no_invoice(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    invoice(&mut conn).await;
    let fee = refund(&mut conn, PAYMENT, "seat_fees", 60_000).await;
    super::refund_failed(&mut conn, &clock(), fee, "refunded_at_stripe")
        .await
        .unwrap();
    for reason in ["made_at_stripe", "remainder"] {
        refunded(&mut conn, PAYMENT, reason, 30_000).await;
    }
    // All of the fee is back: what else goes was sold.
    refunded(&mut conn, PAYMENT, "made_at_stripe", 30_000).await;
    assert_eq!(
        numbers(&mut conn).await,
        ["FD/26-27/R00001", "FD/26-27/R00002", "FD/26-27/C00001"]
    );
}

#[sqlx::test(
    migrator = "crate::db::MIGRATOR",
    fixtures(path = "../document/fixtures", scripts("confirmed_booking"))
)]
async fn a_refund_that_the_bank_sends_back_makes_its_receipt_void_and_the_next_has_its_own(
    pool: PgPool,
) {
    let mut conn = pool.acquire().await.unwrap();
    invoice(&mut conn).await;
    let id = refunded(&mut conn, PAYMENT, "cancellation", 500_000).await;
    assert_eq!(content(&mut conn, id).await.returned_on, None);
    let later = Clock::manual(Utc.with_ymd_and_hms(2026, 12, 3, 18, 40, 0).unwrap());
    for _ in 0..2 {
        let failed = said(id, 500_000, StripeRefundStatus::Failed);
        settle_refund(&mut conn, &later, &failed).await.unwrap();
    }
    let void = &receipts(&mut conn).await[0];
    assert_eq!(void.number.as_deref(), Some("FD/26-27/C00001"));
    let superseded: Vec<_> = void.superseded.iter().map(|old| old.revision).collect();
    assert_eq!((void.revision, superseded), (2, vec![1]));
    let said = content(&mut conn, id).await;
    // After midnight in India.
    assert_eq!(said.returned_on.unwrap().to_string(), "2026-12-04");
    assert_eq!(said.issued_on.to_string(), "2026-11-30");
    refunded(&mut conn, PAYMENT, "made_at_stripe", 500_000).await;
    assert_eq!(
        numbers(&mut conn).await,
        ["FD/26-27/C00001", "FD/26-27/C00002"]
    );
    let never_paid = refund(&mut conn, PAYMENT, "cancellation", 1).await;
    super::refund_failed(&mut conn, &clock(), never_paid, "no such charge")
        .await
        .unwrap();
    assert_eq!(receipts(&mut conn).await.len(), 2);
}

#[sqlx::test(
    migrator = "crate::db::MIGRATOR",
    fixtures(path = "../document/fixtures", scripts("confirmed_booking"))
)]
async fn the_mail_is_promised_with_the_receipt_and_never_twice(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    invoice(&mut conn).await;
    let id = refunded(&mut conn, PAYMENT, "cancellation", 500_000).await;
    assert_eq!(promised(&mut conn, "send_mail").await, 0);
    let document_id = receipts(&mut conn).await[0].id;
    let ready = |revision| RenderDocument {
        document_id,
        revision,
    };
    for _ in 0..2 {
        document::mark_ready(&mut conn, &clock(), &ready(1), b"%PDF")
            .await
            .unwrap();
    }
    let failed = said(id, 500_000, StripeRefundStatus::Failed);
    settle_refund(&mut conn, &clock(), &failed).await.unwrap();
    document::mark_ready(&mut conn, &clock(), &ready(2), b"%PDF")
        .await
        .unwrap();
    let mails: Vec<serde_json::Value> =
        sqlx::query_scalar("select payload -> 'mail' from outbox where kind = 'send_mail'")
            .fetch_all(&mut *conn)
            .await
            .unwrap();
    let mails: Vec<MailKind> = mails
        .into_iter()
        .map(|mail| serde_json::from_value(mail).unwrap())
        .collect();
    assert_eq!(mails, [MailKind::RefundPaid { refund_id: id }]);
}

#[sqlx::test(
    migrator = "crate::db::MIGRATOR",
    fixtures(path = "../document/fixtures", scripts("confirmed_booking"))
)]
async fn a_refund_that_an_older_version_settled_has_its_receipt_later_and_one_before_them_never(
    pool: PgPool,
) {
    let mut conn = pool.acquire().await.unwrap();
    for predates in [false, true, false] {
        let id = refund(&mut conn, PAYMENT, "cancellation", 100).await;
        sqlx::query("update refund set status = 'succeeded', ended_at = created_at, predates_receipts = $2 where id = $1")
            .bind(id.0)
            .bind(predates)
            .execute(&mut *conn)
            .await
            .unwrap();
    }
    let mut numbered = Vec::new();
    for _ in 0..3 {
        numbered.push(number_missing_receipt(&mut conn, &clock()).await.unwrap());
    }
    assert_eq!(numbered, [true, true, false]);
    assert_eq!(
        numbers(&mut conn).await,
        ["FD/26-27/R00001", "FD/26-27/R00002"]
    );
}

/// Copies of the fixture's booking, each with a payment and a refund of it, every other of something that was invoiced:
/// a booking locks its refunds, so that two of one would never be numbered at once.
async fn refunds_of_bookings(pool: &PgPool, count: i32) -> Vec<RefundId> {
    sqlx::raw_sql(
        "create function copied(raw text, n integer) returns uuid language sql immutable as
             $$ select ('00000000-0000-7000-a' || raw || '00-' || lpad(n::text, 12, '0'))::uuid $$",
    )
    .execute(pool)
    .await
    .unwrap();
    for copy in [
        "insert into hold select (jsonb_populate_record(hold, jsonb_build_object('id', copied('0', n)))).* from hold, generate_series(1, $1) n",
        "insert into booking select (jsonb_populate_record(booking, jsonb_build_object('id', copied('1', n), 'hold_id', copied('0', n),
             'booking_ref', translate(lpad(n::text, 6, '0'), '0123456789', 'ABCDEFGHJK')))).* from booking, generate_series(1, $1) n",
        "insert into payment select (jsonb_populate_record(payment, jsonb_build_object('id', copied('2', n), 'booking_id', copied('1', n),
             'stripe_payment_intent_id', 'pi_copy_' || n))).* from payment, generate_series(1, $1) n",
        "insert into document (id, account_id, booking_id, kind, created_at, number, payment_id)
             select copied('3', n), account_id, booking.id, 'invoice', now(), 'X/' || n, copied('2', n)
             from booking join generate_series(1, $1) n on booking.id = copied('1', n) where n % 2 = 0",
    ] {
        sqlx::query(copy).bind(count).execute(pool).await.unwrap();
    }
    sqlx::query_scalar(
        "insert into refund (id, payment_id, booking_id, reason, currency, amount_minor, created_at)
         select copied('4', n), copied('2', n), copied('1', n), 'cancellation', 'INR', 100, now() from generate_series(1, $1) n returning id",
    )
    .bind(count)
    .fetch_all(pool)
    .await
    .unwrap()
}

#[sqlx::test(
    migrator = "crate::db::MIGRATOR",
    fixtures(path = "../document/fixtures", scripts("confirmed_booking"))
)]
async fn refunds_that_succeed_at_once_are_numbered_without_a_gap_though_some_roll_back(
    pool: PgPool,
) {
    let refunds = refunds_of_bookings(&pool, 24).await.into_iter();
    let settling = refunds.enumerate().map(|(index, id)| {
        let pool = pool.clone();
        tokio::spawn(async move {
            let mut tx = pool.begin().await.unwrap();
            succeed(&mut tx, id).await;
            // Two of three, of both series.
            if index % 6 < 2 {
                tx.rollback().await.unwrap();
            } else {
                tx.commit().await.unwrap();
            }
        })
    });
    for settled in settling.collect::<Vec<_>>() {
        settled.await.unwrap();
    }
    let numbers: Vec<String> = sqlx::query_scalar(
        "select number from document where kind = 'refund_receipt' order by number",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let series = |letter| (1..=8).map(move |last| format!("FD/26-27/{letter}{last:05}"));
    let expected: Vec<_> = series('C').chain(series('R')).collect();
    assert_eq!(numbers, expected);
}

#[sqlx::test(
    migrator = "crate::db::MIGRATOR",
    fixtures(path = "../document/fixtures", scripts("confirmed_booking"))
)]
async fn a_number_fits_into_sixteen_characters_up_to_ten_million(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    for (last, number) in [
        (99_998, "FD/26-27/R99999"),
        (99_999, "FD/26-27/R100000"),
        (999_999, "FD/26-27R1000000"),
        (9_999_998, "FD/26-27R9999999"),
    ] {
        let counter = "insert into invoice_counter values ('refund_receipt', '26-27', $1)
             on conflict on constraint invoice_counter_pkey do update set last_number = $1";
        let counter = sqlx::query(counter).bind(last);
        counter.execute(&mut *conn).await.unwrap();
        let id = refunded(&mut conn, PAYMENT, "cancellation", 100).await;
        let said = content(&mut conn, id).await.number;
        assert_eq!((said.as_str(), said.len() <= 16), (number, true));
    }
}

#[sqlx::test(
    migrator = "crate::db::MIGRATOR",
    fixtures(path = "../document/fixtures", scripts("confirmed_booking"))
)]
async fn the_database_takes_no_second_receipt_and_none_without_a_number(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let id = refunded(&mut conn, PAYMENT, "cancellation", 100).await;
    for (number, refund_id, constraint) in [
        (
            Some("FD/26-27/R00002"),
            Some(id),
            "document_one_receipt_per_refund",
        ),
        (
            Some("FD/26-27/R00002"),
            None,
            "document_receipt_is_numbered",
        ),
        (None, Some(id), "document_receipt_is_numbered"),
    ] {
        let refused = sqlx::query(
            "insert into document (id, account_id, booking_id, kind, created_at, number, refund_id) values ($1, $2, $3, 'refund_receipt', now(), $4, $5)",
        )
        .bind(Uuid::now_v7())
        .bind(ACCOUNT.0)
        .bind(BOOKING.0)
        .bind(number)
        .bind(refund_id.map(|id| id.0))
        .execute(&mut *conn)
        .await
        .unwrap_err();
        let refused = refused.as_database_error().unwrap().constraint();
        assert_eq!(refused, Some(constraint));
    }
}

#[sqlx::test(
    migrator = "crate::db::MIGRATOR",
    fixtures(path = "../document/fixtures", scripts("confirmed_booking"))
)]
async fn a_credit_note_names_the_buyer_whom_its_invoice_names(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    invoice(&mut conn).await;
    let invoices = document::list_by_booking(&mut conn, ACCOUNT, "K7XQ3M");
    let mut invoices = invoices.await.unwrap().into_iter();
    let invoice_id = invoices
        .find(|document| document.kind == DocumentKind::Invoice)
        .unwrap()
        .id;
    let before = InvoiceContent::load(&mut conn, invoice_id).await.unwrap();
    assert_eq!(before.buyer.len(), 3, "{:?}", before.buyer);
    for later in [
        "update booking set contact_email = 'other@example.com', contact_phone = '+15550100'",
        "update passenger set first_name = 'Corrected'",
    ] {
        sqlx::query(later).execute(&mut *conn).await.unwrap();
    }
    let id = refunded(&mut conn, PAYMENT, "cancellation", 500_000).await;
    assert_eq!(content(&mut conn, id).await.buyer, before.buyer);
    let after = InvoiceContent::load(&mut conn, invoice_id).await.unwrap();
    assert_eq!(after.buyer, before.buyer);
    // An invoice from before buyers were remembered says what the booking says, and so does its credit note.
    sqlx::query("update document set buyer = null")
        .execute(&mut *conn)
        .await
        .unwrap();
    let content = content(&mut conn, id).await;
    assert!(content.buyer.contains(&"other@example.com".to_owned()));
}

/// The refunds of the payment in their order, whether each replaces another, how it stands, and hours until its job is due.
async fn tries(conn: &mut PgConnection) -> Vec<(bool, String, i32)> {
    sqlx::query_as(
        "select r.replaces_id is not null, r.status,
                coalesce((select extract(epoch from o.run_after - o.created_at)::int / 3600 from outbox o
                          where o.kind = 'create_refund' and o.payload ->> 'refund_id' = r.id::text), 0)
         from refund r order by r.id",
    )
    .fetch_all(conn)
    .await
    .unwrap()
}

/// Stripe fails the newest refund, for a reason.
async fn fail(conn: &mut PgConnection, why: &str) {
    let id: RefundId = sqlx::query_scalar("select id from refund order by id desc limit 1")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    let failed = StripeRefund {
        failure: Some(why.to_owned()),
        ..said(id, 500_000, StripeRefundStatus::Failed)
    };
    for _ in 0..2 {
        settle_refund(conn, &clock(), &failed).await.unwrap();
    }
}

#[sqlx::test(
    migrator = "crate::db::MIGRATOR",
    fixtures(path = "../document/fixtures", scripts("confirmed_booking"))
)]
async fn a_refund_that_fails_for_a_reason_that_may_pass_is_tried_twice_more_and_then_it_is_for_staff(
    pool: PgPool,
) {
    let mut conn = pool.acquire().await.unwrap();
    invoice(&mut conn).await;
    refund(&mut conn, PAYMENT, "cancellation", 500_000).await;
    let issues = async |conn: &mut PgConnection| {
        let filter = IssueFilter {
            limit: 10,
            ..IssueFilter::default()
        };
        list_issues(conn, &clock(), &filter).await.unwrap()
    };
    let failed = |is_retry, hours| (is_retry, "failed".to_owned(), hours);
    fail(&mut conn, "declined").await;
    let waits = (true, "pending".to_owned(), 12);
    assert_eq!(tries(&mut conn).await, [failed(false, 0), waits.clone()]);
    assert_eq!(issues(&mut conn).await, []);
    fail(&mut conn, "insufficient_funds").await;
    assert_eq!(
        tries(&mut conn).await,
        [failed(false, 0), failed(true, 12), waits]
    );
    fail(&mut conn, "declined").await;
    assert_eq!(
        tries(&mut conn).await,
        [failed(false, 0), failed(true, 12), failed(true, 12)]
    );
    let left = issues(&mut conn).await;
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].what_to_do.contains("bank transfer"), "{left:?}");
}

#[sqlx::test(
    migrator = "crate::db::MIGRATOR",
    fixtures(path = "../document/fixtures", scripts("confirmed_booking"))
)]
async fn a_refund_that_no_card_can_take_is_for_staff_at_once(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    invoice(&mut conn).await;
    for why in [
        "expired_or_canceled_card",
        "lost_or_stolen_card",
        "merchant_request",
        "charge_for_pending_refund_disputed",
    ] {
        refund(&mut conn, PAYMENT, "remainder", 500_000).await;
        fail(&mut conn, why).await;
        let retries = tries(&mut conn).await;
        assert!(retries.iter().all(|(is_retry, ..)| !is_retry), "{why}");
    }
}
