//! The published form of the document: OpenAPI 3.1, whose schemas are JSON Schema.
//!
//! poem-openapi writes 3.0, where "this reference or `null`" cannot be said so that linters and client generators
//! agree: a reference takes no siblings, `nullable` needs a `type` beside it, and with `type: object` beside `allOf`
//! generated clients get a type that no value has. In 3.1 it is `anyOf: [{$ref}, {type: null}]` for all of them.

use serde_json::{Map, Value, json};

use super::operations;

/// Members whose values are data, not schemas.
const DATA: [&str; 5] = ["default", "enum", "example", "examples", "required"];
/// What does not fit into 32 bits, as amounts in minor units do not: everything else that is counted does.
const WIDE: [&str; 2] = ["size_bytes", "expires"];

/// Rewrites a finished and described document.
pub fn publish(document: &mut Value) {
    document["openapi"] = json!("3.1.0");
    for (_, _, operation) in operations(document) {
        // An operation that needs no key says so.
        if operation["security"].is_null() {
            operation["security"] = json!([]);
        }
        rename_media_types(&mut operation["requestBody"]);
        for (_, answer) in operation["responses"].as_object_mut().into_iter().flatten() {
            rename_media_types(answer);
            name_headers(answer);
        }
        if operation["requestBody"].is_null()
            && let Some(operation) = operation.as_object_mut()
        {
            operation.remove("requestBody");
        }
        for parameter in operation["parameters"].as_array_mut().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap_or_default().to_owned();
            narrow(&name, &mut parameter["schema"]);
        }
        if operation["parameters"].is_null()
            && let Some(operation) = operation.as_object_mut()
        {
            operation.remove("parameters");
        }
    }
    for (_, header) in document["components"]["headers"]
        .as_object_mut()
        .into_iter()
        .flatten()
    {
        if let Some(schema) = header.get_mut("schema") {
            narrow("", schema);
        }
    }
    for (_, schema) in document["components"]["schemas"]
        .as_object_mut()
        .into_iter()
        .flatten()
    {
        for (name, property) in schema["properties"].as_object_mut().into_iter().flatten() {
            narrow(name, property);
        }
        if schema["properties"].is_null()
            && let Some(schema) = schema.as_object_mut()
        {
            schema.remove("properties");
        }
    }
    rewrite(document);
}

/// The charset is no part of what a client chooses by: JSON has one (RFC 8259).
fn rename_media_types(message: &mut Value) {
    let Some(content) = message.get_mut("content").and_then(Value::as_object_mut) else {
        return;
    };
    let renamed = std::mem::take(content).into_iter().map(|(kind, media)| {
        let bare = kind.split(';').next().unwrap_or_default().to_owned();
        (bare, media)
    });
    *content = renamed.collect();
}

/// `Retry-After` of `RETRY-AFTER`: names of headers know no case, readers do.
fn name_headers(answer: &mut Value) {
    let Some(headers) = answer.get_mut("headers").and_then(Value::as_object_mut) else {
        return;
    };
    let renamed = std::mem::take(headers)
        .into_iter()
        .map(|(name, mut header)| {
            let is_shouted = name.bytes().all(|byte| !byte.is_ascii_lowercase());
            let part = |part: &str| {
                let (first, rest) = part.split_at(part.len().min(1));
                format!("{first}{}", rest.to_ascii_lowercase())
            };
            if let Some(schema) = header.get_mut("schema") {
                narrow(&name, schema);
            }
            let quiet = || name.split('-').map(part).collect::<Vec<_>>().join("-");
            (if is_shouted { quiet() } else { name.clone() }, header)
        });
    *headers = renamed.collect();
}

/// Counts are `int32`, the only small integer that OpenAPI knows, within the range that their own type has.
fn narrow(name: &str, schema: &mut Value) {
    if let Some(items) = schema.get_mut("items") {
        narrow(name, items);
    }
    let (least, most) = match schema["format"].as_str() {
        Some("uint8") => (Some(0), Some(i64::from(u8::MAX))),
        Some("uint16") => (Some(0), Some(i64::from(u16::MAX))),
        Some("uint32" | "uint64") => (Some(0), None),
        Some("int16" | "int32" | "int64") => (None, None),
        _ => return,
    };
    schema["format"] = json!(if WIDE.contains(&name) || name.ends_with("_minor") {
        "int64"
    } else {
        "int32"
    });
    for (limit, value) in [("minimum", least), ("maximum", most)] {
        if let Some(value) = value
            && schema[limit].is_null()
        {
            schema[limit] = json!(value);
        }
    }
    for limit in ["minimum", "maximum"] {
        match schema[limit].as_f64() {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a limit of an integer is one"
            )]
            Some(value) => schema[limit] = json!(value as i64),
            None => {
                schema.as_object_mut().map(|schema| schema.remove(limit));
            }
        }
    }
}

