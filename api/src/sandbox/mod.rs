//! A Stripe that takes no money: the parts of Stripe's HTTP API that Flightdesk uses, its payment page and its
//! webhooks, for machines without a Stripe key.
//!
//! It shares no code with `flightdesk_core::payment`, so that the two can contradict each other in tests. What it
//! does follows Stripe's documentation, named where it does it; what it does not play it refuses.
//! Everything it remembers is in the schema `sandbox`.
//!
//! **The sandbox is a second implementation.** It shares no code with the payment domain, speaks HTTP and refuses
//! what Stripe refuses, so that the client cannot agree with itself.

mod answer;
mod control;
mod currency;
mod dispute;
mod event;
mod fault;
mod form;
mod idempotency;
mod list;
mod object;
mod page;
mod pay;
mod refund;
mod session;
mod terms;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use flightdesk_core::Clock;
use flightdesk_core::config::Settings;
use flightdesk_core::db;
use poem::{EndpointExt, Route, get};
use secrecy::SecretString;
use serde_json::Value;
use sqlx::PgConnection;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use uuid::Uuid;

use fault::Fault;
use form::Params;
use object::{Charge, Refund, Session};

/// The sandbox of one process. Several processes share their state through PostgreSQL.
#[derive(Clone, Debug)]
pub struct Sandbox {
    db: db::Pool,
    clock: Clock,
    /// Where the payment pages are: `PUBLIC_URL`.
    public_url: String,
    webhook_url: String,
    webhook_secret: SecretString,
    http: reqwest::Client,
    /// Wakes the background task when there may be something to deliver.
    wake: Arc<Notify>,
}

/// One request: when it came, and by what name it is remembered.
#[derive(Clone, Debug)]
struct Call {
    now: DateTime<Utc>,
    /// `None` for what the sandbox does by itself.
    request_id: Option<String>,
    idempotency_key: Option<String>,
    /// The API version the caller speaks.
    version: String,
}

impl Sandbox {
    /// A sandbox that tells `{PUBLIC_URL}/v1/webhooks/stripe` of its events, signed with the webhook secret.
    pub fn new(db: impl Into<db::Pool>, clock: Clock, settings: &Settings) -> Self {
        let public_url = settings.public_url.trim_end_matches('/').to_owned();
        // Stripe takes a redirect for a failure (https://docs.stripe.com/webhooks#fix-http-status-codes).
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            // A kept connection may have fallen silent; one for each call costs little here.
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap_or_default();
        Self {
            db: db.into(),
            clock,
            webhook_url: format!("{public_url}/v1/webhooks/stripe"),
            public_url,
            webhook_secret: settings.stripe.stripe_webhook_secret.clone(),
            http,
            wake: Arc::new(Notify::new()),
        }
    }

    /// The same sandbox, telling another address.
    #[must_use]
    pub fn with_webhook_url(mut self, url: impl Into<String>) -> Self {
        self.webhook_url = url.into();
        self
    }

    /// The sandbox's routes, to be nested under `/sandbox`: `/stripe` is the API, `/checkout/{id}` the payment page.
    pub fn routes(&self) -> Route {
        Route::new()
            .at(
                "/stripe/*path",
                poem::endpoint::make(answer::answer).data(self.clone()),
            )
            .at(
                "/checkout/:id",
                get(page::show).post(page::submit).data(self.clone()),
            )
    }

    /// Expires sessions, ends refunds and delivers events until the handle is aborted. Any number of processes may.
    pub fn spawn_background(&self) -> JoinHandle<()> {
        let sandbox = self.clone();
        tokio::spawn(async move {
            loop {
                let tick = sandbox.db.within(Duration::from_mins(1), sandbox.tick());
                let pause = match tick.await {
                    Some(Ok(0)) => Duration::from_millis(250),
                    // There may be more.
                    Some(Ok(_)) => Duration::ZERO,
                    Some(Err(_)) | None => Duration::from_secs(1),
                };
                let _ = tokio::time::timeout(pause, sandbox.wake.notified()).await;
            }
        })
    }

    /// Does once what the background task does all the time, and says how many deliveries it tried.
    pub async fn tick(&self) -> Result<usize, sqlx::Error> {
        let call = Call::of_itself(&self.clock);
        let advanced = async {
            let mut tx = self.db.begin().await?;
            self.advance(&mut tx, &call).await?;
            tx.commit().await?;
            Ok::<_, Fault>(())
        };
        // A fault is logged where it arises; deliveries do not wait for it to be mended.
        let _ = advanced.await;
        webhook::deliver(self).await
    }

