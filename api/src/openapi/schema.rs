//! Checks a JSON value against the schema that our own OpenAPI document shows, and names every wrong field.

use flightdesk_core::clock::parse_date;
use flightdesk_core::error::FieldError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{Draft, ValidationError, Validator};
use poem_openapi::registry::Registry;
use poem_openapi::types::Type;
use serde_json::{Map, Value, json};

use crate::error::MOST_ERRORS;

/// Most items of an array whose schema names no number.
const MOST_ITEMS: usize = 100;

/// A compiled schema.
pub struct Shape {
    validator: Validator,
    /// What it was compiled of.
    document: Value,
}

impl Shape {
    /// The shape of a type, as its `derive` describes it. Fields it does not know are wrong.
    ///
    /// Errors: an invalid schema, which is a bug in the type.
    pub fn of<T: Type>() -> Result<Self, String> {
        let mut registry = Registry::new();
        T::register(&mut registry);
        let schema = serde_json::to_value(T::schema_ref()).map_err(|error| error.to_string())?;
        let schemas = serde_json::to_value(registry.schemas).map_err(|error| error.to_string())?;
        Self::new(&schema, &schemas)
    }

    /// A schema with those of the components that it refers to: every shape keeps what it was compiled of, and all the
    /// components of the document in each of them were 100 MB.
    pub fn new(schema: &Value, components: &Value) -> Result<Self, String> {
        let mut needed = Map::new();
        collect_references(schema, components, &mut needed);
        let mut document = json!({ "allOf": [schema], "components": { "schemas": needed } });
        tighten(&mut document);
        let validator = jsonschema::options()
            .with_draft(Draft::Draft4)
            .should_validate_formats(true)
            .with_format("date", |raw| parse_date(raw).is_some())
            .with_format("naive-date", |raw| parse_date(raw).is_some())
            .with_format("date-time", |raw| {
                chrono::DateTime::parse_from_rfc3339(raw).is_ok()
            })
            .with_format("uuid", |raw| {
                raw.len() == 36 && raw.parse::<uuid::Uuid>().is_ok()
            })
            .build(&document)
            .map_err(|error| error.to_string())?;
        Ok(Self {
            validator,
            document,
        })
    }

    /// The errors of the schema itself, without the check for NUL.
    pub fn errors<'a>(&'a self, value: &'a Value) -> impl Iterator<Item = ValidationError<'a>> {
        self.validator.iter_errors(value)
    }

    /// Follows references, and the first of schemas that stand together: the derive writes the type there.
    fn resolve<'a>(&'a self, mut schema: &'a Value) -> &'a Value {
        loop {
            let referred = schema["$ref"].as_str();
            let referred = referred.and_then(|path| self.document.pointer(&path[1..]));
            match referred.or_else(|| schema["allOf"].get(0)) {
                Some(next) => schema = next,
                None => return schema,
            }
        }
    }

    /// Truncates a value so that the work depends on the schema and not on the value: an array keeps one item more than
    /// it may have, and [`MOST_ERRORS`] + 1 unknown members stay, without their contents. Returns how many unknown
    /// members were removed.
    pub fn clip(&self, value: &mut Value) -> usize {
        let mut unknown = 0;
        self.clip_part(&self.document["allOf"][0], value, &mut unknown);
        unknown.saturating_sub(MOST_ERRORS + 1)
    }

    fn clip_part(&self, schema: &Value, value: &mut Value, unknown: &mut usize) {
        let schema = self.resolve(schema);
        match value {
            Value::Array(items) => {
                let most = schema["maxItems"].as_u64();
                let most = most.and_then(|most| usize::try_from(most).ok());
                items.truncate(most.unwrap_or(MOST_ITEMS) + 1);
                for item in items {
                    self.clip_part(&schema["items"], item, unknown);
                }
            }
            Value::Object(members) if schema["additionalProperties"] == false => {
                members.retain(|name, member| {
                    if let Some(schema) = schema["properties"].get(name) {
                        self.clip_part(schema, member, unknown);
                        return true;
                    }
                    *unknown += 1;
                    *member = Value::Null;
                    *unknown <= MOST_ERRORS + 1
                });
            }
            _ => {}
        }
    }

