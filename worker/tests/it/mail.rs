//! Mail into a folder, and over SMTP to a real server that is not always kind.

use std::time::Duration;

use flightdesk_core::Clock;
use flightdesk_core::outbox::{self, MailKind};
use flightdesk_core::storage::Storage;
use sqlx::PgPool;

use crate::support::bookings::{ACCOUNT, BOOKING, promise, ready_tickets};
use crate::support::process::Worker;
use crate::support::redis::Redis;
use crate::support::smtp::Smtp;
use crate::support::{Folder, Tally, ctx, until, until_true};

/// A worker that sends the fixture's tickets by the settings given.
async fn worker(
    pool: &PgPool,
    redis: &Redis,
    documents: &Folder,
    settings: &[(&str, &str)],
) -> Worker {
    let clock = Clock::system();
    let mut chosen = (*ctx(pool, clock.clone()).settings).clone();
    chosen.storage.documents_dir = documents.path().to_owned();
    ready_tickets(pool, &clock, &Storage::from_settings(&chosen).unwrap()).await;
    let mut all = settings.to_vec();
    all.push(("DOCUMENTS_DIR", documents.path().to_str().unwrap()));
    Worker::start(pool, redis, &all)
}

async fn last_error(pool: &PgPool) -> Option<String> {
    sqlx::query_scalar!("select last_error from outbox")
        .fetch_one(pool)
        .await
        .unwrap()
}

