//! What each error is in HTTP: one exhaustive match, one form (RFC 9457 problem details).

mod documented;
pub mod framework;
pub mod problems;
mod shorten;
#[cfg(test)]
mod tests;

use flightdesk_core::db_error;
use std::any::Any;
use std::fmt::Write;

use flightdesk_core::booking::PriceChanged;
use flightdesk_core::catalogue::Outdated;
use flightdesk_core::charge::OutsideLimits;
use flightdesk_core::error::{Error, FieldError, Refusal};
use flightdesk_core::ids::FlightId;
use flightdesk_core::offer::OfferExpired;
use flightdesk_core::telemetry;
use poem::http::header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use poem::http::{StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::Object;
use poem_openapi::types::ToJSON;

pub use shorten::shorten;

use crate::views::MoneyView;
use crate::views::itinerary::OfferView;
use crate::views::prices::PriceView;

/// The media type of every error.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// More wrong fields than this are counted, not told: a body of junk shall not make an answer larger than itself.
pub const MOST_ERRORS: usize = 100;
/// The longest name or message of a wrong field.
const MOST_BYTES: usize = 500;

/// An error as callers see it (RFC 9457).
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Problem {
    /// Identifies the kind of problem; `/problems/{code}`
    #[oai(rename = "type")]
    pub kind: String,
    /// What kind of problem it is, in words
    pub title: String,
    /// The HTTP status
    pub status: u16,
    /// What happened, for people: of wrong fields the first
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
        // An unknown field is named as it came, however long.
        Self {
            field: shorten(&error.field, MOST_BYTES),
            code: error.code.to_owned(),
            message: shorten(&error.message, MOST_BYTES),
        }
    }
}

/// Any error of any operation, on its way to the caller.
#[derive(Clone, Debug)]
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

    /// What happened, for programs.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The wrong fields that it names.
    pub fn into_fields(self) -> Vec<FieldError> {
        self.errors
    }

    /// 422 with every wrong field.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        Self::invalid_and_more(errors, 0)
    }

    /// 422 with the wrong fields that were collected; so many more were only counted.
    pub fn invalid_and_more(errors: Vec<FieldError>, more: usize) -> Self {
        let mut detail = errors.first().map_or_else(
            || "the request has wrong fields".to_owned(),
            |first| shorten(&first.sentence(), MOST_BYTES),
        );
        match (errors.len() + more).saturating_sub(1) {
            0 => {}
            more if more < MOST_ERRORS => {
                let _ = write!(detail, " (and {more} more)");
            }
            more => {
                let all = more + 1;
                let _ = write!(
                    detail,
                    ", the first of {all} wrong fields; `errors` has {MOST_ERRORS}"
                );
            }
        }
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", detail);
        problem.errors = errors;
        problem.errors.truncate(MOST_ERRORS);
        problem
    }

    /// Two problems with fields as one.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        if self.errors.is_empty() || other.errors.is_empty() {
            return self;
        }
        self.errors.extend(other.errors);
        Self::invalid(self.errors)
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
            "something went wrong on our side. Name the request id when you ask for help",
        )
    }

    /// 503; the cause goes to the log alone.
    pub fn unavailable(cause: impl std::fmt::Display) -> Self {
        tracing::warn!(error = %cause, "a request met something that is not available");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "the service is temporarily unavailable. Try again soon",
        )
        .retry_after(2)
    }

    /// The flight that the detail calls "the flight", until somebody looks up its name.
    pub fn flight(&self) -> Option<FlightId> {
        let member = self.members.iter().find(|(name, _)| *name == "flight_id");
        let id = member.and_then(|(_, id)| id.as_str())?;
        id.parse().ok().map(FlightId)
    }

    /// The same with the name of its flight: `AI 101 on 20 December 2026`.
    #[must_use]
    pub fn name_flight(mut self, name: &str) -> Self {
        self.detail = self
            .detail
            .replacen("the flight", &format!("flight {name}"), 1);
        self
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

    /// The same with how to say who calls (RFC 9110, 11.6.1).
    #[must_use]
    fn challenge(self) -> Self {
        let schemes = r#"ApiKey realm="flightdesk", header="X-API-Key", Bearer realm="flightdesk""#;
        self.header(WWW_AUTHENTICATE, HeaderValue::from_static(schemes))
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
        let flight = error.flight();
        let conflict = |code| Self::new(S::CONFLICT, code, detail.clone());
        let problem = match error {
            Error::Invalid(_) | Error::OfferInvalid { .. } => {
                Self::invalid(error.into_fields().unwrap_or_default())
            }
            Error::Refused(refusal) => Self::refused(refusal.as_ref()),
            Error::NotFound(_) => Self::not_found(detail),
            Error::Unauthenticated(_) => {
                Self::new(S::UNAUTHORIZED, "unauthenticated", detail).challenge()
            }
            Error::WrongCredentials => {
                Self::new(S::UNAUTHORIZED, "wrong_credentials", detail).challenge()
            }
            Error::TooManyKeys { .. } => conflict("too_many_api_keys"),
            Error::TooManyEndpoints { .. } => conflict("too_many_webhook_endpoints"),
            Error::MissingScope(_) | Error::RoleLacksScope(_) => {
                Self::new(S::FORBIDDEN, "missing_scope", detail)
            }
            Error::SessionRequired => Self::new(S::FORBIDDEN, "session_required", detail),
            Error::CodeRequired => {
                Self::new(S::UNAUTHORIZED, "second_factor_required", detail).challenge()
            }
            Error::WrongCode => Self::new(S::UNAUTHORIZED, "wrong_code", detail).challenge(),
            Error::LastAdmin => conflict("last_admin"),
            Error::FactorExists => conflict("second_factor_exists"),
            Error::FactorMissing => Self::new(S::FORBIDDEN, "second_factor_missing", detail),
            Error::EmailNotVerified => Self::new(S::FORBIDDEN, "email_not_verified", detail),
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
            Error::TooManyUnpaidSeats { .. } => conflict("too_many_unpaid_seats"),
            Error::HoldExpired => conflict("hold_expired"),
            Error::HoldBooked => conflict("hold_booked"),
            Error::WrongState { .. } => conflict("wrong_state"),
            Error::AlreadyPaid => conflict("already_paid"),
            Error::PaymentWindowClosed { .. } => conflict("payment_window_closed"),
            Error::IdempotencyKeyReused => {
                Self::new(S::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail)
            }
            Error::IdempotencyKeyInProgress => {
                conflict("idempotency_key_in_progress").retry_after(1)
            }
            Error::PaymentProvider(cause) => {
                tracing::warn!(error = cause, "the payment provider is not available");
                let detail = "the payment provider does not answer. Try again soon";
                Self::new(S::BAD_GATEWAY, "payment_provider_unavailable", detail).retry_after(5)
            }
            Error::Storage(_) | Error::Busy(_) => Self::unavailable(detail),
            Error::LinkRefused => Self::new(S::FORBIDDEN, "link_refused", detail),
            Error::Catalogue(_) | Error::Internal(_) | Error::LeaseLost(_) => {
                Self::internal(detail)
            }
            Error::Database(cause) if db_error::is_away(&cause) => Self::unavailable(cause),
            Error::Database(cause) => Self::internal(cause),
        };
        match flight {
            Some(id) => problem.member("flight_id", id.0.to_string().into()),
            None => problem,
        }
    }
}

