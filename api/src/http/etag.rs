//! `ETag` and `If-Match`: nobody changes what they have not seen.
//!
//! What is read comes with its version as a strong `ETag`; a change names it in `If-Match`. Core compares it with what
//! there is in the transaction that changes it: of two who have seen the same, one is answered 412 and changes nothing.
//!
//! ```text
//! async fn change(&self, …, #[oai(name = "If-Match")] if_match: IfMatch, body: Checked<ChangeAirline>) -> Result<Tagged<AirlineView, 200>, ApiError> {
//!     let expected = if_match.expected()?;
//! ```

use std::marker::PhantomData;

use flightdesk_core::catalogue::{Expected, Version};
use flightdesk_core::error::FieldError;
use poem::http::header::{ETAG, IF_MATCH, LOCATION};
use poem::http::{HeaderValue, StatusCode};
use poem::{IntoResponse, Request, RequestBody, Response};
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaParamIn, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef,
    Registry,
};
use poem_openapi::types::{ToJSON, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions};

use crate::error::ApiError;

const HEADER: &str = "If-Match";

/// The `If-Match` of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfMatch(Option<Expected>);

impl IfMatch {
    /// What the caller expects to change. Errors: 428 `precondition_required` when the request does not say it.
    pub fn expected(self) -> Result<Expected, ApiError> {
        self.0.ok_or_else(|| {
            ApiError::new(
                StatusCode::PRECONDITION_REQUIRED,
                "precondition_required",
                "send the `ETag` of what you have read as `If-Match`",
            )
        })
    }
}

/// The tags of a list, or `None` when it is none (RFC 9110, 13.1.1). A weak tag is in no comparison of ours: it names no
/// version.
fn parse(raw: &str) -> Option<Expected> {
    if raw.trim() == "*" {
        return Some(Expected::Any);
    }
    let mut tags = Vec::new();
    let mut rest = raw.trim();
    loop {
        let is_weak = rest.starts_with("W/");
        let quoted = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"')?;
        let (tag, after) = quoted.split_once('"')?;
        if !tag.bytes().all(|byte| byte == 0x21 || byte >= 0x23) {
            return None;
        }
        if !is_weak {
            tags.push(tag.to_owned());
        }
        rest = after.trim_start();
        if rest.is_empty() {
            return Some(Expected::OneOf(tags));
        }
        rest = rest.strip_prefix(',')?.trim_start();
    }
}

impl<'a> ApiExtractor<'a> for IfMatch {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = String;
    type ParamRawType = PhantomData<()>;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(MetaSchemaRef::Inline(Box::new(MetaSchema {
            description: Some(
                "The `ETag` of what you have read. Without it nothing is changed: 428; when it was changed since: 412",
            ),
            min_length: Some(1),
            max_length: Some(1_000),
            ..MetaSchema::new("string")
        })))
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<String>,
    ) -> poem::Result<Self> {
        let mut all = Vec::new();
        for value in request.headers().get_all(IF_MATCH) {
            all.push(value.to_str().map_err(|_| wrong())?);
        }
        if all.is_empty() {
            return Ok(Self(None));
        }
        Ok(Self(Some(parse(&all.join(",")).ok_or_else(wrong)?)))
    }
}

fn wrong() -> ApiError {
    ApiError::invalid(vec![FieldError {
        field: HEADER.to_owned(),
        code: "format",
        message: r#"must be an `ETag` as it was answered, with its quotes: "5f0c…""#.to_owned(),
    }])
}

/// A JSON answer with the version of what it shows as its `ETag`.
#[derive(Debug)]
pub struct Tagged<T, const STATUS: u16> {
    view: T,
    version: Version,
    path: Option<String>,
}

impl<T> Tagged<T, 200> {
    /// What there is.
    pub fn new(view: T, version: Version) -> Self {
        Self {
            view,
            version,
            path: None,
        }
    }
}

impl<T> Tagged<T, 201> {
    /// What was created, under a path.
    pub fn created(view: T, version: Version, path: String) -> Self {
        Self {
            view,
            version,
            path: Some(path),
        }
    }
}

impl<T: ToJSON + Send, const STATUS: u16> IntoResponse for Tagged<T, STATUS> {
    fn into_response(self) -> Response {
        let body = self.view.to_json().unwrap_or_default();
        let mut response = poem::web::Json(body).into_response();
        response.set_status(StatusCode::from_u16(STATUS).unwrap_or(StatusCode::OK));
        let tag = HeaderValue::from_str(&format!("\"{}\"", self.version.as_str()));
        // Digits and letters of ours; what does not fit a header is left out.
        if let Ok(tag) = tag {
            response.headers_mut().insert(ETAG, tag);
        }
        let path = self.path.and_then(|path| HeaderValue::from_str(&path).ok());
        if let Some(path) = path {
            response.headers_mut().insert(LOCATION, path);
        }
        response
    }
}

impl<T: Type, const STATUS: u16> ApiResponse for Tagged<T, STATUS> {
    fn meta() -> MetaResponses {
        let header = |name: &str, description: &str| MetaHeader {
            name: name.to_owned(),
            description: Some(description.to_owned()),
            required: true,
            deprecated: false,
            schema: String::schema_ref(),
        };
        let mut headers = vec![header(
            "ETag",
            "The version of this, for the `If-Match` of a change",
        )];
        if STATUS == 201 {
            headers.push(header("Location", "The path of what was created"));
        }
        MetaResponses {
            responses: vec![MetaResponse {
                description: if STATUS == 201 { "Created" } else { "Done" },
                status: Some(STATUS),
                status_range: None,
                content: vec![MetaMediaType {
                    content_type: Json::<T>::CONTENT_TYPE,
                    schema: T::schema_ref(),
                }],
                headers,
            }],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_if_match_is_any_version_or_a_list_of_strong_tags() {
        let tags = |tags: &[&str]| {
            let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
            Some(Expected::OneOf(tags))
        };
        assert_eq!(parse("*"), Some(Expected::Any));
        assert_eq!(parse(r#""5f0c""#), tags(&["5f0c"]));
        assert_eq!(parse(r#""a" , "b,c","""#), tags(&["a", "b,c", ""]));
        assert_eq!(parse(r#"W/"a""#), tags(&[]), "a weak tag matches nothing");
        for wrong in [
            "",
            "5f0c",
            r#""a"#,
            r#""a" "b""#,
            r#""a","#,
            r#""a b""#,
            "W/a",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
