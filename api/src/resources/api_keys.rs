//! API keys: more of them, their list, their end.

use chrono::Duration;
use flightdesk_core::account::{self, ApiKey, KeyRequest, KeyWish, NewApiKey, Scope};
use flightdesk_core::error::Error;
use flightdesk_core::ids::ApiKeyId;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::ParseFromParameter;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use serde_json::Value;
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::answer::{Created, Resource, member_path};
use crate::http::body::{Checked, Rules};
use crate::http::page::{Page, PageRequest};
use crate::openapi::raw::{FromRaw, Raw};
use crate::openapi::tags::Tag;
use crate::views::Instant;

/// How long both keys are good after a rotation, unless the caller says otherwise.
const OVERLAP_HOURS: u32 = 24;

/// API keys.
pub struct ApiKeys;

/// What an API key may do
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
#[oai(rename = "Scope", rename_all = "snake_case")]
pub enum ScopeView {
    /// Look at places, flights and offers
    Search,
    /// Hold, book, pay and cancel, and read the account and its bookings
    Bookings,
    /// Run the inventory
    Admin,
    /// Cancel for travellers, waive what a fare keeps, and look after refunds that failed
    Refunds,
    /// Change flights, fares, coupons and everything else that is sold, and by which rules
    Catalogue,
}

/// A new API key
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct CreateApiKey {
    /// What you call it
    #[oai(validator(min_length = 1, max_length = 100))]
    name: String,
    /// Not more than the calling key has; by default `search` and `bookings`
    #[oai(validator(min_items = 1, max_items = 5, unique_items))]
    scopes: Option<Vec<ScopeView>>,
    /// When it ends by itself; not after the calling key, by default with it or never
    expires_at: Option<Instant>,
}

impl FromRaw for CreateApiKey {
    fn from_raw(raw: Raw<'_>) -> Self {
        let expires_at = raw.optional_text("expires_at");
        Self {
            name: raw.text("name"),
            // No rule looks at them before the caller's own scopes are known.
            scopes: None,
            expires_at: expires_at.and_then(|text| Instant::parse_from_parameter(&text).ok()),
        }
    }
}

impl Rules for CreateApiKey {
    fn rules(self, app: &App) -> Result<(), Error> {
        let expires_at = self.expires_at.map(|instant| instant.0);
        KeyWish::rules(&app.clock, &self.name, expires_at)
    }
}

/// An API key without its secret
#[derive(Debug, Object)]
#[oai(rename = "ApiKey")]
pub struct ApiKeyView {
    id: Uuid,
    name: String,
    /// The start of the key, to tell it by
    prefix: String,
    scopes: Vec<ScopeView>,
    created_at: Instant,
    expires_at: Option<Instant>,
    revoked_at: Option<Instant>,
    /// To the minute
    last_used_at: Option<Instant>,
}

/// An API key with its secret, which is shown this once
#[derive(Debug, Object)]
#[oai(rename = "NewApiKey")]
pub struct NewApiKeyView {
    id: Uuid,
    name: String,
    /// The start of the key, to tell it by
    prefix: String,
    /// The key itself, for the header `X-API-Key`
    key: String,
    scopes: Vec<ScopeView>,
    created_at: Instant,
    expires_at: Option<Instant>,
}

impl Resource for NewApiKeyView {
    fn path(answer: &Value) -> String {
        member_path("/v1/api-keys", &answer["id"])
    }
}

/// How long both keys are good
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct RotateApiKey {
    /// Hours after which the old key ends, 24 by default; 0 ends it at once
    #[oai(validator(maximum(value = "168")))]
    overlap_hours: Option<u32>,
}

impl FromRaw for RotateApiKey {
    fn from_raw(_raw: Raw<'_>) -> Self {
        Self {
            overlap_hours: None,
        }
    }
}

impl Rules for RotateApiKey {}

/// A request that was made with a key
#[derive(Debug, Object)]
#[oai(rename = "ApiKeyRequest", skip_serializing_if_is_none)]
pub struct KeyRequestView {
    id: Uuid,
    at: Instant,
    method: String,
    /// As this document writes it, without what was asked for: `/v1/bookings/{booking_ref}`
    path: String,
    /// The status of the answer
    status: i16,
    /// The `X-Request-Id` of the answer
    request_id: Option<String>,
}

/// The answer to an end
#[derive(ApiResponse)]
pub enum Revoked {
    /// The key is no longer good
    #[oai(status = 204)]
    NoContent,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::ApiKeys")]
impl ApiKeys {
    /// List the account's API keys
    ///
    /// Newest first, ended ones too, up to the newest 100 of them. Needs the scope `bookings`: names of keys may be
    /// personal data.
    #[oai(path = "/api-keys", method = "get", operation_id = "list_api_keys")]
    async fn list(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        /// Entries of a page
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// `next_cursor` of the page before
        cursor: Query<Option<String>>,
    ) -> Result<Json<Page<ApiKeyView>>, ApiError> {
        let mut conn = app.db.acquire().await?;
        let principal = access.principal(&mut conn, app).await?;
        let page = PageRequest::parse(limit.0, cursor.0.as_deref())?;
        let keys =
            account::list_keys(&mut conn, principal.account_id, page.rows(), page.after()).await?;
        Ok(Json(page.page(keys, |key| key.id.0)))
    }

