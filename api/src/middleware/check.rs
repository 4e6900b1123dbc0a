//! What is asked of every request before its operation: connections, headers, its key, its body, its query.

use std::sync::Arc;

use flightdesk_core::error::FieldError;
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Request, Response};

use super::Shared;
use crate::auth::{Authenticated, principal_of};
use crate::error::{ApiError, WrongFields};
use crate::http::receive;
use crate::http::server::Peer;
use crate::openapi::query::{Trial, Wrong};

/// Headers that mean one thing.
const ONCE: [&str; 5] = [
    "Content-Encoding",
    "Content-Type",
    "Idempotency-Key",
    "Stripe-Signature",
    "X-API-Key",
];

/// Refuses what no operation would take, and gives the others what they need.
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
        return Err(refuse(&*next, request, wrong).await.into());
    }
    request.set_data(Trial(false));
    Ok(next.call(request).await?.into_response())
}

/// Looks up who makes a request, if its operation needs anybody: the absence of a key, or of what the key would have to
/// allow, is the greater mistake.
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

/// Reads the body of a request that may have one, after its key: whoever has none makes nobody wait for his body.
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
        // Nothing is there that would read it.
        return Ok(request);
    }
    authenticate(shared, &mut request).await?;
    receive::body(&mut request).await?;
    Ok(request)
}

/// What is wrong with a query, and with the rest of it: a GET changes nothing, so its operation may be asked.
async fn refuse(next: &impl Endpoint, mut request: Request, wrong: Wrong) -> ApiError {
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
    request.set_data(Trial(true));
    let refused = next.call(request).await.err();
    let told = refused.and_then(|error| error.data::<WrongFields>().cloned());
    wrong.with(told.unwrap_or_default().0)
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
