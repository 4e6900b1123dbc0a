//! Bodies and queries that do not fit their schema, read as far as they can be.
//!
//! **The rules of the domain are asked about the fields that fit.** Names, dates of birth and addresses are judged by
//! core. When a schema refuses a value, the parts that it refuses are taken out, [`Raw`] reads the rest field by field,
//! and core's rules run over that. A field that was taken out is absent: an empty option, list or text. Core's inputs are
//! unparsed texts and options, so they can hold that. [`Unreadable`] then drops each error that follows from an
//! absent field, because the schema has already reported that field. Rules that need the database, or compare people
//! with each other, wait until the whole request fits.

use std::collections::BTreeSet;

use flightdesk_core::error::FieldError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;
use uuid::Uuid;

use crate::openapi::schema::{Shape, field};

/// A part of a JSON value whose schema may have been broken. A member of another type than the one that is read is
/// absent.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a>(&'a Value);

/// An input that can be read from a value that does not fit its schema.
pub trait FromRaw {
    /// Reads each field that can be read. Absent fields are empty.
    fn from_raw(raw: Raw<'_>) -> Self;
}

impl<'a> Raw<'a> {
    /// Reads a whole body, or the parameters of a query as an object.
    pub fn new(value: &'a Value) -> Self {
        Self(value)
    }

    /// A text; empty when absent.
    pub fn text(self, name: &str) -> String {
        self.optional_text(name).unwrap_or_default()
    }

    /// A text, if there is one.
    pub fn optional_text(self, name: &str) -> Option<String> {
        self.0.get(name)?.as_str().map(str::to_owned)
    }

    /// A truth value, if there is one.
    pub fn flag(self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool()
    }

    /// An integer within the range of its type, if there is one.
    pub fn integer<N: TryFrom<i64>>(self, name: &str) -> Option<N> {
        N::try_from(self.0.get(name)?.as_i64()?).ok()
    }

    /// A number, if there is one.
    pub fn number(self, name: &str) -> Option<f64> {
        self.0.get(name)?.as_f64()
    }

    /// Whatever there is.
    pub fn value(self, name: &str) -> Option<Value> {
        self.0.get(name).cloned()
    }

    /// A UUID, if there is one.
    pub fn id(self, name: &str) -> Option<Uuid> {
        self.0.get(name)?.as_str()?.parse().ok()
    }

    /// An object; without any field when absent.
    pub fn object<T: FromRaw>(self, name: &str) -> T {
        T::from_raw(Raw(self.0.get(name).unwrap_or(&Value::Null)))
    }

    /// An object that may be absent. One that cannot be read is there without any field.
    pub fn optional_object<T: FromRaw>(self, name: &str) -> Option<T> {
        self.0.get(name).map(|part| T::from_raw(Raw(part)))
    }

    /// The items of a list that may be absent; an item that cannot be read keeps its place. A list that cannot be read is
    /// there without any item.
    pub fn list<T: FromRaw>(self, name: &str) -> Option<Vec<T>> {
        let items = self.0.get(name)?.as_array().into_iter().flatten();
        Some(items.map(|item| T::from_raw(Raw(item))).collect())
    }
}

impl FromRaw for String {
    fn from_raw(raw: Raw<'_>) -> Self {
        raw.0.as_str().map(str::to_owned).unwrap_or_default()
    }
}

/// Fields that a schema has reported, and those of them that the rules cannot see.
pub struct Unreadable {
    reported: BTreeSet<String>,
    absent: BTreeSet<String>,
}

impl Unreadable {
    /// Takes out of a value what its schema refuses: wrong parts become `null`, lists that are too long are cut.
    pub fn take_out(shape: &Shape, value: &mut Value, reported: &[FieldError]) -> Self {
        let wrong: Vec<(String, Option<usize>)> = shape
            .errors(value)
            .filter_map(|error| {
                let pointer = error.instance_path().as_str().to_owned();
                match error.kind() {
                    Kind::AdditionalProperties { .. }
                    | Kind::Required { .. }
                    | Kind::MinItems { .. } => None,
                    Kind::MaxItems { limit } => Some((pointer, usize::try_from(*limit).ok())),
                    _ => Some((pointer, None)),
                }
            })
            .collect();
        let missing = reported.iter().filter(|error| error.code == "required");
        let mut absent: BTreeSet<String> = missing.map(|error| error.field.clone()).collect();
        for (pointer, most) in wrong {
            match (value.pointer_mut(&pointer), most) {
                (Some(Value::Array(items)), Some(most)) => items.truncate(most),
                (Some(part), _) => {
                    *part = Value::Null;
                    absent.insert(field(&pointer, None));
                }
                (None, _) => {}
            }
        }
        Self {
            reported: reported.iter().map(|error| error.field.clone()).collect(),
            absent,
        }
    }

