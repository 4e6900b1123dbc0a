//! What the document promises, held against what it shows and against every answer of every test.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use flightdesk_core::booking_event::{Kind, Recorded, published};
use flightdesk_core::webhook::TEST_TYPE;
use jsonschema::{Draft, Validator};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// The document as it is served.
pub static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&flightdesk_api::openapi_json()).unwrap());

/// Every operation: method, path template, operation.
pub fn operations() -> impl Iterator<Item = (String, &'static str, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (method.to_uppercase(), path.as_str(), operation))
    })
}

/// Follows a reference into the components.
pub fn resolve(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(path) => DOCUMENT.pointer(path.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

/// What is wrong with a value, if anything is. Fields that the document does not name are wrong too.
pub fn misfits(schema: &Value, value: &Value) -> Vec<String> {
    static SHAPES: LazyLock<Mutex<HashMap<String, &'static Validator>>> =
        LazyLock::new(Mutex::default);
    static SCHEMAS: LazyLock<Value> = LazyLock::new(|| {
        let mut schemas = DOCUMENT["components"]["schemas"].clone();
        close(&mut schemas);
        schemas
    });
    let shape = *SHAPES
        .lock()
        .unwrap()
        .entry(schema.to_string())
        .or_insert_with(|| {
            let mut schema = json!({ "allOf": [schema] });
            close(&mut schema);
            schema["components"] = json!({ "schemas": *SCHEMAS });
            let shape = jsonschema::options()
                .with_draft(Draft::Draft202012)
                .should_validate_formats(true)
                .build(&schema);
            Box::leak(Box::new(shape.unwrap()))
        });
    let errors = shape.iter_errors(value);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// Fields that the document does not name are wrong, although it lets answers grow.
fn close(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Object(members) => {
            members.values_mut().for_each(close);
            if members.get("type") == Some(&json!("object")) && members.contains_key("properties") {
                members
                    .entry("additionalProperties")
                    .or_insert(json!(false));
            }
        }
        _ => {}
    }
}

/// Fails unless the document says that this operation gives such an answer.
pub fn check(method: &Method, path: &str, status: StatusCode, content_type: &str, text: &str) {
    let is_at = |template: &str| {
        let (mut asked, mut known) = (path.split('/'), template.split('/'));
        let same = known.by_ref().all(|part| {
            asked
                .next()
                .is_some_and(|given| part == given || part.starts_with('{'))
        });
        same && asked.next().is_none()
    };
    let found =
        operations().find(|(known, template, _)| known == method.as_str() && is_at(template));
    let Some((_, _, operation)) = found else {
        return;
    };
    let name = operation["operationId"].as_str().unwrap();
    let answer = resolve(&operation["responses"][status.as_str()]);
    assert!(
        answer.is_object(),
        "{name} answered {status}, which the document does not list: {text}"
    );
    let media = content_type.split(';').next().unwrap();
    if !media.ends_with("json") {
        return;
    }
    let schema = &answer["content"][media]["schema"];
    let schema = if schema.is_null() {
        let mut kinds = answer["content"].as_object().unwrap().iter();
        let kind = kinds.find(|(kind, _)| kind.split(';').next() == Some(media));
        &kind
            .unwrap_or_else(|| panic!("{name} {status} is {content_type}"))
            .1["schema"]
    } else {
        schema
    };
    let value = serde_json::from_str(text).unwrap();
    if name == "list_booking_events" && status == StatusCode::OK {
        check_webhooks(&value);
    }
    let wrong = misfits(schema, &value);
    assert!(
        wrong.is_empty(),
        "{name} {status} is not as documented: {wrong:#?}\n{text}"
    );
}

/// Fails unless what webhooks would say of each event of a timeline is as the document shows it.
fn check_webhooks(timeline: &Value) {
    for event in timeline["data"].as_array().unwrap() {
        let text = |name: &str| event[name].as_str().unwrap();
        let kind = Kind::ALL.iter().find(|kind| kind.as_str() == text("kind"));
        let told_as = kind.unwrap().published_as();
        let recorded = Recorded {
            id: text("id").parse().unwrap(),
            kind: text("kind").to_owned(),
            occurred_at: text("occurred_at").parse().unwrap(),
            actor: text("actor").to_owned(),
            api_key_id: None,
            session_id: None,
            request_id: None,
            details: event["details"].clone(),
        };
        let message = published(&recorded, "E89LWL", told_as);
        let body = &DOCUMENT["webhooks"][told_as]["post"]["requestBody"];
        let schema = &body["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{told_as} is not documented");
        let wrong = misfits(schema, &message);
        assert!(wrong.is_empty(), "{told_as}: {wrong:#?}\n{message:#}");
        for word in ["@", "+91", "+84", "waiver"] {
            assert!(!message.to_string().contains(word), "{message:#}");
        }
    }
}

#[test]
fn every_kind_of_event_is_a_webhook_with_a_schema_of_its_own() {
    let types = Kind::ALL.iter().map(|kind| kind.published_as());
    let types: Vec<_> = types.chain([TEST_TYPE]).collect();
    let webhooks = DOCUMENT["webhooks"].as_object().unwrap();
    assert_eq!(webhooks.len(), types.len());
    for told_as in types {
        let post = &webhooks[told_as]["post"];
        let body = &post["requestBody"]["content"]["application/json"]["schema"];
        let schema = resolve(body);
        assert_eq!(schema["properties"]["type"]["const"], told_as);
        assert!(schema["description"].is_string(), "{told_as} says nothing");
        let details = &schema["properties"]["data"]["properties"]["details"];
        let says = details["properties"]
            .as_object()
            .is_some_and(|all| !all.is_empty());
        assert!(says || told_as == TEST_TYPE, "{told_as} has no details");
    }
}

#[test]
fn the_committed_document_is_what_the_code_says() {
    let committed = include_str!("../../openapi.json");
    assert!(
        committed == flightdesk_api::openapi_json(),
        "run scripts/generate"
    );
}

#[test]
fn every_operation_shows_its_parameters_its_body_and_its_success_and_all_of_it_fits() {
    for (method, path, operation) in operations() {
        let name = format!("{method} {path}");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let example = parameter.get("example");
            let example =
                example.unwrap_or_else(|| panic!("{name} {} has none", parameter["name"]));
            let wrong = misfits(&parameter["schema"], example);
            assert!(wrong.is_empty(), "{name} {} {wrong:?}", parameter["name"]);
        }
        fits(&name, &operation["requestBody"], true);
        for (status, answer) in operation["responses"].as_object().unwrap() {
            fits(&format!("{name} {status}"), resolve(answer), true);
            assert!(
                resolve(answer)["headers"]["X-Request-Id"].is_object(),
                "{name} {status}"
            );
        }
    }
}

/// Every example of a body or an answer in JSON fits; there is one where there must be.
fn fits(name: &str, message: &'static Value, required: bool) {
    for (kind, media) in message["content"].as_object().into_iter().flatten() {
        if !kind.contains("json") {
            continue;
        }
        let examples: Vec<_> = media["examples"]
            .as_object()
            .into_iter()
            .flatten()
            .collect();
        assert!(!required || !examples.is_empty(), "{name} has no example");
        for (title, example) in examples {
            let wrong = misfits(&media["schema"], &resolve(example)["value"]);
            assert!(wrong.is_empty(), "{name} {title}: {wrong:#?}");
        }
    }
}

#[test]
fn what_the_files_of_the_document_name_exists() {
    let words: Value = serde_json::from_str(include_str!("../../src/openapi/words.json")).unwrap();
    let served = flightdesk_api::openapi_json();
    for (schema, properties) in words["schemas"].as_object().unwrap() {
        for property in properties.as_object().unwrap().keys() {
            let shown = &DOCUMENT["components"]["schemas"][schema]["properties"][property];
            assert!(
                ["type", "const", "$ref", "anyOf"]
                    .iter()
                    .any(|key| shown.get(key).is_some()),
                "{schema}.{property} is no field"
            );
        }
    }
    for name in DOCUMENT["components"]["examples"]
        .as_object()
        .unwrap()
        .keys()
    {
        let reference = format!("#/components/examples/{name}\"");
        assert!(served.contains(&reference), "nothing shows {name}");
    }
    let known: Vec<_> = operations()
        .map(|(_, _, one)| one["operationId"].as_str().unwrap())
        .collect();
    let about: Value =
        serde_json::from_str(include_str!("../../src/openapi/operations.json")).unwrap();
    for name in about
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| *name != "errors")
    {
        assert!(known.contains(&name.as_str()), "{name} is no operation");
    }
}

/// A name has up to 40 letters, and a letter may be several characters until the accents are composed.
#[test]
fn no_name_of_forty_letters_is_too_long_for_the_document() {
    let longest = "e\u{302}\u{323}".repeat(40);
    for (schema, fields) in [
        ("PassengerForm", ["first_name", "middle_name", "last_name"]),
        ("NameCorrection", ["first_name", "middle_name", "last_name"]),
    ] {
        let properties = &DOCUMENT["components"]["schemas"][schema]["properties"];
        for field in fields {
            let wrong = misfits(&properties[field], &json!(longest));
            assert!(wrong.is_empty(), "{schema}.{field}: {wrong:?}");
            let limit = properties[field]["maxLength"].as_u64().unwrap();
            assert!(limit >= 120, "{schema}.{field} ends at {limit}");
        }
    }
}

/// Who reads XML has to keep up with its parser's advisories (deny.toml).
#[test]
fn no_operation_takes_or_answers_xml() {
    assert!(operations().count() > 30);
    let document = DOCUMENT.to_string();
    assert!(!document.contains("/xml") && !document.contains("+xml"));
}
