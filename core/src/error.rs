//! What can happen, in the words of the trade. What each means in HTTP is said in the api, once.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::ids::FlightId;

/// The result of every domain function.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation did not happen. Nothing of it was written: the caller rolls back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input was understood but is wrong; every wrong field is named.
    #[error("the request has invalid fields")]
    Invalid(Vec<FieldError>),
    /// There is no such thing for this account.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The credential is missing, unknown, revoked or expired.
    #[error("the API key is missing, unknown, revoked or expired")]
    Unauthenticated,
    /// The credential lacks a scope.
    #[error("the API key lacks the scope `{0}`")]
    MissingScope(&'static str),
    /// An account with this e-mail address exists.
    #[error("an account with this e-mail address exists")]
    EmailTaken,
    /// A cabin has fewer seats left than the party needs.
    #[error("flight {flight_id} has too few seats left in this cabin")]
    SoldOut {
        /// The flight that is full.
        flight_id: FlightId,
    },
    /// The named seat is held or taken.
    #[error("seat {seat} is taken")]
    SeatTaken {
        /// As asked for: `12A`.
        seat: String,
    },
    /// The flight leaves too soon for that.
    #[error("it is too late to change {action} before departure")]
    TooLate {
        /// What can no longer change.
        action: &'static str,
    },
    /// Those of the party who may not sit in exit rows would find no other seat.
    #[error("flight {flight_id} has only exit rows left for children and for adults with infants")]
    OnlyExitRowsLeft {
        /// The flight.
        flight_id: FlightId,
    },
    /// A passenger is on the flight already, in another live booking of the account.
    #[error("passengers[{index}] is on flight {flight_id} already, in booking {booking_ref}")]
    DuplicatePassenger {
        /// Which of the given passengers, from 0.
        index: usize,
        /// The flight.
        flight_id: FlightId,
        /// The other booking.
        booking_ref: String,
    },
    /// Sales for a flight have closed (120 minutes before departure), or it no longer flies.
    #[error("flight {flight_id} is no longer on sale")]
    SalesClosed {
        /// The flight.
        flight_id: FlightId,
    },
    /// The account has as many open holds as it may.
    #[error("the account has {limit} open holds, the most it may have")]
    TooManyHolds {
        /// `MAX_OPEN_HOLDS`.
        limit: u32,
    },
    /// The account holds as many seats of one flight as it may.
    #[error("the account would hold more than {limit} seats of flight {flight_id}")]
    TooManyHeldSeats {
        /// The flight.
        flight_id: FlightId,
        /// `MAX_HELD_SEATS`.
        limit: u32,
    },
    /// The offer was not signed by us for this account and party, or was changed since.
    #[error("the offer is not one of ours for this account")]
    OfferInvalid {
        /// Which of the given offers.
        index: usize,
    },
    /// The offer's time has run out; the same itinerary at today's price is inside, when it can still be bought.
    #[error("the offer has expired")]
    OfferExpired(Option<Box<crate::offer::Offer>>),
    /// The coupon does not apply.
    #[error("{0}")]
    CouponRefused(crate::coupon::Refusal),
    /// The change makes another price than the caller expects.
    #[error("the price would be {}", .0.total())]
    PriceChanged(Box<crate::fare::Price>),
    /// The hold's fifteen minutes are over, or it was released.
    #[error("the hold has expired")]
    HoldExpired,
    /// A booking was already made from this hold.
    #[error("the hold is already booked")]
    HoldBooked,
    /// The booking's state does not allow the action.
    #[error("a booking that is {status} cannot be {action}")]
    WrongState {
        /// The state it is in.
        status: &'static str,
        /// What was asked for, as a participle: `paid`, `cancelled`.
        action: &'static str,
    },
    /// The booking is paid.
    #[error("the booking is already paid")]
    AlreadyPaid,
    /// Less than a whole Checkout Session fits before the last moment to pay.
    #[error("the payment window closes at {closes_at}")]
    PaymentWindowClosed {
        /// min(booked + 75 min, departure − 60 min).
        closes_at: DateTime<Utc>,
    },
    /// Stripe takes no payment of this size.
    #[error("the total of {total} is outside what the payment provider accepts")]
    AmountOutsideLimits {
        /// The booking's total.
        total: crate::money::Money,
    },
    /// The same key came before with another body.
    #[error("the idempotency key was used with another request")]
    IdempotencyKeyReused,
    /// The first request with this key is still running.
    #[error("a request with this idempotency key is in progress")]
    IdempotencyKeyInProgress,
    /// The payment provider did not answer, or answered nonsense; trying again may help.
    #[error("the payment provider is not available: {0}")]
    PaymentProvider(String),
    /// The document store did not answer; trying again may help.
    #[error("the document store is not available: {0}")]
    Storage(String),
    /// The download link has expired, or it is not as we signed it.
    #[error("the download link has expired or is not one of ours")]
    LinkRefused,
    /// The job's lease lapsed and was given to somebody else; the transaction must be rolled back.
    #[error("the lease of job {0} was lost")]
    LeaseLost(crate::ids::JobId),
    /// Too much of this work is waiting already; trying again soon helps.
    #[error("too many requests are waiting for {0}")]
    Busy(&'static str),
    /// A rule of the data is broken that no request can mend: a missing load step, a zone nobody knows.
    #[error("the catalogue is inconsistent: {0}")]
    Catalogue(String),
    /// Something happened that cannot: a bug of ours, or a machine out of memory.
    #[error("internal: {0}")]
    Internal(String),
    /// The database did not answer or refused.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(error) => !matches!(
                error,
                sqlx::Error::RowNotFound | sqlx::Error::ColumnDecode { .. }
            ),
            Self::PaymentProvider(_)
            | Self::Storage(_)
            | Self::Busy(_)
            | Self::IdempotencyKeyInProgress => true,
            _ => false,
        }
    }

    /// The wrong fields of the request that this error names; an error that names none comes back as it is.
    pub fn into_fields(self) -> Result<Vec<FieldError>> {
        match self {
            Self::Invalid(fields) => Ok(fields),
            Self::OfferInvalid { index } => Ok(vec![FieldError {
                field: format!("offers[{index}]"),
                code: "offer_invalid",
                message: self.to_string(),
            }]),
            Self::CouponRefused(refusal) => Ok(vec![refusal.field_error()]),
            other => Err(other),
        }
    }
}

