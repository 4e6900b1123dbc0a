//! What is wrong with a value beside its schema: it is made to fit, so that the rules of the domain can be asked too.
//!
//! **What does not fit its schema is mended, so that the rules are asked too.** Names, dates of birth and addresses
//! are judged by core, which takes parsed input. A body that cannot be parsed is made to fit (unknown members
//! dropped, wrong and missing ones replaced by the least that fits), its `Rules` are asked without the database,
//! and what they say at, above or under a stand-in is dropped: nobody hears of what they have not written. Rules
//! that need the flights, or compare people with each other, wait until the body fits. A query is mended by leaving
//! out what is wrong; since a GET changes nothing, the operation itself is asked about the rest (`Trial`), and its
//! answer thrown away. The rules stay in core, once: an operation asks the same functions beside what it finds out
//! from the database.

use std::collections::{BTreeSet, HashSet};

use flightdesk_core::error::FieldError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::openapi::schema::{Shape, field};

/// Fields that a schema found wrong, and those of them that something else stands in for.
pub struct Unfit {
    named: BTreeSet<String>,
    stand_ins: BTreeSet<String>,
}

/// What makes a part of a value fit.
enum Step {
    Without(HashSet<String>),
    With(String),
    AtLeast(usize),
    AtMost(usize),
    Replaced,
}

impl Unfit {
    /// Mends a value that a shape has found wrong: unknown members are dropped, missing and wrong ones replaced by the
    /// least that fits, lists cut or filled up.
    pub fn mend(shape: &Shape, value: &mut Value, wrong: &[FieldError]) -> Self {
        let mut steps: Vec<(String, Step)> = shape
            .errors(value)
            .map(|error| {
                (
                    error.instance_path().as_str().to_owned(),
                    step(error.kind()),
                )
            })
            .collect();
        // From the outside in: what was cut or replaced needs nothing more.
        steps.sort_by_key(|(pointer, _)| pointer.matches('/').count());
        let mut stand_ins = BTreeSet::new();
        for (pointer, step) in steps {
            if let Some(part) = value.pointer_mut(&pointer) {
                apply(shape, &pointer, step, part, &mut stand_ins);
            }
        }
        Self {
            named: wrong.iter().map(|wrong| wrong.field.clone()).collect(),
            stand_ins,
        }
    }

    /// Whether a rule says nothing of its own about a field: it is at or above one that the schema has named, or under
    /// one that something else stands in for.
    pub fn covers(&self, field: &str) -> bool {
        let names_within = |mark: char| {
            let start = format!("{field}{mark}");
            let mut from = self.named.range(start.clone()..);
            from.next().is_some_and(|named| named.starts_with(&start))
        };
        let is_above = field.is_empty() || names_within('.') || names_within('[');
        let mut parents = field
            .match_indices(['.', '['])
            .map(|(end, _)| &field[..end]);
        is_above
            || self.named.contains(field)
            || self.stand_ins.contains(field)
            || self.stand_ins.contains("")
            || parents.any(|parent| self.stand_ins.contains(parent))
    }
}

fn step(kind: &Kind) -> Step {
    let count = |limit: u64| usize::try_from(limit).unwrap_or_default();
    match kind {
        Kind::AdditionalProperties { unexpected } => {
            Step::Without(unexpected.iter().cloned().collect())
        }
        Kind::Required { property } => Step::With(property.as_str().unwrap_or_default().to_owned()),
        Kind::MinItems { limit } => Step::AtLeast(count(*limit)),
        Kind::MaxItems { limit } => Step::AtMost(count(*limit)),
        _ => Step::Replaced,
    }
}

fn apply(
    shape: &Shape,
    pointer: &str,
    step: Step,
    part: &mut Value,
    stand_ins: &mut BTreeSet<String>,
) {
    let least_at = |pointer: &str| shape.part(pointer).map(|schema| least(shape, schema));
    match (step, part) {
        (Step::Without(names), Value::Object(members)) => {
            members.retain(|name, _| !names.contains(name));
        }
        (Step::With(name), Value::Object(members)) => {
            stand_ins.insert(field(pointer, Some(&name)));
            let least = least_at(&format!("{pointer}/{name}")).unwrap_or_default();
            members.entry(name).or_insert(least);
        }
        (Step::AtMost(most), Value::Array(items)) => items.truncate(most),
        (Step::AtLeast(fewest), Value::Array(items)) => {
            for index in items.len()..fewest {
                let pointer = format!("{pointer}/{index}");
                items.extend(least_at(&pointer));
                stand_ins.insert(field(&pointer, None));
            }
        }
        (_, part) => {
            *part = least_at(pointer).unwrap_or_default();
            stand_ins.insert(field(pointer, None));
        }
    }
}

