//! Who calls: an operation says what it needs by the type of its argument, [`Access`], and learns who calls from it.
//!
//! ```text
//! async fn get(&self, Data(app): Data<&App>, access: Access<need::Bookings>, …) -> Result<Json<BookingView>, ApiError> {
//!     let mut conn = app.db.acquire().await?;
//!     let principal = access.principal(&mut conn, app).await?;
//! ```
//!
//! The need stands in the OpenAPI document and in `api/routes.txt`; an operation that takes an `Access` and does not ask
//! it does not compile without a warning. A program shows an API key in `X-API-Key`, a person the access token of a session
//! in `Authorization: Bearer` or, from a browser, in a cookie; what may be done with one may be done with the other, as far
//! as the scopes of the key or of the person's role go.
//!
//! **A cookie changes nothing that another site asks for.** Browsers add it to requests of any page. Whatever may change
//! something is refused unless the browser says that a page of ours asks ([`same_origin`]), and has a header that no form
//! and no link of another site can send. There is no CORS that would let a script of another site do it.
//!
//! **Authentication stays a lookup by key, but no longer pings.** Each request read its API key by one indexed join
//! (no cache: a revoked key or an ended session ends at once), on a connection that sqlx had pinged before: two round trips for one
//! row. Connections are now pinged only when they have been idle for a second; a connection that was cut within it
//! costs one 503. A request without a body is authenticated on the connection that its operation goes on with.

use std::marker::PhantomData;

use flightdesk_core::account::{self, Credential, Principal, Scope};
use flightdesk_core::actor::{self, Actor};
use flightdesk_core::error::{Error, KeyProblem};
use poem::http::StatusCode;
use poem::http::header::{AUTHORIZATION, ORIGIN};
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::{Value, json};
use sqlx::PgConnection;
use url::Url;

use crate::app::App;
use crate::cookies;
use crate::error::ApiError;

const API_KEY: &str = "X-API-Key";
/// What pages of ours send with every change; its value says nothing.
const BROWSER: &str = "X-Flightdesk-Browser";

/// What an operation needs of whoever calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Any API key, or anybody who has logged in.
    Key,
    /// A person who has logged in: an API key is not enough.
    Session,
    /// Whoever may do this.
    Scope(Scope),
}

