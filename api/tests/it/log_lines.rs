//! What the log has of a request is bounded, whatever the request has.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flightdesk_core::config::Environment;
use reqwest::Method;
use secrecy::SecretString;
use sqlx::PgPool;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::own_redis::OwnRedis;
use crate::support::{Send, TestApp};

/// Everything that the api writes down on this thread, and so in all of a test: a line for each span and each event.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

impl Lines {
    fn keep(&self, target: &str, record: impl FnOnce(&mut Fields<'_>)) {
        if target.starts_with("flightdesk_api") {
            let mut line = String::new();
            record(&mut Fields(&mut line));
            self.0.lock().unwrap().push(line);
        }
    }
}

impl<S: tracing::Subscriber> Layer<S> for Lines {
    fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.keep(span.metadata().target(), |fields| span.record(fields));
    }

    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        self.keep(event.metadata().target(), |fields| event.record(fields));
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn no_method_path_or_header_makes_a_line_of_the_log_long(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let lines = Lines::default();
    let kept = tracing_subscriber::registry().with(lines.clone());
    let _guard = tracing::subscriber::set_default(kept);
    let long = "A".repeat(5_000);
    let method = Method::from_bytes(long.as_bytes()).unwrap();
    let asked = [
        app.request(method, "/v1/account"),
        app.request(Method::GET, &format!("/v1/{long}")),
        app.request(Method::GET, &format!("/v1/account?query={long}")),
        app.request(Method::GET, "/v1/account")
            .header("X-Request-Id", &long)
            .header("traceparent", &long)
            .header("X-API-Key", &long)
            .header("User-Agent", &long),
    ];
    let count = asked.len();
    for request in asked {
        assert!(request.answer().await.status.is_client_error());
    }
    let lines = lines.0.lock().unwrap();
    let requests = lines.iter().filter(|line| line.contains("status="));
    assert_eq!(requests.count(), count, "{lines:#?}");
    for line in lines.iter() {
        // Method and path stand in the line twice: as fields and in its words.
        assert!(line.len() < 700, "{} bytes: {line}", line.len());
        assert!(!line.contains("query"), "{line}");
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn that_limits_are_counted_without_redis_is_said_once_and_once_that_they_no_longer_are(
    pool: PgPool,
) {
    let mut redis = OwnRedis::start();
    let url = redis.url();
    let app = TestApp::start_with(pool, |settings, limits| {
        settings.redis.redis_url = SecretString::from(url);
        limits.rate_limit_per_minute = 100_000;
    })
    .await;
    let client = app.sign_up().await;
    let lines = Lines::default();
    let kept = tracing_subscriber::registry().with(lines.clone());
    let _guard = tracing::subscriber::set_default(kept);
    let said = |words: &str| {
        let lines = lines.0.lock().unwrap();
        lines.iter().filter(|line| line.contains(words)).count()
    };
    let away = "each process counts the limits for itself";
    let back = "limits are counted for all processes together";
    redis.kill();
    // Long enough for Redis to be asked three times.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        assert_eq!(client.get("/v1/account").await.status, 200);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!((said(away), said(back)), (1, 0));

    redis.restart();
    // It is said after ten seconds without trouble.
    let began = Instant::now();
    while said(back) == 0 {
        assert!(began.elapsed() < Duration::from_mins(1), "it is never said");
        assert_eq!(client.get("/v1/account").await.status, 200);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for _ in 0..20 {
        assert_eq!(client.get("/v1/account").await.status, 200);
    }
    assert_eq!((said(away), said(back)), (1, 1));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn in_production_every_answer_asks_for_https(pool: PgPool) {
    let app = TestApp::start_with(pool, |settings, _| {
        settings.environment = Environment::Production;
    })
    .await;
    for path in ["/v1/account", "/docs", "/health/live", "/nothing"] {
        let answer = app.request(Method::GET, path).answer().await;
        let policy = answer.header("strict-transport-security");
        assert_eq!(policy, "max-age=63072000", "{path}");
    }
}
