//! Our few pages: no script, nothing from elsewhere.

use std::sync::LazyLock;

use poem::http::{StatusCode, header};
use poem::web::Html;
use poem::{IntoResponse, Response};

use crate::pages::csp;

/// A page with a title. Its address may grant access to it, so it is neither sent to other sites nor cached.
pub fn page(status: StatusCode, refresh: bool, title: &str, body: &str) -> Response {
    let again = if refresh {
        "<meta http-equiv=\"refresh\" content=\"2\">"
    } else {
        ""
    };
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">{again}<title>{title} – Flightdesk</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>{body}</main></body></html>"
    );
    // A form of ours is answered with the address of the payment provider's page, which browsers count as its action.
    let action = if body.contains("<form") {
        "'self' https:"
    } else {
        "'none'"
    };
    let style = &*STYLE_HASH;
    let policy = format!(
        "default-src 'none'; style-src {style}; base-uri 'none'; form-action {action}; frame-ancestors 'none'"
    );
    Html(html)
        .with_status(status)
        .with_header(header::CONTENT_SECURITY_POLICY, policy)
        .with_header(header::CACHE_CONTROL, "no-store")
        .with_header(header::REFERRER_POLICY, "no-referrer")
        .into_response()
}

static STYLE_HASH: LazyLock<String> =
    LazyLock::new(|| csp::hashes(&format!("<style>{STYLE}</style>"), "style"));
const STYLE: &str = "body{margin:0;background:#f4f6f8;color:#14202b;font:17px/1.5 system-ui,sans-serif}main{max-width:36rem;margin:3rem auto;padding:2rem;background:#fff;border-radius:12px;box-shadow:0 1px 4px #0002;overflow-wrap:anywhere}a{color:#0b5cad}li{margin:.4rem 0}h1{font-size:1.6rem;margin-top:0}h2{font-size:1.1rem;margin:1.2rem 0 0}ul{margin:.4rem 0 1rem;padding-left:1.2rem}.ref span{display:block;color:#51606e;font-size:.9rem}.ref strong{font-size:2rem;letter-spacing:.12em}.button{display:inline-block;background:#0b5cad;color:#fff;padding:.7rem 1.2rem;border-radius:8px;border:0;font:inherit;cursor:pointer;text-decoration:none}dl{margin:0}dt{margin-top:1rem}dd{margin:0}.button:focus-visible{outline:3px solid #ffb000}@media(max-width:40rem){main{margin:0;border-radius:0}}";