impl Need {
    /// All of them.
    const ALL: [Self; 7] = [
        Self::Key,
        Self::Session,
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
            Self::Session => "session",
            Self::Scope(scope) => scope.as_str(),
        }
    }

    /// The security of an operation in the document: either scheme, with the scope as its role.
    pub fn schemes(self) -> Value {
        match self {
            Self::Key => json!([{ "ApiKey": [] }, { "Session": [] }]),
            Self::Session => json!([{ "Session": [] }]),
            Self::Scope(scope) => {
                let role = scope.as_str();
                json!([{ "ApiKey": [role] }, { "Session": [role] }])
            }
        }
    }

    /// The need of an operation of the document; `None` when anybody may call it.
    ///
    /// Errors: schemes that are of no need.
    pub fn of(operation: &Value) -> Result<Option<Self>, String> {
        let schemes = &operation["security"];
        if schemes.get(0).is_none() {
            return Ok(None);
        }
        let need = Self::ALL
            .into_iter()
            .find(|need| need.schemes() == *schemes);
        need.map(Some)
            .ok_or_else(|| format!("an unknown need: {schemes}"))
    }

    /// The need of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|need| need.name() == name)
    }

    /// 403 `missing_scope` or `session_required` unless the caller has what is needed.
    pub fn check(self, principal: &Principal) -> Result<(), ApiError> {
        match self {
            Self::Key => Ok(()),
            Self::Session => Ok(principal.session().map(drop)?),
            Self::Scope(scope) => Ok(principal.require(scope)?),
        }
    }

    /// Refuses as [`Self::check`] does; what happens from here on is done by this caller.
    fn admit(self, principal: &Principal) -> Result<(), ApiError> {
        self.check(principal)?;
        let account_id = principal.account_id;
        let with = principal.credential.means();
        actor::identify(match self {
            Self::Key | Self::Session | Self::Scope(Scope::Search | Scope::Bookings) => {
                Actor::Account { account_id, with }
            }
            Self::Scope(Scope::Admin | Scope::Refunds | Scope::Catalogue) => Actor::Staff {
                by: Some((account_id, with)),
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

    /// Any API key, or anybody who has logged in.
    pub enum Key {}
    /// A person who has logged in.
    pub enum Session {}
    /// Who may search.
    pub enum Search {}
    /// Who may hold, book, pay, and read what its account has.
    pub enum Bookings {}
    /// Staff who run the inventory.
    pub enum Admin {}
    /// Staff who may cancel for travellers, waive charges and look after refunds that failed.
    pub enum Refunds {}
    /// A key of staff who may change what is sold and by which rules.
    pub enum Catalogue {}

    impl Needs for Key {
        const NEED: Need = Need::Key;
    }

    impl Needs for Session {
        const NEED: Need = Need::Session;
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
    /// Not looked up yet.
    Credential(Credentials),
}

/// What a request proves its caller by.
enum Credentials {
    /// An API key.
    Key(String),
    /// An access token.
    Token(String),
}

impl<N: Needs> Access<N> {
    /// Who calls, looked up on the connection that the operation goes on with.
    ///
    /// Errors: 401 for a malformed, unknown, revoked or expired key or token, 403 when its scopes are not enough.
    pub async fn principal(
        self,
        conn: &mut PgConnection,
        app: &App,
    ) -> Result<Principal, ApiError> {
        let principal = match self.shown {
            Shown::Known(principal) => principal,
            Shown::Credential(shown) => authenticate(app, conn, &shown).await?,
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
                    "An API key of an account, for programs. `POST /v1/accounts` answers the first one.",
                ),
                name: Some(API_KEY),
                key_in: Some("header"),
                scheme: None,
                bearer_format: None,
                flows: None,
                openid_connect_url: None,
            },
        );
        registry.create_security_scheme(
            "Session",
            MetaSecurityScheme {
                ty: "http",
                description: Some(
                    "The access token of a person's session, for 15 minutes. `POST /v1/sessions` answers the first one, `POST /v1/sessions/refresh` the next. Browsers may have it in the cookie `__Host-fd_access` instead; what may change something then needs `Sec-Fetch-Site: same-origin`, or an `Origin` of this service, and the header `X-Flightdesk-Browser`.",
                ),
                name: None,
                key_in: None,
                scheme: Some("bearer"),
                bearer_format: Some("JWT"),
                flows: None,
                openid_connect_url: None,
            },
        );
    }

    /// The need's own name: `openapi::finish` makes the schemes of it.
    fn security_schemes() -> Vec<&'static str> {
        vec![N::NEED.name()]
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let shown = if let Some(Authenticated(principal)) = request.data::<Authenticated>() {
            // Before the body is judged.
            N::NEED.admit(principal)?;
            Shown::Known(principal.clone())
        } else {
            let app = request.data::<App>();
            let app = app.ok_or_else(|| ApiError::internal("the app is not in the request"))?;
            Shown::Credential(shown_by(app, request)?)
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

/// Who makes a request outside of any operation, on a connection of its own. Errors: 401 when it shows no good key or
/// token.
pub async fn principal_of(app: &App, request: &Request) -> Result<Principal, ApiError> {
    let shown = shown_by(app, request)?;
    let mut conn = app.db.acquire().await?;
    authenticate(app, &mut conn, &shown).await
}

/// The token of `Authorization: Bearer`, as a request writes it.
fn bearer_of(request: &Request) -> Option<&str> {
    let (scheme, token) = request.header(AUTHORIZATION)?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim_start())
}

fn shown_by(app: &App, request: &Request) -> Result<Credentials, ApiError> {
    let problem = match (request.header(API_KEY), request.header(AUTHORIZATION)) {
        (Some(key), None) => return Ok(Credentials::Key(key.to_owned())),
        (None, Some(_)) => match bearer_of(request) {
            Some(token) => return Ok(Credentials::Token(token.to_owned())),
            // `Basic` and others, which no operation takes.
            None => KeyProblem::Missing,
        },
        (Some(_), Some(_)) => KeyProblem::Ambiguous,
        (None, None) => {
            if let Some(token) = cookies::find(request, cookies::ACCESS) {
                if !request.method().is_safe() {
                    same_origin(app, request)?;
                }
                return Ok(Credentials::Token(token.to_owned()));
            }
            KeyProblem::Missing
        }
    };
    Err(Error::Unauthenticated(problem).into())
}

/// Refuses a request by cookie unless a page of ours makes it: browsers say so in `Sec-Fetch-Site`, older ones by an
/// `Origin` that is ours, and other sites can send no header of ours.
///
/// Errors: 403 `cross_site_request`.
pub fn same_origin(app: &App, request: &Request) -> Result<(), ApiError> {
    let is_ours = if let Some(site) = request.header("Sec-Fetch-Site") {
        site == "same-origin"
    } else {
        let ours = Url::parse(&app.settings.public_url).map(|url| url.origin());
        let ours = ours.map(|origin| origin.ascii_serialization());
        request
            .header(ORIGIN)
            .is_some_and(|given| ours.as_deref() == Ok(given))
    };
    if is_ours && request.header(BROWSER).is_some() {
        return Ok(());
    }
    let detail = "a request by cookie that may change something must come from a page of this service, with the header `X-Flightdesk-Browser`";
    Err(ApiError::new(
        StatusCode::FORBIDDEN,
        "cross_site_request",
        detail,
    ))
}

async fn authenticate(
    app: &App,
    conn: &mut PgConnection,
    shown: &Credentials,
) -> Result<Principal, ApiError> {
    let principal = match shown {
        Credentials::Key(key) => account::authenticate(conn, &app.clock, key).await?,
        Credentials::Token(token) => {
            let secret = &app.settings.secret_key;
            let strict = app.settings.require_second_factor;
            account::authenticate_token(conn, &app.clock, secret, token, strict).await?
        }
    };
    let span = tracing::Span::current();
    span.record("account_id", tracing::field::display(principal.account_id));
    match &principal.credential {
        Credential::ApiKey { prefix, .. } => span.record("key_prefix", prefix),
        Credential::Session { id, .. } => span.record("session_id", tracing::field::display(id)),
    };
    // Also what is refused was asked for by somebody.
    actor::identify(Actor::Account {
        account_id: principal.account_id,
        with: principal.credential.means(),
    });
    Ok(principal)
}
