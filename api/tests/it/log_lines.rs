//! What the log has of a request is bounded, whatever the request has.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use flightdesk_core::config::Environment;
use reqwest::Method;
use sqlx::PgPool;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

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
