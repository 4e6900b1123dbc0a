//! What can happen, in the words of the trade. What each means in HTTP is said in the api, once.

use std::any::Any;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::backend::Backend;
use crate::ids::FlightId;

/// The result of every domain function.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation did not happen. Nothing of it was written: the caller rolls back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input was understood but is wrong; every wrong field is named.
    #[error("the request has wrong fields")]
    Invalid(Vec<FieldError>),
    /// There is no such thing for this account.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// There is no credential, or none that is good.
    #[error("{0}")]
    Unauthenticated(KeyProblem),
    /// The credential lacks a scope.
    #[error("the API key lacks the scope `{0}`")]
    MissingScope(&'static str),
    /// The person's role lacks a scope.
    #[error("your account may not do this: its role lacks the scope `{0}`")]
    RoleLacksScope(&'static str),
    /// An API key was shown where only a person who has logged in may act.
    #[error(
        "this needs the access token of a session: an API key is not enough. `POST /v1/sessions` opens one"
    )]
    SessionRequired,
    /// No account has this address and password; which of the two is wrong nobody learns.
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    /// The account's log-ins need a code of its second factor beside the password.
    #[error(
        "the account has a second factor: send `code` from the authenticator app, or a recovery code"
    )]
    CodeRequired,
    /// The code of the second factor is of another moment, was used before, or was never one.
    #[error("the code is wrong, or was used before")]
    WrongCode,
    /// The account has a second factor already.
    #[error("the account has a second factor: remove it before another one is set up")]
    FactorExists,
    /// This deployment asks staff for a second factor, and the account has none.
    #[error(
        "staff need a second factor before they may do this: `POST /v1/second-factor` sets one up"
    )]
    FactorMissing,
    /// Nobody would be left who may give roles.
    #[error("this is the last admin: give somebody else the role first")]
    LastAdmin,
    /// Nobody has verified the account's e-mail address, and this deployment asks for that before it holds seats.
    #[error(
        "the account's e-mail address is not verified: open the link in the mail that we sent to it. `POST /v1/email-verifications` sends a new one"
    )]
    EmailNotVerified,
    /// The account has as many keys that are good as it may.
    #[error("the account has {limit} API keys, the most it may have: revoke one first")]
    TooManyKeys {
        /// [`crate::account::MOST_KEYS`].
        limit: u32,
    },
    /// The account has as many webhook endpoints as it may.
    #[error("the account has {limit} webhook endpoints, the most it may have: delete one first")]
    TooManyEndpoints {
        /// [`crate::webhook::MOST_ENDPOINTS`].
        limit: u32,
    },
    /// An account with this e-mail address exists.
    #[error("an account with this e-mail address exists")]
    EmailTaken,
    /// A cabin has fewer seats left than the party needs.
    #[error("the flight has too few seats left in this cabin")]
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
    #[error("it is too late to {action}: that was possible until {}", instant(*ended_at))]
    TooLate {
        /// What can no longer be done, as an infinitive: `change seats`.
        action: &'static str,
        /// Until when it could.
        ended_at: DateTime<Utc>,
    },
    /// Those of the party who may not sit in exit rows would find no other seat.
    #[error(
        "flight {flight} has only seats in exit rows left, where nobody under 15 and no adult with an infant may sit"
    )]
    OnlyExitRowsLeft {
        /// Airline, number and date: `AI 161 on 20 December 2026`.
        flight: String,
    },
    /// A passenger is on the flight already, in another live booking of the account.
    #[error(
        "{name} (`passengers[{index}]`) is already on flight {flight}, in booking {booking_ref}; if these are two people of one name and date of birth, give the `travel_document` of both"
    )]
    DuplicatePassenger {
        /// Which of the given passengers, from 0.
        index: usize,
        /// As written.
        name: String,
        /// Airline, number and date: `AI 161 on 20 December 2026`.
        flight: String,
        /// The other booking.
        booking_ref: String,
    },
    /// Sales for a flight have closed (120 minutes before departure), or it no longer flies.
    #[error("the flight is no longer on sale")]
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
    #[error("the account may hold at most {limit} unpaid seats of the flight")]
    TooManyHeldSeats {
        /// The flight.
        flight_id: FlightId,
        /// `MAX_HELD_SEATS`.
        limit: u32,
    },
    /// Too many seats would wait to be paid.
    #[error("{}", too_many_unpaid(*bound, *limit))]
    TooManyUnpaidSeats {
        /// Whose seats they are.
        bound: UnpaidBound,
        /// How many there may be; of a cabin in percent.
        limit: u32,
    },
    /// The offer was not signed by us for this account and party, or was changed since.
    #[error("the offer is not one of ours for this account")]
    OfferInvalid {
        /// Which of the given offers.
        index: usize,
    },
    /// A domain refused, for a reason that carries its own types: [`Error::refusal`] asks which.
    #[error("{0}")]
    Refused(Box<dyn Refusal>),
    /// The hold's time is over, or it was released.
    #[error("the hold has expired or was released")]
    HoldExpired,
    /// A booking was already made from this hold.
    #[error("a booking was already made from this hold")]
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
    #[error("too little time is left to pay: the payment window closes at {}", instant(*closes_at))]
    PaymentWindowClosed {
        /// min(booked + 75 min, departure − 60 min).
        closes_at: DateTime<Utc>,
    },
    /// The same key came before with another body.
    #[error("this Idempotency-Key was used for another request")]
    IdempotencyKeyReused,
    /// The first request with this key is still running.
    #[error("a request with this Idempotency-Key is still running")]
    IdempotencyKeyInProgress,
    /// The payment provider did not answer, or answered nonsense; trying again may help.
    #[error("the payment provider is not available: {0}")]
    PaymentProvider(String),
    /// The document store did not answer; trying again may help.
    #[error("the document store is not available: {0}")]
    Storage(String),
    /// The download link has expired, or it is not as we signed it.
    #[error("the download link has expired or was changed")]
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

