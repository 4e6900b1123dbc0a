//! A JSON body that may be left out.

use poem::http::StatusCode;
use poem::{FromRequest, Request, RequestBody};
use poem_openapi::payload::{ParsePayload, Payload};
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::types::{ParseFromJSON, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::error::ApiError;
use crate::http::body::{Checked, Rules};

/// [`Checked`], or nothing when the request has no body (which needs no `Content-Type`).
#[derive(Debug)]
pub struct Optional<T>(pub Option<Checked<T>>);

impl<'a, T: Type + ParseFromJSON + Rules + 'static> ApiExtractor<'a> for Optional<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: None,
            content: vec![MetaMediaType {
                content_type: Checked::<T>::CONTENT_TYPE,
                schema: T::schema_ref(),
            }],
            required: false,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        match request.content_type() {
            None if <Vec<u8> as FromRequest>::from_request(request, body)
                .await?
                .is_empty() =>
            {
                Ok(Self(None))
            }
            None => Err(refuse("a body needs `Content-Type: application/json`")),
            Some(kind) if Checked::<T>::check_content_type(kind) => {
                <Checked<T> as ParsePayload>::from_request(request, body)
                    .await
                    .map(|body| Self(Some(body)))
            }
            Some(kind) => Err(refuse(format!(
                "the body must be application/json, not {kind}"
            ))),
        }
    }
}

fn refuse(detail: impl Into<String>) -> poem::Error {
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    ApiError::new(status, "unsupported_media_type", detail).into()
}
