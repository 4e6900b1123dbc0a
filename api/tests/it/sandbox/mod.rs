//! The sandbox over HTTP, called by the product's own client and by hand, with a webhook endpoint that listens.

mod checkout;
mod page;
mod refunds;
mod refusals;
mod webhooks;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Duration, Utc};
use clap::Parser;
use flightdesk_api::sandbox::Sandbox;
use flightdesk_core::Clock;
use flightdesk_core::config::Settings;
use flightdesk_core::ids::{BookingId, PaymentId};
use flightdesk_core::money::{Currency, Money};
use flightdesk_core::payment::stripe::{
    CheckoutRequest, CheckoutSession, Event, Stripe, read_event,
};
use poem::http::StatusCode;
use poem::listener::TcpAcceptor;
use poem::web::Data;
use poem::{Body, EndpointExt, Request, Route, Server, handler, post};
use serde_json::{Value, json};
use sqlx::PgPool;

pub const PAYS: &str = "4242424242424242";
pub const DECLINES: &str = "4000000000000002";

/// A shop: the sandbox, the client, and an endpoint for webhooks, at a clock that stands still.
pub struct Shop {
    pub db: PgPool,
    pub clock: Clock,
    pub sandbox: Sandbox,
    pub stripe: Stripe,
    pub http: reqwest::Client,
    pub base: String,
    settings: Settings,
    inbox: Inbox,
}

/// What the webhook endpoint has received, and what it answers next (then 200).
#[derive(Clone, Default)]
struct Inbox {
    received: Arc<Mutex<Vec<Received>>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
}

/// A signature header, and the bytes that came with it.
type Received = (String, Vec<u8>);

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    settings: Settings,
}

#[handler]
async fn receive(request: &Request, body: Body, Data(inbox): Data<&Inbox>) -> StatusCode {
    let signature = request.header("stripe-signature").unwrap_or_default();
    let bytes = body.into_vec().await.unwrap();
    inbox
        .received
        .lock()
        .unwrap()
        .push((signature.to_owned(), bytes));
    let answer = inbox.answers.lock().unwrap().pop_front();
    StatusCode::from_u16(answer.unwrap_or(200)).unwrap()
}