    /// Every wrong field, in the order of the document; empty when nothing is wrong.
    pub fn check(&self, value: &Value) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        for error in self.errors(value) {
            describe(&error, &mut wrong);
        }
        find_nul(value, &mut String::new(), &mut wrong);
        wrong.sort_by(|a, b| (&a.field, a.code).cmp(&(&b.field, b.code)));
        wrong.dedup();
        wrong
    }
}

/// Adds the components that a schema refers to, and those that they refer to.
fn collect_references(schema: &Value, components: &Value, needed: &mut Map<String, Value>) {
    match schema {
        Value::Array(items) => {
            for item in items {
                collect_references(item, components, needed);
            }
        }
        Value::Object(members) => {
            let name = members.get("$ref").and_then(Value::as_str);
            let name = name.and_then(|path| path.strip_prefix("#/components/schemas/"));
            if let Some(name) = name
                && !needed.contains_key(name)
                && let Some(component) = components.get(name)
            {
                needed.insert(name.to_owned(), component.clone());
                collect_references(component, components, needed);
            }
            for member in members.values() {
                collect_references(member, components, needed);
            }
        }
        _ => {}
    }
}

/// Names every text with a NUL character: PostgreSQL keeps none, so nothing that is stored or looked up has one.
fn find_nul(value: &Value, pointer: &mut String, wrong: &mut Vec<FieldError>) {
    let length = pointer.len();
    let mut within = |name: &str, value: &Value, wrong: &mut Vec<FieldError>| {
        pointer.push('/');
        pointer.push_str(name);
        find_nul(value, pointer, wrong);
        pointer.truncate(length);
    };
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                within(&name.replace('~', "~0").replace('/', "~1"), member, wrong);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                within(&index.to_string(), item, wrong);
            }
        }
        Value::String(text) if text.contains('\0') => wrong.push(FieldError {
            field: field(pointer, None),
            code: "nul_character",
            message: "must have no NUL character (U+0000)".to_owned(),
        }),
        _ => {}
    }
}

/// Adds the rules that the derive macros enforce but do not write into the schema: no unknown fields, and the range of
/// integers.
fn tighten(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(tighten),
        Value::Object(members) => {
            if members.get("type") == Some(&json!("object")) {
                // Without any the validator does not say which field is one too many.
                members.entry("properties").or_insert(json!({}));
                members
                    .entry("additionalProperties")
                    .or_insert(json!(false));
            }
            limit_integer(members);
            members.values_mut().for_each(tighten);
        }
        _ => {}
    }
}

fn limit_integer(members: &mut Map<String, Value>) {
    let range: Option<(i64, i64)> = match members.get("format").and_then(Value::as_str) {
        Some("int8") => Some((i8::MIN.into(), i8::MAX.into())),
        Some("int16") => Some((i16::MIN.into(), i16::MAX.into())),
        Some("int32") => Some((i32::MIN.into(), i32::MAX.into())),
        Some("uint8") => Some((0, u8::MAX.into())),
        Some("uint16") => Some((0, u16::MAX.into())),
        Some("uint32") => Some((0, u32::MAX.into())),
        Some("uint64") => Some((0, i64::MAX)),
        _ => None,
    };
    if let Some((least, most)) = range {
        members.entry("minimum").or_insert(json!(least));
        members.entry("maximum").or_insert(json!(most));
    }
}

/// A name of a JSON pointer as it was written.
fn unescape(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

/// The path of a field as people write it: `/passengers/0/first_name` is `passengers[0].first_name`.
pub fn field(pointer: &str, member: Option<&str>) -> String {
    let mut path = String::new();
    let parts = pointer.split('/').skip(1).map(unescape);
    for part in parts.chain(member.map(str::to_owned)) {
        if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) {
            path.push('[');
            path.push_str(&part);
            path.push(']');
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&part);
        }
    }
    path
}