impl ApiError {
    /// A domain's own refusal, with what the client can go on with.
    fn refused(refusal: &dyn Refusal) -> Self {
        if let Some(field) = refusal.field_error() {
            return Self::invalid(vec![field]);
        }
        let kind = refusal as &dyn Any;
        let status = if kind.is::<OfferExpired>() {
            StatusCode::GONE
        } else if kind.is::<Outdated>() {
            StatusCode::PRECONDITION_FAILED
        } else {
            StatusCode::CONFLICT
        };
        let problem = Self::new(status, refusal.code(), refusal.to_string());
        let members = refusal_members(refusal);
        members
            .into_iter()
            .fold(problem, |problem, (name, value)| match value {
                Some(value) => problem.member(name, value),
                None => problem,
            })
    }
}

/// What a refusal carries, as members of the problem.
fn refusal_members(refusal: &dyn Refusal) -> Vec<(&'static str, Option<serde_json::Value>)> {
    let refusal = refusal as &dyn Any;
    if let Some(OfferExpired { fresh: Some(offer) }) = refusal.downcast_ref() {
        return vec![("offer", OfferView::from(offer.clone()).to_json())];
    }
    if let Some(PriceChanged { price }) = refusal.downcast_ref() {
        return vec![("price", PriceView::from(price.clone()).to_json())];
    }
    if let Some(OutsideLimits {
        limits: Some(limits),
        ..
    }) = refusal.downcast_ref()
    {
        let money = |money| MoneyView::from(money).to_json();
        return vec![
            ("minimum", money(limits.minimum)),
            ("maximum", money(limits.maximum)),
        ];
    }
    Vec::new()
}

/// Begins with a capital and ends with a full stop; core's texts are parts of sentences, for logs.
fn as_sentence(text: &str) -> String {
    let mut rest = text.chars();
    let is_word = text
        .split(' ')
        .next()
        .is_some_and(|word| word.chars().all(char::is_alphabetic));
    let mut sentence = if is_word {
        let first = rest.next().into_iter().flat_map(char::to_uppercase);
        first.chain(rest).collect()
    } else {
        text.to_owned()
    };
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
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

impl From<ApiError> for poem::Error {
    fn from(error: ApiError) -> Self {
        Self::from_response(error.into_response())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let errors = self.errors.into_iter().map(FieldProblem::from);
        let errors: Vec<_> = errors.collect();
        let problem = Problem {
            kind: format!("/problems/{}", self.code),
            title: problems::find(self.code)
                .map_or("Error", problems::Kind::title)
                .to_owned(),
            status: self.status.as_u16(),
            detail: as_sentence(&self.detail),
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
