//! What webhooks say, in the document: a message for each kind of event, with the schema of its body.

use std::sync::LazyLock;

use flightdesk_core::booking_event::{Kind, PUBLISHED_VERSION};
use flightdesk_core::webhook::TEST_TYPE;
use serde_json::{Map, Value, json};

/// The details of each kind, and the schemas that they share.
static WEBHOOKS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("webhooks.json")).unwrap_or_default());

/// Adds the messages and their schemas.
pub fn add(document: &mut Value) {
    let mut messages = Map::new();
    let schemas = &mut document["components"]["schemas"];
    for (name, schema) in WEBHOOKS["schemas"].as_object().into_iter().flatten() {
        schemas[name] = schema.clone();
    }
    let types: Vec<_> = Kind::ALL.iter().map(|kind| kind.published_as()).collect();
    schemas["WebhookEventType"] = json!({
        "type": "string",
        "description": "What a webhook tells. New types may come",
        "enum": types,
    });
    for kind in Kind::ALL {
        let (about, told_as) = (&WEBHOOKS["kinds"][kind.as_str()], kind.published_as());
        let name = schema_name(told_as);
        let details = details(about);
        schemas[&name] = schema(&about["summary"], told_as, &details);
        messages.insert(
            told_as.to_owned(),
            message(told_as, &name, &about["summary"]),
        );
    }
    let name = schema_name(TEST_TYPE);
    let summary = json!("A message that says nothing: `POST /v1/webhook-endpoints/{id}/tests`");
    schemas[&name] = schema(&summary, TEST_TYPE, &Value::Null);
    messages.insert(TEST_TYPE.to_owned(), message(TEST_TYPE, &name, &summary));
    document["webhooks"] = messages.into();
}

/// `BookingRefundPaidMessage` of `booking.refund_paid`.
fn schema_name(told_as: &str) -> String {
    let words = told_as.split(['.', '_']).map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{}{rest}", first.to_ascii_uppercase())
    });
    format!("{}Message", words.collect::<String>())
}

fn details(about: &Value) -> Value {
    let properties = about["properties"].as_object().into_iter().flatten();
    let is_required = |name: &str| {
        let optional = about["optional"].as_array();
        !optional.is_some_and(|names| names.contains(&json!(name)))
    };
    let required = properties.map(|(name, _)| name.as_str());
    let required: Vec<_> = required.filter(|name| is_required(name)).collect();
    json!({ "type": "object", "required": required, "properties": about["properties"] })
}

fn schema(summary: &Value, told_as: &str, details: &Value) -> Value {
    let event_id = json!({
        "type": "string",
        "format": "uuid",
        "description": "The event, as in the header `webhook-id` and in `GET /v1/bookings/{booking_ref}/events`",
    });
    let mut data = json!({
        "type": "object",
        "required": ["event_id"],
        "properties": { "event_id": event_id },
    });
    if !details.is_null() {
        data["required"] = json!(["event_id", "booking_ref", "actor", "details"]);
        data["properties"]["booking_ref"] =
            json!({ "type": "string", "pattern": "^[ABCDEFGHJKLMNPQRSTUVWXYZ3789]{6}$" });
        data["properties"]["actor"] = json!({ "$ref": "#/components/schemas/Actor" });
        data["properties"]["details"] = details.clone();
        if !details["properties"]["status"].is_null() {
            data["properties"]["status"] = json!({
                "type": "string",
                "description": "Where the booking stands by it",
            });
        }
    }
    json!({
        "type": "object",
        "description": summary,
        "required": ["type", "version", "timestamp", "data"],
        "properties": {
            "type": { "const": told_as },
            "version": {
                "const": PUBLISHED_VERSION,
                "description": "A field more is no other version; a field that means something else is",
            },
            "timestamp": { "type": "string", "format": "date-time", "description": "When it happened" },
            "data": data,
        },
    })
}

fn message(told_as: &str, schema: &str, summary: &Value) -> Value {
    let header = |name: &str, description: &str, example: &str| {
        json!({
            "name": name,
            "in": "header",
            "required": true,
            "description": description,
            "schema": { "type": "string" },
            "example": example,
        })
    };
    json!({ "post": {
        "operationId": told_as.replace('.', "_"),
        "tags": ["Webhooks"],
        "summary": summary,
        "description": "Signed as Standard Webhooks says: <https://www.standardwebhooks.com>. It has ids and amounts, and no name or address of anybody: read the booking for more.",
        "security": [],
        "parameters": [
            header("webhook-id", "The same when the message comes again", "01a1fabf-3f4a-7c38-8e90-6d1c52b84a02"),
            header("webhook-timestamp", "When it was sent, in seconds of Unix time", "1795208200"),
            header("webhook-signature", "`v1,` and the base64 of HMAC-SHA256 of `{webhook-id}.{webhook-timestamp}.{body}` with the endpoint's secret; two of them, separated by a space, while the secret is rotated", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ],
        "requestBody": { "required": true, "content": { "application/json": { "schema": { "$ref": format!("#/components/schemas/{schema}") } } } },
        "responses": {
            "2XX": { "description": "Received" },
            "410": { "description": "Nothing is wanted here any more: the endpoint is disabled" },
        },
    } })
}
