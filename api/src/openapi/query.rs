//! Query parameters, checked against the API's own document: all unknown, repeated and wrong ones are reported, together
//! with what the operation's rules have against the others.

use std::collections::{BTreeMap, BTreeSet};

use flightdesk_core::error::FieldError;
use poem::Request;
use poem::http::Method;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::auth::Need;
use crate::error::{ApiError, MOST_ERRORS};
use crate::openapi::schema::Shape;

/// Every operation of the document.
pub struct Operations(Vec<Operation>);

struct Operation {
    id: String,
    method: String,
    path: Vec<String>,
    /// What its caller needs; `None` for a public operation.
    need: Option<Need>,
    parameters: BTreeMap<String, Kind>,
    shape: Shape,
}

/// Most parameters of a query that are read.
const MOST_PAIRS: usize = 200;

/// The JSON type that the text of a parameter is read as.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Boolean,
    List,
}

/// Parameters that are judged together: when one of them is wrong, the rules report nothing about the others.
const TOGETHER: [&[&str]; 2] = [
    &["adults", "children", "infants"],
    &["cabin", "fare_family", "refundable", "checked_bag"],
];

/// A query that does not fit its schema.
pub struct Wrong {
    /// The operation that was called.
    pub operation_id: String,
    /// Every wrong parameter.
    errors: Vec<FieldError>,
    /// The parameters that fit the schema, as an object.
    pub readable: Value,
}

impl Wrong {
    /// Whether more is wrong than an answer tells.
    pub fn is_junk(&self) -> bool {
        self.errors.len() > MOST_ERRORS
    }

    /// 422 with every wrong parameter, and with the errors that the rules found in the others.
    pub fn with(mut self, told: Vec<FieldError>) -> ApiError {
        let named = names(&self.errors);
        let beside = |told: &FieldError| {
            let group = TOGETHER
                .iter()
                .find(|group| group.contains(&name(&told.field)));
            let group = group.copied().unwrap_or_default();
            !named.contains(name(&told.field)) && group.iter().all(|name| !named.contains(*name))
        };
        self.errors.extend(told.into_iter().filter(beside));
        ApiError::invalid(self.errors)
    }
}

/// The parameters that are wrong.
fn names(errors: &[FieldError]) -> BTreeSet<String> {
    errors
        .iter()
        .map(|error| name(&error.field).to_owned())
        .collect()
}

/// The parameter of a field: `airlines` of `airlines[1]`.
fn name(field: &str) -> &str {
    field.split_once('[').map_or(field, |(name, _)| name)
}

impl Operations {
    /// Reads the operations of an OpenAPI document.
    ///
    /// Errors: invalid OpenAPI.
    pub fn of(document: &Value) -> Result<Self, String> {
        let components = &document["components"]["schemas"];
        let mut operations = Vec::new();
        for (path, methods) in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in methods.as_object().into_iter().flatten() {
                operations.push(Operation::of(path, method, operation, components)?);
            }
        }
        Ok(Self(operations))
    }

    /// The methods of a path, as `Allow` names them; empty when there is no such path.
    pub fn allowed(&self, path: &str) -> Vec<&str> {
        let found = self.0.iter().filter(|operation| operation.is_at(path));
        let mut methods: Vec<_> = found.map(|operation| operation.method.as_str()).collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        methods.sort_unstable();
        methods
    }

    /// Whether there is an operation for a request.
    pub fn has(&self, request: &Request) -> bool {
        self.find(request).is_some()
    }

    /// The path of a request's operation as the document writes it: `/v1/bookings/{booking_ref}`.
    pub fn template(&self, request: &Request) -> Option<String> {
        self.find(request).map(|operation| operation.path.join("/"))
    }

    /// What the operation of a request needs.
    pub fn need(&self, request: &Request) -> Option<Need> {
        self.find(request)?.need
    }

    /// Checks the query of a request against its schema; `None` when it fits or no operation matches.
    pub fn check(&self, request: &Request) -> Option<Wrong> {
        self.find(request)?
            .check(request.uri().query().unwrap_or_default())
    }

    fn find(&self, request: &Request) -> Option<&Operation> {
        let method = if request.method() == Method::HEAD {
            &Method::GET
        } else {
            request.method()
        };
        let path = request.uri().path();
        self.0
            .iter()
            .find(|operation| operation.method == method.as_str() && operation.is_at(path))
    }
}

