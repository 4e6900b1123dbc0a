//! Bodies on their way in: bounded in size, in time and in the memory that unfinished ones take.

use std::time::Duration;

use futures::StreamExt;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Body, Request};
use tokio::time::{Instant, timeout_at};

use crate::error::{ApiError, framework};
use crate::http::server::Peer;

/// The largest body; design §3.
const MAX_BODY: usize = 1024 * 1024;
/// A body may be promised and never come: no more than this is set aside for it.
const SET_ASIDE: usize = 64 * 1024;
/// A server that does not say who its client is gives every body so long.
const TIME: Duration = Duration::from_secs(30);

/// 413 for a body whose declared length is too large, or no number.
pub fn check_length(request: &Request) -> Result<(), ApiError> {
    match request
        .header(header::CONTENT_LENGTH)
        .map(str::parse::<usize>)
    {
        None => Ok(()),
        Some(Ok(length)) if length <= MAX_BODY => Ok(()),
        Some(_) => Err(too_large()),
    }
}

/// Reads the body of a request, whether its length is declared or it comes in chunks.
///
/// Errors: 413 over 1 MiB, 408 when it comes too slowly, 503 when too much of unfinished bodies is kept already.
pub async fn body(request: &mut Request) -> Result<(), ApiError> {
    let peer = request.data::<Peer>().cloned();
    let mut held = peer.as_ref().map(Peer::hold);
    let declared = request.header(header::CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.parse().ok());
    let mut bytes = Vec::with_capacity(SET_ASIDE.min(declared.unwrap_or_default()));
    let mut stream = request.take_body().into_bytes_stream();
    let began = Instant::now();
    loop {
        let time = peer
            .as_ref()
            .map_or(TIME, |peer| peer.time_for(bytes.len()));
        let Ok(next) = timeout_at(began + time, stream.next()).await else {
            return Err(too_slow());
        };
        let Some(chunk) = next else { break };
        let chunk =
            chunk.map_err(|error| framework::body(&poem::error::ReadBodyError::Io(error)))?;
        if bytes.len() + chunk.len() > MAX_BODY {
            return Err(too_large());
        }
        if held.as_mut().is_some_and(|held| !held.grow(chunk.len())) {
            return Err(ApiError::unavailable("too many bodies are unfinished"));
        }
        bytes.extend_from_slice(&chunk);
    }
    request.set_body(Body::from_vec(bytes));
    Ok(())
}

fn too_large() -> ApiError {
    framework::body(&poem::error::ReadBodyError::PayloadTooLarge)
}

/// <https://www.rfc-editor.org/rfc/rfc9110#section-15.5.9>
fn too_slow() -> ApiError {
    let detail = "the body did not arrive in time";
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail)
        .header(header::CONNECTION, HeaderValue::from_static("close"))
}
