//! What follows a corrected name and a changed contact: tickets and mails.

use chrono::{TimeZone, Utc};
use flightdesk_core::Clock;
use flightdesk_core::booking::{self, Corrector, NameCorrection};
use flightdesk_core::document::{self, TicketContent, storage_key};
use flightdesk_core::ids::{BookingRef, JobId, PassengerId};
use flightdesk_core::outbox::{MailKind, RenderDocument};
use flightdesk_core::storage::Storage;
use flightdesk_worker::jobs::render_document;
use flightdesk_worker::pushed::Pushed;
use flightdesk_worker::{Ctx, attempt, outcome::Outcome};
use sqlx::PgPool;
use std::process::Command;
use uuid::{Uuid, uuid};

use crate::booked::{ACCOUNT, TempFolder, context, output, take_jobs, ticketed};
use crate::support::bookings::promise;
use crate::support::ctx;

const LUKASZ: PassengerId = PassengerId(uuid!("00000000-0000-7000-8000-000000000702"));

/// Renders every document that is due, and what was stored of each.
async fn render(ctx: &Ctx) -> Vec<(RenderDocument, Vec<u8>)> {
    let mut made = Vec::new();
    for (job, lease) in take_jobs(ctx).await {
        render_document::run(ctx, job.clone(), &lease)
            .await
            .unwrap();
        let bytes = stored(ctx, &job, job.revision).await;
        made.push((job, bytes));
    }
    made
}

async fn stored(ctx: &Ctx, job: &RenderDocument, revision: i32) -> Vec<u8> {
    let key = storage_key(job.document_id, revision);
    ctx.storage.get(&key).await.unwrap().unwrap()
}

fn text_of(pdf: &[u8]) -> String {
    let folder = TempFolder::new();
    let file = folder.0.join("ticket.pdf");
    std::fs::write(&file, pdf).unwrap();
    output(Command::new("pdftotext").arg("-layout").arg(&file).arg("-"))
}