fn describe(error: &ValidationError<'_>, wrong: &mut Vec<FieldError>) {
    let pointer = error.instance_path().as_str();
    let mut add = |member: Option<&str>, code: &'static str, message: String| {
        wrong.push(FieldError {
            field: field(pointer, member),
            code,
            message,
        });
    };
    let list = |options: &Value| {
        let names = options.as_array().into_iter().flatten();
        names
            .map(|name| {
                name.as_str()
                    .map_or_else(|| name.to_string(), str::to_owned)
            })
            .collect::<Vec<_>>()
            .join(", ")
    };
    match error.kind() {
        Kind::Required { property } => add(property.as_str(), "required", "is required".to_owned()),
        Kind::AdditionalProperties { unexpected } => {
            for name in unexpected {
                add(
                    Some(name),
                    "unknown_field",
                    "is not a field of this request".to_owned(),
                );
            }
        }
        Kind::Type { kind } => add(None, "type", format!("must be {}", article(kind))),
        Kind::Enum { options } => add(None, "enum", format!("must be one of: {}", list(options))),
        Kind::Format { format } => add(None, "format", format!("must be {}", format_name(format))),
        Kind::Pattern { pattern } => add(None, "pattern", format!("must match {pattern}")),
        Kind::MinLength { limit } => add(
            None,
            "min_length",
            format!("must have at least {limit} characters"),
        ),
        Kind::MaxLength { limit } => add(
            None,
            "max_length",
            format!("must have at most {limit} characters"),
        ),
        Kind::MinItems { limit } => add(
            None,
            "min_items",
            format!("must have at least {limit} items"),
        ),
        Kind::MaxItems { limit } => add(
            None,
            "max_items",
            format!("must have at most {limit} items"),
        ),
        Kind::Minimum { limit } => add(
            None,
            "minimum",
            format!("must be at least {}", number(limit)),
        ),
        Kind::Maximum { limit } => add(
            None,
            "maximum",
            format!("must be at most {}", number(limit)),
        ),
        Kind::ExclusiveMinimum { limit } => add(
            None,
            "minimum",
            format!("must be more than {}", number(limit)),
        ),
        Kind::ExclusiveMaximum { limit } => add(
            None,
            "maximum",
            format!("must be less than {}", number(limit)),
        ),
        Kind::MultipleOf { multiple_of } => add(
            None,
            "multiple_of",
            format!("must be a multiple of {multiple_of}"),
        ),
        Kind::UniqueItems => add(
            None,
            "unique_items",
            "must not name anything twice".to_owned(),
        ),
        // The alternative that fits best says what is missing.
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            match context.iter().min_by_key(|branch| branch.len()) {
                Some(branch) if !branch.is_empty() => {
                    for error in branch {
                        describe(error, wrong);
                    }
                }
                _ => add(
                    None,
                    "invalid",
                    "matches none of the allowed forms".to_owned(),
                ),
            }
        }
        _ => add(None, "invalid", "is not what this field takes".to_owned()),
    }
}

fn article(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(kind) => match kind.to_string().as_str() {
            "integer" => "an integer".to_owned(),
            "array" => "an array".to_owned(),
            "object" => "an object".to_owned(),
            other => format!("a {other}"),
        },
        TypeKind::Multiple(_) => "of another type".to_owned(),
    }
}

fn format_name(format: &str) -> &str {
    match format {
        "date" | "naive-date" => "a date such as 2026-12-20",
        "date-time" => "an instant such as 2026-12-20T08:00:00Z",
        "uuid" => "a UUID",
        "email" => "an e-mail address",
        "uri" | "url" => "a URL",
        other => other,
    }
}

/// The document writes limits as floating point: `10.0` is 10.
fn number(limit: &Value) -> String {
    let text = limit.to_string();
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
