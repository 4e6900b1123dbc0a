//! What staff did: the audit log.

use std::collections::BTreeMap;

use flightdesk_core::audit::{self, AuditFilter, Entry};
use flightdesk_core::ids::AccountId;
use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::types::Any;
use poem_openapi::{Object, OpenApi};
use serde_json::Value;
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::page::{Page, PageRequest};
use crate::openapi::tags::Tag;
use crate::views::Instant;

/// The audit log.
pub struct AuditLog;

/// What somebody did, from where, and what was before and after
#[derive(Debug, Object)]
#[oai(rename = "AuditEntry", skip_serializing_if_is_none)]
pub struct AuditEntryView {
    id: Uuid,
    at: Instant,
    /// Who did it; `staff` without an account on the command line
    actor: String,
    /// For which account
    account_id: Option<Uuid>,
    /// With which API key
    api_key_id: Option<Uuid>,
    /// In which session of a person who had logged in
    session_id: Option<Uuid>,
    /// The address that the request came from
    address: Option<String>,
    /// What was done: `job_retried`, `flight_cancelled`, `refund_settled`, … New ones may come
    action: String,
    /// What it was done to: `job`, `booking`, `flight`, `refund`, `api_key`, … New ones may come
    object_kind: String,
    /// Which one: a booking by its reference, everything else by its key
    object_id: String,
    /// What was before, as far as it was changed; absent of what is new
    before: Option<BTreeMap<String, Any<Value>>>,
    /// What is after; absent of what is gone
    after: Option<BTreeMap<String, Any<Value>>>,
    /// The `X-Request-Id` of the request in which it was done
    request_id: Option<String>,
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Operations")]
impl AuditLog {
    /// List what staff did
    ///
    /// Newest first: every act of staff, by the API or on the command line, and every API key that was made or ended. Entries
    /// are never changed. Each filter leaves fewer. Needs the scope `admin`.
    #[oai(path = "/audit", method = "get", operation_id = "list_audit_entries")]
    #[expect(clippy::too_many_arguments, reason = "a parameter of the query each")]
    async fn list(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Admin>,
        /// Only what was done for this account
        Query(account_id): Query<Option<Uuid>>,
        /// Only this action
        #[oai(validator(max_length = 100))]
        Query(action): Query<Option<String>>,
        /// Only what was done to objects of this kind
        #[oai(validator(max_length = 100))]
        Query(object_kind): Query<Option<String>>,
        /// Only what was done to this object
        #[oai(validator(max_length = 200))]
        Query(object_id): Query<Option<String>>,
        /// Only what was done in this request
        #[oai(validator(max_length = 128))]
        Query(request_id): Query<Option<String>>,
        /// Only what was done at this time or later
        Query(from): Query<Option<Instant>>,
        /// Only what was done before this time
        Query(until): Query<Option<Instant>>,
        /// Entries of a page, 1 to 100
        Query(limit): Query<Option<u32>>,
        /// `next_cursor` of the page before, with all other parameters as they were
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<Page<AuditEntryView>>, ApiError> {
        let mut conn = app.db.acquire().await?;
        access.principal(&mut conn, app).await?;
        let page = PageRequest::parse(limit, cursor.as_deref())?;
        let filter = AuditFilter {
            account_id: account_id.map(AccountId),
            action,
            object_kind,
            object_id,
            request_id,
            from: from.map(|from| from.0),
            until: until.map(|until| until.0),
        };
        let rows = page.rows().into();
        let entries = audit::list(&mut conn, &filter, page.after(), rows).await?;
        Ok(Json(page.page(entries, |entry| entry.id)))
    }
}

impl From<Entry> for AuditEntryView {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.id,
            at: entry.at.into(),
            actor: entry.actor,
            account_id: entry.account_id.map(|id| id.0),
            api_key_id: entry.api_key_id.map(|id| id.0),
            session_id: entry.session_id.map(|id| id.0),
            address: entry.address,
            action: entry.action,
            object_kind: entry.object_kind,
            object_id: entry.object_id,
            before: entry.before.map(members),
            after: entry.after.map(members),
            request_id: entry.request_id,
        }
    }
}

/// The members of an object; of anything else, one that is called `value`.
fn members(value: Value) -> BTreeMap<String, Any<Value>> {
    match value {
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name, Any(value)))
            .collect(),
        other => BTreeMap::from([("value".to_owned(), Any(other))]),
    }
}
