//! Back-ends that are away, for a day even, cost no ticket, no mail and no attempt.

use std::collections::BTreeMap;

use chrono::Duration;
use flightdesk_core::backend::Backend;
use flightdesk_core::document::{DocumentStatus, storage_key};
use flightdesk_core::ids::PaymentId;
use flightdesk_core::outbox::{
    self, CreateRefund, JobFilter, JobStatus, Kind, MailKind, Queue, ReconcilePayment,
};
use flightdesk_core::payment::stripe::Stripe;
use flightdesk_core::storage::Storage;
use flightdesk_core::{Clock, document, invariants, payment};
use flightdesk_worker::attempt;
use flightdesk_worker::pushed::Pushed;
use flightdesk_worker::{Ctx, Mailer};
use sqlx::PgPool;

use crate::booked::{ACCOUNT, context, free_port, settings, ticketed};
use crate::s3;
use crate::support::bookings::{late_payments, promise};
use crate::support::smtp::Smtp;
use crate::support::{Tally, tally};

/// A worker's context on a clock that the test moves, from now on: other rows of the fixtures have the system's time.
/// Stripe is away.
fn worker(pool: &PgPool, storage: Storage) -> Ctx {
    let mut settings = settings();
    settings.stripe.stripe_api_base = Some(format!("http://127.0.0.1:{}", free_port()));
    Ctx {
        stripe: Stripe::new(&settings).unwrap(),
        clock: Clock::manual(Clock::system().now()),
        ..context(pool.clone(), storage)
    }
}

fn mailer(smtp_port: u16) -> Mailer {
    let mut settings = settings();
    settings.mail.smtp_url = Some(format!("smtp://127.0.0.1:{smtp_port}").into());
    Mailer::from_settings(&settings).unwrap()
}

/// What relays, queues and consumers do with what is due now.
async fn run_what_is_due(ctx: &Ctx) {
    attempt::requeue_lapsed(ctx).await.unwrap();
    for &queue in Queue::ALL {
        let mut conn = ctx.db.acquire().await.unwrap();
        let claimed = outbox::claim(&mut conn, &ctx.clock, queue, 100)
            .await
            .unwrap();
        drop(conn);
        for row in &claimed {
            attempt::run(ctx, &Pushed::from(row)).await;
        }
    }
}

async fn broken_rules(ctx: &Ctx) -> Vec<String> {
    let mut conn = ctx.db.acquire().await.unwrap();
    let findings = invariants::check(&mut conn, &ctx.clock).await.unwrap();
    findings
        .into_iter()
        // The fixture is a booking, not the flights and seats it would need.
        .filter(|finding| ["paid_has_documents", "no_job_is_lost"].contains(&&*finding.name))
        .filter(|finding| finding.violations > 0)
        .map(|finding| format!("{}: {:?}", finding.name, finding.examples))
        .collect()
}

