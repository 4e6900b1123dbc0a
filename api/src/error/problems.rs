//! What each code of a problem means and what helps.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

/// A kind of problem.
#[derive(Deserialize)]
pub struct Kind {
    /// The status that it usually comes with.
    pub status: u16,
    title: String,
    /// What has happened.
    pub meaning: String,
    /// What a client does about it.
    pub remedy: String,
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
    let kinds = serde_json::from_str(include_str!("problems.json"));
    kinds.unwrap_or_default()
});

/// The kind of a code. Every problem that is answered has one: `ApiError::new` looks it up.
pub fn find(code: &str) -> Option<&'static Kind> {
    KINDS.get(code)
}

/// Every kind with its code, in alphabetical order.
pub fn all() -> impl Iterator<Item = (&'static str, &'static Kind)> {
    KINDS.iter().map(|(code, kind)| (code.as_str(), kind))
}

/// Every code, in alphabetical order.
pub fn codes() -> impl Iterator<Item = &'static str> {
    KINDS.keys().map(String::as_str)
}

/// An example of every kind.
pub fn examples() -> impl Iterator<Item = Value> {
    KINDS.iter().map(|(code, kind)| kind.example(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_that_the_source_or_the_document_names_has_its_page() {
        let sources = [
            include_str!("mod.rs"),
            include_str!("framework.rs"),
            include_str!("../http/body.rs"),
            include_str!("../middleware/check.rs"),
            include_str!("../limits/mod.rs"),
            include_str!("../http/receive.rs"),
            include_str!("../resources/payments.rs"),
            include_str!("../resources/documents.rs"),
            include_str!("../http/page.rs"),
            include_str!("../http/optional.rs"),
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
