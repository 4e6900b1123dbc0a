//! Every error leaves as a problem.

use std::sync::Arc;

use poem::http::{HeaderValue, StatusCode, header};
use poem::{Endpoint, Request, Response};

use super::Shared;
use crate::error::framework;

/// Makes an answer of whatever error a request ended with; 405 says which methods there are.
pub async fn problems(
    shared: Arc<Shared>,
    next: Arc<impl Endpoint<Output = Response>>,
    request: Request,
) -> poem::Result<Response> {
    let path = request.uri().path().to_owned();
    let mut response = next.call(request).await.unwrap_or_else(framework::respond);
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        let allowed = shared.operations.allowed(&path).join(", ");
        if let Ok(allowed) = HeaderValue::from_str(&allowed) {
            response.headers_mut().insert(header::ALLOW, allowed);
        }
    }
    Ok(response)
}
