//! Endpoints that do not take what they get.

use chrono::Duration;
use flightdesk_core::webhook::{
    self, DeliveryStatus, Destinations, DisabledReason, EndpointChange, EndpointStatus,
};
use sqlx::PgPool;

use super::receiver::Receiver;
use super::{ctx_with, endpoint, happen, log, run};
use crate::support::bookings::ACCOUNT;

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn what_is_refused_comes_again_for_three_days_and_then_the_endpoint_is_disabled_with_a_mail(
    pool: PgPool,
) {
    let (ctx, receiver) = (ctx_with(&pool, true), Receiver::start().await);
    receiver.answers("503 Later", &"é".repeat(4_000));
    let (id, _) = endpoint(&ctx, &receiver.url()).await;
    happen(&ctx).await;
    let began = ctx.clock.now();
    let mut waits = Vec::new();
    for attempt in 1..=10 {
        assert_eq!(run(&ctx).await, 1, "attempt {attempt}");
        let delivery = log(&ctx, id).await.pop().unwrap();
        assert_eq!(
            (delivery.attempts, delivery.response_status),
            (attempt, Some(503))
        );
        assert_eq!(delivery.response_body.unwrap().len(), 4 * 1024);
        let Some(at) = delivery.next_attempt_at else {
            assert_eq!((attempt, delivery.status), (10, DeliveryStatus::Failed));
            break;
        };
        // Not sooner.
        assert_eq!(run(&ctx).await, 0);
        waits.push(at - ctx.clock.now());
        ctx.clock.advance(at - ctx.clock.now());
    }
    let least =
        [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400].map(Duration::seconds);
    let fits = waits
        .iter()
        .zip(least)
        .all(|(wait, least)| *wait >= least && *wait <= least * 11 / 10);
    assert!(fits && waits.len() == 9, "{waits:?}");
    // The same message each time.
    let received = receiver.received();
    let same = |one: &super::receiver::Received| {
        one.header("webhook-id") == received[0].header("webhook-id") && one.body == received[0].body
    };
    assert!(received.len() == 10 && received.iter().all(same));

    let mut conn = ctx.db.acquire().await.unwrap();
    let endpoint = webhook::get(&mut conn, &ctx.clock, ACCOUNT, id)
        .await
        .unwrap();
    assert_eq!(
        (endpoint.status, endpoint.disabled_reason),
        (EndpointStatus::Disabled, Some(DisabledReason::Failing))
    );
    assert_eq!(endpoint.failing_since, Some(began));
    assert_eq!(run(&ctx).await, 1);
    let [mail] = &ctx.mail.sent()[..] else {
        panic!("one mail")
    };
    assert_eq!(
        (mail.to.as_str(), mail.subject.as_str()),
        ("agency@example.com", "Your webhook endpoint was disabled")
    );
    assert!(
        mail.text.contains(&receiver.url()) && mail.text.contains("three days"),
        "{}",
        mail.text
    );
    // No job is dead, and none needs a person.
    let dead: i64 = sqlx::query_scalar("select count(*) from outbox where status <> 'done'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(dead, 0);

    // What happens meanwhile is not promised; enabled again it is, and what was missed comes by the range.
    happen(&ctx).await;
    assert_eq!((run(&ctx).await, log(&ctx, id).await.len()), (0, 1));
    receiver.answers("200 OK", "");
    let enable = EndpointChange::parse(
        Destinations::new(true),
        None,
        None,
        None,
        Some(EndpointStatus::Enabled),
    );
    let enabled = webhook::update(&mut conn, &ctx.clock, ACCOUNT, id, enable.unwrap())
        .await
        .unwrap();
    assert_eq!(
        (
            enabled.disabled_reason,
            enabled.disabled_at,
            enabled.failing_since
        ),
        (None, None, None)
    );
    let to = ctx.clock.now() + Duration::seconds(1);
    webhook::replay_range(&mut conn, &ctx.clock, ACCOUNT, id, began, to)
        .await
        .unwrap();
    assert_eq!(run(&ctx).await, 2);
    assert!(
        log(&ctx, id)
            .await
            .iter()
            .all(|delivery| delivery.status == DeliveryStatus::Delivered)
    );
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn an_endpoint_that_fails_now_and_then_stays_and_one_that_is_gone_is_disabled_at_once(
    pool: PgPool,
) {
    let (ctx, receiver) = (ctx_with(&pool, true), Receiver::start().await);
    let (id, _) = endpoint(&ctx, &receiver.url()).await;
    let status = async || {
        let mut conn = ctx.db.acquire().await.unwrap();
        let endpoint = webhook::get(&mut conn, &ctx.clock, ACCOUNT, id)
            .await
            .unwrap();
        (
            endpoint.status,
            endpoint.disabled_reason,
            endpoint.failing_since.is_some(),
        )
    };
    for _ in 0..3 {
        receiver.answers("500 Oh", "");
        happen(&ctx).await;
        run(&ctx).await;
        assert_eq!(status().await, (EndpointStatus::Enabled, None, true));
        ctx.clock.advance(Duration::days(2));
        receiver.answers("200 OK", "");
        run(&ctx).await;
        assert_eq!(status().await, (EndpointStatus::Enabled, None, false));
    }
    receiver.answers("410 Gone", "");
    happen(&ctx).await;
    run(&ctx).await;
    assert_eq!(
        status().await,
        (EndpointStatus::Disabled, Some(DisabledReason::Gone), true)
    );
    assert_eq!(
        log(&ctx, id).await.pop().unwrap().status,
        DeliveryStatus::Failed
    );
    run(&ctx).await;
    assert!(ctx.mail.sent()[0].text.contains("410 Gone"));
}
