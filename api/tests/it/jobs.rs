//! How far a job is, for the account that caused it.

use flightdesk_core::ids::{AccountId, BookingId};
use flightdesk_core::outbox::{self, MailKind, SendMail};
use sqlx::PgPool;

use crate::support::TestApp;

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_job_is_shown_to_its_account_and_to_no_other(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let (owner, stranger) = (app.sign_up().await, app.sign_up().await);
    let mut tx = pool.begin().await.unwrap();
    let mail = SendMail {
        mail: MailKind::BookingConfirmed,
        booking_id: BookingId::new(),
    };
    let account = Some(AccountId(owner.account_id));
    let job = outbox::put(&mut tx, &app.clock, account, &mail)
        .await
        .unwrap();
    tx.commit().await.unwrap();

    let path = format!("/v1/jobs/{job}");
    let shown = owner.get(&path).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    assert_eq!(shown.body["kind"], "send_mail");
    assert_eq!(shown.body["status"], "waiting");
    assert_eq!(shown.body["run_after"], "2026-11-20T12:00:00Z");
    assert_eq!(stranger.get(&path).await.problem(), (404, "not_found"));
}
