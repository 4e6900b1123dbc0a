//! What `send_password_reset` sends, and to whom.

use chrono::{Duration, TimeZone, Utc};
use flightdesk_core::Clock;
use flightdesk_core::account::{self, ResetLinks};
use flightdesk_core::email::EmailAddress;
use flightdesk_worker::Ctx;
use flightdesk_worker::attempt;
use flightdesk_worker::mail::Mail;
use flightdesk_worker::outcome::Outcome;
use flightdesk_worker::pushed::Pushed;
use sqlx::PgPool;

use crate::support::bookings::ACCOUNT;
use crate::support::{Tally, ctx, tally};

/// Asks for a link to an address and runs the job; every mail that was sent so far.
async fn ask(ctx: &Ctx, email: &str) -> Vec<Mail> {
    let email = EmailAddress::parse(email).unwrap();
    let mut conn = ctx.db.acquire().await.unwrap();
    account::request_password_reset(&mut conn, &ctx.clock, &email)
        .await
        .unwrap();
    let job: uuid::Uuid = sqlx::query_scalar("select id from outbox order by id desc limit 1")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    drop(conn);
    let pushed = Pushed {
        job_id: job.into(),
        attempt: 1,
        kind: "send_password_reset".to_owned(),
        request_id: None,
        trace_parent: None,
    };
    assert_eq!(attempt::run(ctx, &pushed).await, Outcome::Done);
    ctx.mail.sent()
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn an_account_gets_a_link_that_works_for_half_an_hour_and_nobody_gets_none(pool: PgPool) {
    let noon = Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap();
    let ctx = ctx(&pool, Clock::manual(noon));
    assert!(ask(&ctx, "nobody@example.com").await.is_empty());
    let email: String = sqlx::query_scalar("select email from account where id = $1")
        .bind(ACCOUNT.0)
        .fetch_one(&pool)
        .await
        .unwrap();
    let sent = ask(&ctx, &email.to_uppercase()).await;
    let [mail] = sent.as_slice() else {
        panic!("{} mails", sent.len())
    };
    assert_eq!((&mail.to, &*mail.subject), (&email, "Set a new password"));
    for form in [&mail.text, &mail.html] {
        assert!(form.contains("Fri 20 Nov 2026, 12:30 UTC"), "{form}");
    }
    let (_, token) = mail.text.split_once("/reset-password?link=").unwrap();
    let token = token.split_ascii_whitespace().next().unwrap();
    let link = ResetLinks::new(&ctx.settings).open(token).unwrap();
    let mut conn = pool.acquire().await.unwrap();
    ctx.clock
        .advance(Duration::minutes(30) - Duration::seconds(1));
    let whose = account::look_up_reset(&mut conn, &ctx.clock, &link).await;
    assert_eq!(whose.unwrap().unwrap().account.id, ACCOUNT);
    ctx.clock.advance(Duration::seconds(1));
    let late = account::look_up_reset(&mut conn, &ctx.clock, &link).await;
    assert!(late.unwrap().is_none());
    assert_eq!(tally(&pool).await, Tally::done(2));
}
