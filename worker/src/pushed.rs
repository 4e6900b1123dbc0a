//! What travels through Redis.

use flightdesk_core::ids::JobId;
use flightdesk_core::outbox::Claimed;
use serde::{Deserialize, Serialize};

/// What travels through Redis: which attempt of which job, and the request that caused it. No personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// The job.
    pub job_id: JobId,
    /// The attempt this push stands for.
    pub attempt: i32,
    /// Which job it is, for whoever looks into Redis.
    pub kind: String,
    /// `X-Request-Id` of the request that caused the job.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_id: Option<String>,
    /// W3C `traceparent` of that request.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trace_parent: Option<String>,
}

impl From<&Claimed> for Pushed {
    fn from(claimed: &Claimed) -> Self {
        Self {
            job_id: claimed.job_id,
            attempt: claimed.attempt,
            kind: claimed.kind.as_str().to_owned(),
            request_id: claimed.context.request_id.clone(),
            trace_parent: claimed.context.trace_parent.clone(),
        }
    }
}