fn instant(at: DateTime<Utc>) -> impl std::fmt::Display {
    at.format("%Y-%m-%dT%H:%M:%SZ")
}

/// Why a request has no caller: what is wrong with its API key, access token or refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// It came without a key.
    #[error("no API key was sent: put it into the `X-API-Key` header")]
    Missing,
    /// What came has not the form of a key.
    #[error(
        "this is not an API key: a key begins with `fd_live_` or `fd_test_` and has 43 more characters"
    )]
    Malformed,
    /// There is no such key.
    #[error("the API key is unknown: check that it was copied whole, and for this deployment")]
    Unknown,
    /// Its account has ended it.
    #[error("the API key was revoked: use another one")]
    Revoked,
    /// Its time is over.
    #[error("the API key has expired: use another one")]
    Expired,
    /// An API key and an access token, which may be of two accounts.
    #[error("both an API key and an access token were sent: send one of them")]
    Ambiguous,
    /// It is no token of ours, was changed, or is signed by a key that is no longer accepted.
    #[error("this is not an access token of this deployment, or it was changed: log in again")]
    TokenInvalid,
    /// The access token's quarter of an hour is over.
    #[error("the access token has expired: `POST /v1/sessions/refresh` answers a new one")]
    TokenExpired,
    /// Its owner has logged out or changed the password, or it was not used for too long.
    #[error("the session has ended: log in again")]
    SessionEnded,
    /// There is no such refresh token.
    #[error("the refresh token is unknown or has expired: log in again")]
    RefreshUnknown,
    /// A refresh token that was exchanged before: somebody else may have it.
    #[error(
        "the refresh token was used before, so the session was ended in case somebody has copied it: log in again"
    )]
    RefreshReused,
}

/// Whose unpaid seats are bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnpaidBound {
    /// An account's.
    Account,
    /// Those of all accounts that were opened from one network within a day.
    Network,
    /// Everybody's in a cabin, when an account younger than a day asks for more.
    Cabin,
}

fn too_many_unpaid(bound: UnpaidBound, limit: u32) -> String {
    let what = match bound {
        UnpaidBound::Account => {
            format!("the account would have more than {limit} unpaid seats in holds and bookings")
        }
        UnpaidBound::Network => format!(
            "accounts opened from this network within a day would have more than {limit} unpaid seats in holds and bookings"
        ),
        UnpaidBound::Cabin => format!(
            "{limit} % of the cabin are unpaid, and accounts younger than a day get no more of it"
        ),
    };
    format!(
        "{what}; pay for a booking, release a hold, or try again when some of them have expired"
    )
}

