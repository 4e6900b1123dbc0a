//! Errors that never met our own type: poem's routing, parsing and panics, as problems without Rust's names.

use flightdesk_core::error::{Error, FieldError, KeyProblem};
use poem::error::{MethodNotAllowedError, NotFoundError, ParsePathError, ReadBodyError};
use poem::http::StatusCode;
use poem::{IntoResponse, Response};
use poem_openapi::{OperationId, error as openapi};

use crate::error::ApiError;

/// The answer to an error that reached the outermost route.
pub fn respond(error: poem::Error) -> Response {
    if error.is_from_response() {
        return error.into_response();
    }
    let mut response = problem(&error).into_response();
    if let Some(operation) = error.data::<OperationId>() {
        response.set_data(*operation);
    }
    response
}

fn problem(error: &poem::Error) -> ApiError {
    if error.is::<NotFoundError>() {
        return ApiError::not_found("there is nothing at this path");
    }
    if error.is::<MethodNotAllowedError>() {
        let detail = "this path does not support this method; `Allow` lists those that it supports";
        return ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
    }
    if error.is::<ParsePathError>() || error.is::<openapi::ParsePathError>() {
        return ApiError::not_found("there is nothing at this path");
    }
    if let Some(error) = error.downcast_ref::<openapi::ParseParamError>() {
        return parameter(error);
    }
    if error.is::<openapi::ContentTypeError>() {
        let detail = "the body must be JSON, with `Content-Type: application/json`";
        return ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            detail,
        );
    }
    if error.is::<openapi::AuthorizationError>() {
        return Error::Unauthenticated(KeyProblem::Missing).into();
    }
    if let Some(error) = error.downcast_ref::<ReadBodyError>() {
        return body(error);
    }
    by_status(error)
}

/// Path parameters have no names in poem's errors, only `param0`; a path that cannot be is a path that is not.
fn parameter(error: &openapi::ParseParamError) -> ApiError {
    let in_path = error
        .name
        .strip_prefix("param")
        .is_some_and(|index| index.parse::<u8>().is_ok());
    if in_path {
        return ApiError::not_found("there is nothing at this path");
    }
    ApiError::invalid(vec![FieldError {
        field: error.name.to_owned(),
        code: "invalid",
        message: "is not what this parameter takes; the API's document says what it takes"
            .to_owned(),
    }])
}

/// A body that did not arrive, or is too long.
pub fn body(error: &ReadBodyError) -> ApiError {
    match error {
        ReadBodyError::PayloadTooLarge => {
            let detail = "the body is larger than 1 MiB";
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
        }
        ReadBodyError::Utf8(_) | ReadBodyError::Io(_) => {
            let detail = "the body ended early or is not UTF-8";
            ApiError::new(StatusCode::BAD_REQUEST, "bad_request", detail)
        }
        ReadBodyError::BodyHasBeenTaken => ApiError::internal(error),
    }
}

fn by_status(error: &poem::Error) -> ApiError {
    let status = error.status();
    if status.is_server_error() {
        return ApiError::internal(error);
    }
    tracing::debug!(%error, "a request was refused by the framework");
    let title = status
        .canonical_reason()
        .unwrap_or("Bad Request")
        .to_lowercase();
    ApiError::new(status, "bad_request", title)
}