async fn attempts(pool: &PgPool) -> i32 {
    sqlx::query_scalar!("select attempts from outbox")
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
async fn a_folder_keeps_one_file_for_a_mail_however_often_it_is_sent(pool: PgPool) {
    let (redis, documents, mails) = (Redis::start(), Folder::new(), Folder::new());
    let _worker = worker(
        &pool,
        &redis,
        &documents,
        &[("MAIL_DIR", mails.path().to_str().unwrap())],
    )
    .await;
    promise(&pool, &Clock::system(), MailKind::BookingConfirmed).await;
    until(&pool, Tally::done(2), Duration::from_secs(30)).await;
    assert_eq!(
        mails.mails(),
        [format!(
            "booking_confirmed.{BOOKING}@flightdesk.example.eml"
        )]
    );
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_mail_goes_over_smtp_with_both_forms_and_its_files(pool: PgPool) {
    let (redis, documents, smtp) = (Redis::start(), Folder::new(), Smtp::start(&["ok"]));
    let _worker = worker(&pool, &redis, &documents, &[("SMTP_URL", smtp.url())]).await;
    until(&pool, Tally::done(1), Duration::from_secs(30)).await;
    let accepted = smtp.accepted();
    let [mail] = accepted.as_slice() else {
        panic!("{} mails", accepted.len())
    };
    for expected in [
        format!("Message-ID: <booking_confirmed.{BOOKING}@flightdesk.example>"),
        "Subject: Your booking K7XQ3M is confirmed".to_owned(),
        "Content-Type: multipart/alternative".to_owned(),
        "Content-Type: text/plain".to_owned(),
        "Content-Type: text/html".to_owned(),
        "filename=\"ticket-K7XQ3M-AI.pdf\"".to_owned(),
        "filename=\"ticket-K7XQ3M-BA.pdf\"".to_owned(),
    ] {
        assert!(mail.contains(&expected), "{expected} is missing in\n{mail}");
    }
}

/// A mail leaves when the authority of the server's certificate is known, and not before.
async fn only_with_its_authority(pool: &PgPool, kind: &str) {
    let (redis, documents, smtp) = (Redis::start(), Folder::new(), Smtp::start_encrypted(kind));
    let mut distrustful = worker(pool, &redis, &documents, &[("SMTP_URL", smtp.url())]).await;
    until_true(
        "a refused certificate",
        Duration::from_secs(30),
        async || {
            let error = last_error(pool).await;
            error.is_some_and(|text| text.contains("certificate"))
        },
    )
    .await;
    distrustful.kill();
    assert_eq!(smtp.accepted().len(), 0);
    let authority = smtp.certificate();
    let settings = [
        ("SMTP_URL", smtp.url()),
        ("SMTP_CA_FILE", authority.to_str().unwrap()),
        ("DOCUMENTS_DIR", documents.path().to_str().unwrap()),
    ];
    let _trusting = Worker::start(pool, &redis, &settings);
    until(pool, Tally::done(1), Duration::from_mins(1)).await;
    assert_eq!(smtp.accepted().len(), 1);
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_server_with_tls_gets_the_mail_when_its_authority_is_known(pool: PgPool) {
    only_with_its_authority(&pool, "tls").await;
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_server_with_starttls_gets_the_mail_when_its_authority_is_known(pool: PgPool) {
    only_with_its_authority(&pool, "starttls").await;
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_busy_server_and_a_cut_connection_are_tried_again(pool: PgPool) {
    let (redis, documents) = (Redis::start(), Folder::new());
    let smtp = Smtp::start(&["421", "451", "cut", "ok"]);
    let _worker = worker(&pool, &redis, &documents, &[("SMTP_URL", smtp.url())]).await;
    until(&pool, Tally::done(1), Duration::from_mins(1)).await;
    // A server that closes the door or cuts the connection is away, for everybody: those were no attempts of this mail.
    assert_eq!(
        (smtp.offers(), smtp.accepted().len(), attempts(&pool).await),
        (4, 1, 2)
    );
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_mailbox_that_does_not_exist_ends_the_job_with_the_servers_words_but_not_the_address(
    pool: PgPool,
) {
    let (redis, documents, smtp) = (Redis::start(), Folder::new(), Smtp::start(&["550"]));
    let worker = worker(&pool, &redis, &documents, &[("SMTP_URL", smtp.url())]).await;
    until(
        &pool,
        Tally {
            dead: 1,
            ..Tally::default()
        },
        Duration::from_secs(30),
    )
    .await;
    assert_eq!((smtp.offers(), attempts(&pool).await), (1, 1));
    let error = last_error(&pool).await.unwrap();
    assert!(
        error.contains("no such mailbox") && !error.contains("nguyen"),
        "{error}"
    );
    assert!(
        !worker.log().contains("nguyen@example.com"),
        "{}",
        worker.log()
    );
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_mail_server_that_is_away_delays_the_mail(pool: PgPool) {
    let (redis, documents) = (Redis::start(), Folder::new());
    let mut worker = worker(
        &pool,
        &redis,
        &documents,
        &[("SMTP_URL", "smtp://127.0.0.1:1")],
    )
    .await;
    crate::support::until_true("a failed attempt", Duration::from_secs(30), async || {
        last_error(&pool).await.is_some()
    })
    .await;
    worker.kill();

    let smtp = Smtp::start(&["ok"]);
    let _worker = Worker::start(
        &pool,
        &redis,
        &[
            ("SMTP_URL", smtp.url()),
            ("DOCUMENTS_DIR", documents.path().to_str().unwrap()),
        ],
    );
    until(&pool, Tally::done(1), Duration::from_mins(1)).await;
    assert_eq!(smtp.accepted().len(), 1);
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn whoever_caused_a_job_can_read_why_it_is_late(pool: PgPool) {
    let (redis, documents, smtp) = (Redis::start(), Folder::new(), Smtp::start(&["451"]));
    let _worker = worker(&pool, &redis, &documents, &[("SMTP_URL", smtp.url())]).await;
    crate::support::until_true("a failed attempt", Duration::from_secs(30), async || {
        last_error(&pool).await.is_some()
    })
    .await;
    let id = sqlx::query_scalar!("select id from outbox")
        .fetch_one(&pool)
        .await
        .unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let state = outbox::find(&mut conn, ACCOUNT, id.into()).await.unwrap();
    assert!(state.last_error.unwrap().contains("451"));
    assert!(state.run_after > state.created_at);
}
