//! The client that calls the webhook endpoints of accounts.
//!
//! **Whoever names an endpoint reaches nothing through us that only we can reach.** Each name is resolved by a resolver of
//! ours that leaves out every address that is not public, at each connection anew; an address that is written as a number
//! is judged before. Nothing is followed: a redirect is an answer that does not count. No proxy of the environment is used.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use flightdesk_core::config::Settings;
use flightdesk_core::webhook::{Attempt, Destinations, Exchange, Refused, WebhookSecrets};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::{Body, Bytes};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_service::Service;

/// The longest that an attempt takes, from resolving the name to the end of what is read of the answer.
const LONGEST: Duration = Duration::from_secs(10);
/// The longest of them until a connection is there.
const LONGEST_CONNECT: Duration = Duration::from_secs(5);
/// What is kept of an answer.
const MOST_KEPT: usize = 4 * 1024;
/// Connections that are kept for the next delivery, and for how long.
const IDLE: usize = 2;
const IDLE_TIME: Duration = Duration::from_secs(30);

const USER_AGENT: &str = concat!("Flightdesk/", env!("CARGO_PKG_VERSION"));

type Connector = HttpsConnector<HttpConnector<PublicAddresses>>;

/// Calls endpoints. Clones share connections.
#[derive(Clone, Debug)]
pub struct WebhookClient {
    client: Client<Connector, Full<Bytes>>,
    to: Destinations,
    /// What deliveries are signed with.
    pub secrets: WebhookSecrets,
}

impl WebhookClient {
    /// Of a deployment. Nothing is connected yet.
    pub fn new(settings: &Settings) -> Self {
        let to = Destinations::of(&settings.webhooks);
        let mut http = HttpConnector::new_with_resolver(PublicAddresses(to));
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(LONGEST_CONNECT));
        let connector = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            // Plain HTTP is refused before (`Destinations`).
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Self {
            client: Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_max_idle_per_host(IDLE)
                .pool_idle_timeout(IDLE_TIME)
                .build(connector),
            to,
            secrets: WebhookSecrets::new(&settings.secret_key),
        }
    }

    /// Sends what is to be delivered; what came of it is in the exchange, whatever it is.
    pub async fn send(&self, attempt: &Attempt, now: chrono::DateTime<chrono::Utc>) -> Exchange {
        let began = Instant::now();
        let mut exchange = Exchange {
            headers: attempt.headers(now).into(),
            ..Exchange::default()
        };
        match tokio::time::timeout(LONGEST, self.exchange(attempt, &mut exchange)).await {
            Ok(Ok(())) => {}
            Ok(Err(why)) => exchange.error = Some(why),
            Err(_) => {
                exchange.error = Some(format!("no whole answer within {} s", LONGEST.as_secs()));
            }
        }
        exchange.duration_ms = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
        exchange
    }

    async fn exchange(&self, attempt: &Attempt, exchange: &mut Exchange) -> Result<(), String> {
        let url = self.to.parse(&attempt.url);
        let url = url.map_err(|refused| format!("the address {refused}"))?;
        let mut request = Request::post(url.as_str())
            .header("content-type", "application/json")
            .header("user-agent", USER_AGENT);
        for (name, value) in &exchange.headers {
            request = request.header(*name, value);
        }
        let body = Full::new(Bytes::from(attempt.body.clone()));
        let request = request.body(body).map_err(|error| explain(&error))?;
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|error| explain(&error))?;
        exchange.status = Some(answer.status().as_u16());
        if answer.status().is_redirection() {
            exchange.error = Some("a redirect is not followed".to_owned());
        }
        exchange.body = Some(beginning(answer.into_body()).await?);
        Ok(())
    }
}

/// The first 4 KiB of an answer, as text. The rest is not read: a connection with more is closed.
async fn beginning(
    mut body: impl Body<Data = Bytes, Error = hyper::Error> + Unpin,
) -> Result<String, String> {
    let mut kept = Vec::new();
    while kept.len() < MOST_KEPT {
        let Some(frame) = body.frame().await else {
            break;
        };
        let frame = frame.map_err(|error| format!("the answer broke off: {error}"))?;
        if let Ok(data) = frame.into_data() {
            kept.extend_from_slice(&data);
        }
    }
    kept.truncate(MOST_KEPT);
    // PostgreSQL keeps no NUL in a text.
    Ok(String::from_utf8_lossy(&kept).replace('\0', "\u{fffd}"))
}

/// What went wrong, down to its cause: the client says no more than "client error (Connect)".
fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}

/// Resolves names as the system does and leaves out what is not public.
#[derive(Clone, Copy, Debug)]
struct PublicAddresses(Destinations);

impl Service<Name> for PublicAddresses {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let to = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            allowed(to, found)
        })
    }
}

fn allowed(
    to: Destinations,
    found: impl Iterator<Item = SocketAddr>,
) -> io::Result<std::vec::IntoIter<SocketAddr>> {
    let allowed: Vec<_> = found.filter(|address| to.allows(address.ip())).collect();
    if allowed.is_empty() {
        let why = format!("the address {}", Refused::NotPublic);
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    Ok(allowed.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_a_name_resolves_to_only_public_addresses_are_connected_to() {
        let to = Destinations::new(false);
        let resolve = |addresses: &[&str]| {
            let parsed = addresses
                .iter()
                .map(|address| SocketAddr::new(address.parse().unwrap(), 0));
            allowed(to, parsed.collect::<Vec<_>>().into_iter())
        };
        let kept: Vec<_> = resolve(&["10.0.0.1", "1.1.1.1", "::1"]).unwrap().collect();
        assert_eq!(kept, [SocketAddr::new("1.1.1.1".parse().unwrap(), 0)]);
        let refused = resolve(&["127.0.0.1", "169.254.169.254", "fd00::1"]).unwrap_err();
        assert!(refused.to_string().contains("public"), "{refused}");
    }
}
