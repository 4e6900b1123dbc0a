//! JSON bodies, checked as a whole: a caller hears of every wrong field at once.
//!
//! **Every wrong field at once comes from the OpenAPI document.** poem-openapi stops at the first wrong field, so
//! bodies are checked against the schemas we publish before they are parsed. What the document says is what is
//! enforced.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use flightdesk_core::error::{Error, FieldError};
use poem::http::StatusCode;
use poem::{FromRequest, Request, RequestBody};
use poem_openapi::impl_apirequest_for_payload;
use poem_openapi::payload::{Json, ParsePayload, Payload};
use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::{ParseFromJSON, Type};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::app::App;
use crate::error::{ApiError, MOST_ERRORS};
use crate::http::bounds::{self, MOST_VALUES};
use crate::openapi::raw::{FromRaw, Raw, Unreadable};
use crate::openapi::schema::Shape;

/// A body of so many bytes is read within a millisecond; a larger one leaves the threads that serve.
const AT_ONCE: usize = 16 * 1024;
/// How many larger bodies are read at a time.
static LARGE: LazyLock<Semaphore> = LazyLock::new(|| {
    Semaphore::new(std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
});

/// What a body must keep beside its schema, as far as it can be told without asking the database.
///
/// It is asked where a body does not fit its schema, about the fields that do, so that the caller hears of everything at
/// once. The operation itself asks the same of core about a body that fits.
pub trait Rules: FromRaw {
    /// Errors: [`Error::Invalid`] with every wrong field.
    fn rules(self, _app: &App) -> Result<(), Error>
    where
        Self: Sized,
    {
        Ok(())
    }
}

/// A JSON body that fits its schema. A `null` member counts as absent; an unknown one is an error.
///
/// Errors: 400 `malformed_json` with line and column, 415, 422 with every wrong field.
#[derive(Debug)]
pub struct Checked<T> {
    value: T,
    digest: [u8; 32],
    nulls: Vec<String>,
}

impl<T> Checked<T> {
    /// Whether the body names a member and says that it is `null`: for a change, that is not the same as saying
    /// nothing.
    pub fn is_null(&self, member: &str) -> bool {
        self.nulls.iter().any(|name| name == member)
    }

    /// The members that the body names and says to be `null`.
    pub fn nulls(&self) -> &[String] {
        &self.nulls
    }

    /// What the body says.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// SHA-256 of the body's bytes: two requests with the same digest ask for the same.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }
}

impl<T: Type> Payload for Checked<T> {
    const CONTENT_TYPE: &'static str = "application/json";

    fn check_content_type(content_type: &str) -> bool {
        Json::<T>::check_content_type(content_type)
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: ParseFromJSON + Rules + 'static> Checked<T> {
    fn read(bytes: &[u8], app: &App) -> Result<Self, ApiError> {
        let (value, nulls) = parse::<T>(bytes, |raw| T::from_raw(raw).rules(app))?;
        Ok(Self {
            value,
            digest: Sha256::digest(bytes).into(),
            nulls,
        })
    }
}

impl<T: ParseFromJSON + Rules + 'static> ParsePayload for Checked<T> {
    const IS_REQUIRED: bool = true;

    async fn from_request(request: &Request, body: &mut RequestBody) -> poem::Result<Self> {
        let bytes = Vec::<u8>::from_request(request, body).await?;
        let app = request.data::<App>();
        let app = app.ok_or_else(|| ApiError::internal("the app is not in the request"))?;
        if bytes.len() <= AT_ONCE {
            return Ok(Self::read(&bytes, app)?);
        }
        // One at a time for each thread that serves: more would only wait for each other, with their values in memory.
        let _turn = LARGE.acquire().await.map_err(ApiError::internal)?;
        let app = app.clone();
        let read = tokio::task::spawn_blocking(move || Self::read(&bytes, &app));
        Ok(read.await.map_err(ApiError::internal)??)
    }
}

impl_apirequest_for_payload!(Checked<T>, T: ParseFromJSON + Rules + 'static);

fn parse<T: ParseFromJSON + 'static>(
    bytes: &[u8],
    rules: impl FnOnce(Raw<'_>) -> Result<(), Error>,
) -> Result<(T, Vec<String>), ApiError> {
    if !bounds::holds(bytes) {
        return Err(ApiError::invalid(vec![FieldError {
            field: String::new(),
            code: "too_many_values",
            message: format!("must have at most {MOST_VALUES} values in all"),
        }]));
    }
    let mut value: Value = serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
    let members = value.as_object().into_iter().flatten();
    let nulls = members.filter(|(_, member)| member.is_null());
    let nulls = nulls.map(|(name, _)| name.clone()).collect();
    prune(&mut value);
    let shape = shape_of::<T>().map_err(ApiError::internal)?;
    let cut = shape.clip(&mut value);
    let wrong = shape.check(&value);
    if !wrong.is_empty() {
        let wrong = with_rules(&shape, value, wrong, rules);
        return Err(ApiError::invalid_and_more(wrong, cut));
    }
    let parsed = T::parse_from_json(Some(value)).map_err(|error| {
        // The schema accepts what the type refuses: it should not, so the log says it.
        let reason = error.into_message();
        tracing::warn!(reason, "a body fits its schema but not its type");
        ApiError::invalid(vec![FieldError {
            field: String::new(),
            code: "invalid",
            message: "is not what this request takes".to_owned(),
        }])
    })?;
    Ok((parsed, nulls))
}

/// Adds the errors that the rules find in the readable fields of a body that does not fit its shape. A body with more
/// errors than an answer lists is not read further.
fn with_rules(
    shape: &Shape,
    mut value: Value,
    mut wrong: Vec<FieldError>,
    rules: impl FnOnce(Raw<'_>) -> Result<(), Error>,
) -> Vec<FieldError> {
    if wrong.len() > MOST_ERRORS {
        return wrong;
    }
    let unreadable = Unreadable::take_out(shape, &mut value, &wrong);
    let refused = rules(Raw::new(&value)).err().map(Error::into_fields);
    let refused = refused.and_then(Result::ok).into_iter().flatten();
    wrong.extend(refused.filter(|refused| !unreadable.implies(refused)));
    wrong.sort_by(|a, b| (&a.field, a.code).cmp(&(&b.field, b.code)));
    wrong
}

fn malformed(error: &serde_json::Error) -> ApiError {
    let detail = if error.is_eof() && error.line() <= 1 && error.column() == 0 {
        "the body is empty; it must be JSON".to_owned()
    } else {
        // serde_json says why and where: `expected value at line 1 column 12`.
        let reason = error.to_string().replace(" column ", ", column ");
        format!("the body is not JSON: {reason}")
    };
    ApiError::new(StatusCode::BAD_REQUEST, "malformed_json", detail)
}

/// Removes the `null` members of objects.
fn prune(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(prune);
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}

/// The shape of a type, compiled when it is first needed.
fn shape_of<T: Type + 'static>() -> Result<Arc<Shape>, String> {
    static SHAPES: LazyLock<RwLock<HashMap<TypeId, Arc<Shape>>>> = LazyLock::new(RwLock::default);
    let id = TypeId::of::<T>();
    if let Some(shape) = SHAPES
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&id)
    {
        return Ok(shape.clone());
    }
    let shape = Arc::new(Shape::of::<T>()?);
    let mut shapes = SHAPES.write().unwrap_or_else(PoisonError::into_inner);
    Ok(shapes.entry(id).or_insert(shape).clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use poem_openapi::Object;
    use serde_json::json;

    #[derive(Debug, Object)]
    #[oai(deny_unknown_fields)]
    struct Party {
        passengers: Vec<Person>,
        #[oai(validator(minimum(value = "1"), maximum(value = "9")))]
        bags: Option<u8>,
    }

    #[derive(Debug, Object)]
    #[oai(deny_unknown_fields)]
    struct Person {
        #[oai(validator(min_length = 1, max_length = 20))]
        first_name: String,
        born: Option<chrono::NaiveDate>,
    }

    fn read<T: ParseFromJSON + 'static>(bytes: &[u8]) -> Result<(T, Vec<String>), ApiError> {
        parse(bytes, |_| Ok(()))
    }

    fn wrong(body: &Value) -> Vec<(String, &'static str)> {
        let shape = shape_of::<Party>().unwrap();
        let wrong = shape.check(body);
        wrong
            .into_iter()
            .map(|wrong| (wrong.field, wrong.code))
            .collect()
    }

    #[test]
    fn every_wrong_field_is_named_at_once_by_its_path() {
        let body = json!({
            "passengers": [{ "first_name": "", "born": "yesterday" }, { "firstname": "Ada" }],
            "bags": 300,
            "seats": 1
        });
        let expected = [
            ("bags", "maximum"),
            ("passengers[0].born", "format"),
            ("passengers[0].first_name", "min_length"),
            ("passengers[1].first_name", "required"),
            ("passengers[1].firstname", "unknown_field"),
            ("seats", "unknown_field"),
        ];
        let expected: Vec<_> = expected
            .map(|(field, code)| (field.to_owned(), code))
            .into();
        assert_eq!(wrong(&body), expected);
    }

    #[test]
    fn a_null_member_counts_as_absent() {
        let (party, nulls): (Party, _) =
            read(br#"{"passengers": [{"first_name": "Ada", "born": null}], "bags": null}"#)
                .unwrap();
        assert!(party.bags.is_none() && party.passengers[0].born.is_none());
        assert_eq!(party.passengers[0].first_name, "Ada");
        assert_eq!(nulls, ["bags"], "of the body itself, not of its parts");
    }
}
