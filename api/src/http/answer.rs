//! Answers of POSTs that create or charge, and their replays.

use std::marker::PhantomData;

use poem::http::header::LOCATION;
use poem::http::{HeaderName, HeaderValue, StatusCode};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::{ToJSON, Type};
use serde_json::Value;

/// Says that an answer is the one that the first request with this `Idempotency-Key` got.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// 201: something was created.
pub type Created<T> = Answer<T, 201>;
/// 200: something was done.
pub type Done<T> = Answer<T, 200>;

/// What a POST creates.
pub trait Resource {
    /// Its path, from the answer that says what was created.
    fn path(answer: &Value) -> String;
}

/// `/v1/holds/{id}`: the path of a member of a collection, from the member of its answer that names it.
pub fn member_path(collection: &str, name: &Value) -> String {
    format!("{collection}/{}", name.as_str().unwrap_or_default())
}

/// A JSON answer of one status. A replay answers the stored body, whatever views look like by then.
#[derive(Debug)]
pub struct Answer<T, const STATUS: u16> {
    body: Value,
    replayed: bool,
    view: PhantomData<T>,
}

impl<T: ToJSON, const STATUS: u16> Answer<T, STATUS> {
    /// A first answer.
    pub fn new(view: T) -> Self {
        Self {
            body: view.to_json().unwrap_or_default(),
            replayed: false,
            view: PhantomData,
        }
    }

    /// The answer that was given before.
    pub(crate) fn replay(body: Value) -> Self {
        Self {
            body,
            replayed: true,
            view: PhantomData,
        }
    }

    pub(crate) fn body(&self) -> &Value {
        &self.body
    }
}

impl<T: Resource + Send, const STATUS: u16> IntoResponse for Answer<T, STATUS> {
    fn into_response(self) -> Response {
        let created = (STATUS == 201).then(|| T::path(&self.body));
        let mut response = poem::web::Json(self.body).into_response();
        // The members of a path are our own: ids and references.
        if let Some(path) = created.and_then(|path| HeaderValue::from_str(&path).ok()) {
            response.headers_mut().insert(LOCATION, path);
        }
        response.set_status(StatusCode::from_u16(STATUS).unwrap_or(StatusCode::OK));
        if self.replayed {
            response
                .headers_mut()
                .insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

impl<T: Type, const STATUS: u16> ApiResponse for Answer<T, STATUS> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: if STATUS == 201 { "Created" } else { "Done" },
                status: Some(STATUS),
                status_range: None,
                content: vec![MetaMediaType {
                    content_type: Json::<T>::CONTENT_TYPE,
                    schema: T::schema_ref(),
                }],
                headers: headers(STATUS),
            }],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

fn headers(status: u16) -> Vec<MetaHeader> {
    let header = |name: &str, description: &str, schema| MetaHeader {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required: false,
        deprecated: false,
        schema,
    };
    let mut headers = vec![header(
        "Idempotent-Replayed",
        "`true` when this is the stored answer of the first request with this Idempotency-Key",
        bool::schema_ref(),
    )];
    if status == 201 {
        headers.push(header(
            "Location",
            "The path of what was created",
            String::schema_ref(),
        ));
    }
    headers
}
