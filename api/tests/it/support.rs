//! A whole api on a port of its own, and clients that call it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeZone, Utc};
use clap::Parser;
use flightdesk_api::http::server::{ConnectionSettings, Server};
use flightdesk_api::{App, LimitSettings};
use flightdesk_core::Clock;
use flightdesk_core::config::Settings;
use flightdesk_core::search::TimetableCache;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::contract;
use crate::expand::expand;

/// Where every test's clock stands at first: a Friday noon in November.
pub fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap()
}

/// An api that serves on loopback until the test ends. Rate limits are off and the clock stands still.
pub struct TestApp {
    pub app: App,
    pub clock: Clock,
    pub address: SocketAddr,
    /// Start of its keys in Redis.
    pub prefix: String,
    http: reqwest::Client,
}

#[derive(Parser)]
struct Defaults {
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    limits: LimitSettings,
    #[command(flatten)]
    connections: ConnectionSettings,
}

/// The settings of a test before it changes any.
pub fn settings() -> Settings {
    Defaults::parse_from(["test"]).settings
}

impl TestApp {
    /// Serves on a test's database.
    pub async fn start(pool: PgPool) -> Self {
        Self::start_with(pool, |_, _| {}).await
    }

    /// Serves with settings that `change` has changed.
    pub async fn start_with(
        pool: PgPool,
        change: impl FnOnce(&mut Settings, &mut LimitSettings),
    ) -> Self {
        // Flights that a test adds are found at once.
        let timetables = TimetableCache::new(chrono::Duration::zero());
        Self::start_keeping(timetables, pool, change).await
    }

    /// Serves like a process that has just begun: it reads its timetable once, and then what changed every two seconds.
    pub async fn start_cold(
        pool: PgPool,
        change: impl FnOnce(&mut Settings, &mut LimitSettings),
    ) -> Self {
        Self::start_keeping(TimetableCache::default(), pool, change).await
    }

    async fn start_keeping(
        timetables: TimetableCache,
        pool: PgPool,
        change: impl FnOnce(&mut Settings, &mut LimitSettings),
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let Defaults {
            mut settings,
            mut limits,
            mut connections,
        } = Defaults::parse_from(["test"]);
        // Every client of a test has one address.
        connections.max_connections_per_address = 0;
        settings.public_url = format!("http://{address}");
        limits.rate_limit_per_minute = 0;
        limits.rate_limit_address_per_minute = 0;
        limits.rate_limit_sign_ups_per_hour = 0;
        limits.rate_limit_log_ins_per_hour = 0;
        limits.rate_limit_passwords_per_hour = 0;
        // All of a test's accounts are young and come from one address.
        settings.sales.max_unpaid_seats_of_network = 0;
        settings.sales.max_unpaid_percent_for_new_accounts = 100;
        limits.redis_prefix = format!("test:{}", Uuid::now_v7().simple());
        change(&mut settings, &mut limits);
        let prefix = limits.redis_prefix.clone();
        let clock = Clock::manual(noon());
        let mut app = App::with_pool(settings, limits, clock.clone(), pool).unwrap();
        app.timetables = timetables;
        let endpoint = flightdesk_api::app(app.clone()).unwrap();
        let server = Server::new(connections, app.stopping.clone());
        let never = std::future::pending();
        tokio::spawn(server.run(listener, endpoint, Duration::ZERO, never));
        Self {
            app,
            clock,
            address,
            prefix,
            http: reqwest::Client::new(),
        }
    }

    /// A request without a key.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("http://{}{path}", self.address))
    }

    /// A client with an account of its own, whose key may search and book.
    pub async fn sign_up(&self) -> Client<'_> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let email = format!(
            "traveller{}@example.com",
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let answer = self
            .request(Method::POST, "/v1/accounts")
            .json(&sign_up_form(&email))
            .answer()
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        Client {
            app: self,
            key: answer.body["api_key"]["key"].as_str().unwrap().to_owned(),
            account_id: answer.body["account"]["id"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap(),
        }
    }
}

/// A sign-up that is in order.
pub fn sign_up_form(email: &str) -> Value {
    json!({
        "email": email,
        "password": "correct horse battery",
        "first_name": "Ada",
        "last_name": "Lovelace",
    })
}

/// Somebody with an API key.
pub struct Client<'a> {
    pub app: &'a TestApp,
    pub key: String,
    pub account_id: Uuid,
}

impl Client<'_> {
    /// A request with the key.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.app
            .request(method, path)
            .header("X-API-Key", &self.key)
    }

    /// `GET`
    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path).answer().await
    }

    /// `POST` of a JSON body
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.request(Method::POST, path).json(body).answer().await
    }

    /// `POST` of a JSON body with an `Idempotency-Key`
    pub async fn post_once(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.request(Method::POST, path)
            .header("Idempotency-Key", key)
            .json(body)
            .answer()
            .await
    }

    /// `PATCH` of a JSON body
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.request(Method::PATCH, path).json(body).answer().await
    }

    /// `DELETE`
    pub async fn delete(&self, path: &str) -> Answer {
        self.request(Method::DELETE, path).answer().await
    }
}

/// An answer that has been read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    /// JSON with the offers of a search in full; `null` when the answer is not JSON.
    pub body: Value,
    pub text: String,
}

impl Answer {
    /// A header's text, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The stable code of a problem; checks that it is one in every respect.
    pub fn problem(&self) -> (u16, &str) {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{self:?}"
        );
        assert_eq!(self.body["status"], self.status.as_u16(), "{self:?}");
        assert_eq!(
            self.body["request_id"],
            self.header("x-request-id"),
            "{self:?}"
        );
        for member in ["type", "title", "detail"] {
            assert!(
                self.body[member]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{self:?}"
            );
        }
        for leak in [
            "::",
            "expected input type",
            "poem",
            "sqlx",
            "integer_",
            "string_",
        ] {
            assert!(!self.text.contains(leak), "{leak} leaks: {}", self.text);
        }
        (self.status.as_u16(), self.body["code"].as_str().unwrap())
    }

    /// The wrong fields of a 422, as `field: code`.
    pub fn wrong_fields(&self) -> Vec<String> {
        assert_eq!(self.problem().0, 422, "{self:?}");
        let errors = self.body["errors"].as_array().unwrap();
        let line = |error: &Value| {
            format!(
                "{}: {}",
                error["field"].as_str().unwrap(),
                error["code"].as_str().unwrap()
            )
        };
        errors.iter().map(line).collect()
    }
}

/// Sends, reads to the end, and holds the answer against the document.
pub trait Send {
    async fn answer(self) -> Answer;
}

impl Send for RequestBuilder {
    async fn answer(self) -> Answer {
        let (client, request) = self.build_split();
        let request = request.unwrap();
        let method = request.method().clone();
        let response = client.execute(request).await.unwrap();
        let path = response.url().path().to_owned();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let content_type = headers.get("content-type");
        let content_type = content_type.map_or("", |value| value.to_str().unwrap());
        contract::check(&method, &path, status, content_type, &text);
        let mut body = serde_json::from_str(&text).unwrap_or_default();
        expand(&mut body);
        Answer {
            status,
            headers,
            body,
            text,
        }
    }
}
