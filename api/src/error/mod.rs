//! What each error is in HTTP: one exhaustive match, one form (RFC 9457 problem details).

mod documented;

use flightdesk_core::error::{Error, FieldError};
use flightdesk_core::telemetry;
use poem::http::header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use poem::http::{StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::Object;
use poem_openapi::types::ToJSON;

use crate::itinerary::OfferView;
use crate::prices::PriceView;
use crate::problems;

/// The media type of every error.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// More wrong fields than this are counted, not told: a body of junk shall not make an answer larger than itself.
pub const MOST_ERRORS: usize = 100;

/// An error as callers see it (RFC 9457).
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Problem {
    /// Identifies the kind of problem; `/problems/{code}`
    #[oai(rename = "type")]
    pub kind: String,
    /// The HTTP status in words
    pub title: String,
    /// The HTTP status
    pub status: u16,
    /// What happened, for people
    pub detail: String,
    /// What happened, for programs: stable and `snake_case`
    pub code: String,
    /// The `X-Request-Id` of this answer; name it when you ask for help
    pub request_id: Option<String>,
    /// Every wrong field, up to 100; absent when no field is to blame
    pub errors: Option<Vec<FieldProblem>>,
}

/// One wrong field.
#[derive(Clone, Debug, Object)]
pub struct FieldProblem {
    /// Path of the field: `passengers[0].first_name`
    pub field: String,
    /// Stable and `snake_case`: `required`, `type`, `unknown_field`, `format`, …
    pub code: String,
    /// What would be right
    pub message: String,
}

impl From<FieldError> for FieldProblem {
    fn from(error: FieldError) -> Self {
        Self {
            field: error.field,
            code: error.code.to_owned(),
            message: error.message,
        }
    }
}

/// Any error of any operation, on its way to the caller.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    /// Members beside the usual ones: the fresh offer of an expired one.
    members: Vec<(&'static str, serde_json::Value)>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl ApiError {
    /// A problem with a stable code and a sentence for people.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        debug_assert!(problems::find(code).is_some(), "{code} has no page");
        Self {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            members: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// 422 with every wrong field.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = if errors.len() > MOST_ERRORS {
            format!(
                "the request was understood, but has {} wrong fields; these are the first {MOST_ERRORS}",
                errors.len()
            )
        } else {
            "the request was understood, but has wrong fields".to_owned()
        };
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", detail);
        problem.errors = errors;
        problem.errors.truncate(MOST_ERRORS);
        problem
    }

    /// 404 for what is not there, or not for this account.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// 500; the cause goes to the log alone.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(error = %cause, "a request failed inside");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong on our side; the request id helps to find out what",
        )
    }

    /// 503; the cause goes to the log alone.
    pub fn unavailable(cause: impl std::fmt::Display) -> Self {
        tracing::warn!(error = %cause, "a request met something that is not available");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "the service is not available at the moment; trying again soon helps",
        )
        .retry_after(2)
    }

    /// The same with a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same with a member beside the usual ones.
    #[must_use]
    pub fn member(mut self, name: &'static str, value: serde_json::Value) -> Self {
        self.members.push((name, value));
        self
    }

    /// The same with `Retry-After`, in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// What the core says happened, as HTTP. The match has no `_`: a new error is a decision made here.
    fn from_core(error: Error) -> Self {
        use StatusCode as S;
        let detail = error.to_string();
        let conflict = |code| Self::new(S::CONFLICT, code, detail.clone());
        match error {
            Error::Invalid(_) | Error::OfferInvalid { .. } | Error::CouponRefused(_) => {
                Self::invalid(error.into_fields().unwrap_or_default())
            }
            Error::NotFound(_) => Self::not_found(detail),
            Error::Unauthenticated => Self::new(S::UNAUTHORIZED, "unauthenticated", detail).header(
                WWW_AUTHENTICATE,
                HeaderValue::from_static(r#"ApiKey realm="flightdesk", header="X-API-Key""#),
            ),
            Error::MissingScope(_) => Self::new(S::FORBIDDEN, "missing_scope", detail),
            Error::EmailTaken => conflict("email_taken"),
            Error::SoldOut { .. } => conflict("sold_out"),
            Error::SeatTaken { .. } => conflict("seat_taken"),
            Error::TooLate { .. } => conflict("too_late"),
            Error::OnlyExitRowsLeft { .. } => conflict("only_exit_rows_left"),
            Error::DuplicatePassenger { booking_ref, .. } => {
                conflict("duplicate_passenger").member("booking_ref", booking_ref.into())
            }
            Error::SalesClosed { .. } => conflict("sales_closed"),
            Error::TooManyHolds { .. } => conflict("too_many_holds"),
            Error::TooManyHeldSeats { .. } => conflict("too_many_held_seats"),
            Error::OfferExpired(fresh) => {
                let problem = Self::new(S::GONE, "offer_expired", detail);
                match fresh.and_then(|offer| OfferView::from(*offer).to_json()) {
                    Some(offer) => problem.member("offer", offer),
                    None => problem,
                }
            }
            Error::PriceChanged(price) => {
                let price = PriceView::from(*price).to_json().unwrap_or_default();
                conflict("price_changed").member("price", price)
            }
            Error::HoldExpired => conflict("hold_expired"),
            Error::HoldBooked => conflict("hold_booked"),
            Error::WrongState { .. } => conflict("wrong_state"),
            Error::AlreadyPaid => conflict("already_paid"),
            Error::PaymentWindowClosed { .. } => conflict("payment_window_closed"),
            Error::AmountOutsideLimits { .. } => conflict("amount_outside_limits"),
            Error::IdempotencyKeyReused => {
                Self::new(S::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail)
            }
            Error::IdempotencyKeyInProgress => {
                conflict("idempotency_key_in_progress").retry_after(1)
            }
            Error::PaymentProvider(cause) => {
                tracing::warn!(error = cause, "the payment provider is not available");
                let detail = "the payment provider does not answer; trying again soon helps";
                Self::new(S::BAD_GATEWAY, "payment_provider_unavailable", detail).retry_after(5)
            }
            Error::Storage(_) | Error::Busy(_) => Self::unavailable(detail),
            Error::LinkRefused => Self::new(S::FORBIDDEN, "link_refused", detail),
            Error::Catalogue(_) | Error::Internal(_) | Error::LeaseLost(_) => {
                Self::internal(detail)
            }
            Error::Database(cause) if is_away(&cause) => Self::unavailable(cause),
            Error::Database(cause) => Self::internal(cause),
        }
    }
}

