//! The job that makes documents: once, whatever happens.

use chrono::Duration;
use flightdesk_core::document::{self, DocumentStatus, storage_key};
use flightdesk_core::outbox::{self, RenderDocument};
use flightdesk_core::storage::Storage;
use flightdesk_worker::jobs::render_document;
use flightdesk_worker::{Ctx, Mailer};
use sha2::{Digest, Sha256};
use sqlx::PgPool;

use crate::booked::{ACCOUNT, TempFolder, context, settings, take_jobs, ticketed};

async fn document(ctx: &Ctx, job: &RenderDocument) -> document::Document {
    let mut conn = ctx.db.acquire().await.unwrap();
    document::get(&mut conn, ACCOUNT, job.document_id)
        .await
        .unwrap()
}

async fn count(ctx: &Ctx, kind: &str, status: &str) -> i64 {
    sqlx::query_scalar("select count(*) from outbox where kind = $1 and status = $2")
        .bind(kind)
        .bind(status)
        .fetch_one(&*ctx.db)
        .await
        .unwrap()
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn both_tickets_are_stored_and_the_last_promises_the_mail(pool: PgPool) {
    let ctx = context(pool, Storage::memory());
    ticketed(&ctx).await;
    for (done, (job, lease)) in take_jobs(&ctx).await.into_iter().enumerate() {
        assert_eq!(count(&ctx, "send_mail", "waiting").await, 0);
        render_document::run(&ctx, job.clone(), &lease)
            .await
            .unwrap();
        let document = document(&ctx, &job).await;
        assert_eq!(document.status, DocumentStatus::Ready);
        let stored = ctx
            .storage
            .get(&storage_key(job.document_id, 1))
            .await
            .unwrap()
            .unwrap();
        assert!(stored.starts_with(b"%PDF-"));
        assert_eq!(document.sha256.unwrap(), Sha256::digest(&stored).to_vec());
        assert_eq!(
            count(&ctx, "render_document", "done").await,
            i64::try_from(done).unwrap() + 1
        );
    }
    assert_eq!(count(&ctx, "send_mail", "waiting").await, 1);
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_store_that_fails_delays_the_ticket_and_changes_nothing_else(pool: PgPool) {
    let folder = TempFolder::new();
    let blocker = folder.0.join("documents");
    std::fs::write(&blocker, "a file where the folder should be").unwrap();
    let mut away = settings();
    away.storage.s3_bucket = None;
    away.storage.documents_dir = blocker;
    let ctx = context(pool, Storage::from_settings(&away).unwrap());
    ticketed(&ctx).await;
    let jobs = take_jobs(&ctx).await;
    for (job, lease) in &jobs {
        let error = render_document::run(&ctx, job.clone(), lease)
            .await
            .unwrap_err();
        assert!(error.is_retryable(), "{error}");
        assert_eq!(document(&ctx, job).await.status, DocumentStatus::Rendering);
        let mut conn = ctx.db.acquire().await.unwrap();
        outbox::fail(&mut conn, &ctx.clock, lease, &error.to_string(), true)
            .await
            .unwrap();
    }
    let status: String = sqlx::query_scalar("select status from booking")
        .fetch_one(&*ctx.db)
        .await
        .unwrap();
    assert_eq!(status, "confirmed");

    // The store is back: the same jobs, another attempt.
    let ctx = Ctx {
        storage: Storage::memory(),
        ..ctx
    };
    ctx.clock.advance(Duration::hours(1));
    let again = take_jobs(&ctx).await;
    assert_eq!(again.len(), jobs.len());
    for (job, lease) in again {
        render_document::run(&ctx, job.clone(), &lease)
            .await
            .unwrap();
        assert_eq!(document(&ctx, &job).await.status, DocumentStatus::Ready);
    }
}

/// A worker that dies between storing and recording leaves the object; the next one finds the same bytes.
#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_second_attempt_makes_the_same_bytes_under_the_same_key(pool: PgPool) {
    let ctx = context(pool, Storage::memory());
    ticketed(&ctx).await;
    let (job, lost) = take_jobs(&ctx).await.swap_remove(0);
    // The lease lapses while this worker draws: what it did is rolled back, what it stored stays.
    ctx.clock.advance(Duration::minutes(1));
    let mut conn = ctx.db.acquire().await.unwrap();
    outbox::requeue_lapsed(&mut conn, &ctx.clock).await.unwrap();
    let error = render_document::run(&ctx, job.clone(), &lost)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("lease"), "{error}");
    assert_eq!(document(&ctx, &job).await.status, DocumentStatus::Rendering);
    let key = storage_key(job.document_id, 1);
    let first = ctx.storage.get(&key).await.unwrap().unwrap();

    ctx.clock.advance(Duration::hours(1));
    let elsewhere = Ctx {
        storage: Storage::memory(),
        mail: Mailer::memory(),
        ..ctx.clone()
    };
    for (job, lease) in take_jobs(&ctx).await {
        render_document::run(&elsewhere, job, &lease).await.unwrap();
    }
    let second = elsewhere.storage.get(&key).await.unwrap().unwrap();
    assert_eq!(Sha256::digest(first), Sha256::digest(second));
    assert_eq!(document(&ctx, &job).await.status, DocumentStatus::Ready);
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_ticket_of_a_cancelled_booking_is_not_made(pool: PgPool) {
    let ctx = context(pool, Storage::memory());
    ticketed(&ctx).await;
    sqlx::query("update booking set status = 'cancelled'")
        .execute(&*ctx.db)
        .await
        .unwrap();
    for (job, lease) in take_jobs(&ctx).await {
        render_document::run(&ctx, job.clone(), &lease)
            .await
            .unwrap();
        assert_eq!(document(&ctx, &job).await.status, DocumentStatus::Queued);
        let key = storage_key(job.document_id, 1);
        assert_eq!(ctx.storage.get(&key).await.unwrap(), None);
    }
    assert_eq!(count(&ctx, "render_document", "done").await, 2);
    assert_eq!(count(&ctx, "send_mail", "waiting").await, 0);
}
