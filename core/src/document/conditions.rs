//! Reads the conditions that were frozen on a direction. They outlive the code that wrote them: what is missing is
//! left out, what is unknown is passed over.

use serde_json::Value;

use super::content::Baggage;

pub(super) struct Conditions {
    pub(super) name: Option<String>,
    pub(super) baggage: Baggage,
    pub(super) rules: Vec<String>,
}

impl Conditions {
    pub(super) fn read(frozen: &Value) -> Self {
        let text = |key: &str| frozen.get(key).and_then(Value::as_str).map(str::to_owned);
        let number = |key: &str| frozen.get(key).and_then(Value::as_i64).unwrap_or(0);
        let mut rules = Vec::new();
        collect_words("", frozen, &mut rules);
        Self {
            name: text("name"),
            baggage: Baggage {
                cabin: text("cabin_bag").unwrap_or_default(),
                checked_pieces: number("checked_pieces"),
                checked_kg: number("checked_kg"),
            },
            rules,
        }
    }
}

/// Every sentence under a key `words`, wherever it stands, in the order of the document; named after what it is about:
/// `Cancellation: …`.
fn collect_words(about: &str, value: &Value, rules: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match (key.as_str(), value) {
                    ("words", Value::String(words)) if about.is_empty() => {
                        rules.push(words.clone());
                    }
                    ("words", Value::String(words)) => rules.push(format!("{about}: {words}")),
                    ("cancellation", _) => collect_words("Cancellation", value, rules),
                    ("change", _) => collect_words("Change", value, rules),
                    ("baggage", _) => collect_words("Baggage", value, rules),
                    _ => collect_words(about, value, rules),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                collect_words(about, item, rules);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sentences_are_found_wherever_they_stand() {
        let frozen = json!({
            "name": "Flex", "cabin_bag": "7 kg", "checked_pieces": 1, "checked_kg": 25,
            "conditions": {
                "change": {"allowed": false, "words": "Not allowed."},
                "cancellation": {"tiers": [{"charge_minor": 0}], "words": "Free until 2 h."},
                "words": "In general.",
            },
        });
        let read = Conditions::read(&frozen);
        let mut rules = read.rules;
        rules.sort();
        assert_eq!(
            rules,
            [
                "Cancellation: Free until 2 h.",
                "Change: Not allowed.",
                "In general."
            ]
        );
        assert_eq!(read.name.as_deref(), Some("Flex"));
        assert_eq!(
            (read.baggage.checked_pieces, read.baggage.checked_kg),
            (1, 25)
        );
    }

    #[test]
    fn conditions_nobody_foresaw_are_no_error() {
        for odd in [
            json!(null),
            json!([]),
            json!({"name": 7, "checked_kg": "x", "words": [null, {"a": "Kept."}]}),
        ] {
            let read = Conditions::read(&odd);
            assert_eq!((read.name, read.baggage), (None, Baggage::default()));
        }
    }
}
