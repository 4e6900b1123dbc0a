//! One API call from its first byte to its last: who asks, which fault is due, idempotency, the answer's headers.

use std::time::Duration;

use flightdesk_core::Clock;
use poem::http::{Method, StatusCode};
use poem::{Request, Response};
use serde_json::Value;

use super::control::{self, FaultKind};
use super::fault::Fault;
use super::form::Params;
use super::idempotency::{recall, remember};
use super::{Call, Sandbox, new_id, object};

/// Bytes a request may have.
const MAX_BODY: usize = 1024 * 1024;

/// What goes back: a status, a body, and whether both were remembered from an earlier call.
pub(super) struct Answer {
    pub status: u16,
    pub body: Value,
    /// The request that was answered so first.
    pub original: Option<String>,
}

/// The endpoint of everything below `/sandbox/stripe/`.
pub(super) async fn answer(mut request: Request) -> poem::Result<Response> {
    let Some(sandbox) = request.data::<Sandbox>().cloned() else {
        return Ok(StatusCode::INTERNAL_SERVER_ERROR.into());
    };
    let call = Call::of(&request, &sandbox.clock);
    let Ok(body) = request.take_body().into_bytes_limit(MAX_BODY).await else {
        let fault = Fault::invalid(None, "The request body is too large").status(413);
        return Ok(render(&call, refusal(&fault)));
    };
    let path = request.uri().path();
    let path = path
        .split_once("/stripe/")
        .map_or(path, |(_, path)| path)
        .trim_end_matches('/')
        .to_owned();
    if let Some(section) = path.strip_prefix("_config") {
        let body = (request.method() == Method::POST).then_some(body.as_ref());
        let configured = configure(&sandbox, section.trim_start_matches('/'), body).await;
        return Ok(render(&call, settled(configured)));
    }
    let mut lost = false;
    let due = match fault(&sandbox, &format!("/{path}")).await {
        Ok(due) => due,
        Err(fault) => return Ok(render(&call, refusal(&fault))),
    };
    if let Some((kind, delay)) = due {
        match kind {
            FaultKind::ApiError => return Ok(render(&call, refusal(&Fault::internal()))),
            FaultKind::RateLimit | FaultKind::LockTimeout => {
                return Ok(render(&call, refusal(&too_many(kind))));
            }
            FaultKind::LostAnswer => lost = true,
            FaultKind::Slow => tokio::time::sleep(Duration::from_millis(delay)).await,
        }
    }
    let answer = match authorize(&request) {
        Ok(()) => perform(&sandbox, &call, &request, &path, &body).await,
        Err(fault) => Err(fault),
    };
    sandbox.wake.notify_one();
    if lost {
        return Ok(Response::builder()
            .status(StatusCode::BAD_GATEWAY)
            .content_type("text/html")
            .body("<h1>502 Bad Gateway</h1>"));
    }
    Ok(render(
        &call,
        answer.unwrap_or_else(|fault| refusal(&fault)),
    ))
}

/// A test key as the bearer, or as the user name of basic authentication (<https://docs.stripe.com/api/authentication>).
fn authorize(request: &Request) -> Result<(), Fault> {
    use base64::Engine as _;
    let header = request.header("authorization").unwrap_or_default();
    let key = match header.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => key.trim().to_owned(),
        Some((scheme, pair)) if scheme.eq_ignore_ascii_case("basic") => {
            base64::engine::general_purpose::STANDARD
                .decode(pair.trim())
                .ok()
                .and_then(|pair| String::from_utf8(pair).ok())
                .and_then(|pair| pair.split(':').next().map(str::to_owned))
                .unwrap_or_default()
        }
        _ => String::new(),
    };
    let refuse = |message: &str| Err(Fault::invalid(None, message).status(401));
    if key.is_empty() {
        return refuse(
            "You did not provide an API key. Provide it in the Authorization header, as the bearer.",
        );
    }
    if key.len() <= "sk_test_".len()
        || !(key.starts_with("sk_test_") || key.starts_with("rk_test_"))
    {
        return refuse("Invalid API Key provided. The sandbox takes test keys: sk_test_…");
    }
    Ok(())
}