/// Whether the database is away or overloaded, rather than asked something wrong.
fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::WorkerCrashed => true,
        // PostgreSQL's error classes: 08 connection, 53 resources, 57P shutdown and start; 57014 statement
        // timeout; 25P03 idle in transaction; 40 serialisation and deadlock
        // (https://www.postgresql.org/docs/15/errcodes-appendix.html).
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            ["08", "53", "57P", "40"]
                .iter()
                .any(|class| code.starts_with(class))
                || code == "57014"
                || code == "25P03"
        }),
        _ => false,
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self::from_core(error)
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        Self::from_core(Error::Database(error))
    }
}

/// The wrong fields that an error names, for those who do not want to read them back.
#[derive(Clone, Debug, Default)]
pub struct WrongFields(pub Vec<FieldError>);

impl From<ApiError> for poem::Error {
    fn from(error: ApiError) -> Self {
        let wrong = WrongFields(error.errors.clone());
        let mut error = Self::from_response(error.into_response());
        error.set_data(wrong);
        error
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let errors = self.errors.into_iter().map(FieldProblem::from);
        let errors: Vec<_> = errors.collect();
        let problem = Problem {
            kind: format!("/problems/{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            code: self.code.to_owned(),
            request_id: telemetry::context().request_id,
            errors: (!errors.is_empty()).then_some(errors),
        };
        let mut body = problem.to_json().unwrap_or_default();
        for (name, value) in self.members {
            body[name] = value;
        }
        let mut response = Response::builder()
            .status(self.status)
            .header(header::CONTENT_TYPE, PROBLEM_JSON)
            .body(body.to_string());
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