impl Operation {
    fn of(path: &str, method: &str, operation: &Value, components: &Value) -> Result<Self, String> {
        let mut parameters = BTreeMap::new();
        let mut properties = Map::new();
        let mut required = Vec::new();
        let in_query = |parameter: &&Value| parameter["in"] == "query";
        for parameter in operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(in_query)
        {
            let name = parameter["name"].as_str().unwrap_or_default().to_owned();
            parameters.insert(name.clone(), Kind::of(&parameter["schema"], components));
            if parameter["required"] == true {
                required.push(name.clone());
            }
            properties.insert(name, parameter["schema"].clone());
        }
        let mut schema =
            json!({ "type": "object", "properties": properties, "additionalProperties": false });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        Ok(Self {
            id: operation["operationId"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            method: method.to_uppercase(),
            path: path.split('/').map(str::to_owned).collect(),
            need: Need::of(operation)?,
            parameters,
            shape: Shape::new(&schema, components)?,
        })
    }

    fn is_at(&self, path: &str) -> bool {
        let mut asked = path.split('/');
        let same = self.path.iter().all(|segment| {
            asked.next().is_some_and(|part| {
                if segment.starts_with('{') {
                    !part.is_empty()
                } else {
                    segment == part
                }
            })
        });
        same && asked.next().is_none()
    }

    fn check(&self, query: &str) -> Option<Wrong> {
        if query.is_empty() && self.parameters.is_empty() {
            return None;
        }
        let mut given: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        for (name, value) in pairs.by_ref().take(MOST_PAIRS) {
            given
                .entry(name.into_owned())
                .or_default()
                .push(value.into_owned());
        }
        let mut repeated = Vec::new();
        // The decoder replaces invalid UTF-8 by U+FFFD, which no valid parameter contains.
        let mut unreadable = Vec::new();
        let mut object = Map::new();
        for (name, values) in given {
            let kind = self.parameters.get(&name).copied().unwrap_or(Kind::Text);
            if values.len() > 1 && !matches!(kind, Kind::List) {
                repeated.push(FieldError {
                    field: name.clone(),
                    code: "repeated",
                    message: "must be given once".to_owned(),
                });
            }
            if values.iter().any(|value| value.contains('\u{fffd}')) {
                unreadable.push(FieldError {
                    field: name.clone(),
                    code: "utf8",
                    message: "must be percent-encoded UTF-8".to_owned(),
                });
            }
            object.insert(name, kind.read(values));
        }
        let mut errors = self.shape.check(&Value::Object(object.clone()));
        if pairs.next().is_some() {
            errors.push(FieldError {
                field: String::new(),
                code: "too_many_parameters",
                message: format!("must have at most {MOST_PAIRS} parameters"),
            });
        }
        errors.extend(repeated);
        errors.extend(unreadable);
        if errors.is_empty() {
            return None;
        }
        let wrong = names(&errors);
        object.retain(|name, _| !wrong.contains(name));
        Some(Wrong {
            operation_id: self.id.clone(),
            errors,
            readable: Value::Object(object),
        })
    }
}

impl Kind {
    fn of(schema: &Value, components: &Value) -> Self {
        let referred = schema["$ref"]
            .as_str()
            .and_then(|path| path.rsplit('/').next());
        if let Some(name) = referred {
            return Self::of(&components[name], components);
        }
        match schema["type"].as_str() {
            Some("integer" | "number") => Self::Number,
            Some("boolean") => Self::Boolean,
            Some("array") => Self::List,
            None if schema["allOf"][0].is_object() => Self::of(&schema["allOf"][0], components),
            Some(_) | None => Self::Text,
        }
    }

    /// A value that cannot be read stays text; the schema then reports the expected type.
    fn read(self, mut values: Vec<String>) -> Value {
        if let Self::List = self {
            return json!(values);
        }
        let text = values.swap_remove(0);
        match self {
            // Only as JSON writes it: no `+1`, no `01`.
            Self::Number => serde_json::from_str::<serde_json::Number>(&text)
                .map_or(Value::String(text), Value::Number),
            Self::Boolean => text
                .parse::<bool>()
                .map_or(Value::String(text), Value::from),
            Self::Text | Self::List => Value::String(text),
        }
    }
}
