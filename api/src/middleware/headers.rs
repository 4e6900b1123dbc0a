//! Headers that protect a caller.

use std::sync::Arc;

use flightdesk_core::config::Environment;
use poem::http::{HeaderValue, header};
use poem::{Endpoint, Request, Response};

use super::Shared;

/// Two years, as <https://hstspreload.org> asks. Other hosts of the domain are not ours to speak for.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");
/// For answers other than pages: they may load nothing and may not be framed.
const CSP_NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";

/// Adds them to every answer; what a page has set itself stays.
pub async fn protect(
    shared: Arc<Shared>,
    next: Arc<impl Endpoint<Output = Response>>,
    request: Request,
) -> poem::Result<Response> {
    let mut response = next.call(request).await?;
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
    if shared.app.settings.environment == Environment::Production {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    Ok(response)
}
