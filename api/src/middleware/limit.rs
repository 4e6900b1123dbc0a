//! Rate limits, and how a request stands with them.

use std::sync::Arc;

use poem::{Endpoint, IntoResponse, Request, Response};

use super::Shared;
use crate::limits::Standing;

/// Charges a request: 429 when a limit is reached, and every answer says what is left of the tightest.
pub async fn limit(
    shared: Arc<Shared>,
    next: Arc<impl Endpoint<Output = Response>>,
    request: Request,
) -> poem::Result<Response> {
    let standing = shared.app.limits.charge(&request).await;
    let verdict = standing.map_or(Ok(()), |standing| standing.verdict());
    let mut response = match verdict {
        Ok(()) => next.call(request).await?,
        Err(problem) => problem.into_response(),
    };
    response
        .headers_mut()
        .extend(standing.iter().flat_map(Standing::headers));
    Ok(response)
}
