//! An act, and how it was kept.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::ids::{AccountId, ApiKeyId, SessionId};

/// Something that was done to an object.
#[derive(Clone, Debug)]
pub struct Act<'a> {
    /// What was done, in the past tense: `job_retried`.
    pub action: &'a str,
    /// What it was done to: `job`, `booking`, `flight`.
    pub object_kind: &'a str,
    /// Which one: a booking by its reference, everything else by its key.
    pub object_id: String,
    /// What was before, as far as it was changed; `None` for what is new.
    pub before: Option<Value>,
    /// What is after; `None` for what is gone.
    pub after: Option<Value>,
}

/// An act as it was kept.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The entry.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// Who did it: an [`crate::actor::Actor`].
    pub actor: String,
    /// For which account.
    pub account_id: Option<AccountId>,
    /// With which API key.
    pub api_key_id: Option<ApiKeyId>,
    /// In which session of a person who had logged in.
    pub session_id: Option<SessionId>,
    /// From where; `None` on the command line.
    pub address: Option<String>,
    /// What was done.
    pub action: String,
    /// What it was done to.
    pub object_kind: String,
    /// Which one.
    pub object_id: String,
    /// What was before.
    pub before: Option<Value>,
    /// What is after.
    pub after: Option<Value>,
    /// The request in which it was done.
    pub request_id: Option<String>,
}

/// Which entries are wanted; what is absent leaves none out.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Done by this account.
    pub account_id: Option<AccountId>,
    /// This was done.
    pub action: Option<String>,
    /// To objects of this kind.
    pub object_kind: Option<String>,
    /// To this object.
    pub object_id: Option<String>,
    /// In this request.
    pub request_id: Option<String>,
    /// At this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Before this time.
    pub until: Option<DateTime<Utc>>,
}
