//! No request takes for ever, and none waits for a connection that fell silent.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use poem::{Endpoint, Request, Response};

use super::Shared;
use crate::error::ApiError;

/// The longest a request may take: a slow phone's body, then a payment that Stripe answers late, twice.
const LONGEST: Duration = Duration::from_mins(2);

/// Answers 503 when a request takes too long, and 500 when its handler panics.
pub async fn deadline(
    shared: Arc<Shared>,
    next: Arc<impl Endpoint<Output = Response>>,
    request: Request,
) -> poem::Result<Response> {
    let work = AssertUnwindSafe(next.call(request)).catch_unwind();
    match shared.app.db.within(LONGEST, work).await {
        Some(Ok(answer)) => answer,
        // The panic hook has said where; the caller learns nothing of it.
        Some(Err(_)) => Err(ApiError::internal("a handler panicked").into()),
        None => {
            let why = "its database connection fell silent, or it took too long";
            Err(ApiError::unavailable(why).into())
        }
    }
}
