//! Who calls: the API key of a request.
//!
//! **Authentication stays a lookup by key, but no longer pings.** Each request read its API key by one indexed join
//! (no cache: a revoked key ends at once), on a connection that sqlx had pinged before: two round trips for one
//! row. Connections are now pinged only when they have been idle for a second; a connection that was cut within it
//! costs one 503.

use std::ops::Deref;

use flightdesk_core::account::{self, Scope};
use flightdesk_core::error::{Error, KeyProblem};
use poem::Request;
use poem_openapi::SecurityScheme;
use poem_openapi::auth::ApiKey;
use sqlx::PgConnection;

use crate::app::App;
use crate::error::ApiError;

/// An API key of an account. `POST /v1/accounts` answers the first one.
#[derive(SecurityScheme)]
#[oai(
    rename = "ApiKey",
    ty = "api_key",
    key_name = "X-API-Key",
    key_in = "header",
    checker = "check"
)]
pub struct Caller(account::Caller);

impl Caller {
    /// 403 `missing_scope` unless the key has the scope.
    pub fn require(&self, scope: Scope) -> Result<(), ApiError> {
        Ok(self.0.require(scope)?)
    }
}

impl Deref for Caller {
    type Target = account::Caller;

    fn deref(&self) -> &account::Caller {
        &self.0
    }
}

/// The caller of a request whose key was looked up before its body was read.
#[derive(Clone, Debug)]
pub struct Authenticated(pub account::Caller);

async fn check(request: &Request, key: ApiKey) -> poem::Result<account::Caller> {
    if let Some(Authenticated(caller)) = request.data() {
        return Ok(caller.clone());
    }
    let app = app_of(request)?;
    let mut conn = app.db.acquire().await.map_err(ApiError::from)?;
    Ok(authenticate(app, &mut conn, &key.key).await?)
}

/// The caller of a request outside of any operation: 401 when there is none.
pub async fn caller(app: &App, request: &Request) -> Result<account::Caller, ApiError> {
    let key = request
        .header("X-API-Key")
        .ok_or(Error::Unauthenticated(KeyProblem::Missing))?;
    let mut conn = app.db.acquire().await?;
    authenticate(app, &mut conn, key).await
}

fn app_of(request: &Request) -> Result<&App, ApiError> {
    request
        .data::<App>()
        .ok_or_else(|| ApiError::internal("the app is not in the request"))
}

async fn authenticate(
    app: &App,
    conn: &mut PgConnection,
    key: &str,
) -> Result<account::Caller, ApiError> {
    let caller = account::authenticate(conn, &app.clock, key).await?;
    let span = tracing::Span::current();
    span.record("account_id", tracing::field::display(caller.account_id));
    span.record("key_prefix", &caller.key_prefix);
    Ok(caller)
}
