//! What the OpenAPI document says beyond what the derive macros write.

mod describe;
mod publish;
pub mod query;
pub mod raw;
pub mod schema;
pub mod tags;
mod webhooks;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

pub use describe::describe;
pub use publish::publish;

use crate::auth::Need;

/// Characters of a query's text at most: a list of every airline fits.
const LONGEST_TEXT: u32 = 4_000;
const SCHEMAS: &str = "#/components/schemas/";

/// Finishes a document: request bodies take no unknown field, a member of them that may be absent may be `null`, and
/// dates have the name that OpenAPI gives them. Answers leave out what is absent.
pub fn finish(document: &mut Value) {
    name_needs(document);
    let bodies = in_bodies(document);
    rename_formats(document);
    limit_texts(document);
    if let Some(schemas) = document
        .pointer_mut("/components/schemas")
        .and_then(Value::as_object_mut)
    {
        for (name, schema) in schemas {
            let Some(schema) = schema.as_object_mut() else {
                continue;
            };
            if bodies.contains(name) && schema.get("type") == Some(&json!("object")) {
                schema.insert("additionalProperties".to_owned(), json!(false));
                allow_null(schema);
            }
        }
    }
}

/// The need that an operation has taken (`auth::Access`) becomes the schemes that meet it.
fn name_needs(document: &mut Value) {
    for (_, _, operation) in operations(document) {
        let scheme = operation["security"][0].as_object();
        let need = scheme.into_iter().flat_map(Map::keys).next();
        if let Some(need) = need.and_then(|name| Need::parse(name)) {
            operation["security"] = need.schemes();
        }
    }
}

/// No text of a query is longer than its schema says, or than this where the schema says nothing.
fn limit_texts(document: &mut Value) {
    for (_, _, operation) in operations(document) {
        let parameters = operation["parameters"].as_array_mut();
        for parameter in parameters.into_iter().flatten() {
            let is_text = parameter["in"] == "query"
                && parameter["schema"]["type"] == "string"
                && parameter["schema"].get("enum").is_none();
            if is_text && let Some(schema) = parameter["schema"].as_object_mut() {
                schema.entry("maxLength").or_insert(json!(LONGEST_TEXT));
            }
        }
    }
}

/// Every operation with its path and method.
fn operations(document: &mut Value) -> impl Iterator<Item = (&str, &str, &mut Value)> {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    paths.flat_map(|(path, methods)| {
        let methods = methods.as_object_mut().into_iter().flatten();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// The names of all schemas that request bodies consist of.
fn in_bodies(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let paths = document["paths"]
        .as_object()
        .into_iter()
        .flat_map(Map::values);
    for operation in paths.filter_map(Value::as_object).flat_map(Map::values) {
        collect(&operation["requestBody"], document, &mut found);
    }
    found
}

fn collect(value: &Value, document: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(name) = members
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|path| path.strip_prefix(SCHEMAS))
                && found.insert(name.to_owned())
            {
                collect(&document["components"]["schemas"][name], document, found);
            }
            members
                .values()
                .for_each(|member| collect(member, document, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, document, found)),
        _ => {}
    }
}

fn allow_null(schema: &mut Map<String, Value>) {
    let required: BTreeSet<String> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, property) in properties.into_iter().flatten() {
        if required.contains(name) {
            continue;
        }
        // A reference takes no siblings in OpenAPI 3.0.
        if property.get("$ref").is_some() {
            *property = json!({ "allOf": [property.take()] });
        }
        property["nullable"] = json!(true);
    }
}

fn rename_formats(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.get("format") == Some(&json!("naive-date")) {
                members.insert("format".to_owned(), json!("date"));
            }
            members.values_mut().for_each(rename_formats);
        }
        Value::Array(items) => items.iter_mut().for_each(rename_formats),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_refuse_unknown_fields_and_what_may_be_absent_may_be_null() {
        let mut document = json!({
            "paths": { "/x": { "post": { "requestBody": { "schema": { "$ref": "#/components/schemas/In" } } } } },
            "components": { "schemas": {
                "In": { "type": "object", "required": ["a"], "properties": {
                    "a": { "$ref": "#/components/schemas/Part" },
                    "born": { "type": "string", "format": "naive-date" }
                } },
                "Part": { "type": "object", "properties": { "b": { "$ref": "#/components/schemas/Out" } } },
                "Out": { "type": "string" },
                "Other": { "type": "object", "properties": {} }
            } }
        });
        finish(&mut document);
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["In"]["additionalProperties"], false);
        assert_eq!(schemas["Part"]["additionalProperties"], false);
        assert!(schemas["Other"].get("additionalProperties").is_none());
        assert_eq!(
            schemas["In"]["properties"]["a"],
            json!({ "$ref": "#/components/schemas/Part" })
        );
        let born = json!({ "type": "string", "format": "date", "nullable": true });
        assert_eq!(schemas["In"]["properties"]["born"], born);
        let b = json!({ "allOf": [{ "$ref": "#/components/schemas/Out" }], "nullable": true });
        assert_eq!(schemas["Part"]["properties"]["b"], b);
    }
}