async fn paused(ctx: &Ctx) -> Vec<String> {
    let mut conn = ctx.db.acquire().await.unwrap();
    let outages = outbox::outages(&mut conn).await.unwrap();
    let mut paused: Vec<_> = outages.into_iter().map(|outage| outage.queue).collect();
    paused.sort();
    paused
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn after_a_day_without_s3_and_smtp_every_ticket_and_every_mail_arrives_once(pool: PgPool) {
    let (s3_port, smtp_port) = (free_port(), free_port());
    let ctx = Ctx {
        mail: mailer(smtp_port),
        ..worker(&pool, s3::storage(s3_port))
    };
    let tickets = ticketed(&ctx).await;
    late_payments(&pool, 0, 10).await;
    for hour in 0..24 {
        late_payments(&pool, 10 + hour, 1).await;
        for _ in 0..2 {
            run_what_is_due(&ctx).await;
            ctx.clock.advance(Duration::minutes(30));
        }
    }
    let away = tally(&pool).await;
    assert_eq!(
        (
            away.waiting + away.queued,
            away.running,
            away.done,
            away.dead
        ),
        (2 + 34, 0, 0, 0),
        "{away:?}"
    );
    assert_eq!(paused(&ctx).await, ["documents", "mail"]);
    assert_eq!(broken_rules(&ctx).await, [] as [&str; 0]);

    let _s3 = s3::moto_on(s3_port).await;
    let smtp = Smtp::start_on(smtp_port, &["ok"]);
    for _ in 0..60 {
        run_what_is_due(&ctx).await;
        ctx.clock.advance(Duration::seconds(1));
    }
    // Both tickets, and the confirmation that carries them.
    assert_eq!(tally(&pool).await, Tally::done(2 + 34 + 1));
    for ticket in tickets {
        let mut conn = pool.acquire().await.unwrap();
        let document = document::get(&mut conn, ACCOUNT, ticket.document_id)
            .await
            .unwrap();
        assert_eq!(document.status, DocumentStatus::Ready);
        let key = storage_key(ticket.document_id, 1);
        let stored = ctx.storage.get(&key).await.unwrap().unwrap();
        assert!(stored.starts_with(b"%PDF-"));
    }
    let mut sent = BTreeMap::new();
    for mail in smtp.accepted() {
        let id = mail.lines().find(|line| line.starts_with("Message-ID: "));
        *sent.entry(id.unwrap().to_owned()).or_insert(0) += 1;
    }
    assert_eq!(sent.len(), 34 + 1);
    assert!(sent.values().all(|times| *times == 1), "{sent:?}");
    let most: Option<i32> = sqlx::query_scalar("select max(attempts) from outbox")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(most, Some(1), "an outage is no attempt");
    assert_eq!(paused(&ctx).await, [] as [&str; 0]);
    assert_eq!(broken_rules(&ctx).await, [] as [&str; 0]);
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn without_a_store_mails_that_carry_nothing_leave(pool: PgPool) {
    let ctx = worker(&pool, s3::storage(free_port()));
    ticketed(&ctx).await;
    promise(&pool, &ctx.clock, MailKind::BookingConfirmed).await;
    late_payments(&pool, 0, 3).await;
    ctx.clock.advance(Duration::minutes(1));
    run_what_is_due(&ctx).await;
    assert_eq!(paused(&ctx).await, ["documents"]);
    assert_eq!(ctx.mail.sent().len(), 3);
    let now = tally(&pool).await;
    assert_eq!((now.waiting + now.queued, now.done), (2 + 1, 3), "{now:?}");
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_document_whose_job_died_breaks_a_rule_until_it_is_retried(pool: PgPool) {
    let ctx = worker(&pool, Storage::memory());
    ticketed(&ctx).await;
    // Every worker that had the last attempt of the jobs went silent.
    sqlx::query("update outbox set status = 'running', attempts = max_attempts, lease_until = $1")
        .bind(ctx.clock.now() - Duration::seconds(1))
        .execute(&pool)
        .await
        .unwrap();
    attempt::requeue_lapsed(&ctx).await.unwrap();
    let broken = broken_rules(&ctx).await;
    assert_eq!(broken.len(), 1, "{broken:?}");
    assert!(broken[0].starts_with("paid_has_documents"), "{broken:?}");

    let mut conn = pool.acquire().await.unwrap();
    let dead = JobFilter {
        status: Some(JobStatus::Dead),
        kind: Some(Kind::RenderDocument),
        booking_ref: Some("K7XQ3M".to_owned()),
        limit: 10,
        ..JobFilter::default()
    };
    let jobs = outbox::list_for_staff(&mut conn, &dead).await.unwrap();
    assert_eq!(jobs.len(), 2);
    for job in jobs {
        let back = outbox::retry_dead(&mut conn, &ctx.clock, job.id)
            .await
            .unwrap();
        assert_eq!(
            (back.status, back.max_attempts),
            (JobStatus::Waiting, 12 + 12)
        );
    }
    let statuses: Vec<String> = sqlx::query_scalar("select distinct status from document")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(statuses, ["queued"]);
    drop(conn);
    assert_eq!(broken_rules(&ctx).await, [] as [&str; 0]);
    for _ in 0..3 {
        run_what_is_due(&ctx).await;
    }
    assert_eq!(tally(&pool).await, Tally::done(2 + 1));
    assert_eq!(ctx.mail.sent().len(), 1);
}

/// Opens a payment of the fixture's booking, asked about for the first time two minutes later.
async fn open_payment(pool: &PgPool, ctx: &Ctx, status: &str) -> PaymentId {
    let id: uuid::Uuid = sqlx::query_scalar(
        "update payment set status = $1, stripe_session_id = 'cs_test_1', created_at = $2, asked_at = null, ended_at = null returning id",
    )
    .bind(status)
    .bind(ctx.clock.now() - Duration::minutes(2))
    .fetch_one(pool)
    .await
    .unwrap();
    PaymentId(id)
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn while_stripe_is_away_one_question_about_a_payment_waits_and_not_one_every_90_seconds(
    pool: PgPool,
) {
    let ctx = worker(&pool, Storage::memory());
    let payment_id = open_payment(&pool, &ctx, "open").await;
    for _ in 0..24 * 6 {
        let mut tx = pool.begin().await.unwrap();
        payment::promise_questions(&mut tx, &ctx.clock)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        ctx.clock.advance(Duration::minutes(10));
    }
    run_what_is_due(&ctx).await;
    assert_eq!(paused(&ctx).await, ["payments"]);
    assert_eq!(
        tally(&pool).await,
        Tally {
            waiting: 1,
            ..Tally::default()
        }
    );

    // The webhook comes after all: nobody needs the answer any more.
    sqlx::query("update payment set status = 'succeeded' where id = $1")
        .bind(payment_id.0)
        .execute(&pool)
        .await
        .unwrap();
    ctx.clock.advance(Duration::minutes(1));
    run_what_is_due(&ctx).await;
    assert_eq!(tally(&pool).await, Tally::done(1));
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_question_about_a_settled_payment_does_not_need_a_person(pool: PgPool) {
    let ctx = worker(&pool, Storage::memory());
    let payment_id = open_payment(&pool, &ctx, "open").await;
    let mut conn = pool.acquire().await.unwrap();
    let question = ReconcilePayment { payment_id };
    outbox::put(&mut conn, &ctx.clock, None, &question)
        .await
        .unwrap();
    sqlx::query("update outbox set status = 'dead', finished_at = created_at")
        .execute(&pool)
        .await
        .unwrap();
    let closed = payment::close_needless_questions(&mut conn, &ctx.clock).await;
    assert_eq!(closed.unwrap(), 0, "the payment is open");
    open_payment(&pool, &ctx, "succeeded").await;
    let closed = payment::close_needless_questions(&mut conn, &ctx.clock).await;
    assert_eq!(closed.unwrap(), 1);
    assert_eq!(tally(&pool).await, Tally::done(1));
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_refund_waits_for_stripe_and_is_not_promised_twice(pool: PgPool) {
    let ctx = worker(&pool, Storage::memory());
    let refund: uuid::Uuid = sqlx::query_scalar(
        "insert into refund (id, payment_id, booking_id, reason, currency, amount_minor, created_at)
         select gen_random_uuid(), id, booking_id, 'late_payment', 'INR', 100, $1 from payment returning id",
    )
    .bind(ctx.clock.now())
    .fetch_one(&pool)
    .await
    .unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let job = CreateRefund {
        refund_id: refund.into(),
    };
    outbox::put(&mut conn, &ctx.clock, None, &job)
        .await
        .unwrap();
    for _ in 0..12 {
        run_what_is_due(&ctx).await;
        ctx.clock.advance(Duration::hours(2));
        payment::promise_refund_questions(&mut conn, &ctx.clock)
            .await
            .unwrap();
    }
    let outages = outbox::outages(&mut conn).await.unwrap();
    assert_eq!(outages[0].backend, Backend::Payments.as_str());
    assert_eq!(
        tally(&pool).await,
        Tally {
            waiting: 1,
            ..Tally::default()
        }
    );
}
