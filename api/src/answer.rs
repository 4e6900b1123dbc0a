//! Answers of POSTs that create or charge, and their replays.

use std::marker::PhantomData;

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

impl<T: Send, const STATUS: u16> IntoResponse for Answer<T, STATUS> {
    fn into_response(self) -> Response {
        let mut response = poem::web::Json(self.body).into_response();
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
                headers: vec![MetaHeader {
                    name: "Idempotent-Replayed".to_owned(),
                    description: Some("`true` when this is the stored answer of the first request with this Idempotency-Key".to_owned()),
                    required: false,
                    deprecated: false,
                    schema: bool::schema_ref(),
                }],
            }],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}
