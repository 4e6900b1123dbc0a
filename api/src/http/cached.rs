//! Answers that say whether they were made for this request: `X-Cache`.
//!
//! **An answer of offers is written straight to bytes.** The views derive both the schema (`Object`) and
//! `Serialize`; the contract test holds what is written against the schema. poem-openapi's own way builds a tree of
//! values first.

use std::marker::PhantomData;

use poem::http::{HeaderName, HeaderValue, header};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::Type;
use serde::Serialize;

use crate::error::ApiError;

const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// 200 with a JSON body, written straight to bytes: an answer of a hundred offers passes through no tree of values.
#[derive(Debug)]
pub struct Cached<T> {
    body: Vec<u8>,
    hit: bool,
    view: PhantomData<T>,
}

impl<T: Serialize> Cached<T> {
    /// An answer; `hit` says that what it shows was found before this request.
    pub fn new(view: &T, hit: bool) -> Result<Self, ApiError> {
        Ok(Self {
            body: serde_json::to_vec(view).map_err(ApiError::internal)?,
            hit,
            view: PhantomData,
        })
    }
}

impl<T: Send> IntoResponse for Cached<T> {
    fn into_response(self) -> Response {
        let cache = HeaderValue::from_static(if self.hit { "hit" } else { "miss" });
        Response::builder()
            .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
            .header(X_CACHE, cache)
            .body(self.body)
    }
}

impl<T: Type> ApiResponse for Cached<T> {
    fn meta() -> MetaResponses {
        let outcome = MetaSchema {
            enum_items: vec!["hit".into(), "miss".into()],
            ..MetaSchema::new("string")
        };
        MetaResponses {
            responses: vec![MetaResponse {
                description: "Found",
                status: Some(200),
                status_range: None,
                content: vec![MetaMediaType {
                    content_type: Json::<T>::CONTENT_TYPE,
                    schema: T::schema_ref(),
                }],
                headers: vec![MetaHeader {
                    name: "X-Cache".to_owned(),
                    description: Some(
                        "`hit`: found within the last five minutes, and what is shown checked again just now; `miss`: found by this request"
                            .to_owned(),
                    ),
                    required: true,
                    deprecated: false,
                    schema: MetaSchemaRef::Inline(Box::new(outcome)),
                }],
            }],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}
