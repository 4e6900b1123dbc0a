//! Why a job did not do its work, and what would help.

use std::fmt::Display;

use flightdesk_core::backend::Backend;
use flightdesk_core::outbox;

/// The failure of one run. The reason is logged, kept in the job's row and shown to whoever caused the job, so
/// words that look like addresses or keys are taken out of it at once; it names things by id.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct JobError {
    reason: String,
    cause: Cause,
    answered: Option<Backend>,
}

/// What is wrong: a back-end, the moment, or the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A back-end is away, for everybody: its queue is paused, and this was no attempt.
    Away(Backend),
    /// What the job needs is not there yet: it comes again later, and this was no attempt.
    NotYet,
    /// Trying again may help: the attempt counts.
    Passing,
    /// Trying again cannot help: the job is dead until a person looks at it.
    Wrong,
}

impl JobError {
    /// The back-end is away, or will do nothing for anybody.
    pub fn away(backend: Backend, reason: impl Display) -> Self {
        Self::new(reason, Cause::Away(backend))
    }

    /// What the job needs is on its way.
    pub fn not_yet(reason: impl Display) -> Self {
        Self::new(reason, Cause::NotYet)
    }

    /// Trying again may help.
    pub fn retry(reason: impl Display) -> Self {
        Self::new(reason, Cause::Passing)
    }

    /// Trying again cannot help: the job is dead until a person looks at it.
    pub fn fail(reason: impl Display) -> Self {
        Self::new(reason, Cause::Wrong)
    }

    /// The same failure, said by a back-end: so that is not away.
    #[must_use]
    pub fn answered_by(self, backend: Backend) -> Self {
        Self {
            answered: Some(backend),
            ..self
        }
    }

    fn new(reason: impl Display, cause: Cause) -> Self {
        Self {
            reason: outbox::redact(&reason.to_string()),
            cause,
            answered: None,
        }
    }

    /// What is wrong.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// The back-end that said so.
    pub fn answered(&self) -> Option<Backend> {
        self.answered
    }

    /// Whether trying again may help.
    pub fn is_retryable(&self) -> bool {
        self.cause != Cause::Wrong
    }
}

impl From<flightdesk_core::Error> for JobError {
    fn from(error: flightdesk_core::Error) -> Self {
        let cause = match error.away() {
            Some(backend) => Cause::Away(backend),
            None if error.is_transient() => Cause::Passing,
            None => Cause::Wrong,
        };
        Self::new(error, cause)
    }
}

impl From<sqlx::Error> for JobError {
    fn from(error: sqlx::Error) -> Self {
        flightdesk_core::Error::Database(error).into()
    }
}
