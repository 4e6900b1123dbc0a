//! Bookings to send mails about. The fixture beside the documents of core is the booking `K7XQ3M`.

use flightdesk_core::Clock;
use flightdesk_core::document::{self, storage_key};
use flightdesk_core::ids::{AccountId, BookingId, DocumentId, JobId};
use flightdesk_core::outbox::{self, MailKind, RenderDocument, SendMail};
use flightdesk_core::storage::Storage;
use sqlx::PgPool;
use uuid::uuid;

pub const BOOKING: BookingId = BookingId(uuid!("00000000-0000-7000-8000-000000000401"));
pub const ACCOUNT: AccountId = AccountId(uuid!("00000000-0000-7000-8000-000000000001"));
pub const PDF: &[u8] = b"%PDF-1.3 a ticket";

/// Makes the tickets of the fixture's booking ready, as their jobs would; the mail is promised by that.
pub async fn ready_tickets(pool: &PgPool, clock: &Clock, storage: &Storage) {
    let mut tx = pool.begin().await.unwrap();
    document::request_tickets(&mut tx, clock, ACCOUNT, BOOKING)
        .await
        .unwrap();
    let ids = sqlx::query_scalar!("select id from document")
        .fetch_all(&mut *tx)
        .await
        .unwrap();
    for id in ids {
        let job = RenderDocument {
            document_id: DocumentId(id),
            revision: 1,
        };
        storage
            .put(
                &storage_key(job.document_id, 1),
                PDF.to_vec(),
                "application/pdf",
            )
            .await
            .unwrap();
        document::mark_ready(&mut tx, clock, &job, PDF)
            .await
            .unwrap();
    }
    // Their own jobs are not what these tests are about.
    sqlx::query!("delete from outbox where kind = 'render_document'")
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// Promises a mail about the fixture's booking.
pub async fn promise(pool: &PgPool, clock: &Clock, mail: MailKind) -> JobId {
    let mut conn = pool.acquire().await.unwrap();
    let job = SendMail {
        mail,
        booking_id: BOOKING,
    };
    outbox::put(&mut conn, clock, Some(ACCOUNT), &job)
        .await
        .unwrap()
}

/// Makes `count` more bookings whose money came too late, and promises the mail that says so for each. One statement,
/// so that a test of ten thousand does not spend its time here.
pub async fn late_payments(pool: &PgPool, from: i32, count: i32) {
    sqlx::query!(
        r#"
        with number as (select generate_series($1::int, $1 + $2 - 1) as n),
        held as (
            insert into hold (id, account_id, status, created_at, expires_at, adults, children, infants, currency, total_minor, offers)
            select ('00000000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid, '00000000-0000-7000-8000-000000000001', 'booked', now(), now(), 1, 0, 0, 'INR', 591410, '[]'
            from number
        ),
        booked as (
            insert into booking (id, booking_ref, account_id, hold_id, status, created_at, payment_due_at, currency, total_minor, contact_email, contact_phone, first_departs_at, late_payment_resolution)
            select ('00000000-0000-7000-a000-' || lpad(n::text, 12, '0'))::uuid,
                translate(lpad(n::text, 6, '0'), '0123456789', 'ABCDEFGHJK'),
                '00000000-0000-7000-8000-000000000001', ('00000000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid,
                'expired', now(), now(), 'INR', 591410, 'late@example.com', '+911234567890', now(), 'refunded'
            from number
        )
        insert into outbox (id, kind, queue, payload, max_attempts, created_at, run_after)
        select ('00000000-0000-7000-b000-' || lpad(n::text, 12, '0'))::uuid, 'send_mail', 'mail',
            jsonb_build_object('mail', 'late_payment_refunded', 'booking_id', '00000000-0000-7000-a000-' || lpad(n::text, 12, '0')),
            15, now(), now()
        from number
        "#,
        from,
        count,
    )
    .execute(pool)
    .await
    .unwrap();
}