impl Shop {
    pub fn open(db: PgPool) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let settings = Flags::parse_from(["shop", "--public-url", &base]).settings;
        assert!(
            settings.uses_sandbox(),
            "unset STRIPE_SECRET_KEY and FLIGHTDESK_ENV for the tests"
        );
        let clock = Clock::manual("2026-11-20T12:00:00Z".parse().unwrap());
        let sandbox = Sandbox::new(db.clone(), clock.clone(), &settings);
        let inbox = Inbox::default();
        let routes = Route::new()
            .nest("/sandbox", sandbox.routes())
            .at("/v1/webhooks/stripe", post(receive).data(inbox.clone()));
        let acceptor = TcpAcceptor::from_std(listener).unwrap();
        tokio::spawn(Server::new_with_acceptor(acceptor).run(routes));
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        let stripe = Stripe::new(&settings).unwrap();
        Self {
            db,
            clock,
            sandbox,
            stripe,
            http,
            base,
            settings,
            inbox,
        }
    }

    /// What a booking of INR 5914.10 asks for, payable for 31 minutes.
    pub fn request(&self) -> CheckoutRequest {
        CheckoutRequest {
            payment_id: PaymentId::new(),
            booking_id: BookingId::new(),
            booking_ref: "EABC37".to_owned(),
            description: "DEL to BOM, 20 December 2026 <2 adults>".to_owned(),
            amount: Money::new(591_410, Currency::INR),
            expires_at: self.clock.now() + Duration::minutes(31),
            success_url: "https://shop.example/done?session={CHECKOUT_SESSION_ID}".to_owned(),
            cancel_url: "https://shop.example/back".to_owned(),
            customer_email: "asha@example.com".to_owned(),
        }
    }

    /// An open session.
    pub async fn session(&self) -> CheckoutSession {
        self.stripe.create_checkout(&self.request()).await.unwrap()
    }

    /// A session that is paid.
    pub async fn paid(&self) -> CheckoutSession {
        let session = self.session().await;
        assert_eq!(self.pay(&session, PAYS).await.status(), 303);
        self.stripe.checkout(&session.id).await.unwrap()
    }

    /// A click on the payment page.
    pub async fn pay(&self, session: &CheckoutSession, card: &str) -> reqwest::Response {
        let url = format!("{}/sandbox/checkout/{}", self.base, session.id);
        self.http
            .post(url)
            .form(&[("number", card)])
            .send()
            .await
            .unwrap()
    }

    /// A call to the API by hand, with a key.
    pub async fn call(
        &self,
        path: &str,
        params: &[(&str, &str)],
        key: Option<&str>,
    ) -> (u16, Value, bool) {
        let mut request = self
            .http
            .post(format!("{}/sandbox/stripe{path}", self.base))
            .header("authorization", "Bearer sk_test_by_hand")
            .form(params);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answer = request.send().await.unwrap();
        let replayed = answer.headers().get("idempotent-replayed").is_some();
        assert!(answer.headers().contains_key("request-id"));
        (
            answer.status().as_u16(),
            answer.json().await.unwrap(),
            replayed,
        )
    }

    /// A read of the API by hand.
    pub async fn get(&self, path: &str) -> (u16, Value) {
        let url = format!("{}/sandbox/stripe{path}", self.base);
        let answer = self
            .http
            .get(url)
            .bearer_auth("sk_test_by_hand")
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// Tells the sandbox how to misbehave.
    pub async fn configure(&self, section: &str, how: Value) {
        let url = format!("{}/sandbox/stripe/_config/{section}", self.base);
        let answer = self.http.post(url).json(&how).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }

    /// What the webhook endpoint answers next.
    pub fn answer_next(&self, statuses: &[u16]) {
        self.inbox.answers.lock().unwrap().extend(statuses);
    }

    /// Delivers all that is due, and reads what arrived with the product's own eyes.
    pub async fn delivered(&self) -> Vec<Event> {
        while self.sandbox.tick().await.unwrap() > 0 {}
        let received = std::mem::take(&mut *self.inbox.received.lock().unwrap());
        let secret = &self.settings.stripe.stripe_webhook_secret;
        received
            .iter()
            .map(|(signature, body)| read_event(secret, signature, body, &self.clock).unwrap())
            .collect()
    }

    /// The kinds of what is delivered, sorted: Stripe promises no order.
    pub async fn delivered_kinds(&self) -> Vec<String> {
        let mut kinds: Vec<String> = self
            .delivered()
            .await
            .into_iter()
            .map(|event| event.kind)
            .collect();
        kinds.sort();
        kinds
    }

    pub async fn count(&self, table: &str) -> i64 {
        let query = sqlx::AssertSqlSafe(format!("select count(*) from sandbox.{table}"));
        sqlx::query_scalar(query).fetch_one(&self.db).await.unwrap()
    }
}

/// The parameters of a session that Stripe takes, as form fields.
pub fn good_session(now: DateTime<Utc>) -> Vec<(String, String)> {
    [
        ("mode", "payment"),
        ("success_url", "https://shop.example/done"),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][currency]", "inr"),
        ("line_items[0][price_data][unit_amount]", "591410"),
        (
            "line_items[0][price_data][product_data][name]",
            "DEL to BOM",
        ),
        ("expires_at", &(now.timestamp() + 1860).to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// Fields as the client wants them.
pub fn fields(owned: &[(String, String)]) -> Vec<(&str, &str)> {
    owned
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

pub fn error_code(body: &Value) -> Value {
    json!([body["error"]["code"], body["error"]["param"]])
}
