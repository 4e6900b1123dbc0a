//! Who calls: the API key of a request.

use std::ops::Deref;

use flightdesk_core::account::{self, Scope};
use flightdesk_core::error::Error;
use poem::Request;
use poem_openapi::SecurityScheme;
use poem_openapi::auth::ApiKey;

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

async fn check(request: &Request, key: ApiKey) -> poem::Result<account::Caller> {
    let app = request
        .data::<App>()
        .ok_or_else(|| ApiError::internal("the app is not in the request"))?;
    Ok(authenticate(app, &key.key).await?)
}

/// The caller of a request outside of any operation: 401 when there is none.
pub async fn caller(app: &App, request: &Request) -> Result<account::Caller, ApiError> {
    let key = request.header("X-API-Key").ok_or(Error::Unauthenticated)?;
    authenticate(app, key).await
}

async fn authenticate(app: &App, key: &str) -> Result<account::Caller, ApiError> {
    let mut conn = app.db.acquire().await?;
    Ok(account::authenticate(&mut conn, &app.clock, key).await?)
}
