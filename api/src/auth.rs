//! Who calls: an operation says what it needs by the type of its argument, [`Access`], and learns who calls from it.
//!
//! ```text
//! async fn get(&self, Data(app): Data<&App>, access: Access<need::Bookings>, …) -> Result<Json<BookingView>, ApiError> {
//!     let mut conn = app.db.acquire().await?;
//!     let principal = access.principal(&mut conn, app).await?;
//! ```
//!
//! The need stands in the OpenAPI document and in `api/routes.txt`; an operation that takes an `Access` and does not ask
//! it does not compile without a warning.
//!
//! **Authentication stays a lookup by key, but no longer pings.** Each request read its API key by one indexed join
//! (no cache: a revoked key ends at once), on a connection that sqlx had pinged before: two round trips for one
//! row. Connections are now pinged only when they have been idle for a second; a connection that was cut within it
//! costs one 503. A request without a body is authenticated on the connection that its operation goes on with.

use std::marker::PhantomData;

use flightdesk_core::account::{self, Credential, Principal, Scope};
use flightdesk_core::actor::{self, Actor};
use flightdesk_core::error::{Error, KeyProblem};
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use sqlx::PgConnection;

use crate::app::App;
use crate::error::ApiError;

const API_KEY: &str = "X-API-Key";

/// What an operation needs of whoever calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Any API key.
    Key,
    /// One that may do this.
    Scope(Scope),
}

impl Need {
    /// All of them.
    const ALL: [Self; 6] = [
        Self::Key,
        Self::Scope(Scope::Search),
        Self::Scope(Scope::Bookings),
        Self::Scope(Scope::Admin),
        Self::Scope(Scope::Refunds),
        Self::Scope(Scope::Catalogue),
    ];

    /// The name that it has in the document of the API, as the security scheme of an operation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Scope(scope) => scope.as_str(),
        }
    }

    /// The need of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|need| need.name() == name)
    }

    /// 403 `missing_scope` unless the caller has what is needed.
    pub fn check(self, principal: &Principal) -> Result<(), ApiError> {
        match self {
            Self::Key => Ok(()),
            Self::Scope(scope) => Ok(principal.require(scope)?),
        }
    }

    /// Refuses as [`Self::check`] does; what happens from here on is done by this caller.
    fn admit(self, principal: &Principal) -> Result<(), ApiError> {
        self.check(principal)?;
        let account_id = principal.account_id;
        let Credential::ApiKey { id, .. } = &principal.credential;
        actor::identify(match self {
            Self::Key | Self::Scope(Scope::Search | Scope::Bookings) => Actor::Account {
                account_id,
                api_key_id: *id,
            },
            Self::Scope(Scope::Admin | Scope::Refunds | Scope::Catalogue) => Actor::Staff {
                by: Some((account_id, *id)),
            },
        });
        Ok(())
    }
}

/// A need as a type.
pub trait Needs: Send + Sync {
    /// The need.
    const NEED: Need;
}

/// The needs, for [`Access`].
pub mod need {
    use flightdesk_core::account::Scope;

    use super::{Need, Needs};

    /// Any API key.
    pub enum Key {}
    /// A key that may search.
    pub enum Search {}
    /// A key that may hold, book, pay, and read what its account has.
    pub enum Bookings {}
    /// A key of staff.
    pub enum Admin {}
    /// A key of staff who may cancel for travellers, waive charges and look after refunds that failed.
    pub enum Refunds {}
    /// A key of staff who may change what is sold and by which rules.
    pub enum Catalogue {}

    impl Needs for Key {
        const NEED: Need = Need::Key;
    }

    impl Needs for Search {
        const NEED: Need = Need::Scope(Scope::Search);
    }

    impl Needs for Bookings {
        const NEED: Need = Need::Scope(Scope::Bookings);
    }

    impl Needs for Admin {
        const NEED: Need = Need::Scope(Scope::Admin);
    }

    impl Needs for Refunds {
        const NEED: Need = Need::Scope(Scope::Refunds);
    }

    impl Needs for Catalogue {
        const NEED: Need = Need::Scope(Scope::Catalogue);
    }
}

/// Whatever a caller shows to prove who it is, for an operation that needs `N`.
#[must_use]
pub struct Access<N> {
    shown: Shown,
    needs: PhantomData<fn() -> N>,
}

enum Shown {
    /// Looked up already, because the request has a body.
    Known(Principal),
    /// An API key.
    Key(String),
}

impl<N: Needs> Access<N> {
    /// Who calls, looked up on the connection that the operation goes on with.
    ///
    /// Errors: 401 for a malformed, unknown, revoked or expired key, 403 when the key lacks the scope.
    pub async fn principal(
        self,
        conn: &mut PgConnection,
        app: &App,
    ) -> Result<Principal, ApiError> {
        let principal = match self.shown {
            Shown::Known(principal) => principal,
            Shown::Key(key) => authenticate(app, conn, &key).await?,
        };
        N::NEED.admit(&principal)?;
        Ok(principal)
    }

    /// The same for an operation that has no connection of its own, or waits for something else before it takes one.
    pub async fn look_up(self, app: &App) -> Result<Principal, ApiError> {
        if let Shown::Known(principal) = self.shown {
            return Ok(principal);
        }
        let mut conn = app.db.acquire().await?;
        self.principal(&mut conn, app).await
    }
}

impl<'a, N: Needs> ApiExtractor<'a> for Access<N> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.create_security_scheme(
            "ApiKey",
            MetaSecurityScheme {
                ty: "apiKey",
                description: Some(
                    "An API key of an account. `POST /v1/accounts` answers the first one.",
                ),
                name: Some(API_KEY),
                key_in: Some("header"),
                scheme: None,
                bearer_format: None,
                flows: None,
                openid_connect_url: None,
            },
        );
    }

    /// The need's own name: `openapi::finish` makes it a role of the scheme `ApiKey`.
    fn security_schemes() -> Vec<&'static str> {
        vec![N::NEED.name()]
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let shown = match request.data::<Authenticated>() {
            Some(Authenticated(principal)) => {
                // Before the body is judged.
                N::NEED.admit(principal)?;
                Shown::Known(principal.clone())
            }
            None => Shown::Key(key_of(request)?.to_owned()),
        };
        Ok(Self {
            shown,
            needs: PhantomData,
        })
    }
}

/// Who makes a request, when that was looked up before its body was read.
#[derive(Clone, Debug)]
pub struct Authenticated(pub Principal);

/// Who makes a request outside of any operation, on a connection of its own. Errors: 401 when it shows no good key.
pub async fn principal_of(app: &App, request: &Request) -> Result<Principal, ApiError> {
    let key = key_of(request)?;
    let mut conn = app.db.acquire().await?;
    authenticate(app, &mut conn, key).await
}

fn key_of(request: &Request) -> Result<&str, ApiError> {
    let missing = Error::Unauthenticated(KeyProblem::Missing);
    Ok(request.header(API_KEY).ok_or(missing)?)
}

async fn authenticate(
    app: &App,
    conn: &mut PgConnection,
    key: &str,
) -> Result<Principal, ApiError> {
    let principal = account::authenticate(conn, &app.clock, key).await?;
    let span = tracing::Span::current();
    span.record("account_id", tracing::field::display(principal.account_id));
    let Credential::ApiKey { id, prefix, .. } = &principal.credential;
    span.record("key_prefix", prefix);
    // Also what is refused was asked for by somebody.
    actor::identify(Actor::Account {
        account_id: principal.account_id,
        api_key_id: *id,
    });
    Ok(principal)
}
