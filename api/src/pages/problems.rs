//! The pages of problems: the `type` of a problem leads to one of them.

use flightdesk_core::html::escape;
use poem::http::StatusCode;
use poem::web::Path;
use poem::{Response, handler};

use super::html;
use crate::error::{ApiError, problems};

/// All codes, each with its title and its page.
#[handler]
pub fn list() -> Response {
    let kinds = problems::all().map(|(code, kind)| {
        format!(
            "<dt><a href=\"/problems/{code}\">{}</a></dt><dd><code>{code}</code>, HTTP {}</dd>",
            escape(kind.title()),
            kind.status
        )
    });
    let body = format!(
        "<p>Every error is answered as problem details (RFC 9457). Its <code>code</code> names the kind of error, and its <code>type</code> is the address of one of these pages.</p><dl>{}</dl>",
        kinds.collect::<String>()
    );
    html::page(StatusCode::OK, false, "Problems", &body)
}

/// The page of a code.
#[handler]
pub fn page(Path(code): Path<String>) -> poem::Result<Response> {
    let kind =
        problems::find(&code).ok_or_else(|| ApiError::not_found("there is no such problem"))?;
    let words = StatusCode::from_u16(kind.status).ok();
    let words = words.and_then(|status| status.canonical_reason());
    let body = format!(
        "<p>{}</p><p>{}</p><p><code>{}</code>, HTTP {} {}</p><p><a href=\"/problems\">All problems</a></p>",
        code_words(&kind.meaning),
        code_words(&kind.remedy),
        escape(&code),
        kind.status,
        words.unwrap_or_default(),
    );
    Ok(html::page(
        StatusCode::OK,
        false,
        &escape(kind.title()),
        &body,
    ))
}

/// What stands between backticks is code.
fn code_words(text: &str) -> String {
    let parts = text.split('`').map(escape).enumerate();
    let part = |(index, part): (usize, String)| match index % 2 {
        0 => part,
        _ => format!("<code>{part}</code>"),
    };
    parts.map(part).collect()
}
