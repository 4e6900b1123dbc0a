//! What an endpoint gets, and how it knows that it is ours.

use std::process::Command;

use flightdesk_core::webhook::{self, DeliveryStatus, TEST_TYPE};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::receiver::{Received, Receiver};
use super::{ctx_with, endpoint, happen, log, run};
use crate::support::bookings::ACCOUNT;

/// The formula of the specification in another language: <https://www.standardwebhooks.com>.
const VERIFY: &str = r"
import base64, hashlib, hmac, sys
secret, id, timestamp, body, signatures = sys.argv[1:]
key = base64.b64decode(secret.removeprefix('whsec_'), validate=True)
assert 24 <= len(key) <= 64
mac = hmac.new(key, f'{id}.{timestamp}.{body}'.encode(), hashlib.sha256).digest()
expected = 'v1,' + base64.b64encode(mac).decode()
print(signatures.split(' ').index(expected))
";

/// At which place among the signatures the one of a secret stands.
fn signed_at(secret: &str, got: &Received) -> Option<usize> {
    let (id, timestamp) = (got.header("webhook-id"), got.header("webhook-timestamp"));
    let signatures = got.header("webhook-signature");
    let answer = Command::new("python3")
        .args(["-c", VERIFY, secret, id, timestamp, &got.body, signatures])
        .output()
        .unwrap();
    String::from_utf8(answer.stdout)
        .unwrap()
        .trim()
        .parse()
        .ok()
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn an_event_is_delivered_once_and_signed_as_standard_webhooks_says(pool: PgPool) {
    let (ctx, receiver) = (ctx_with(&pool, true), Receiver::start().await);
    let (id, secret) = endpoint(&ctx, &receiver.url()).await;
    happen(&ctx).await;
    assert_eq!(run(&ctx).await, 1);
    assert_eq!(run(&ctx).await, 0);
    let [got] = &receiver.received()[..] else {
        panic!("{:?}", receiver.received())
    };
    let event: uuid::Uuid = sqlx::query_scalar("select id from booking_event")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(got.path, "/hook");
    assert_eq!(got.header("content-type"), "application/json");
    assert_eq!(got.header("webhook-id"), event.to_string());
    assert_eq!(
        got.header("webhook-timestamp"),
        ctx.clock.now().timestamp().to_string()
    );
    assert_eq!(signed_at(&secret, got), Some(0));
    let body: Value = serde_json::from_str(&got.body).unwrap();
    let expected = json!({
        "type": "booking.name_corrected",
        "version": 1,
        "timestamp": "2026-11-20T09:10:00Z",
        "data": { "event_id": event, "booking_ref": "K7XQ3M", "actor": "system", "details": { "passenger_ids": [] } },
    });
    assert_eq!(body, expected);
    let [delivery] = &log(&ctx, id).await[..] else {
        panic!("one delivery")
    };
    assert_eq!(
        (delivery.status, delivery.attempts),
        (DeliveryStatus::Delivered, 1)
    );
    assert_eq!(delivery.response_status, Some(204));
    assert_eq!(delivery.request_body.as_deref(), Some(got.body.as_str()));
    let logged = delivery.request_headers.as_ref().unwrap();
    assert_eq!(logged["webhook-signature"], got.header("webhook-signature"));

    // While the secret is rotated either proves it, and then the new one alone.
    let mut conn = ctx.db.acquire().await.unwrap();
    let rotated = webhook::rotate(
        &mut conn,
        &ctx.clock,
        &ctx.webhooks.secrets,
        ACCOUNT,
        id,
        Some(1),
    )
    .await;
    let new = rotated.unwrap().1.expose();
    drop(conn);
    for old_at in [Some(1), None] {
        happen(&ctx).await;
        assert_eq!(run(&ctx).await, 1);
        let got = receiver.received().pop().unwrap();
        assert_eq!(
            (signed_at(&new, &got), signed_at(&secret, &got)),
            (Some(0), old_at)
        );
        ctx.clock.advance(chrono::Duration::hours(1));
    }
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn what_was_delivered_comes_again_when_its_owner_asks_for_it(pool: PgPool) {
    let (ctx, receiver) = (ctx_with(&pool, true), Receiver::start().await);
    let began = ctx.clock.now();
    // Before there was an endpoint.
    happen(&ctx).await;
    let (id, _) = endpoint(&ctx, &receiver.url()).await;
    ctx.clock.advance(chrono::Duration::minutes(1));
    happen(&ctx).await;
    assert_eq!(run(&ctx).await, 1);
    let first = receiver.received();
    let mut conn = ctx.db.acquire().await.unwrap();
    let delivery = log(&ctx, id).await.pop().unwrap();
    webhook::replay(&mut conn, &ctx.clock, ACCOUNT, id, delivery.id)
        .await
        .unwrap();
    assert_eq!(run(&ctx).await, 1);
    let again = receiver.received().pop().unwrap();
    assert_eq!(
        (again.header("webhook-id"), &again.body),
        (first[0].header("webhook-id"), &first[0].body)
    );

    ctx.clock.advance(chrono::Duration::minutes(1));
    let replayed =
        webhook::replay_range(&mut conn, &ctx.clock, ACCOUNT, id, began, ctx.clock.now())
            .await
            .unwrap();
    assert_eq!((replayed.events, replayed.next_from), (2, None));
    assert_eq!(run(&ctx).await, 2);
    assert_eq!(
        (receiver.received().len(), log(&ctx, id).await.len()),
        (4, 2)
    );
    // The end is not in it.
    let none = webhook::replay_range(
        &mut conn,
        &ctx.clock,
        ACCOUNT,
        id,
        began - chrono::Duration::hours(1),
        began,
    )
    .await;
    assert_eq!(none.unwrap().events, 0);

    receiver.answers("500 Oh", "");
    let test = webhook::test(&mut conn, &ctx.clock, ACCOUNT, id)
        .await
        .unwrap();
    assert_eq!((test.event_type.as_str(), run(&ctx).await), (TEST_TYPE, 1));
    let got: Value = serde_json::from_str(&receiver.received().pop().unwrap().body).unwrap();
    assert_eq!(
        (&got["type"], &got["data"]),
        (
            &json!("webhook.test"),
            &json!({ "event_id": test.event_id })
        )
    );
    let test = webhook::find_delivery(&mut conn, id, test.id)
        .await
        .unwrap();
    assert_eq!(
        (test.status, test.response_status),
        (DeliveryStatus::Failed, Some(500))
    );
    // A test counts for nothing else.
    let after = webhook::get(&mut conn, &ctx.clock, ACCOUNT, id)
        .await
        .unwrap();
    assert_eq!(after.failing_since, None);
}
