//! What `send_verification` sends, and to whom.

use chrono::{Duration, TimeZone, Utc};
use flightdesk_core::Clock;
use flightdesk_core::account::{self, LinkState, VerificationLinks};
use flightdesk_core::email::EmailAddress;
use flightdesk_core::outbox::MailKind;
use flightdesk_worker::Ctx;
use flightdesk_worker::attempt;
use flightdesk_worker::mail::Mail;
use flightdesk_worker::outcome::Outcome;
use flightdesk_worker::pushed::Pushed;
use sqlx::PgPool;

use crate::support::bookings::{ACCOUNT, promise};
use crate::support::{Tally, ctx, tally};

fn clock() -> Clock {
    Clock::manual(Utc.with_ymd_and_hms(2026, 11, 20, 9, 10, 0).unwrap())
}

/// Asks for a link to an address and runs the job; every mail that was sent so far.
async fn ask(ctx: &Ctx, email: &str) -> Vec<Mail> {
    let email = EmailAddress::parse(email).unwrap();
    let mut conn = ctx.db.acquire().await.unwrap();
    account::send_verification_again(&mut conn, &ctx.clock, &email)
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
        kind: "send_verification".to_owned(),
        request_id: None,
        trace_parent: None,
    };
    assert_eq!(attempt::run(ctx, &pushed).await, Outcome::Done);
    ctx.mail.sent()
}

async fn email(pool: &PgPool) -> String {
    sqlx::query_scalar("update account set first_name = 'Mallory', last_name = 'Click here' where id = $1 returning email")
        .bind(ACCOUNT.0)
        .fetch_one(pool)
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
async fn an_address_gets_a_link_that_works_and_no_word_of_whoever_typed_it(pool: PgPool) {
    let (ctx, email) = (ctx(&pool, clock()), email(&pool).await);
    let sent = ask(&ctx, &email.to_uppercase()).await;
    let [mail] = sent.as_slice() else {
        panic!("{} mails", sent.len())
    };
    assert_eq!(mail.to, email);
    assert_eq!(mail.subject, "Verify your e-mail address");
    assert!(mail.message_id.starts_with("verify_email."));
    for form in [&mail.text, &mail.html] {
        for said in ["Sun 22 Nov 2026, 09:10 UTC", "/verify-email?link="] {
            assert!(form.contains(said), "{said:?} is missing in\n{form}");
        }
        for word in ["Mallory", "Click here"] {
            assert!(!form.contains(word), "{word:?} is in\n{form}");
        }
    }
    let (_, token) = mail.text.split_once("/verify-email?link=").unwrap();
    let token = token.split_ascii_whitespace().next().unwrap();
    let link = VerificationLinks::new(&ctx.settings).open(token).unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let state = account::verify_email(&mut conn, &ctx.clock, &link)
        .await
        .unwrap();
    assert!(matches!(state, LinkState::Verified(_)), "{state:?}");
    drop(conn);
    // Whoever asks again has nothing to verify any more.
    assert_eq!(ask(&ctx, &email).await.len(), 1);
    assert_eq!(tally(&pool).await, Tally::done(2));
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn nobody_gets_a_link_where_there_is_no_account(pool: PgPool) {
    let ctx = ctx(&pool, clock());
    assert!(ask(&ctx, "nobody@example.com").await.is_empty());
    assert_eq!(tally(&pool).await, Tally::done(1));
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn links_count_among_the_mails_that_a_stranger_gets_in_an_hour(pool: PgPool) {
    let mut ctx = ctx(&pool, clock());
    let mut settings = ctx.settings.as_ref().clone();
    settings.mail.mails_to_stranger_per_hour = 2;
    ctx.settings = std::sync::Arc::new(settings);
    let email = email(&pool).await;
    let mut sent = 0;
    for _ in 0..4 {
        sent = ask(&ctx, &email).await.len();
    }
    assert_eq!(sent, 2);
    ctx.clock.advance(Duration::hours(1));
    assert_eq!(ask(&ctx, &email).await.len(), 3);
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn an_address_that_its_account_has_verified_is_no_stranger(pool: PgPool) {
    for statement in [
        "update booking set status = 'pending_payment', confirmed_at = null",
        "update account set email = contact_email from booking where account_id = account.id",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    let ctx = ctx(&pool, clock());
    let greets = async |ctx: &Ctx| {
        let job_id = promise(&pool, &ctx.clock, MailKind::BookingHeld).await;
        let pushed = Pushed {
            job_id,
            attempt: 1,
            kind: "send_mail".to_owned(),
            request_id: None,
            trace_parent: None,
        };
        assert_eq!(attempt::run(ctx, &pushed).await, Outcome::Done);
        let mail = ctx.mail.sent().pop().unwrap();
        mail.text.contains("Hello Hồng Đào")
    };
    assert!(!greets(&ctx).await);
    sqlx::query("update account set email_verified_at = created_at")
        .execute(&pool)
        .await
        .unwrap();
    assert!(greets(&ctx).await);
    // That another account has verified it says nothing of this account's bookings.
    for statement in [
        "update account set email = 'ada@example.com' from booking where account_id = account.id",
        "update account set email = contact_email from booking where account_id <> account.id",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    assert!(!greets(&ctx).await);
}
