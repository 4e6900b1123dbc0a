//! Jobs, as whoever caused them sees them.

use flightdesk_core::ids::{AccountId, BookingId, JobId};
use flightdesk_core::outbox::{self, MailKind, SendMail};
use reqwest::Method;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::{Send, TestApp, noon};

async fn promise(app: &TestApp, account_id: Uuid) -> JobId {
    let mut conn = app.app.db.acquire().await.unwrap();
    let job = SendMail {
        mail: MailKind::BookingConfirmed,
        booking_id: BookingId::new(),
    };
    outbox::put(&mut conn, &app.clock, Some(AccountId(account_id)), &job)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_job_tells_where_it_stands_and_what_went_wrong(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let caller = app.sign_up().await;
    let id = promise(&app, caller.account_id).await;
    let path = format!("/v1/jobs/{id}");
    assert_eq!(
        caller.get(&path).await.body,
        json!({
            "id": id, "kind": "send_mail", "status": "waiting", "attempts": 0, "max_attempts": 50,
            "created_at": "2026-11-20T12:00:00Z", "run_after": "2026-11-20T12:00:00Z",
            "finished_at": null, "last_error": null,
        })
    );

    let mut conn = app.app.db.acquire().await.unwrap();
    let lease = outbox::start(&mut conn, &app.clock, id, 1)
        .await
        .unwrap()
        .unwrap()
        .lease;
    outbox::fail(&mut conn, &app.clock, &lease, "no such mailbox", false)
        .await
        .unwrap();
    let dead = caller.get(&path).await.body;
    assert_eq!(
        (&dead["status"], &dead["attempts"], &dead["last_error"]),
        (&json!("dead"), &json!(1), &json!("no such mailbox"))
    );
    assert_eq!(app.clock.now(), noon());
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn another_accounts_job_does_not_exist_for_you(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let (owner, stranger) = (app.sign_up().await, app.sign_up().await);
    let id = promise(&app, owner.account_id).await;
    let path = format!("/v1/jobs/{id}");
    assert_eq!(stranger.get(&path).await.problem(), (404, "not_found"));
    let unknown = format!("/v1/jobs/{}", JobId::new());
    assert_eq!(owner.get(&unknown).await.problem(), (404, "not_found"));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_job_carries_the_trace_of_its_request_and_no_header_that_is_no_trace(pool: PgPool) {
    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    crate::trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let caller = app.sign_up().await;
    let zeros = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
    for (sent, expected) in [(TRACE, Some(TRACE)), (zeros, None)] {
        let body = crate::trip::booking_of(&caller.hold(1).await);
        let request = caller.request(Method::POST, "/v1/bookings");
        let booked = request.header("traceparent", sent).json(&body);
        let booked = booked.answer().await;
        assert_eq!(booked.status, 201, "{booked:?}");
        let traces: Vec<Option<String>> = sqlx::query_scalar(
            "delete from outbox where kind = 'send_mail' returning trace_parent",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        assert_eq!(traces, [expected.map(str::to_owned)]);
        let path = format!(
            "/v1/bookings/{}/cancellations",
            booked.body["booking_ref"].as_str().unwrap()
        );
        caller.post(&path, &json!({})).await;
        sqlx::query("delete from outbox")
            .execute(&pool)
            .await
            .unwrap();
    }
}