    /// Lets everything happen that time alone makes happen.
    async fn advance(&self, conn: &mut PgConnection, call: &Call) -> Result<(), Fault> {
        session::expire_due(self, conn, call).await?;
        refund::end_due(conn, call).await?;
        // Keys are kept for 24 hours (https://docs.stripe.com/api/idempotent_requests).
        let day_ago = call.now - chrono::Duration::hours(24);
        sqlx::query!(
            "delete from sandbox.idempotency_key where created_at <= $1",
            day_ago
        )
        .execute(conn)
        .await?;
        Ok(())
    }

    fn checkout_url(&self, id: &str) -> String {
        format!("{}/sandbox/checkout/{id}", self.public_url)
    }

    /// Everything the API can be asked to do. `None`: there is no such address.
    async fn execute(
        &self,
        conn: &mut PgConnection,
        call: &Call,
        method: &str,
        path: &[&str],
        params: &mut Params,
    ) -> Result<Option<Value>, Fault> {
        let mut found = match (method, path) {
            ("POST", ["checkout", "sessions"]) => session::create(self, conn, call, params).await?,
            ("GET", ["checkout", "sessions"]) => session::list(self, conn, params).await?,
            ("POST", ["checkout", "sessions", id, "expire"]) => {
                session::expire(self, conn, call, id).await?
            }
            ("GET", ["checkout", "sessions", id]) => self.get(conn, "checkout.session", id).await?,
            ("GET", ["payment_intents", id]) => self.get(conn, "payment_intent", id).await?,
            ("GET", ["charges", id]) => self.get(conn, "charge", id).await?,
            ("POST", ["refunds"]) => refund::create(conn, call, params).await?,
            ("GET", ["refunds"]) => refund::list(conn, params).await?,
            ("GET", ["refunds", id]) => self.get(conn, "refund", id).await?,
            ("GET", ["disputes"]) => dispute::list(conn, params).await?,
            ("GET", ["disputes", id]) => dispute::get(conn, id).await?,
            ("POST", ["disputes", id]) => dispute::submit(conn, call, id, params).await?,
            ("POST", ["disputes", id, "close"]) => dispute::close(conn, call, id).await?,
            ("GET", ["events"]) => event::list(conn, params).await?,
            ("GET", ["events", id]) => self.get(conn, "event", id).await?,
            _ => return Ok(None),
        };
        let wanted = params.list("expand");
        params.clone().finish()?;
        expand(conn, &mut found, &wanted).await?;
        Ok(Some(found))
    }

    /// An object by its own address.
    async fn get(&self, conn: &mut PgConnection, object: &str, id: &str) -> Result<Value, Fault> {
        let found = match object {
            "checkout.session" => Session::find(conn, id)
                .await?
                .map(|session| session.json(&self.checkout_url(id))),
            "payment_intent" => {
                Some(session::intent_json(conn, id).await?).filter(|intent| !intent.is_null())
            }
            "charge" => Charge::find(conn, id).await?.map(|charge| charge.json()),
            "refund" => Refund::find(conn, id).await?.map(|refund| refund.json()),
            _ => event::Event::find(conn, id)
                .await?
                .map(|event| event.json()),
        };
        found.ok_or_else(|| Fault::missing(object, id, "id").status(404))
    }
}

impl Call {
    /// What the sandbox does by itself.
    fn of_itself(clock: &Clock) -> Self {
        Self {
            now: clock.now(),
            request_id: None,
            idempotency_key: None,
            version: object::API_VERSION.to_owned(),
        }
    }
}

/// Puts objects in the place of their ids, up to four deep (<https://docs.stripe.com/api/expanding_objects>).
async fn expand(
    conn: &mut PgConnection,
    object: &mut Value,
    wanted: &[String],
) -> Result<(), Fault> {
    for path in wanted {
        let refuse = || {
            Fault::invalid(
                "expand",
                format!("This property cannot be expanded ({path})."),
            )
        };
        let fields: Vec<&str> = path.split('.').collect();
        if fields.len() > 4 {
            return Err(refuse());
        }
        let mut places = vec![&mut *object];
        for field in fields {
            if field == "data" {
                places = places
                    .into_iter()
                    .filter_map(|place| place["data"].as_array_mut())
                    .flatten()
                    .collect();
                continue;
            }
            let mut inner = Vec::new();
            for place in places {
                let place = place.get_mut(field).ok_or_else(refuse)?;
                if let Some(id) = place.as_str() {
                    let found = match field {
                        "payment_intent" => session::intent_json(conn, id).await?,
                        "charge" | "latest_charge" => Charge::find(conn, id)
                            .await?
                            .map_or(Value::Null, |found| found.json()),
                        _ => return Err(refuse()),
                    };
                    *place = found;
                }
                if place.is_object() {
                    inner.push(place);
                }
            }
            places = inner;
        }
    }
    Ok(())
}

/// An identifier like Stripe's: a prefix for its type, then random letters and digits.
fn new_id(prefix: &str) -> String {
    format!("{prefix}{}", Uuid::now_v7().simple())
}
