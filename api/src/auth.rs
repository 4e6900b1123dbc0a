//! Who calls: the API key of a request.

use std::ops::Deref;

use flightdesk_core::account::{self, Scope};
use flightdesk_core::error::Error;
use poem::Request;
use poem_openapi::SecurityScheme;
use poem_openapi::auth::ApiKey;
use sqlx::PgConnection;

use crate::app::App;
use crate::error::ApiError;
use crate::spare::Spare;

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

/// An API key of an account. `POST /v1/accounts` answers the first one.
///
/// For operations without a body that read at once: the connection that looked the key up is kept for them. With a
/// body it must not be, or whoever sends one slowly would keep a connection from the others.
#[derive(SecurityScheme)]
#[oai(
    rename = "ApiKey",
    ty = "api_key",
    key_name = "X-API-Key",
    key_in = "header",
    checker = "check_reader"
)]
pub struct Reader(Known);

/// A caller, and the connection that looked the key up.
pub struct Known {
    caller: account::Caller,
    spare: Spare,
}

impl Reader {
    /// 403 `missing_scope` unless the key has the scope.
    pub fn require(&self, scope: Scope) -> Result<(), ApiError> {
        Ok(self.0.caller.require(scope)?)
    }

    /// The connection to read with.
    pub fn spare(&self) -> &Spare {
        &self.0.spare
    }
}

impl Deref for Reader {
    type Target = account::Caller;

    fn deref(&self) -> &account::Caller {
        &self.0.caller
    }
}

async fn check(request: &Request, key: ApiKey) -> poem::Result<account::Caller> {
    let app = app_of(request)?;
    let mut conn = app.db.acquire().await.map_err(ApiError::from)?;
    Ok(authenticate(app, &mut conn, &key.key).await?)
}

async fn check_reader(request: &Request, key: ApiKey) -> poem::Result<Known> {
    let app = app_of(request)?;
    let mut conn = app.db.acquire().await.map_err(ApiError::from)?;
    let caller = authenticate(app, &mut conn, &key.key).await?;
    let spare = Spare::default();
    spare.put(conn);
    Ok(Known { caller, spare })
}

/// The caller of a request outside of any operation: 401 when there is none.
pub async fn caller(app: &App, request: &Request) -> Result<account::Caller, ApiError> {
    let key = request.header("X-API-Key").ok_or(Error::Unauthenticated)?;
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
    Ok(account::authenticate(conn, &app.clock, key).await?)
}
