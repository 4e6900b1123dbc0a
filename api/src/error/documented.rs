//! What the OpenAPI document says of errors.

use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;

use super::{ApiError, PROBLEM_JSON, Problem};

/// Every error that any operation may answer, for the OpenAPI document.
const DOCUMENTED: [(u16, &str); 15] = [
    (
        400,
        "The request cannot be read: `malformed_json`, `bad_request`",
    ),
    (
        401,
        "The API key or the token of a session is missing, malformed, unknown, revoked or expired: `unauthenticated`, and `detail` says which. `wrong_credentials` when no account has this address and password, `second_factor_required` and `wrong_code` when a code is missing or wrong",
    ),
    (
        403,
        "Not allowed: `missing_scope` when the API key or the person's role lacks a scope, `session_required` when an API key is not enough, `second_factor_missing` when staff have to set one up first, `cross_site_request` when another site may have made a request by cookie, `email_not_verified` when the account's address must be verified first, `link_refused` when the link is invalid or has expired",
    ),
    (
        404,
        "Nothing with this name exists for this account: `not_found`",
    ),
    (
        409,
        "The present state, or somebody who was faster, does not allow it: `code` says what",
    ),
    (
        410,
        "It existed and has expired: `offer_expired`, `cursor_expired`",
    ),
    (
        412,
        "It was changed since it was read: `precondition_failed`; nothing is changed by this request",
    ),
    (413, "The body is larger than 1 MiB: `body_too_large`"),
    (415, "The body is not JSON: `unsupported_media_type`"),
    (
        422,
        "Understood but wrong: `invalid_request` with every wrong field in `errors`, `idempotency_key_reused`",
    ),
    (
        428,
        "A change has to say which version it changes: `precondition_required`; send its `ETag` as `If-Match`",
    ),
    (
        429,
        "Too many requests: `rate_limited`, or too many streams of events: `too_many_streams`; wait `Retry-After` seconds",
    ),
    (500, "An error of ours: `internal`"),
    (
        502,
        "The payment provider does not answer: `payment_provider_unavailable`",
    ),
    (
        503,
        "Temporarily unavailable: `unavailable`; wait `Retry-After` seconds",
    ),
];

impl ApiResponse for ApiError {
    fn meta() -> MetaResponses {
        let responses = DOCUMENTED.map(|(status, description)| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: vec![MetaMediaType {
                content_type: PROBLEM_JSON,
                schema: Problem::schema_ref(),
            }],
            headers: if matches!(status, 429 | 502 | 503) {
                vec![retry_after_header()]
            } else {
                Vec::new()
            },
        });
        MetaResponses {
            responses: responses.into(),
        }
    }

    fn register(registry: &mut Registry) {
        Problem::register(registry);
    }
}

fn retry_after_header() -> MetaHeader {
    MetaHeader {
        name: "Retry-After".to_owned(),
        description: Some("Seconds after which trying again may help".to_owned()),
        required: false,
        deprecated: false,
        schema: u64::schema_ref(),
    }
}
