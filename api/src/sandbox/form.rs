//! Parameters as Stripe takes them: form-encoded, nested as `a[b][0][c]` (<https://docs.stripe.com/api>).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fault::Fault;

/// The parameters of one request. Reading takes them out; what is left over is unknown.
#[derive(Clone, Debug)]
pub(super) struct Params(BTreeMap<String, String>);

impl Params {
    /// Reads an encoded body or query. `a[]` is numbered in the order given.
    pub fn parse(encoded: &[u8]) -> Self {
        let mut params = BTreeMap::new();
        let mut counts = BTreeMap::<String, usize>::new();
        for (name, value) in url::form_urlencoded::parse(encoded) {
            let name = match name.strip_suffix("[]") {
                Some(list) => {
                    let count = counts.entry(list.to_owned()).or_default();
                    *count += 1;
                    format!("{list}[{}]", *count - 1)
                }
                None => name.into_owned(),
            };
            params.insert(name, value.into_owned());
        }
        Self(params)
    }

    /// One text for all of them, whatever their order: two requests are the same when theirs are.
    pub fn canonical(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.0)
            .finish()
    }

    /// A parameter; an empty one counts as not given.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).filter(|value| !value.is_empty())
    }

    /// A parameter that must be given.
    pub fn require(&mut self, name: &str) -> Result<String, Fault> {
        self.take(name).ok_or_else(|| {
            Fault::invalid(None, format!("Missing required param: {name}."))
                .code("parameter_missing")
                .about(name)
        })
    }

    /// A whole number.
    pub fn integer(&mut self, name: &str) -> Result<Option<i64>, Fault> {
        let Some(raw) = self.take(name) else {
            return Ok(None);
        };
        raw.parse().map(Some).map_err(|_| {
            Fault::invalid(None, format!("Invalid integer: {raw}"))
                .code("parameter_invalid_integer")
                .about(name)
        })
    }

    /// One of a few words.
    pub fn one_of(&mut self, name: &str, words: &[&str]) -> Result<Option<String>, Fault> {
        let Some(raw) = self.take(name) else {
            return Ok(None);
        };
        if words.contains(&raw.as_str()) {
            return Ok(Some(raw));
        }
        let words = words.join(", ");
        Err(Fault::invalid(None, format!("Invalid {name}: must be one of {words}")).about(name))
    }

    /// The values of `name[0]`, `name[1]`, … in order.
    pub fn list(&mut self, name: &str) -> Vec<String> {
        (0..)
            .map_while(|index| self.0.remove(&format!("{name}[{index}]")))
            .collect()
    }

    /// Whether anything is given at or below this name.
    pub fn has(&self, prefix: &str) -> bool {
        self.0.keys().any(|name| {
            name == prefix
                || name
                    .strip_prefix(prefix)
                    .is_some_and(|rest| rest.starts_with('['))
        })
    }

    /// Up to 50 keys of up to 40 characters with values of up to 500 (<https://docs.stripe.com/api/metadata>).
    pub fn metadata(&mut self, prefix: &str) -> Result<Value, Fault> {
        let names: Vec<String> = self
            .0
            .keys()
            .filter(|name| {
                name.strip_prefix(prefix)
                    .is_some_and(|rest| rest.starts_with('['))
            })
            .cloned()
            .collect();
        let mut metadata = Map::new();
        for name in names {
            let value = self.0.remove(&name).unwrap_or_default();
            let refuse = |message: String| Err(Fault::invalid(None, message).about(&name));
            let key = &name[prefix.len()..];
            let Some(key) = key.strip_prefix('[').and_then(|key| key.strip_suffix(']')) else {
                return refuse("Invalid metadata key".to_owned());
            };
            if key.is_empty() || key.contains(['[', ']']) || key.chars().count() > 40 {
                return refuse(format!(
                    "Metadata keys are 1 to 40 characters without square brackets: {key}"
                ));
            }
            if value.chars().count() > 500 {
                return refuse(format!(
                    "Metadata values can have up to 500 characters, but {key} has more"
                ));
            }
            if !value.is_empty() {
                metadata.insert(key.to_owned(), Value::String(value));
            }
        }
        if metadata.len() > 50 {
            return Err(Fault::invalid(None, "Metadata can have up to 50 keys").about(prefix));
        }
        Ok(Value::Object(metadata))
    }

    /// Refuses parameters that were not read.
    pub fn finish(self) -> Result<(), Fault> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(
                Fault::invalid(None, format!("Received unknown parameter: {name}"))
                    .code("parameter_unknown")
                    .about(name),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nested_names_and_lists_are_read() {
        let mut params =
            Params::parse(b"a[b][0][c]=1&expand[]=x&expand[]=y%20z&metadata[k]=v&n=%2D5");
        assert_eq!(params.take("a[b][0][c]").as_deref(), Some("1"));
        assert_eq!(params.list("expand"), ["x", "y z"]);
        assert_eq!(params.metadata("metadata"), Ok(json!({"k": "v"})));
        assert_eq!(params.integer("n"), Ok(Some(-5)));
        assert_eq!(params.finish(), Ok(()));
    }

    #[test]
    fn what_nobody_reads_is_unknown() {
        let fault = Params::parse(b"foo[bar]=1").finish().unwrap_err();
        assert_eq!((fault.status, fault.code), (400, Some("parameter_unknown")));
        assert_eq!(fault.param.as_deref(), Some("foo[bar]"));
    }

    #[test]
    fn the_order_of_parameters_does_not_make_another_request() {
        let one = Params::parse(b"a=1&b=2").canonical();
        assert_eq!(one, Params::parse(b"b=2&a=1").canonical());
        assert_ne!(one, Params::parse(b"a=1&b=3").canonical());
    }

    #[test]
    fn metadata_has_stripes_limits() {
        let long = "k".repeat(41);
        for wrong in [
            format!("metadata[{long}]=v"),
            format!("metadata[k]={}", "v".repeat(501)),
        ] {
            assert!(
                Params::parse(wrong.as_bytes())
                    .metadata("metadata")
                    .is_err(),
                "{wrong}"
            );
        }
        let many = (0..51)
            .map(|n| format!("metadata[k{n}]=v"))
            .collect::<Vec<_>>()
            .join("&");
        assert!(Params::parse(many.as_bytes()).metadata("metadata").is_err());
    }
}
