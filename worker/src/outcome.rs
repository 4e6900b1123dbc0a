//! How an attempt at a job ended.

use flightdesk_core::outbox::Verdict;

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its effect is committed.
    Done,
    /// It failed; the row says what is next.
    Failed(Verdict),
    /// It runs or ran elsewhere, or is over: nothing was done.
    Unwanted,
    /// It became somebody else's while it ran; what it tried was rolled back.
    Lost,
    /// PostgreSQL did not answer. The lease will lapse, and the job comes back.
    Unrecorded,
}
