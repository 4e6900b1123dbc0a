//! What happens around every request: its id, its line in the log, its limits, its errors.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use flightdesk_core::error::FieldError;
use flightdesk_core::telemetry::{self, Context};
use futures::FutureExt;
use poem::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Body, Endpoint, IntoResponse, Request, Response};
use poem_openapi::OperationId;
use tracing::Instrument;
use uuid::Uuid;

use crate::app::App;
use crate::error::{ApiError, WrongFields};
use crate::limits::Standing;
use crate::query::{Operations, Trial, Wrong};
use crate::{auth, catch, metrics};

/// The largest body; design §3.
const MAX_BODY: usize = 1024 * 1024;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Headers that mean one thing.
const ONCE: [&str; 5] = [
    "Content-Encoding",
    "Content-Type",
    "Idempotency-Key",
    "Stripe-Signature",
    "X-API-Key",
];
/// For answers that are no pages: nothing may be loaded, nobody may frame them.
const CSP_NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";

/// The routes with everything around them.
pub struct Serve<E> {
    inner: E,
    app: App,
    operations: Arc<Operations>,
}

impl<E: Endpoint> Serve<E> {
    /// Wraps the routes.
    pub fn new(inner: E, app: App, operations: Operations) -> Self {
        Self {
            inner,
            app,
            operations: Arc::new(operations),
        }
    }

    /// The answer, whatever happens inside.
    async fn answer(&self, request: Request) -> Response {
        let path = request.uri().path().to_owned();
        let standing = self.app.limits.charge(&request).await;
        let verdict = standing.map_or(Ok(()), |standing| standing.verdict());
        let result = match verdict {
            Ok(()) => AssertUnwindSafe(self.route(request)).catch_unwind().await,
            Err(problem) => Ok(Err(problem.into())),
        };
        let mut response = match result {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => catch::respond(error),
            // The panic hook has said where; the caller learns nothing of it.
            Err(_) => ApiError::internal("a handler panicked").into_response(),
        };
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            let allowed = self.operations.allowed(&path).join(", ");
            if let Ok(allowed) = HeaderValue::from_str(&allowed) {
                response.headers_mut().insert(header::ALLOW, allowed);
            }
        }
        response
            .headers_mut()
            .extend(standing.iter().flat_map(Standing::headers));
        response
    }

    async fn route(&self, request: Request) -> poem::Result<Response> {
        // As in `find_nul`: nothing has such a name.
        if request.uri().path().contains("%00") {
            return Err(ApiError::not_found("there is nothing at this path").into());
        }
        check_headers(&request)?;
        let mut request = limit_body(request).await?;
        if let Some(wrong) = self.operations.check(&request) {
            if wrong.secured {
                auth::caller(&self.app, &request).await?;
            }
            return Err(self.refuse(request, wrong).await.into());
        }
        request.set_data(self.app.clone());
        request.set_data(Trial(false));
        Ok(self.inner.call(request).await?.into_response())
    }

    /// What is wrong with a query, and with the rest of it: a GET changes nothing, so its operation may be asked.
    async fn refuse(&self, mut request: Request, wrong: Wrong) -> ApiError {
        let rest = format!("{}?{}", request.uri().path(), wrong.rest);
        let Ok(rest) = rest.parse() else {
            return wrong.with(Vec::new());
        };
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return wrong.with(Vec::new());
        }
        *request.uri_mut() = rest;
        request.set_data(self.app.clone());
        request.set_data(Trial(true));
        let refused = self.inner.call(request).await.err();
        let told = refused.and_then(|error| error.data::<WrongFields>().cloned());
        wrong.with(told.unwrap_or_default().0)
    }
}

impl<E: Endpoint> Endpoint for Serve<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let started = Instant::now();
        let request_id = request_id(&request);
        let id = HeaderValue::from_str(&request_id).ok();
        let method = request.method().clone();
        // The query stays out of the log: it may carry a signature.
        let path = request.uri().path().to_owned();
        let span = tracing::info_span!("request", request_id);
        let context = Context {
            trace_parent: trace_parent(&request),
            request_id: Some(request_id),
        };
        let work = async {
            let response = self.answer(request).await;
            let status = response.status().as_u16();
            let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            let operation = response
                .data::<OperationId>()
                .map_or("-", |operation| operation.0);
            metrics::answered(operation, status, started.elapsed());
            tracing::info!(%method, path, operation, status, ms, "{method} {path} {status}");
            response
        };
        let mut response = telemetry::within(context, work).instrument(span).await;
        if let Some(id) = id {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        protect(&mut response);
        Ok(response)
    }
}

/// Refuses a header that is given twice where one would win unseen, and a body in a coding that nobody undoes.
fn check_headers(request: &Request) -> Result<(), ApiError> {
    let repeated = |name: &&str| request.headers().get_all(*name).iter().nth(1).is_some();
    let wrong: Vec<_> = ONCE.iter().filter(|name| repeated(name)).collect();
    if !wrong.is_empty() {
        let error = |name: &&str| FieldError {
            field: (*name).to_owned(),
            code: "repeated",
            message: "must be given once".to_owned(),
        };
        return Err(ApiError::invalid(wrong.into_iter().map(error).collect()));
    }
    match request.header(header::CONTENT_ENCODING) {
        None => Ok(()),
        Some(coding) if coding.eq_ignore_ascii_case("identity") => Ok(()),
        // https://www.rfc-editor.org/rfc/rfc9110#section-15.5.16: the answer names what would be taken.
        Some(_) => Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "the body must be sent as it is, without Content-Encoding",
        )
        .header(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("identity"),
        )),
    }
}

/// Refuses a body over 1 MiB, whether its length is declared or it comes in chunks.
async fn limit_body(mut request: Request) -> Result<Request, ApiError> {
    let too_large = || catch::body(&poem::error::ReadBodyError::PayloadTooLarge);
    if matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    ) {
        return Ok(request);
    }
    match request
        .header(header::CONTENT_LENGTH)
        .map(str::parse::<usize>)
    {
        Some(Ok(length)) if length <= MAX_BODY => Ok(request),
        Some(_) => Err(too_large()),
        None => {
            let bytes = request.take_body().into_bytes_limit(MAX_BODY).await;
            request.set_body(Body::from_bytes(
                bytes.map_err(|error| catch::body(&error))?,
            ));
            Ok(request)
        }
    }
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

/// The caller's `traceparent` (<https://www.w3.org/TR/trace-context/>), when it has the form of one.
fn trace_parent(request: &Request) -> Option<String> {
    let raw = request.header("traceparent")?;
    let parts: Vec<&str> = raw.split('-').collect();
    let hex = |part: &&str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let lengths = parts.iter().map(|part| part.len()).eq([2, 32, 16, 2]);
    (lengths && parts.iter().all(hex)).then(|| raw.to_owned())
}

/// Headers that protect a caller; what a page has set itself stays.
fn protect(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CSP_NOTHING),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}