/// The least value of a schema.
pub fn least(shape: &Shape, schema: &Value) -> Value {
    let schema = shape.resolve(schema);
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    let length = |name: &str| {
        let length = schema[name].as_u64().unwrap_or_default();
        usize::try_from(length).unwrap_or_default()
    };
    match schema["type"].as_str() {
        Some("object") => {
            let names = schema["required"].as_array().into_iter().flatten();
            let names = names.filter_map(Value::as_str);
            let member = |name: &str| {
                let least = least(shape, &schema["properties"][name]);
                (name.to_owned(), least)
            };
            Value::Object(names.map(member).collect::<Map<_, _>>())
        }
        Some("array") => {
            let item = || least(shape, &schema["items"]);
            std::iter::repeat_with(item)
                .take(length("minItems"))
                .collect()
        }
        Some("number") => json!(least_number(schema)),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a limit of an integer is one"
        )]
        Some("integer") => json!(least_number(schema) as i64),
        Some("boolean") => json!(false),
        Some("string") => match schema["format"].as_str() {
            Some("date" | "naive-date") => json!("2000-01-01"),
            Some("date-time") => json!("2000-01-01T00:00:00Z"),
            // Two of them are two things.
            Some("uuid") => json!(Uuid::now_v7()),
            _ => json!("-".repeat(length("minLength"))),
        },
        _ => Value::Null,
    }
}

/// Nothing, or what is nearest to it.
fn least_number(schema: &Value) -> f64 {
    let limit = |name: &str| schema[name].as_f64();
    let least = limit("minimum").unwrap_or_default().max(0.0);
    limit("maximum").map_or(least, |most| least.min(most))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shape() -> Shape {
        let components = json!({
            "Bag": { "type": "object", "required": ["kg"], "properties": { "kg": { "type": "integer", "format": "uint8" } } }
        });
        let schema = json!({
            "type": "object",
            "required": ["name", "born", "bags"],
            "properties": {
                "name": { "type": "string", "minLength": 2, "maxLength": 5 },
                "born": { "type": "string", "format": "date-time" },
                "kind": { "type": "string", "enum": ["a", "b"] },
                "bags": { "type": "array", "minItems": 1, "maxItems": 2, "items": { "$ref": "#/components/schemas/Bag" } },
                "best": { "allOf": [{ "$ref": "#/components/schemas/Bag" }, { "description": "of all" }] },
                "share": { "type": "number", "minimum": 2.5, "maximum": 3.5 },
            }
        });
        Shape::new(&schema, &components).unwrap()
    }

    fn mended(mut value: Value) -> (Value, Unfit) {
        let shape = shape();
        let wrong = shape.check(&value);
        let unfit = Unfit::mend(&shape, &mut value, &wrong);
        (value, unfit)
    }

    #[test]
    fn what_is_wrong_is_replaced_by_the_least_that_fits_and_the_rest_stays() {
        let (value, unfit) = mended(json!({
            "name": "Ada", "kind": 3, "bags": [{ "kg": 300 }, { "kg": 7, "colour": "red" }, { "kg": 9 }],
            "best": "mine", "share": 9,
        }));
        let expected = json!({
            "name": "Ada", "born": "2000-01-01T00:00:00Z", "kind": "a", "bags": [{ "kg": 0 }, { "kg": 7 }],
            "best": { "kg": 0 }, "share": 2.5,
        });
        assert_eq!(value, expected);
        let covered = [
            "born",
            "bags",
            "bags[0]",
            "bags[0].kg",
            "best.kg",
            "best",
            "kind",
            "",
        ];
        assert!(covered.into_iter().all(|field| unfit.covers(field)));
        let real = ["name", "bags[1].kg", "bag", "bags[0].kgs", "bags[1]x"];
        assert!(real.into_iter().all(|field| !unfit.covers(field)));
    }

    #[test]
    fn a_list_that_is_too_short_is_filled_up() {
        let (value, unfit) =
            mended(json!({ "name": "Ada", "born": "2000-01-01T00:00:00Z", "bags": [] }));
        assert_eq!(value["bags"], json!([{ "kg": 0 }]));
        assert!(unfit.covers("bags") && unfit.covers("bags[0].kg"));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i16>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,6}".prop_map(Value::from),
        ];
        let names = prop::sample::select(vec![
            "name", "born", "kind", "bags", "best", "share", "kg", "a/b", "~",
        ]);
        leaf.prop_recursive(4, 32, 5, move |inner| {
            let members = prop::collection::btree_map(names.clone(), inner.clone(), 0..6);
            prop_oneof![
                prop::collection::vec(inner, 0..5).prop_map(Value::from),
                members.prop_map(|members| json!(members)),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_was_mended_fits(value in any_json()) {
            let (value, _) = mended(value);
            let left: Vec<_> = shape().errors(&value).map(|error| error.to_string()).collect();
            prop_assert!(left.is_empty(), "{left:?} of {value}");
        }
    }
}
