//! Checks before the operation of a request: connections, headers, API key, body and query.

use std::sync::Arc;

use flightdesk_core::error::FieldError;
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Request, Response};

use super::Shared;
use crate::app::App;
use crate::auth::{Authenticated, principal_of};
use crate::error::ApiError;
use crate::http::receive;
use crate::http::server::Peer;
use crate::openapi::query::Wrong;
use crate::openapi::raw::Raw;
use crate::resources;

/// Headers that may be given once only.
const ONCE: [&str; 6] = [
    "Authorization",
    "Content-Encoding",
    "Content-Type",
    "Idempotency-Key",
    "Stripe-Signature",
    "X-API-Key",
];

/// Refuses requests that no operation accepts, and attaches the app and the caller to the others.
pub async fn check(
    shared: Arc<Shared>,
    next: Arc<impl Endpoint>,
    request: Request,
) -> poem::Result<Response> {
    // As in `find_nul`: nothing has such a name.
    if request.uri().path().contains("%00") {
        return Err(ApiError::not_found("there is nothing at this path").into());
    }
    let is_health = request.uri().path().starts_with("/health/");
    if !is_health && request.data::<Peer>().is_some_and(Peer::is_crowded) {
        return Err(ApiError::unavailable("there are too many connections").into());
    }
    check_headers(&request)?;
    let mut request = receive(&shared, request).await?;
    request.set_data(shared.app.clone());
    if let Some(wrong) = shared.operations.check(&request) {
        authenticate(&shared, &mut request).await?;
        return Err(refuse(&shared.app, wrong).await.into());
    }
    Ok(next.call(request).await?.into_response())
}

/// Authenticates the caller if the operation needs one: a missing key or scope is reported before a wrong query or body.
async fn authenticate(shared: &Shared, request: &mut Request) -> Result<(), ApiError> {
    let Some(need) = shared.operations.need(request) else {
        return Ok(());
    };
    if request.data::<Authenticated>().is_none() {
        let principal = principal_of(&shared.app, request).await?;
        need.check(&principal)?;
        request.set_data(Authenticated(principal));
    }
    Ok(())
}

/// Reads the body of a request that may have one, after authentication: the body of a caller without a valid key is not
/// read.
async fn receive(shared: &Shared, mut request: Request) -> Result<Request, ApiError> {
    if matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    ) {
        return Ok(request);
    }
    receive::check_length(&request)?;
    let is_sandbox = request.uri().path().starts_with("/sandbox/");
    if !is_sandbox && !shared.operations.has(&request) {
        // No operation would read the body.
        return Ok(request);
    }
    authenticate(shared, &mut request).await?;
    receive::body(&mut request).await?;
    Ok(request)
}

/// What is wrong with a query: what its schema refuses, and what the rules find in the other parameters. A query with
/// more errors than an answer lists is not read further.
async fn refuse(app: &App, wrong: Wrong) -> ApiError {
    if wrong.is_junk() {
        return wrong.with(Vec::new());
    }
    let rules = resources::check_query(app, &wrong.operation_id, Raw::new(&wrong.readable)).await;
    let refused = rules.err().map(ApiError::into_fields);
    wrong.with(refused.unwrap_or_default())
}

/// Refuses a repeated header where one of the two would be ignored silently, and a body with a `Content-Encoding`.
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
