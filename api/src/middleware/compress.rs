//! Answers in the coding that a client asks for.

use std::sync::Arc;

use poem::http::header;
use poem::{Endpoint, Request, Response};

use crate::http::compress::Wish;

/// Compresses an answer where that is worth it and safe.
pub async fn compress(
    next: Arc<impl Endpoint<Output = Response>>,
    request: Request,
) -> poem::Result<Response> {
    let accepted = request.header(header::ACCEPT_ENCODING);
    let wish = Wish::of(request.method(), request.uri().path(), accepted);
    Ok(wish.apply(next.call(request).await?).await)
}
