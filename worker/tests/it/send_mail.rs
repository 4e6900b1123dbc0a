//! What `send_mail` sends, when it waits, and when it keeps quiet.

use chrono::{Duration, TimeZone, Utc};
use flightdesk_core::Clock;
use flightdesk_core::ids::{BookingId, JobId};
use flightdesk_core::outbox::{self, MailKind, SendMail, Verdict};
use flightdesk_worker::pushed::Pushed;
use flightdesk_worker::{attempt, outcome::Outcome};
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
        "Hello Hồng Đào, Łukasz and Işık,\n\nYour booking is paid and confirmed.",
        "Departing",
        "Air India AI 161, flight time 9 h 40 min",
        "Sun 20 Dec 2026, 14:00 (UTC+5:30)  New Delhi (DEL)",
        "Sun 20 Dec 2026, 18:10 (UTC)  London (LHR)",
        "Returning",
        "British Airways BA 143",
        "Wed 6 Jan 2027, 09:00 (UTC+5:30)  New Delhi (DEL) +1 day",
        "Booking reference: K7XQ3M",
        "Ms Hồng Đào Thị Nguyễn: AI 161 seat 21A, BA 143 seat 21A",
        "Mr Minh Nguyễn: infant on the lap of an adult",
        "Departing: Checked 1 piece, 15 kg; cabin bag 7 kg",
        "Paid: INR 2,18,767.00",
        "See the booking:\nhttp://127.0.0.1:8000/booking?link=",
        "Bring a passport that is valid for the whole journey.",
        "-- \nFlightdesk. Reply to tickets@flightdesk.example.",
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
        matches!(outcome, Outcome::Failed(Verdict::PutOffUntil(_))),
        "{outcome:?}"
    );

    ready_tickets(&pool, &ctx.clock, &ctx.storage).await;
    ctx.clock.advance(Duration::minutes(1));
    // To wait was no attempt.
    assert_eq!(attempt::run(&ctx, &push(job, 1)).await, Outcome::Done);
    assert_eq!(ctx.mail.sent().len(), 1);
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn documents_that_staff_send_again_are_another_mail_with_the_tickets(pool: PgPool) {
    let ctx = ctx(&pool, clock());
    ready_tickets(&pool, &ctx.clock, &ctx.storage).await;
    let again = MailKind::DocumentsAgain {
        resend_id: uuid::Uuid::now_v7(),
    };
    let job = promise(&pool, &ctx.clock, again).await;
    assert_eq!(attempt::run(&ctx, &push(job, 1)).await, Outcome::Done);
    let mail = &ctx.mail.sent()[0];
    assert_eq!(mail.subject, "Documents of booking K7XQ3M");
    assert!(mail.message_id.starts_with("documents_again."));
    let tickets = mail.attachments.iter().filter(|one| one.bytes == PDF);
    assert!(tickets.count() > 0);
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
    assert!(mail.text.contains("INR 2,18,767.00"), "{}", mail.text);
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
    for form in [&sent[0].text, &sent[0].html] {
        for said in [
            "Łukasz: 10 kg extra baggage (departing)",
            "No payment was due.",
        ] {
            assert!(form.contains(said) && !form.contains("paid"), "{form}");
        }
    }
}

/// The mail about the fixture's booking while it is not paid, as its contact reads it.
async fn unpaid_mail(
    pool: &PgPool,
    kind: MailKind,
    most: u16,
) -> Vec<flightdesk_worker::mail::Mail> {
    let mut ctx = ctx(pool, clock());
    let mut settings = ctx.settings.as_ref().clone();
    settings.mail.mails_to_stranger_per_hour = most;
    ctx.settings = std::sync::Arc::new(settings);
    let job = promise(pool, &ctx.clock, kind).await;
    assert_eq!(attempt::run(&ctx, &push(job, 1)).await, Outcome::Done);
    ctx.mail.sent()
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn the_first_mail_to_a_stranger_says_what_is_to_pay_and_no_word_of_the_caller(pool: PgPool) {
    sqlx::query("update booking set status = 'pending_payment', confirmed_at = null")
        .execute(&pool)
        .await
        .unwrap();
    let sent = unpaid_mail(&pool, MailKind::BookingHeld, 20).await;
    for form in [&sent[0].text, &sent[0].html] {
        for said in [
            "Please pay INR 2,18,767.00 by 15:06 on Fri 20 Nov 2026 (UTC+5:30)",
            "Pay INR 2,18,767.00",
            "/booking?link=",
            "K7XQ3M",
            "If you did not ask for this",
        ] {
            assert!(form.contains(said), "{said:?} is missing in\n{form}");
        }
        for secret in ["Hồng", "Nguyễn", "Łukasz", "AI 161", "London", "20 Dec"] {
            assert!(!form.contains(secret), "{secret:?} is in\n{form}");
        }
    }
    assert!(sent[0].attachments.is_empty());

    // Who has paid once is known, and gets the flights and a greeting.
    sqlx::query("update booking set confirmed_at = created_at")
        .execute(&pool)
        .await
        .unwrap();
    let change_id = uuid::Uuid::now_v7();
    let sent = unpaid_mail(&pool, MailKind::BookingChanged { change_id }, 20).await;
    for said in [
        "Hello Hồng Đào, Łukasz and Işık,",
        "Your booking has changed, and this mail replaces the earlier ones.",
        "Air India AI 161",
    ] {
        assert!(
            sent[0].text.contains(said),
            "{said:?} is missing in\n{}",
            sent[0].text
        );
    }
    assert_eq!(
        sent[0].subject,
        "Booking K7XQ3M has changed: pay INR 2,18,767.00 by 15:06 on Fri 20 Nov 2026 (UTC+5:30)"
    );
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_stranger_gets_so_many_mails_an_hour_and_no_more(pool: PgPool) {
    let changed = || MailKind::BookingChanged {
        change_id: uuid::Uuid::now_v7(),
    };
    sqlx::query("update booking set status = 'pending_payment', confirmed_at = null")
        .execute(&pool)
        .await
        .unwrap();
    let mut sent = 0;
    for _ in 0..5 {
        sent += unpaid_mail(&pool, changed(), 3).await.len();
    }
    assert_eq!(sent, 3);
    // An hour later there is room again.
    sqlx::query("update mail_to_stranger set asked_at = asked_at - interval '1 hour'")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(unpaid_mail(&pool, changed(), 3).await.len(), 1);
    let kept: i64 = sqlx::query_scalar("select count(*) from mail_to_stranger")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(kept, 1, "what is older is forgotten");
    // What was paid for always leaves.
    sqlx::query("update booking set status = 'confirmed', confirmed_at = created_at")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(
        unpaid_mail(
            &pool,
            MailKind::SeatsNotChanged {
                seat_change_id: uuid::Uuid::nil()
            },
            0
        )
        .await
        .len(),
        1
    );
}
