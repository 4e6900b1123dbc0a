//! Dead jobs, as staff see them and bring them back: over HTTP and on the command line.

use std::process::Command;

use flightdesk_core::backend::Backend;
use flightdesk_core::ids::JobId;
use flightdesk_core::outbox::{self, MailKind, SendMail};
use reqwest::StatusCode;
use serde_json::json;
use sqlx::{ConnectOptions, PgPool};

use crate::support::TestApp;
use crate::trip;

async fn become_admin(pool: &PgPool) {
    sqlx::query("update api_key set scopes = array['search', 'bookings', 'admin']")
        .execute(pool)
        .await
        .unwrap();
}

/// A booking, and the job of its first mail, which was given up.
async fn with_a_dead_job(app: &TestApp, pool: &PgPool) -> (String, JobId) {
    trip::a_flight(pool).await;
    let booker = app.sign_up().await;
    let reference = booker.book().await["booking_ref"]
        .as_str()
        .unwrap()
        .to_owned();
    let id: uuid::Uuid = sqlx::query_scalar(
        "update outbox set status = 'dead', attempts = 3, finished_at = created_at, last_error = 'no such mailbox'
         where kind = 'send_mail' returning id",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    (reference, JobId(id))
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn staff_find_a_dead_job_by_state_kind_and_booking_and_bring_it_back(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let (reference, id) = with_a_dead_job(&app, &pool).await;
    let staff = app.sign_up().await;
    let path = "/v1/admin/jobs?status=dead";
    assert_eq!(staff.get(path).await.problem(), (403, "missing_scope"));
    let retry = format!("/v1/admin/jobs/{id}/retry");
    assert_eq!(
        staff.post(&retry, &json!({})).await.problem(),
        (403, "missing_scope")
    );
    become_admin(&pool).await;

    for (query, found) in [
        ("status=dead".to_owned(), 1),
        ("status=done".to_owned(), 0),
        ("kind=send_mail&status=dead".to_owned(), 1),
        ("kind=create_refund".to_owned(), 0),
        (format!("booking_ref={reference}&status=dead"), 1),
        ("booking_ref=K7XQ3M".to_owned(), 0),
        (String::new(), 1),
    ] {
        let answer = staff.get(&format!("/v1/admin/jobs?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let jobs = answer.body["data"].as_array().unwrap();
        assert_eq!(jobs.len(), found, "{query}: {answer:?}");
    }
    let job = &staff.get(path).await.body["data"][0];
    assert_eq!(
        (
            &job["id"],
            &job["booking_ref"],
            &job["queue"],
            &job["last_error"]
        ),
        (
            &json!(id),
            &json!(reference),
            &json!("mail"),
            &json!("no such mailbox")
        )
    );

    let back = staff.post(&retry, &json!({})).await;
    assert_eq!(
        (&back.body["status"], &back.body["max_attempts"]),
        (&json!("waiting"), &json!(3 + 50)),
        "{back:?}"
    );
    // It is not dead any more.
    assert_eq!(
        staff.post(&retry, &json!({})).await.problem(),
        (404, "not_found")
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_command_lists_and_retries(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let (reference, id) = with_a_dead_job(&app, &pool).await;
    let manage = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_manage"))
            .arg("jobs")
            .args(arguments)
            .env(
                "DATABASE_URL",
                pool.connect_options().to_url_lossy().as_str(),
            )
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    for (arguments, lines) in [
        (&["--state", "dead"] as &[&str], 1),
        (&["--kind", "send_mail"], 1),
        (&["--booking", &reference], 1),
        (&["--booking", "K7XQ3M"], 0),
        (&["--state", "done"], 0),
    ] {
        let (code, said) = manage(arguments);
        assert_eq!((code, said.lines().count()), (Some(0), lines), "{said}");
        assert!(lines == 0 || said.contains("no such mailbox"), "{said}");
    }
    assert_eq!(manage(&["--state", "ill"]).0, Some(2));
    assert_eq!(manage(&["retry"]).0, Some(2), "all of them must be said");

    let (code, said) = manage(&["retry", &id.to_string()]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("waiting"), "{said}");
    let (code, said) = manage(&["retry", &id.to_string()]);
    assert_eq!(code, Some(1), "{said}");
    sqlx::query("update outbox set status = 'dead'")
        .execute(&pool)
        .await
        .unwrap();
    let (code, said) = manage(&["retry", "--all"]);
    assert_eq!((code, said.lines().count()), (Some(0), 1), "{said}");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_queue_that_is_paused_is_told_by_readiness_and_by_the_command(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let mut conn = pool.acquire().await.unwrap();
    let job = SendMail {
        mail: MailKind::BookingConfirmed,
        booking_id: flightdesk_core::ids::BookingId::new(),
    };
    let id = outbox::put(&mut conn, &app.clock, None, &job)
        .await
        .unwrap();
    let lease = outbox::start(&mut conn, &app.clock, id, 1)
        .await
        .unwrap()
        .unwrap()
        .lease;
    outbox::wait_for(
        &mut conn,
        &app.clock,
        &lease,
        Backend::Mail,
        "connection refused",
    )
    .await
    .unwrap();
    let staff = app.sign_up().await;
    let ready = staff.get("/health/ready").await;
    assert_eq!(
        (ready.status, &ready.body["status"]),
        (StatusCode::OK, &json!("degraded"))
    );
    let checks = ready.body["checks"].as_array().unwrap();
    let queues = checks.iter().find(|check| check["name"] == "queues");
    assert_eq!(
        queues,
        Some(&json!({
            "name": "queues", "status": "degraded",
            "detail": "the queue mail is paused: the mail server has been away since 2026-11-20T12:00:00Z",
        }))
    );
    become_admin(&pool).await;
    let listed = staff.get("/v1/admin/jobs").await;
    assert_eq!(listed.body["data"][0]["waits_for"], "mail", "{listed:?}");
}
