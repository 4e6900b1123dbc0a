//! What happens around every request: its id, its line in the log, its limits, its errors.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flightdesk_core::config::Environment;
use flightdesk_core::error::FieldError;
use flightdesk_core::telemetry::{self, Context};
use futures::FutureExt;
use poem::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Request, Response};
use poem_openapi::OperationId;
use tracing::Instrument;
use uuid::Uuid;

use super::hints::Hints;
use crate::app::App;
use crate::auth::Authenticated;
use crate::error::{ApiError, WrongFields, framework, shorten};
use crate::http::compress::Wish;
use crate::http::receive;
use crate::http::server::Peer;
use crate::limits::Standing;
use crate::openapi::query::{Operations, Trial, Wrong};
use crate::{auth, metrics};

/// The most of a path, and of a method, that goes into the log.
const LOGGED_PATH: usize = 200;
const LOGGED_METHOD: usize = 16;
/// Two years, as <https://hstspreload.org> asks. Other hosts of the domain are not ours to speak for.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");
/// The longest a request may take: a slow phone's body, then a payment that Stripe answers late, twice.
const LONGEST: Duration = Duration::from_mins(2);
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
    hints: Hints,
}

impl<E: Endpoint> Serve<E> {
    /// Wraps the routes.
    pub fn new(inner: E, app: App, operations: Operations) -> Self {
        Self {
            inner,
            hints: Hints::new(app.background.clone()),
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
            Ok(()) => {
                let work = AssertUnwindSafe(self.route(request)).catch_unwind();
                let given_up = "its database connection fell silent, or it took too long";
                let answer = self.app.db.within(LONGEST, work).await;
                answer.unwrap_or_else(|| Ok(Err(ApiError::unavailable(given_up).into())))
            }
            Err(problem) => Ok(Err(problem.into())),
        };
        let mut response = match result {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => framework::respond(error),
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
        let is_health = request.uri().path().starts_with("/health/");
        if !is_health && request.data::<Peer>().is_some_and(Peer::is_crowded) {
            return Err(ApiError::unavailable("there are too many connections").into());
        }
        check_headers(&request)?;
        let mut request = self.receive(request).await?;
        if let Some(wrong) = self.operations.check(&request) {
            if wrong.secured && request.data::<Authenticated>().is_none() {
                auth::caller(&self.app, &request).await?;
            }
            return Err(self.refuse(request, wrong).await.into());
        }
        request.set_data(self.app.clone());
        request.set_data(Trial(false));
        Ok(self.inner.call(request).await?.into_response())
    }

    /// Reads the body of a request that has one, after its key: whoever has none makes nobody wait for his body.
    async fn receive(&self, mut request: Request) -> Result<Request, ApiError> {
        if matches!(
            *request.method(),
            Method::GET | Method::HEAD | Method::OPTIONS
        ) {
            return Ok(request);
        }
        receive::check_length(&request)?;
        match self.operations.is_secured(&request) {
            Some(true) => {
                let caller = auth::caller(&self.app, &request).await?;
                request.set_data(Authenticated(caller));
            }
            Some(false) => {}
            None if request.uri().path().starts_with("/sandbox/") => {}
            // Nothing is there that would read it.
            None => return Ok(request),
        }
        receive::body(&mut request).await?;
        Ok(request)
    }

    /// What is wrong with a query, and with the rest of it: a GET changes nothing, so its operation may be asked.
    async fn refuse(&self, mut request: Request, wrong: Wrong) -> ApiError {
        let rest = format!("{}?{}", request.uri().path(), wrong.rest);
        let Ok(rest) = rest.parse() else {
            return wrong.with(Vec::new());
        };
        // Of junk no answer tells everything, and it is not worth the work.
        if wrong.is_junk() {
            return wrong.with(Vec::new());
        }
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
        let method = shorten(request.method().as_str(), LOGGED_METHOD);
        // The query stays out of the log: it may carry a signature.
        let path = shorten(request.uri().path(), LOGGED_PATH);
        // Who calls is known once the key was looked up (`auth::Caller`).
        let span = tracing::info_span!(
            "request",
            request_id,
            account_id = tracing::field::Empty,
            key_prefix = tracing::field::Empty,
        );
        let context = Context {
            trace_parent: trace_parent(&request),
            request_id: Some(request_id),
        };
        let accepted = request.header(header::ACCEPT_ENCODING);
        let wish = Wish::of(request.method(), request.uri().path(), accepted);
        let work = async {
            let may_change = Hints::may_change(&request);
            let response = self.answer(request).await;
            self.hints.note(may_change, &response);
            let status = response.status().as_u16();
            let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            let operation = response
                .data::<OperationId>()
                .map_or("-", |operation| operation.0);
            metrics::answered(operation, status, started.elapsed());
            tracing::info!(
                method,
                path,
                operation,
                status,
                ms,
                "{method} {path} {status}"
            );
            response
        };
        let response = telemetry::within(context, work).instrument(span).await;
        let mut response = wish.apply(response).await;
        if let Some(id) = id {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        protect(&mut response);
        if self.app.settings.environment == Environment::Production {
            response
                .headers_mut()
                .insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
        }
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
