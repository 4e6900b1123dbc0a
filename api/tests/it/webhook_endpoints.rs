//! Webhook endpoints over HTTP: who has them, what they may be, and what is promised to them.

use flightdesk_core::booking_event::Kind;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::contract::DOCUMENT;
use crate::support::{Client, TestApp};
use crate::trip;

const PATH: &str = "/v1/webhook-endpoints";

async fn make(client: &Client<'_>, body: Value) -> Value {
    let made = client.post(PATH, &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body
}

/// The types that were promised to an endpoint, oldest first.
async fn told(client: &Client<'_>, endpoint: &str) -> Vec<String> {
    let log = client
        .get(&format!("{endpoint}/deliveries?limit=100"))
        .await;
    assert_eq!(log.status, 200, "{log:?}");
    let deliveries = log.body["data"].as_array().unwrap().iter().rev();
    let kind = |delivery: &Value| delivery["event_type"].as_str().unwrap().to_owned();
    deliveries.map(kind).collect()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_account_is_told_of_its_bookings_where_and_of_what_it_wants(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, stranger) = (app.sign_up().await, app.sign_up().await);
    let all = make(&client, json!({ "url": "https://example.com/all" })).await;
    let some = json!({ "url": "https://example.com/some", "description": "Cancelled", "events": ["booking.cancelled", "booking.cancelled"] });
    let some = make(&client, some).await;
    assert_eq!(some["events"], json!(["booking.cancelled"]));
    assert!(all["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_ne!(all["secret"], some["secret"]);
    let path = |endpoint: &Value| format!("{PATH}/{}", endpoint["id"].as_str().unwrap());
    let (all, some) = (path(&all), path(&some));
    // The secret was shown once.
    assert_eq!(client.get(&all).await.body.get("secret"), None);
    let listed = client.get(PATH).await;
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 2);
    assert!(!listed.text.contains("whsec_"));
    assert_eq!(stranger.get(PATH).await.body["data"], json!([]));

    let booking = client.book().await;
    let reference = trip::reference(&booking);
    let cancelled = client
        .post(
            &format!("/v1/bookings/{reference}/cancellations"),
            &json!({}),
        )
        .await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    stranger.book().await;
    assert_eq!(
        told(&client, &all).await,
        ["booking.held", "booking.cancelled"]
    );
    assert_eq!(told(&client, &some).await, ["booking.cancelled"]);

    // A page at a time, and by where they stand.
    let first = client
        .get(&format!("{all}/deliveries?limit=1&status=pending"))
        .await;
    assert_eq!(first.body["data"][0]["event_type"], "booking.cancelled");
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let rest = client
        .get(&format!("{all}/deliveries?limit=1&cursor={cursor}"))
        .await;
    assert_eq!(rest.body["data"][0]["event_type"], "booking.held");
    let delivered = client
        .get(&format!("{all}/deliveries?status=delivered"))
        .await;
    assert_eq!(delivered.body["data"], json!([]));

    let disabled = client.patch(&all, &json!({ "status": "disabled" })).await;
    assert!(disabled.body["disabled_at"].is_string(), "{disabled:?}");
    let rotated = client
        .post(
            &format!("{some}/secret-rotations"),
            &json!({ "overlap_hours": 2 }),
        )
        .await;
    assert_eq!(
        rotated.body["previous_secret_until"],
        "2026-11-20T14:00:00Z"
    );
    assert!(
        rotated.body["secret"]
            .as_str()
            .unwrap()
            .starts_with("whsec_")
    );
    let range = json!({ "from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z" });
    let replayed = client.post(&format!("{some}/replays"), &range).await;
    assert_eq!(replayed.body, json!({ "events": 1 }), "only what it wants");
    let delivery = client.get(&format!("{some}/deliveries")).await.body["data"][0]["id"].clone();
    let again = format!("{some}/deliveries/{}/replays", delivery.as_str().unwrap());
    assert_eq!(client.post(&again, &json!({})).await.status, 202);
    let test = client.post(&format!("{some}/tests"), &json!({})).await;
    assert_eq!(
        (test.status.as_u16(), &test.body["event_type"]),
        (202, &json!("webhook.test"))
    );

    // To anybody else there is no such endpoint.
    for path in [some.clone(), format!("{some}/deliveries")] {
        assert_eq!(stranger.get(&path).await.problem(), (404, "not_found"));
    }
    for action in ["tests", "secret-rotations"] {
        let refused = stranger.post(&format!("{some}/{action}"), &json!({})).await;
        assert_eq!(refused.problem(), (404, "not_found"));
    }
    assert_eq!(
        stranger.post(&again, &json!({})).await.problem(),
        (404, "not_found")
    );
    assert_eq!(
        stranger
            .post(&format!("{some}/replays"), &range)
            .await
            .problem(),
        (404, "not_found")
    );
    assert_eq!(
        stranger
            .patch(&some, &json!({ "events": [] }))
            .await
            .problem(),
        (404, "not_found")
    );
    assert_eq!(stranger.delete(&some).await.problem(), (404, "not_found"));
    assert_eq!(client.delete(&some).await.status, 204);
    assert_eq!(client.get(&some).await.problem(), (404, "not_found"));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_endpoint_is_public_https_and_wants_events_that_there_are(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    for url in [
        "http://example.com/",
        "https://10.0.0.1/",
        "https://[::1]/",
        "https://user:word@example.com/",
        "https://example.com:25/",
        "nonsense",
    ] {
        let refused = client.post(PATH, &json!({ "url": url })).await;
        assert_eq!(refused.wrong_fields(), ["url: url_not_allowed"], "{url}");
    }
    let wrong = json!({ "url": "ftp://x/", "events": ["booking.held", "booking.sold"], "description": "a".repeat(200) });
    let wrong = client.post(PATH, &wrong).await;
    assert_eq!(
        wrong.wrong_fields(),
        ["url: url_not_allowed", "events[1]: unknown_event"]
    );
    let endpoint = make(&client, json!({ "url": "https://example.com/" })).await;
    let path = format!("{PATH}/{}", endpoint["id"].as_str().unwrap());
    let refused = client
        .patch(&path, &json!({ "url": "https://127.0.0.1/" }))
        .await;
    assert_eq!(refused.wrong_fields(), ["url: url_not_allowed"]);
    let backwards = json!({ "from": "2026-11-21T00:00:00Z", "to": "2026-11-20T00:00:00Z" });
    let refused = client.post(&format!("{path}/replays"), &backwards).await;
    assert_eq!(refused.wrong_fields(), ["to: order"]);
    for _ in 1..10 {
        make(&client, json!({ "url": "https://example.com/" })).await;
    }
    let more = client
        .post(PATH, &json!({ "url": "https://example.com/" }))
        .await;
    assert_eq!(more.problem(), (409, "too_many_webhook_endpoints"));
}

#[test]
fn the_document_names_every_type() {
    let types: Vec<_> = Kind::ALL.iter().map(|kind| kind.published_as()).collect();
    let named = &DOCUMENT["components"]["schemas"]["WebhookEventType"]["enum"];
    assert_eq!(named, &json!(types));
}
