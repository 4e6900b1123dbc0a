//! What `send_mail` sends, when it waits, and when it keeps quiet.

use chrono::{Duration, TimeZone, Utc};
use flightdesk_core::Clock;
use flightdesk_core::ids::{BookingId, JobId};
use flightdesk_core::outbox::{self, MailKind, SendMail, Verdict};
use flightdesk_worker::attempt::{self, Outcome};
use flightdesk_worker::queue::Pushed;
use sqlx::PgPool;

use crate::support::bookings::{ACCOUNT, BOOKING, PDF, promise, ready_tickets};
use crate::support::{Tally, ctx, tally};

fn clock() -> Clock {
    Clock::manual(Utc.with_ymd_and_hms(2026, 11, 20, 9, 10, 0).unwrap())
}

fn push(job_id: JobId, attempt: i32) -> Pushed {
    Pushed {
        job_id,
        attempt,
        kind: "send_mail".to_owned(),
        request_id: None,
        trace_parent: None,
    }
}

async fn only_job(pool: &PgPool) -> JobId {
    JobId(
        sqlx::query_scalar!("select id from outbox")
            .fetch_one(pool)
            .await
            .unwrap(),
    )
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn the_contact_gets_one_mail_with_the_tickets_and_every_flight(pool: PgPool) {
    let ctx = ctx(&pool, clock());
    ready_tickets(&pool, &ctx.clock, &ctx.storage).await;
    let job = only_job(&pool).await;
    assert_eq!(attempt::run(&ctx, &push(job, 1)).await, Outcome::Done);
    // The same push once more, as Redis may do: nothing happens.
    assert_eq!(attempt::run(&ctx, &push(job, 1)).await, Outcome::Unwanted);

    let sent = ctx.mail.sent();
    let [mail] = sent.as_slice() else {
        panic!("{} mails", sent.len())
    };
    assert_eq!(mail.to, "nguyen@example.com");
    assert_eq!(mail.subject, "Your booking K7XQ3M is confirmed");
    assert_eq!(
        mail.message_id,
        format!("booking_confirmed.{BOOKING}@flightdesk.example")
    );
    for words in [
        "Hello Hồng Đào, Łukasz, Işık and Minh,",
        "Departing",
        "Air India AI 161",
        "Sun 20 Dec 2026, 14:00 (UTC+05:30)  New Delhi (DEL)",
        "Sun 20 Dec 2026, 18:10 (UTC+00:00)  London (LHR)",
        "Returning",
        "British Airways BA 143",
        "Wed 6 Jan 2027, 09:00 (UTC+05:30)  New Delhi (DEL) +1 day",
        "Paid: INR 218767.00",
    ] {
        assert!(
            mail.text.contains(words),
            "{words:?} is missing in\n{}",
            mail.text
        );
    }
    let files: Vec<_> = mail
        .attachments
        .iter()
        .map(|file| (file.file_name.as_str(), file.bytes.as_slice()))
        .collect();
    assert_eq!(
        files[..2],
        [("ticket-K7XQ3M-AI.pdf", PDF), ("ticket-K7XQ3M-BA.pdf", PDF)]
    );
    let calendar: Vec<_> = files[2..].iter().map(|(name, _)| *name).collect();
    assert_eq!(calendar, ["flights-K7XQ3M.ics"]);
    assert_eq!(tally(&pool).await, Tally::done(1));
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn markup_in_a_name_stays_text(pool: PgPool) {
    sqlx::query!("update passenger set first_name = '<b>&\"x' where ordinal = 1")
        .execute(&pool)
        .await
        .unwrap();
    let ctx = ctx(&pool, clock());
    ready_tickets(&pool, &ctx.clock, &ctx.storage).await;
    let job = only_job(&pool).await;
    assert_eq!(attempt::run(&ctx, &push(job, 1)).await, Outcome::Done);
    let html = &ctx.mail.sent()[0].html;
    assert!(
        html.contains("&lt;b&gt;&amp;&quot;x") && !html.contains("<b>"),
        "{html}"
    );
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_mail_waits_for_its_documents(pool: PgPool) {
    let ctx = ctx(&pool, clock());
    let job = promise(&pool, &ctx.clock, MailKind::BookingConfirmed).await;
    let outcome = attempt::run(&ctx, &push(job, 1)).await;
    assert!(
        matches!(outcome, Outcome::Failed(Verdict::RetryAt(_))),
        "{outcome:?}"
    );

    ready_tickets(&pool, &ctx.clock, &ctx.storage).await;
    ctx.clock.advance(Duration::minutes(1));
    assert_eq!(attempt::run(&ctx, &push(job, 2)).await, Outcome::Done);
    assert_eq!(ctx.mail.sent().len(), 1);
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_mail_that_is_no_longer_true_is_not_sent(pool: PgPool) {
    let ctx = ctx(&pool, clock());
    ready_tickets(&pool, &ctx.clock, &ctx.storage).await;
    let job = only_job(&pool).await;
    sqlx::query!("update booking set status = 'cancelled'")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(attempt::run(&ctx, &push(job, 1)).await, Outcome::Done);
    assert_eq!(ctx.mail.sent().len(), 0);
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn late_money_is_explained_with_the_amount_that_goes_back(pool: PgPool) {
    let ctx = ctx(&pool, clock());
    sqlx::query!("update booking set status = 'expired', late_payment_resolution = 'refunded'")
        .execute(&pool)
        .await
        .unwrap();
    sqlx::query!(
        r#"
        insert into refund (id, payment_id, booking_id, reason, currency, amount_minor, created_at)
        select gen_random_uuid(), id, booking_id, 'late_payment', 'INR', 21876700, now() from payment
        "#
    )
    .execute(&pool)
    .await
    .unwrap();
    let job = promise(&pool, &ctx.clock, MailKind::LatePaymentRefunded).await;
    assert_eq!(attempt::run(&ctx, &push(job, 1)).await, Outcome::Done);
    let mail = &ctx.mail.sent()[0];
    assert_eq!(
        mail.subject,
        "Your payment for booking K7XQ3M is being refunded"
    );
    assert!(mail.text.contains("INR 218767.00"), "{}", mail.text);
    assert!(mail.attachments.is_empty());
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_mail_about_a_booking_that_does_not_exist_is_dead_at_once(pool: PgPool) {
    let ctx = ctx(&pool, clock());
    let job = SendMail {
        mail: MailKind::BookingConfirmed,
        booking_id: BookingId::new(),
    };
    let id = outbox::put(
        &mut pool.acquire().await.unwrap(),
        &ctx.clock,
        Some(ACCOUNT),
        &job,
    )
    .await
    .unwrap();
    assert_eq!(
        attempt::run(&ctx, &push(id, 1)).await,
        Outcome::Failed(Verdict::Dead)
    );
    let state = outbox::find(&mut pool.acquire().await.unwrap(), ACCOUNT, id)
        .await
        .unwrap();
    assert_eq!(
        state.last_error,
        Some(format!("there is no booking {}", job.booking_id))
    );
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_document_whose_job_is_given_up_is_failed(pool: PgPool) {
    let ctx = ctx(&pool, clock());
    let mut tx = pool.begin().await.unwrap();
    flightdesk_core::document::request_tickets(&mut tx, &ctx.clock, ACCOUNT, BOOKING)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    // Every worker that had the last attempt of the job went silent.
    sqlx::query!(
        "update outbox set status = 'running', attempts = max_attempts, lease_until = $1",
        ctx.clock.now() - Duration::seconds(1)
    )
    .execute(&pool)
    .await
    .unwrap();
    attempt::requeue_lapsed(&ctx).await.unwrap();
    let statuses = sqlx::query_scalar!("select distinct status from document")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(statuses, ["failed"]);
    assert_eq!(
        tally(&pool).await,
        Tally {
            dead: 2,
            ..Tally::default()
        }
    );
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_mail_names_who_bought_baggage_and_claims_no_payment_of_nothing(pool: PgPool) {
    for statement in [
        "insert into baggage_item select booking_id, id, 0, 10 from passenger where first_name = 'Łukasz'",
        "update booking set total_minor = 0",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    let ctx = ctx(&pool, clock());
    ready_tickets(&pool, &ctx.clock, &ctx.storage).await;
    let job = only_job(&pool).await;
    assert_eq!(attempt::run(&ctx, &push(job, 1)).await, Outcome::Done);
    let sent = ctx.mail.sent();
    let said = "Extra checked baggage: Łukasz 10 kg (departing). Nothing was to pay.";
    for form in [&sent[0].text, &sent[0].html] {
        assert!(form.contains(said) && !form.contains("paid"), "{form}");
    }
}
