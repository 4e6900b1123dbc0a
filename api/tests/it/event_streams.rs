//! The timeline of a booking as server-sent events.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::{Client, TestApp};
use crate::trip;

/// A stream that is being read.
struct Reader {
    response: Response,
    unread: String,
}

impl Reader {
    async fn open(client: &Client<'_>, reference: &str, last: Option<&str>) -> Self {
        let path = format!("/v1/bookings/{reference}/events");
        let mut request = client
            .request(Method::GET, &path)
            .header("Accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            unread: String::new(),
        }
    }

    /// The next event: its id, its kind and its data; `None` when the stream has ended.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            while let Some((block, rest)) = self.unread.split_once("\n\n") {
                let field = |name: &str| {
                    let lines = block.lines().filter_map(|line| line.split_once(": "));
                    let found = lines
                        .filter(|(field, _)| *field == name)
                        .map(|(_, value)| value);
                    found.collect::<Vec<_>>().join("\n")
                };
                let event = (field("id"), field("event"), field("data"));
                // `rest` is a part of what it replaces.
                let rest = rest.to_owned();
                self.unread = rest;
                if !event.2.is_empty() {
                    return Some((event.0, event.1, serde_json::from_str(&event.2).unwrap()));
                }
            }
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.response.chunk()).await;
            let chunk = chunk.expect("an event within 20 s").unwrap()?;
            self.unread.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_stream_tells_each_event_once_and_continues_after_the_last_one(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    let reference = trip::reference(&booking);
    let path = format!("/v1/bookings/{reference}");
    let mut stream = Reader::open(&client, reference, None).await;
    let (held, kind, data) = stream.next().await.unwrap();
    assert_eq!(
        (kind.as_str(), &data["id"], &data["kind"]),
        ("held", &json!(held), &json!("held"))
    );
    let listed = client.get(&format!("{path}/events")).await;
    assert_eq!(listed.body["data"][0], data);

    let contact = json!({ "contact": { "email": "mai@example.com", "phone": "+84901234567" } });
    let changed = client.patch(&path, &contact).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let (change, kind, _) = stream.next().await.unwrap();
    assert_eq!(kind, "changed");
    drop(stream);
    // What happens while nobody is connected.
    let cancelled = client
        .post(&format!("{path}/cancellations"), &json!({}))
        .await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    for (last, expected) in [
        (held.as_str(), ["changed", "cancelled"].as_slice()),
        (change.as_str(), &["cancelled"]),
    ] {
        let mut stream = Reader::open(&client, reference, Some(last)).await;
        for kind in expected {
            assert_eq!(stream.next().await.unwrap().1, *kind);
        }
    }

    // It holds no connection while it waits: there are fewer of them than streams.
    let other = app.sign_up().await;
    let booking = other.book().await;
    let path = format!("/v1/bookings/{}", trip::reference(&booking));
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(Reader::open(&other, trip::reference(&booking), None).await);
    }
    assert_eq!(other.get(&path).await.status, 200);
    let request = other.request(Method::GET, &format!("{path}/events"));
    let refused = request
        .header("Accept", "text/event-stream")
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 429);
    let refused: Value = refused.json().await.unwrap();
    assert_eq!(refused["code"], "too_many_streams");

    // All end when the process stops.
    app.app.stopping.set();
    for mut stream in open {
        assert_eq!(stream.next().await.unwrap().1, "held");
        assert_eq!(stream.next().await, None);
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn nobody_else_hears_of_a_booking_and_a_wrong_id_is_named(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, stranger) = (app.sign_up().await, app.sign_up().await);
    let booking = client.book().await;
    let path = format!("/v1/bookings/{}/events", trip::reference(&booking));
    let ask = async |client: &Client<'_>, last: &str| {
        let request = client
            .request(Method::GET, &path)
            .header("Accept", "text/event-stream");
        let answer = request.header("Last-Event-ID", last).send().await.unwrap();
        (
            answer.status().as_u16(),
            answer.json::<Value>().await.unwrap()["code"].clone(),
        )
    };
    let nobody = "01900000-0000-7000-8000-000000000000";
    assert_eq!(ask(&stranger, nobody).await, (404, json!("not_found")));
    assert_eq!(
        ask(&client, "nonsense").await,
        (422, json!("invalid_request"))
    );
    assert_eq!(ask(&client, nobody).await, (422, json!("invalid_request")));
}