/// One wrong field: `passengers[1].date_of_birth`, a stable code and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Path of the field in the request.
    pub field: String,
    /// Stable, `snake_case`.
    pub code: &'static str,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Collects every wrong field, so that the caller hears of all of them at once.
#[derive(Debug, Default)]
pub struct Violations(Vec<FieldError>);

impl Violations {
    /// No violation yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a wrong field.
    pub fn add(
        &mut self,
        field: impl Into<String>,
        code: &'static str,
        message: impl Into<String>,
    ) {
        self.0.push(FieldError {
            field: field.into(),
            code,
            message: message.into(),
        });
    }

    /// Notes the wrong fields of a part that was checked by itself, and passes its result on; every other error stays.
    pub fn note<T>(&mut self, checked: Result<T>) -> Result<Option<T>> {
        match checked {
            Ok(value) => Ok(Some(value)),
            Err(error) => {
                self.0.extend(error.into_fields()?);
                Ok(None)
            }
        }
    }

    /// How many were noted.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// [`Error::Invalid`] with all of it: for where something is known to have been noted.
    pub fn into_error(self) -> Error {
        Error::Invalid(self.0)
    }

    /// `Ok` when nothing was noted, else [`Error::Invalid`] with all of it.
    pub fn into_result(self) -> Result<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(self.0))
        }
    }
}

/// Gives a violated constraint its meaning by its name.
pub trait OnConstraint<T> {
    /// Turns a violation of the constraint or unique index `name` into `error`; every other error stays.
    fn on_constraint(self, name: &str, error: Error) -> Result<T>;
}

impl<T> OnConstraint<T> for std::result::Result<T, sqlx::Error> {
    fn on_constraint(self, name: &str, error: Error) -> Result<T> {
        self.map_err(Error::Database).on_constraint(name, error)
    }
}

impl<T> OnConstraint<T> for Result<T> {
    fn on_constraint(self, name: &str, error: Error) -> Result<T> {
        self.map_err(|err| match &err {
            Error::Database(sqlx::Error::Database(violation))
                if violation.constraint() == Some(name) =>
            {
                error
            }
            _ => err,
        })
    }
}
