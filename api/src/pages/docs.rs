//! The API's document and its page, which loads nothing from elsewhere.

use poem::endpoint::make_sync;
use poem::http::{HeaderValue, header};
use poem::web::Html;
use poem::{Endpoint, IntoResponse, Response, handler};

use crate::pages::csp;

/// The page at `/docs`: `html` with the finished `document` in place of the `draft` it was made from.
pub fn page(html: &str, draft: &str, document: &str) -> impl Endpoint + use<> {
    // Within a script `</` could end it.
    let document = document.replace("</", "<\\/");
    let page = html
        .replacen(
            "<html charset",
            "<!doctype html>\n<html lang=\"en\" charset",
            1,
        )
        .replacen(
            "<title>Swagger UI</title>",
            "<title>Flightdesk API</title>",
            1,
        )
        .replacen(draft, &document, 1);
    // Swagger UI comes as one page with its scripts and its style inside.
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {}; img-src 'self' data:; font-src data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        csp::hashes(&page, "script"),
        csp::hashes(&page, "style"),
    );
    make_sync(move |_| with_policy(Html(page.clone()).into_response(), &policy))
}

/// The document at `/openapi.json`.
pub fn document(json: String) -> impl Endpoint {
    make_sync(move |_| {
        json.clone()
            .with_content_type("application/json")
            .into_response()
    })
}

/// The page at `/`: where to look next.
#[handler]
pub fn index() -> Response {
    let page = include_str!("index.html");
    let style = csp::hashes(page, "style");
    let policy = format!("default-src 'none'; style-src {style}; frame-ancestors 'none'");
    with_policy(Html(page).into_response(), &policy)
}

fn with_policy(mut response: Response, policy: &str) -> Response {
    if let Ok(policy) = HeaderValue::from_str(policy) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
