//! What each code of a problem means and what helps: the page that the `type` of a problem leads to.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use flightdesk_core::html::escape;
use poem::http::StatusCode;
use poem::web::Path;
use poem::{Response, handler};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::html;

/// A kind of problem.
#[derive(Deserialize)]
pub struct Kind {
    /// The status that it usually comes with.
    status: u16,
    title: String,
    meaning: String,
    /// What a client does about it.
    remedy: String,
    /// What `detail` says of one of them.
    detail: String,
}

impl Kind {
    /// The kind in a few words.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// All that its page says.
    #[cfg(test)]
    pub fn texts(&self) -> [&str; 2] {
        [&self.meaning, &self.remedy]
    }

    /// A problem of this kind, as an example.
    pub fn example(&self, code: &str) -> Value {
        json!({
            "type": format!("/problems/{code}"),
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": code,
            "request_id": "01a1fabf3e3d72dfa386dfb51d2c1924",
        })
    }
}

/// Every kind of problem by its code, which is stable and `snake_case`.
static KINDS: LazyLock<BTreeMap<String, Kind>> = LazyLock::new(|| {
    let kinds = serde_json::from_str(include_str!("document/problems.json"));
    kinds.unwrap_or_default()
});

/// The kind of a code. Every problem that is answered has one: [`ApiError::new`] asks.
pub fn find(code: &str) -> Option<&'static Kind> {
    KINDS.get(code)
}

/// All codes, each with its title and its page.
#[handler]
pub fn list() -> Response {
    let kinds = KINDS.iter().map(|(code, kind)| {
        format!(
            "<dt><a href=\"/problems/{code}\">{}</a></dt><dd><code>{code}</code>, HTTP {}</dd>",
            escape(&kind.title),
            kind.status
        )
    });
    let body = format!(
        "<p>An answer that is no success is a problem as RFC 9457 describes them. Its <code>code</code> says which, and its <code>type</code> leads to one of these pages.</p><dl>{}</dl>",
        kinds.collect::<String>()
    );
    html::page(StatusCode::OK, false, "Problems", &body)
}

/// Every code, in alphabetical order.
pub fn codes() -> impl Iterator<Item = &'static str> {
    KINDS.keys().map(String::as_str)
}

/// An example of every kind.
pub fn examples() -> impl Iterator<Item = Value> {
    KINDS.iter().map(|(code, kind)| kind.example(code))
}

/// The page of a code.
#[handler]
pub fn page(Path(code): Path<String>) -> poem::Result<Response> {
    let kind = find(&code).ok_or_else(|| ApiError::not_found("there is no such problem"))?;
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
        &escape(&kind.title),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_that_the_source_or_the_document_names_has_its_page() {
        let sources = [
            include_str!("error/mod.rs"),
            include_str!("catch.rs"),
            include_str!("body.rs"),
            include_str!("serve.rs"),
            include_str!("limits.rs"),
            include_str!("receive.rs"),
            include_str!("payments.rs"),
            include_str!("documents.rs"),
            include_str!("page.rs"),
            include_str!("optional.rs"),
        ];
        let mut seen = 0;
        for source in sources {
            let calls = ["conflict(", "Self::new(", "ApiError::new("];
            let starts = calls
                .iter()
                .flat_map(|call| source.match_indices(call).map(|(at, _)| at));
            for call in starts.map(|at| &source[at..]) {
                let call = call.split_once(';').map_or(call, |(call, _)| call);
                let call = call.split_once("=>").map_or(call, |(call, _)| call);
                let Some(code) = call.split('"').nth(1) else {
                    continue;
                };
                if code
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
                {
                    assert!(find(code).is_some(), "{code} has no page");
                    seen += 1;
                }
            }
        }
        assert!(seen > 25, "{seen}");
        let document = crate::openapi_json();
        for (at, start) in document.match_indices("\"/problems/") {
            let code = &document[at + start.len()..];
            let code = code.split_once('"').map_or(code, |(code, _)| code);
            assert!(find(code).is_some(), "{code} has no page");
        }
    }
}