/// A domain's reason to refuse, with what the caller can go on with: a fresh offer, the price as it is now.
///
/// [`Error`] belongs to every layer and knows no types of a domain; a domain that refuses with its own types implements
/// this for them.
pub trait Refusal: std::error::Error + Any + Send + Sync {
    /// The code of the problem in the API: `offer_expired`.
    fn code(&self) -> &'static str;

    /// The wrong field, when the refusal is about one.
    fn field_error(&self) -> Option<FieldError> {
        None
    }
}

impl<T: Refusal> From<T> for Error {
    fn from(refusal: T) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl Error {
    /// The refusal, when it is one of this type.
    pub fn refusal<T: Refusal>(&self) -> Option<&T> {
        match self {
            Self::Refused(refusal) => (refusal.as_ref() as &dyn Any).downcast_ref(),
            _ => None,
        }
    }

    /// The flight that is to blame, when one is: the texts say "the flight" and leave its name to those who look it up.
    pub fn flight(&self) -> Option<FlightId> {
        match self {
            Self::SoldOut { flight_id }
            | Self::SalesClosed { flight_id }
            | Self::TooManyHeldSeats { flight_id, .. } => Some(*flight_id),
            _ => None,
        }
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            // A constraint that was violated in a race, or a schema that is not migrated yet, passes too.
            Self::Database(error) => {
                crate::db_error::is_away(error)
                    || !matches!(
                        error,
                        sqlx::Error::RowNotFound | sqlx::Error::ColumnDecode { .. }
                    )
            }
            Self::PaymentProvider(_)
            | Self::Storage(_)
            | Self::Busy(_)
            | Self::IdempotencyKeyInProgress => true,
            _ => false,
        }
    }

    /// The back-end that is away, when that is what this error says: then nothing is wrong with the job that met it.
    ///
    /// Whatever a store or Stripe refuses for want of a bucket, a key or capacity it refuses all jobs, until somebody
    /// mends it. A single job that it always refuses is found out by [`crate::outbox::wait_for`].
    pub fn away(&self) -> Option<Backend> {
        match self {
            Self::Storage(_) => Some(Backend::Storage),
            Self::PaymentProvider(_) => Some(Backend::Payments),
            _ => None,
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
            Self::Refused(refusal) => match refusal.field_error() {
                Some(field) => Ok(vec![field]),
                None => Err(Self::Refused(refusal)),
            },
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

/// More wrong fields than this are not collected: no answer names so many, and junk shall not fill the memory.
pub const MOST_VIOLATIONS: usize = 1_000;

impl FieldError {
    /// The field and what is wrong with it, as one sentence.
    pub fn sentence(&self) -> String {
        let field = &self.field;
        let verb = self.message.split(' ').next().unwrap_or_default();
        let continues = ["must", "is", "has", "needs", "cannot", "may", "does"].contains(&verb);
        match (field.is_empty(), continues) {
            (true, true) => format!("the body {}", self.message),
            (true, false) => self.message.clone(),
            (false, true) => format!("`{field}` {}", self.message),
            (false, false) => format!("`{field}`: {}", self.message),
        }
    }
}

/// Collects every wrong field, so that the caller hears of all of them at once.
#[derive(Debug, Default)]
pub struct Violations {
    noted: Vec<FieldError>,
    count: usize,
}

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
        self.count += 1;
        if self.noted.len() < MOST_VIOLATIONS {
            self.noted.push(FieldError {
                field: field.into(),
                code,
                message: message.into(),
            });
        }
    }

    /// Notes the wrong fields of a part that was checked by itself, and passes its result on; every other error stays.
    pub fn note<T>(&mut self, checked: Result<T>) -> Result<Option<T>> {
        match checked {
            Ok(value) => Ok(Some(value)),
            Err(error) => {
                let fields = error.into_fields()?;
                self.count += fields.len();
                let room = MOST_VIOLATIONS.saturating_sub(self.noted.len());
                self.noted.extend(fields.into_iter().take(room));
                Ok(None)
            }
        }
    }

    /// How many were noted.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.noted.is_empty()
    }

    /// [`Error::Invalid`] with all of it: for where something is known to have been noted.
    pub fn into_error(self) -> Error {
        Error::Invalid(self.noted)
    }

    /// `Ok` when nothing was noted, else [`Error::Invalid`] with all of it.
    pub fn into_result(self) -> Result<()> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.into_error())
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
