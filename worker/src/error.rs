//! Why a job did not do its work, and whether trying again would help.

use std::fmt::Display;

use flightdesk_core::outbox;

/// The failure of one attempt. The reason is logged, kept in the job's row and shown to whoever caused the job, so
/// words that look like addresses or keys are taken out of it at once; it names things by id.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct JobError {
    reason: String,
    retryable: bool,
}

impl JobError {
    /// Trying again may help: a server was away, something is not ready yet.
    pub fn retry(reason: impl Display) -> Self {
        Self::new(reason, true)
    }

    /// Trying again cannot help: the job is dead until a person looks at it.
    pub fn fail(reason: impl Display) -> Self {
        Self::new(reason, false)
    }

    fn new(reason: impl Display, retryable: bool) -> Self {
        Self {
            reason: outbox::redact(&reason.to_string()),
            retryable,
        }
    }

    /// Whether trying again may help.
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }
}

impl From<flightdesk_core::Error> for JobError {
    fn from(error: flightdesk_core::Error) -> Self {
        let retryable = error.is_transient();
        Self::new(error, retryable)
    }
}

impl From<sqlx::Error> for JobError {
    fn from(error: sqlx::Error) -> Self {
        flightdesk_core::Error::Database(error).into()
    }
}
