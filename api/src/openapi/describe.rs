//! What readers of the document need and programs do not: words, examples, headers, and which errors an operation
//! has. Requests are not checked against any of it: the domain checks its words together with everything else, so
//! that a caller hears of every wrong field at once.

use std::sync::LazyLock;

use poem::http::StatusCode;
use serde_json::{Map, Value, json};

use super::operations;
use crate::error::problems;

/// The words and forms of fields and parameters, as patches of their schemas.
static WORDS: LazyLock<Value> = LazyLock::new(|| read(include_str!("words.json")));
/// Examples by name: one journey, recorded.
static EXAMPLES: LazyLock<Value> = LazyLock::new(|| read(include_str!("examples.json")));
/// What each operation has: examples of parameters, bodies and answers, and codes of its conflicts.
static OPERATIONS: LazyLock<Value> = LazyLock::new(|| read(include_str!("operations.json")));
/// Named enums. Views carry most words as text, because core checks them together with everything else.
static ENUMS: LazyLock<Value> = LazyLock::new(|| read(include_str!("enums.json")));
/// Headers by name.
static HEADERS: LazyLock<Value> = LazyLock::new(|| read(include_str!("headers.json")));

const PROBLEM: &str = crate::error::PROBLEM_JSON;

/// An invalid file of ours reads as `null`; the tests find that.
fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// Adds all of it to a finished document.
pub fn describe(document: &mut Value) {
    let mut errors = Map::new();
    for (path, _, operation) in operations(document) {
        let id = operation["operationId"].as_str().unwrap_or_default();
        let about = &OPERATIONS[id];
        parameters(operation, about);
        body(operation, about);
        answers(path, operation, about, &mut errors);
    }
    let components = &mut document["components"];
    for (name, words) in ENUMS.as_object().into_iter().flatten() {
        components["schemas"][name] = json!({ "type": "string" });
        merge(&mut components["schemas"][name], words);
    }
    components["schemas"]["ProblemCode"] = json!({
        "type": "string",
        "description": "What happened, for programs. New codes may come: treat an unknown one by its HTTP status",
        "enum": problems::codes().collect::<Vec<_>>(),
    });
    components["schemas"]["Problem"]["examples"] = problems::examples().collect();
    super::webhooks::add(document);
    let components = &mut document["components"];
    for (name, properties) in WORDS["schemas"].as_object().into_iter().flatten() {
        merge(&mut components["schemas"][name]["properties"], properties);
    }
    components["examples"] = EXAMPLES
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), json!({ "value": value })))
        .collect::<Map<_, _>>()
        .into();
    components["headers"] = HEADERS.clone();
    components["responses"] = errors.into();
}

fn parameters(operation: &mut Value, about: &Value) {
    let all = operation
        .get_mut("parameters")
        .and_then(Value::as_array_mut);
    for parameter in all.into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
        // An operation's own words stand above those that its name has everywhere.
        let words = [&WORDS["parameters"], &about["words"]];
        for words in words.into_iter().filter_map(|all| all.get(&name)) {
            merge(&mut parameter["schema"], words);
        }
        if let Some(example) = about["parameters"].get(&name) {
            parameter["example"] = example.clone();
        }
    }
}

fn body(operation: &mut Value, about: &Value) {
    // What is read as bytes, because a signature covers them, is JSON all the same.
    if let Some(content) = about.get("content") {
        operation["requestBody"]["content"] = content.clone();
    }
    if let Some(names) = about.get("request") {
        let content = operation["requestBody"]["content"].as_object_mut();
        for media in content.into_iter().flatten().map(|(_, media)| media) {
            media["examples"] = references("examples", names);
        }
    }
}

