//! The API's document and its page, which loads nothing from elsewhere.

use poem::endpoint::make_sync;
use poem::http::{HeaderValue, header};
use poem::web::Html;
use poem::{Endpoint, IntoResponse, Response, handler};

/// Swagger UI comes as one page with its script and style inside.
const CSP_DOCS: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
    img-src 'self' data:; font-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

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
    make_sync(move |_| with_policy(Html(page.clone()).into_response(), CSP_DOCS))
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
    let page = Html(include_str!("index.html")).into_response();
    with_policy(
        page,
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    )
}

fn with_policy(mut response: Response, policy: &'static str) -> Response {
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(policy),
    );
    response
}