async fn send(ctx: &Ctx, job_id: JobId) {
    let pushed = Pushed {
        job_id,
        attempt: 1,
        kind: "send_mail".to_owned(),
        request_id: None,
        trace_parent: None,
    };
    assert_eq!(attempt::run(ctx, &pushed).await, Outcome::Done);
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn tickets_and_their_barcodes_have_the_corrected_name_under_the_same_number(pool: PgPool) {
    let ctx = context(pool.clone(), Storage::memory());
    ticketed(&ctx).await;
    let before = render(&ctx).await;
    let corrected = NameCorrection {
        passenger_id: LUKASZ,
        title: None,
        first_name: None,
        middle_name: None,
        last_name: Some("Żółcz".to_owned()),
    };
    let mut tx = ctx.db.begin().await.unwrap();
    booking::correct_names(
        &mut tx,
        &ctx.clock,
        &ctx.settings.sales,
        &Corrector::Owner(ACCOUNT),
        &BookingRef::parse("K7XQ3M").unwrap(),
        &[corrected],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();

    let after = render(&ctx).await;
    assert_eq!((before.len(), after.len()), (2, 2));
    for ((old, was), (new, is)) in before.iter().zip(&after) {
        assert_eq!(old.document_id, new.document_id);
        assert_eq!((old.revision, new.revision), (1, 2));
        assert_eq!(&stored(&ctx, old, 1).await, was, "the old one stays");
        let (was, is) = (text_of(was), text_of(is));
        assert!(
            was.contains("Mr Łukasz Żółć") && !was.contains("Żółcz"),
            "{was}"
        );
        assert!(is.contains("Mr Łukasz Żółcz"), "{is}");
        let mut conn = ctx.db.acquire().await.unwrap();
        let content = TicketContent::load(&mut conn, new.document_id).await;
        let content = content.unwrap();
        let him = &content.passengers[1];
        assert!(is.contains(&him.ticket_number.to_string()), "{is}");
        assert!(was.contains(&him.ticket_number.to_string()), "{was}");
        for coupon in &him.coupons {
            assert!(coupon.barcode.starts_with("M1ZOLCZ/LUKASZ "), "{coupon:?}");
        }
    }
    let superseded: Vec<i32> = sqlx::query_scalar("select revision from document_revision")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(superseded, [1, 1]);

    // The mail with the new tickets says whose name it is, and no seat has changed.
    let job: Uuid =
        sqlx::query_scalar("select id from outbox where payload -> 'mail' ? 'tickets_changed'")
            .fetch_one(&pool)
            .await
            .unwrap();
    send(&ctx, JobId(job)).await;
    let mail = &ctx.mail.sent()[0];
    for form in [&mail.text, &mail.html] {
        assert!(
            form.contains("Names on booking K7XQ3M have been corrected."),
            "{form}"
        );
        assert!(form.contains("Mr Łukasz Żółcz"), "{form}");
        assert!(!form.contains("Seats of booking"), "{form}");
    }
    assert_eq!(mail.attachments.len(), 2);
    assert_eq!(mail.attachments[0].bytes, after[0].1);
    let mut conn = ctx.db.acquire().await.unwrap();
    let documents = document::list_by_booking(&mut conn, ACCOUNT, "K7XQ3M").await;
    assert_eq!(documents.unwrap().len(), 2);
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn both_addresses_are_told_of_another_contact_and_neither_of_the_other(pool: PgPool) {
    let clock = Clock::manual(Utc.with_ymd_and_hms(2026, 11, 20, 9, 10, 0).unwrap());
    let change_id = Uuid::now_v7();
    moved(&pool, change_id, Some("hong@example.org")).await;
    let sent = async |kind| {
        let ctx = ctx(&pool, clock.clone());
        let job = promise(&pool, &ctx.clock, kind).await;
        send(&ctx, job).await;
        ctx.mail.sent()
    };
    let to_new = sent(MailKind::ContactChanged { change_id }).await.remove(0);
    assert_eq!(to_new.to, "hong@example.org");
    assert_eq!(
        to_new.subject,
        "Mails about booking K7XQ3M now come to this address"
    );
    // Nobody has paid by it: whoever reads it may not be one of them.
    assert!(to_new.text.starts_with("Hello,\n"), "{}", to_new.text);
    let to_old = sent(MailKind::ContactReplaced { change_id })
        .await
        .remove(0);
    assert_eq!(to_old.to, "nguyen@example.com");
    assert_eq!(
        to_old.subject,
        "Mails about booking K7XQ3M no longer come to this address"
    );
    for (mail, other, has_link) in [
        (&to_new, "nguyen@example.com", true),
        (&to_old, "hong@example.org", false),
    ] {
        for form in [&mail.text, &mail.html] {
            assert!(!form.contains(other), "{form}");
            assert_eq!(form.contains("/booking?link="), has_link, "{form}");
        }
    }

    // Only the number: the address stays, and an older change says nothing any more.
    let number = Uuid::now_v7();
    moved(&pool, number, None).await;
    assert!(
        sent(MailKind::ContactChanged { change_id })
            .await
            .is_empty()
    );
    let phone = sent(MailKind::ContactChanged { change_id: number }).await;
    assert_eq!(phone[0].to, "hong@example.org");
    assert_eq!(
        phone[0].subject,
        "Booking K7XQ3M has another telephone number"
    );
    // Back to the first one, which is not told that it was left.
    moved(&pool, Uuid::now_v7(), Some("Nguyen@example.com")).await;
    assert!(
        sent(MailKind::ContactReplaced { change_id })
            .await
            .is_empty()
    );
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn an_address_that_somebody_typed_into_a_paid_booking_gets_so_many_mails_an_hour(
    pool: PgPool,
) {
    let clock = Clock::manual(Utc.with_ymd_and_hms(2026, 11, 20, 9, 10, 0).unwrap());
    let mut sent = 0;
    for _ in 0..25 {
        let change_id = Uuid::now_v7();
        moved(&pool, change_id, Some("victim@example.org")).await;
        let ctx = ctx(&pool, clock.clone());
        let job = promise(&pool, &ctx.clock, MailKind::ContactChanged { change_id }).await;
        send(&ctx, job).await;
        sent += ctx.mail.sent().len();
    }
    assert_eq!(sent, 20);
}

/// Gives the fixture's booking another address, or another number alone, as a patch does.
async fn moved(pool: &PgPool, change_id: Uuid, to: Option<&str>) {
    sqlx::query(
        r"
        with changed as (
            update booking set contact_email = coalesce($2, before.contact_email),
                contact_changed_at = case when $2 is null then before.contact_changed_at else now() end
            from booking before where before.id = booking.id
            returning booking.id, before.contact_email
        )
        insert into contact_change (id, booking_id, changed_at, from_email)
        select $1, id, now(), case when $2 is not null then contact_email end from changed
        ",
    )
    .bind(change_id)
    .bind(to)
    .execute(pool)
    .await
    .unwrap();
}