/// What 3.0 says of references and `null`, as 3.1 says it.
fn rewrite(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(rewrite),
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                // A property may be called `example`; then it is an object with a type or a reference.
                let is_data = DATA.contains(&name.as_str());
                if !is_data {
                    rewrite(member);
                }
            }
            unwrap_reference(members);
            allow_null(members);
        }
        _ => {}
    }
}

/// `allOf` of one reference, and of descriptions of it, is that reference beside them.
fn unwrap_reference(members: &mut Map<String, Value>) {
    let Some(parts) = members.get("allOf").and_then(Value::as_array) else {
        return;
    };
    let is_reference = |part: &&Value| part.get("$ref").is_some();
    let says_nothing = |part: &Value| {
        part.as_object().is_some_and(|part| {
            part.keys()
                .all(|name| name == "description" || name == "default")
        })
    };
    let is_one = parts.iter().filter(is_reference).count() == 1;
    if !is_one
        || !parts
            .iter()
            .all(|part| is_reference(&part) || says_nothing(part))
    {
        return;
    }
    if let Some(Value::Array(parts)) = members.remove("allOf") {
        for part in parts {
            members.extend(part.as_object().cloned().unwrap_or_default());
        }
    }
}

fn allow_null(members: &mut Map<String, Value>) {
    if members.remove("nullable") != Some(json!(true)) {
        return;
    }
    if let Some(referred) = members.remove("$ref") {
        let either = json!([{ "$ref": referred }, { "type": "null" }]);
        members.insert("anyOf".to_owned(), either);
    }
    if let Some(kind) = members.get("type").filter(|kind| kind.is_string()) {
        let either = json!([kind, "null"]);
        members.insert("type".to_owned(), either);
    }
    if let Some(words) = members.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_references_counts_and_security_are_said_as_json_schema_says_them() {
        let mut document = json!({
            "openapi": "3.0.0",
            "paths": { "/x": { "get": {
                "parameters": [{ "name": "limit", "schema": { "type": "integer", "format": "uint32", "minimum": 1.0 } }],
                "responses": { "200": {
                    "content": { "application/json; charset=utf-8": {} },
                    "headers": { "RETRY-AFTER": {}, "X-Cache": {} },
                } },
            } } },
            "components": { "schemas": { "A": { "type": "object", "properties": {
                "money": { "allOf": [{ "$ref": "#/m" }, { "description": "d" }], "nullable": true },
                "other": { "allOf": [{ "$ref": "#/m" }], "description": "d" },
                "text": { "type": "string", "nullable": true },
                "word": { "type": "string", "enum": ["a"], "nullable": true },
                "size_bytes": { "type": "integer", "format": "int64" },
                "count": { "type": "integer", "format": "uint16" },
            } } } },
        });
        publish(&mut document);
        let operation = &document["paths"]["/x"]["get"];
        assert_eq!(operation["security"], json!([]));
        assert_eq!(
            operation["parameters"][0]["schema"],
            json!({ "type": "integer", "format": "int32", "minimum": 1 })
        );
        let answer = &operation["responses"]["200"];
        assert!(answer["content"]["application/json"].is_object());
        assert_eq!(
            answer["headers"],
            json!({ "Retry-After": {}, "X-Cache": {} })
        );
        let properties = &document["components"]["schemas"]["A"]["properties"];
        assert_eq!(
            properties,
            &json!({
                "money": { "anyOf": [{ "$ref": "#/m" }, { "type": "null" }], "description": "d" },
                "other": { "$ref": "#/m", "description": "d" },
                "text": { "type": ["string", "null"] },
                "word": { "type": ["string", "null"], "enum": ["a", null] },
                "size_bytes": { "type": "integer", "format": "int64" },
                "count": { "type": "integer", "format": "int32", "minimum": 0, "maximum": 65535 },
            })
        );
    }
}
