//! A request's id, its trace, who acts until that is known better, its line in the log, and what is measured of it.

use std::sync::Arc;
use std::time::Instant;

use flightdesk_core::actor::{self, Actor};
use flightdesk_core::telemetry::{self, Context, TraceParent};
use poem::http::{HeaderName, HeaderValue};
use poem::{Endpoint, Request, Response};
use poem_openapi::OperationId;
use tracing::Instrument;
use uuid::Uuid;

use crate::error::shorten;
use crate::metrics;

/// The most of a path, and of a method, that goes into the log.
const LOGGED_PATH: usize = 200;
const LOGGED_METHOD: usize = 16;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Runs a request in a span of its id and trace, which every log line and every promised job carries on.
pub async fn log(
    next: Arc<impl Endpoint<Output = Response>>,
    request: Request,
) -> poem::Result<Response> {
    let request_id = request_id(&request);
    let trace = request.header("traceparent").and_then(TraceParent::parse);
    // Who calls is known once the key or session was looked up (`auth`).
    let span = tracing::info_span!(
        "request",
        request_id,
        trace_id = trace.as_ref().map(TraceParent::trace_id),
        account_id = tracing::field::Empty,
        key_prefix = tracing::field::Empty,
        session_id = tracing::field::Empty,
    );
    let id = HeaderValue::from_str(&request_id).ok();
    let context = Context {
        trace_parent: trace.map(TraceParent::into_inner),
        request_id: Some(request_id),
    };
    // Whoever shows no key has come by the address of a page (`auth` and webhooks know better).
    let work = actor::within(Actor::Traveller, answer(next, request));
    let work = telemetry::within(context, work);
    let mut response = work.instrument(span).await?;
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    Ok(response)
}

/// The answer, once its line is in the log.
async fn answer(
    next: Arc<impl Endpoint<Output = Response>>,
    request: Request,
) -> poem::Result<Response> {
    let started = Instant::now();
    let method = shorten(request.method().as_str(), LOGGED_METHOD);
    // The query stays out of the log: it may carry a signature.
    let path = shorten(request.uri().path(), LOGGED_PATH);
    let response = next.call(request).await?;
    let status = response.status().as_u16();
    let operation = response
        .data::<OperationId>()
        .map_or("-", |operation| operation.0);
    metrics::answered(operation, status, started.elapsed());
    let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(
        method,
        path,
        operation,
        status,
        ms,
        "{method} {path} {status}"
    );
    Ok(response)
}

/// The caller's `X-Request-Id` when it is visible ASCII of at most 128 characters, else a new one.
fn request_id(request: &Request) -> String {
    request
        .header(REQUEST_ID)
        .filter(|id| {
            (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
        })
        .map_or_else(|| Uuid::now_v7().simple().to_string(), str::to_owned)
}