/// Leaves out the errors that an operation never has, shares those that are the same everywhere, and adds headers
/// and examples to the others.
fn answers(path: &str, operation: &mut Value, about: &Value, errors: &mut Map<String, Value>) {
    let replays = operation["parameters"]
        .as_array()
        .is_some_and(|parameters| {
            parameters
                .iter()
                .any(|one| one["name"] == "Idempotency-Key")
        });
    let may = |status: &str| may_answer(path, operation, about, status);
    let kept: Map<String, Value> = operation["responses"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(status, _)| may(status))
        .map(|(status, answer)| (status.clone(), answer.clone()))
        .collect();
    let mut described = Map::new();
    for (status, mut answer) in kept {
        let own = about["responses"].get(&status);
        let problem = answer["content"].get(PROBLEM).is_some();
        if problem && own.is_none() && codes(about, &status).is_none() {
            let name = name_of(&status);
            errors.entry(name.clone()).or_insert_with(|| {
                add_headers(&mut answer, path, &status, true);
                add_examples(&mut answer, &OPERATIONS["errors"][&status]);
                answer
            });
            answer = json!({ "$ref": format!("#/components/responses/{name}") });
        } else {
            if let Some(codes) = codes(about, &status) {
                let text = answer["description"].as_str().unwrap_or_default();
                let text = text.split(':').next().unwrap_or_default();
                answer["description"] = json!(format!("{text}: {codes}"));
            }
            add_headers(&mut answer, path, &status, replays);
            add_examples(&mut answer, own.unwrap_or(&Value::Null));
        }
        described.insert(status, answer);
    }
    operation["responses"] = described.into();
}

/// Whether an operation ever answers a status.
fn may_answer(path: &str, operation: &Value, about: &Value, status: &str) -> bool {
    let listed = |list: &str| {
        about[list]
            .as_array()
            .is_some_and(|all| all.contains(&json!(status)))
    };
    let secured = operation["security"]
        .as_array()
        .is_some_and(|schemes| !schemes.is_empty());
    let takes = |name: &str| {
        let parameters = operation["parameters"].as_array();
        parameters.is_some_and(|all| all.iter().any(|one| one["name"] == name))
    };
    match status {
        "412" | "428" => takes("If-Match"),
        "401" | "403" => secured || listed("also"),
        "404" => path.contains('{') || listed("also"),
        "409" | "410" => codes(about, status).is_some(),
        "413" | "415" => operation.get("requestBody").is_some(),
        "502" => listed("also"),
        _ => true,
    }
}

/// The codes of an operation's conflicts (409) or of what is over (410), in words.
fn codes(about: &Value, status: &str) -> Option<String> {
    let codes = about["codes"].get(status)?.as_array()?;
    let codes = codes.iter().filter_map(Value::as_str);
    Some(
        codes
            .map(|code| format!("`{code}`"))
            .collect::<Vec<_>>()
            .join(", "),
    )
}

/// `NotFound` of 404.
fn name_of(status: &str) -> String {
    let reason = status
        .parse()
        .ok()
        .and_then(|status| StatusCode::from_u16(status).ok())
        .and_then(|status| status.canonical_reason());
    reason.unwrap_or(status).replace(' ', "")
}

fn add_headers(answer: &mut Value, path: &str, status: &str, replays: bool) {
    let mut names = vec!["X-Request-Id"];
    if path.starts_with("/v1/") {
        names.extend(["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]);
    }
    match status {
        "401" => names.push("WWW-Authenticate"),
        "409" if replays => names.push("Retry-After"),
        "429" | "502" | "503" if path.starts_with("/v1/") => names.push("Retry-After"),
        "415" => names.push("Accept-Encoding"),
        _ => {}
    }
    if answer["headers"].is_null() {
        answer["headers"] = json!({});
    }
    let Some(headers) = answer["headers"].as_object_mut() else {
        return;
    };
    if !replays {
        headers.remove("Idempotent-Replayed");
    }
    for name in names {
        let reference = json!({ "$ref": format!("#/components/headers/{name}") });
        headers.insert(name.to_owned(), reference);
    }
}

fn add_examples(answer: &mut Value, names: &Value) {
    let content = answer.get_mut("content").and_then(Value::as_object_mut);
    for (kind, media) in content.into_iter().flatten() {
        // The others are shown by their descriptions: a stream has no example in JSON.
        if names.is_array() && kind.contains("json") {
            media["examples"] = references("examples", names);
        }
    }
}

fn references(kind: &str, names: &Value) -> Value {
    let names = names
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let reference = |name: &str| json!({ "$ref": format!("#/components/{kind}/{name}") });
    names
        .map(|name| (name.to_owned(), reference(name)))
        .collect::<Map<_, _>>()
        .into()
}

/// JSON merge patch (RFC 7396) without removals. A reference takes the place of the type that it names.
fn merge(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) if patch.contains_key("$ref") => {
            target
                .retain(|name, _| ["description", "nullable", "default"].contains(&name.as_str()));
            target.extend(patch.clone());
        }
        (Value::Object(target), Value::Object(patch)) => {
            for (name, value) in patch {
                merge(target.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}