fn too_many(kind: FaultKind) -> Fault {
    let (code, message) = match kind {
        FaultKind::LockTimeout => (
            "lock_timeout",
            "This object cannot be accessed right now because another API request or Stripe process is currently accessing it.",
        ),
        _ => ("rate_limit", "Request rate limit exceeded."),
    };
    Fault::invalid(None, message).code(code).status(429)
}

async fn fault(sandbox: &Sandbox, path: &str) -> Result<Option<(FaultKind, u64)>, Fault> {
    let mut conn = sandbox.db.acquire().await?;
    control::take_fault(&mut conn, path).await
}

async fn configure(sandbox: &Sandbox, section: &str, body: Option<&[u8]>) -> Result<Value, Fault> {
    let mut conn = sandbox.db.acquire().await?;
    control::call(&mut conn, section, body).await
}

/// Lets time pass first, then does what is asked in one transaction.
async fn perform(
    sandbox: &Sandbox,
    call: &Call,
    request: &Request,
    path: &str,
    body: &[u8],
) -> Result<Answer, Fault> {
    let mut tx = sandbox.db.begin().await?;
    sandbox
        .advance(&mut tx, &Call::of_itself(&sandbox.clock))
        .await?;
    tx.commit().await?;

    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let method = request.method().as_str();
    let no_such = || {
        let message = format!("Unrecognized request URL ({method}: /{path}).");
        Fault::invalid(None, message).status(404)
    };
    if !path.starts_with("v1/") {
        return Err(no_such());
    }
    let encoded = match method {
        "POST" => {
            check_encoding(request)?;
            body
        }
        _ => request.uri().query().unwrap_or_default().as_bytes(),
    };
    let mut params = Params::parse(encoded);
    let canonical = params.canonical();
    let endpoint = format!("{method} /{path}");
    let mut tx = sandbox.db.begin().await?;
    // Keys have no effect on reads (https://docs.stripe.com/api/idempotent_requests).
    let key = call.idempotency_key.as_deref().filter(|_| method == "POST");
    if let Some(key) = key
        && let Some(stored) = recall(&mut tx, key, &endpoint, &canonical).await?
    {
        return Ok(stored);
    }
    let done = sandbox
        .execute(&mut tx, call, method, &segments, &mut params)
        .await;
    let done = done.and_then(|found| found.ok_or_else(no_such));
    let storable = match &done {
        Ok(_) => true,
        Err(fault) => fault.executed,
    };
    if !storable {
        // Nothing began: nothing is remembered, and the transaction rolls back.
        return Ok(settled(done));
    }
    let answer = settled(done);
    if let Some(key) = key {
        remember(&mut tx, call, key, &endpoint, &canonical, &answer).await?;
    }
    tx.commit().await?;
    Ok(answer)
}

fn check_encoding(request: &Request) -> Result<(), Fault> {
    match request.content_type() {
        None => Ok(()),
        Some(kind) if kind.starts_with("application/x-www-form-urlencoded") => Ok(()),
        Some(kind) => {
            let message = format!(
                "Invalid request: the Stripe API takes application/x-www-form-urlencoded, and not {kind}."
            );
            Err(Fault::invalid(None, message))
        }
    }
}

fn settled(done: Result<Value, Fault>) -> Answer {
    match done {
        Ok(body) => Answer {
            status: 200,
            body,
            original: None,
        },
        Err(fault) => refusal(&fault),
    }
}

fn refusal(fault: &Fault) -> Answer {
    Answer {
        status: fault.status,
        body: fault.body(),
        original: None,
    }
}

/// Every answer names its request (<https://docs.stripe.com/api/request_ids>); a replayed one also the first.
fn render(call: &Call, answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::builder()
        .status(status)
        .content_type("application/json")
        .header("request-id", call.request_id.as_deref().unwrap_or_default())
        .header("stripe-version", object::API_VERSION);
    if let Some(key) = &call.idempotency_key {
        response = response.header("idempotency-key", key);
    }
    if let Some(original) = answer.original {
        response = response
            .header("idempotent-replayed", "true")
            .header("original-request", original);
    }
    response.body(answer.body.to_string())
}

impl Call {
    fn of(request: &Request, clock: &Clock) -> Self {
        Self {
            now: clock.now(),
            request_id: Some(new_id("req_")),
            idempotency_key: request.header("idempotency-key").map(str::to_owned),
            version: request
                .header("stripe-version")
                .unwrap_or(object::API_VERSION)
                .to_owned(),
        }
    }
}