    /// Whether an error of a rule follows from what the schema has reported: its field is, holds or is part of a
    /// reported field, or it compares an item of which a field is absent.
    pub fn implies(&self, error: &FieldError) -> bool {
        let field = error.field.as_str();
        let holds_reported = field.is_empty()
            || holds(&self.reported, field, '.')
            || holds(&self.reported, field, '[');
        let mut parents = field
            .match_indices(['.', '['])
            .map(|(end, _)| &field[..end]);
        // A repeated text of a list is compared with the texts of its list only.
        let member = Some(field).filter(|field| !field.ends_with(']'));
        let item = member.and_then(|member| Some(member.rsplit_once('.')?.0));
        let compares_absent =
            error.code == "duplicate" && item.is_some_and(|item| holds(&self.absent, item, '.'));
        holds_reported
            || compares_absent
            || self.reported.contains(field)
            || self.absent.contains("")
            || parents.any(|parent| self.absent.contains(parent))
    }
}

/// Whether a field of the set is part of another field: its member (`.`) or its item (`[`).
fn holds(fields: &BTreeSet<String>, parent: &str, mark: char) -> bool {
    let start = format!("{parent}{mark}");
    let mut from = fields.range(start.clone()..);
    from.next().is_some_and(|field| field.starts_with(&start))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

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

    fn read(mut value: Value) -> (Value, Unreadable) {
        let shape = shape();
        let reported = shape.check(&value);
        let unreadable = Unreadable::take_out(&shape, &mut value, &reported);
        (value, unreadable)
    }

    fn error(field: &str, code: &'static str) -> FieldError {
        FieldError {
            field: field.to_owned(),
            code,
            message: String::new(),
        }
    }

    #[test]
    fn wrong_parts_are_taken_out_and_the_rest_stays() {
        let (value, unreadable) = read(json!({
            "name": "Ada", "kind": 3, "bags": [{ "kg": 300 }, { "kg": 7, "colour": "red" }, { "kg": 9 }],
            "best": "mine", "share": 9,
        }));
        let expected = json!({
            "name": "Ada", "kind": null, "bags": [{ "kg": null }, { "kg": 7, "colour": "red" }],
            "best": null, "share": null,
        });
        assert_eq!(value, expected);
        let implied = [
            "born",
            "bags",
            "bags[0]",
            "bags[0].kg",
            "best.kg",
            "best",
            "kind",
            "",
        ];
        for field in implied {
            assert!(unreadable.implies(&error(field, "wrong")), "{field}");
        }
        let own = [
            "name",
            "bags[1].kg",
            "bag",
            "bags[0].kgs",
            "bags[1]x",
            "bags[0].colour",
        ];
        for field in own {
            assert!(!unreadable.implies(&error(field, "wrong")), "{field}");
        }
        assert!(unreadable.implies(&error("bags[0].colour", "duplicate")));
        assert!(!unreadable.implies(&error("bags[1].kg", "duplicate")));
        assert!(!unreadable.implies(&error("bags[0].tags[1]", "duplicate")));
    }

    #[test]
    fn members_of_another_type_are_absent() {
        let value = json!({ "name": 7, "bags": [{}, "x"], "best": 1, "kg": 300, "flag": "yes", "list": {} });
        let raw = Raw::new(&value);
        assert_eq!(raw.text("name"), "");
        assert_eq!(raw.optional_text("name"), None);
        assert_eq!(raw.integer::<u8>("kg"), None);
        assert_eq!(raw.integer::<u16>("kg"), Some(300));
        assert_eq!(raw.flag("flag"), None);
        assert_eq!(raw.id("name"), None);
        assert_eq!(
            raw.list::<String>("bags"),
            Some(vec![String::new(), "x".to_owned()])
        );
        assert_eq!(raw.list::<String>("list"), Some(Vec::new()));
        assert_eq!(raw.list::<String>("none"), None);
        assert_eq!(raw.optional_object::<String>("best"), Some(String::new()));
        assert_eq!(raw.optional_object::<String>("none"), None);
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
        fn each_error_that_is_left_is_of_an_absent_or_unknown_field(value in any_json()) {
            let (value, unreadable) = read(value);
            let left = shape().check(&value);
            let is_known = |error: &FieldError| ["unknown_field", "min_items", "nul_character"].contains(&error.code)
                || unreadable.absent.contains(&error.field);
            prop_assert!(left.iter().all(is_known), "{left:?} of {value}");
        }
    }
}