    /// Make an API key
    ///
    /// The key is shown this once. It can do no more than the key that makes it and ends no later. An account has at
    /// most 50 keys that are neither revoked nor expired.
    #[oai(path = "/api-keys", method = "post", operation_id = "create_api_key")]
    async fn create(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Key>,
        body: Checked<CreateApiKey>,
    ) -> Result<Created<NewApiKeyView>, ApiError> {
        let principal = access.look_up(app).await?;
        let body = body.into_inner();
        let scopes = body
            .scopes
            .map(|scopes| scopes.into_iter().map(Scope::from).collect());
        let expires_at = body.expires_at.map(|instant| instant.0);
        let wish = KeyWish::parse(&app.clock, &principal, &body.name, scopes, expires_at)?;
        let mut tx = app.db.begin().await?;
        let key = account::create_key(
            &mut tx,
            &app.clock,
            principal.account_id,
            wish,
            app.key_mode(),
        )
        .await?;
        tx.commit().await?;
        Ok(Created::new(key.into()))
    }

    /// Put another key in the place of one
    ///
    /// The new key has the name, the scopes and the end of the old one and is shown this once; the old one goes on for
    /// `overlap_hours` and then ends, so that programs can change over. A key may rotate itself and keys that may do no more than
    /// it may. 404 for a key that has ended.
    #[oai(
        path = "/api-keys/:id/rotations",
        method = "post",
        operation_id = "rotate_api_key"
    )]
    async fn rotate(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Key>,
        /// The id of the old key, not the key
        id: Path<Uuid>,
        body: Checked<RotateApiKey>,
    ) -> Result<Created<NewApiKeyView>, ApiError> {
        let principal = access.look_up(app).await?;
        let hours = body.into_inner().overlap_hours.unwrap_or(OVERLAP_HOURS);
        let overlap = Duration::hours(hours.into());
        let mut tx = app.db.begin().await?;
        let (id, mode) = (ApiKeyId(id.0), app.key_mode());
        let key = account::rotate_key(&mut tx, &app.clock, &principal, id, overlap, mode).await?;
        tx.commit().await?;
        Ok(Created::new(key.into()))
    }

    /// List the last requests of an API key
    ///
    /// Newest first, seven days of them: what was called, and what it was answered. They are kept in passing and show up a second
    /// later; when the service is very busy some may be missing. Needs the scope `bookings`.
    #[oai(
        path = "/api-keys/:id/requests",
        method = "get",
        operation_id = "list_api_key_requests"
    )]
    async fn requests(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        /// The key's id, not the key
        Path(id): Path<Uuid>,
        /// Entries of a page
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// `next_cursor` of the page before
        cursor: Query<Option<String>>,
    ) -> Result<Json<Page<KeyRequestView>>, ApiError> {
        let mut conn = app.db.acquire().await?;
        let principal = access.principal(&mut conn, app).await?;
        let page = PageRequest::parse(limit.0, cursor.0.as_deref())?;
        let (key, rows) = (ApiKeyId(id), page.rows().into());
        let whose = principal.account_id;
        let (clock, before) = (&app.clock, page.after());
        let found = account::list_requests(&mut conn, clock, whose, key, before, rows).await?;
        Ok(Json(page.page(found, |request| request.id)))
    }

    /// Revoke an API key
    ///
    /// At once and for good; doing it again is fine.
    #[oai(
        path = "/api-keys/:id",
        method = "delete",
        operation_id = "revoke_api_key"
    )]
    async fn revoke(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Key>,
        /// The key's id, not the key
        id: Path<Uuid>,
    ) -> Result<Revoked, ApiError> {
        let mut tx = app.db.begin().await?;
        let principal = access.principal(&mut tx, app).await?;
        account::revoke_key(&mut tx, &app.clock, &principal, ApiKeyId(id.0)).await?;
        tx.commit().await?;
        Ok(Revoked::NoContent)
    }
}

impl From<ScopeView> for Scope {
    fn from(view: ScopeView) -> Self {
        match view {
            ScopeView::Search => Self::Search,
            ScopeView::Bookings => Self::Bookings,
            ScopeView::Admin => Self::Admin,
            ScopeView::Refunds => Self::Refunds,
            ScopeView::Catalogue => Self::Catalogue,
        }
    }
}

impl From<Scope> for ScopeView {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Search => Self::Search,
            Scope::Bookings => Self::Bookings,
            Scope::Admin => Self::Admin,
            Scope::Refunds => Self::Refunds,
            Scope::Catalogue => Self::Catalogue,
        }
    }
}

impl From<ApiKey> for ApiKeyView {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id.0,
            name: key.name,
            prefix: key.prefix,
            scopes: key.scopes.into_iter().map(ScopeView::from).collect(),
            created_at: key.created_at.into(),
            expires_at: key.expires_at.map(Instant),
            revoked_at: key.revoked_at.map(Instant),
            last_used_at: key.last_used_at.map(Instant),
        }
    }
}

impl From<NewApiKey> for NewApiKeyView {
    fn from(new: NewApiKey) -> Self {
        let NewApiKey { key, secret } = new;
        Self {
            id: key.id.0,
            name: key.name,
            prefix: key.prefix,
            key: secret.expose().to_owned(),
            scopes: key.scopes.into_iter().map(ScopeView::from).collect(),
            created_at: key.created_at.into(),
            expires_at: key.expires_at.map(Instant),
        }
    }
}

impl From<KeyRequest> for KeyRequestView {
    fn from(request: KeyRequest) -> Self {
        Self {
            id: request.id,
            at: request.at.into(),
            method: request.method,
            path: request.path,
            status: request.status,
            request_id: request.request_id,
        }
    }
}
