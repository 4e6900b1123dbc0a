//! Sessions: people log in, go on, and log out.

use flightdesk_core::account::{
    self, ACCESS_TIME, Device, EndReason, OpenedSession, RefreshOutcome, SESSION_TIME, Session,
};
use flightdesk_core::error::{Error, KeyProblem};
use flightdesk_core::ids::SessionId;
use poem::Request;
use poem::http::HeaderValue;
use poem::http::header::USER_AGENT;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use uuid::Uuid;

use crate::app::App;
use crate::auth::{self, Access, need};
use crate::cookies::{self, WithCookies};
use crate::error::ApiError;
use crate::http::answer::{Created, Resource, member_path};
use crate::http::body::{Checked, Rules};
use crate::http::optional::Optional;
use crate::http::page::{Page, PageRequest};
use crate::openapi::raw::{FromRaw, Raw};
use crate::openapi::tags::Tag;
use crate::views::Instant;

/// Sessions.
pub struct Sessions;

/// A log-in
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct LogIn {
    /// The address of the account, in any case
    #[oai(validator(min_length = 3, max_length = 254))]
    email: String,
    #[oai(validator(min_length = 1, max_length = 200), write_only)]
    password: String,
    /// Of accounts with a second factor: six digits that the authenticator app shows, or a recovery code
    #[oai(validator(min_length = 6, max_length = 40), write_only)]
    code: Option<String>,
    /// For browsers: the tokens come as cookies that no script can read, and not in the answer
    cookies: Option<bool>,
}

/// A refresh
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct RefreshSession {
    /// As the log-in or the last refresh answered it
    #[oai(validator(min_length = 1, max_length = 200), write_only)]
    refresh_token: String,
}

/// A session
#[derive(Debug, Object)]
#[oai(rename = "Session")]
pub struct SessionView {
    id: Uuid,
    /// What the browser or program called itself when it logged in
    user_agent: Option<String>,
    created_at: Instant,
    /// When it was last refreshed
    refreshed_at: Instant,
    /// When it ends, unless it is refreshed
    expires_at: Instant,
    /// Whether this request is made in it
    is_current: bool,
}

/// A session with its tokens, which are shown this once
#[derive(Debug, Object)]
#[oai(rename = "OpenedSession", skip_serializing_if_is_none)]
pub struct OpenedSessionView {
    /// For `Authorization: Bearer`; absent when it is a cookie
    access_token: Option<String>,
    /// How the access token is sent
    token_type: String,
    /// Seconds that the access token lasts
    expires_in: u32,
    /// For the next pair of tokens, once, within 30 days; absent when it is a cookie
    refresh_token: Option<String>,
    session: SessionView,
}

impl Resource for OpenedSessionView {
    fn path(answer: &Value) -> String {
        member_path("/v1/sessions", &answer["session"]["id"])
    }
}

/// The answer to a log-out
#[derive(ApiResponse)]
pub enum LoggedOut {
    /// The session has ended
    #[oai(status = 204)]
    NoContent,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Sessions")]
impl Sessions {
    /// Log in
    ///
    /// Opens a session with the address and password of an account. The access token acts for the person for 15 minutes,
    /// wherever an API key does, with the scopes of the person's role; the refresh token is exchanged for the next pair.
    /// An account has at most 50 open sessions: one more ends that which was refreshed least recently. Whether the
    /// address or the password is wrong is not told, and takes the same time. Too many tries for one account from one
    /// network wait, and slow down nobody elsewhere. With `cookies` both tokens are set as cookies (`HttpOnly`, `Secure`)
    /// instead; such a log-in, and every change by cookie, must come from a page of this service: `Sec-Fetch-Site:
    /// same-origin`, or an `Origin` that is ours, and the header `X-Flightdesk-Browser`.
    #[oai(path = "/sessions", method = "post", operation_id = "create_session")]
    async fn create(
        &self,
        Data(app): Data<&App>,
        request: &Request,
        body: Checked<LogIn>,
    ) -> Result<WithCookies<Created<OpenedSessionView>>, ApiError> {
        let body = body.into_inner();
        let by_cookie = body.cookies.unwrap_or(false);
        if by_cookie {
            // Or another site could log a browser in to an account of its own.
            auth::same_origin(app, request)?;
        }
        let LogIn {
            email,
            password,
            code,
            ..
        } = body;
        app.limits.charge_password(request, &email).await?;
        let mut conn = app.db.acquire().await?;
        let stored = account::find_password(&mut conn, &email).await?;
        // Nobody holds a connection while a password is hashed.
        drop(conn);
        let known = stored.compare(SecretString::from(password)).await?;
        let device = Device::new(request.header(USER_AGENT));
        let mut tx = app.db.begin().await?;
        let secret = &app.settings.secret_key;
        let code = code.as_deref();
        account::take_code(&mut tx, &app.clock, secret, known.account_id, code).await?;
        let opened = account::open_session(&mut tx, &app.clock, secret, &known, &device).await?;
        tx.commit().await?;
        let (view, cookies) = answer(&opened, by_cookie);
        Ok(WithCookies::new(Created::new(view), cookies))
    }

    /// Go on with a session
    ///
    /// Exchanges a refresh token for a new access token and a new refresh token; the session then lasts 30 more days. A
    /// refresh token is good once. If it comes again later than 10 seconds after, somebody has copied it: the session ends.
    /// Without a body the token is that of the cookie, and so is the answer.
    #[oai(
        path = "/sessions/refresh",
        method = "post",
        operation_id = "refresh_session"
    )]
    async fn refresh(
        &self,
        Data(app): Data<&App>,
        request: &Request,
        body: Optional<RefreshSession>,
    ) -> Result<WithCookies<Json<OpenedSessionView>>, ApiError> {
        let body = body.0.map(|body| body.into_inner().refresh_token);
        let by_cookie = body.is_none();
        let token = if let Some(token) = body {
            token
        } else {
            let cookie = cookies::find(request, cookies::REFRESH);
            let cookie = cookie.ok_or(Error::Unauthenticated(KeyProblem::RefreshUnknown))?;
            auth::same_origin(app, request)?;
            cookie.to_owned()
        };
        let mut tx = app.db.begin().await?;
        let secret = &app.settings.secret_key;
        let outcome = account::refresh_session(&mut tx, &app.clock, secret, &token).await?;
        tx.commit().await?;
        match outcome {
            RefreshOutcome::Refreshed(opened) => {
                let (view, cookies) = answer(&opened, by_cookie);
                Ok(WithCookies::new(Json(view), cookies))
            }
            RefreshOutcome::Refused(problem) => Err(Error::Unauthenticated(problem).into()),
        }
    }

    /// List the account's open sessions
    ///
    /// Newest first.
    #[oai(path = "/sessions", method = "get", operation_id = "list_sessions")]
    async fn list(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Session>,
        /// Entries of a page
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// `next_cursor` of the page before
        cursor: Query<Option<String>>,
    ) -> Result<Json<Page<SessionView>>, ApiError> {
        let mut conn = app.db.acquire().await?;
        let principal = access.principal(&mut conn, app).await?;
        let current = principal.session()?;
        let page = PageRequest::parse(limit.0, cursor.0.as_deref())?;
        let sessions = account::list_sessions(
            &mut conn,
            &app.clock,
            principal.account_id,
            page.rows(),
            page.after(),
        )
        .await?;
        let mut page: Page<SessionView> = page.page(sessions, |session| session.id.0);
        for view in &mut page.data {
            view.is_current = view.id == current.0;
        }
        Ok(Json(page))
    }

    /// Log out
    ///
    /// Ends the session that the request is made in, or with `everywhere` every session of the account. Access tokens of
    /// a session that has ended are refused at once. API keys stay.
    #[oai(path = "/sessions", method = "delete", operation_id = "log_out")]
    async fn log_out(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Session>,
        request: &Request,
        /// Whether every session of the account ends
        everywhere: Query<Option<bool>>,
    ) -> Result<WithCookies<LoggedOut>, ApiError> {
        let mut tx = app.db.begin().await?;
        let principal = access.principal(&mut tx, app).await?;
        let account_id = principal.account_id;
        if everywhere.0.unwrap_or(false) {
            let reason = EndReason::LoggedOut;
            account::end_all_sessions(&mut tx, &app.clock, account_id, reason).await?;
        } else {
            account::end_session(&mut tx, &app.clock, account_id, principal.session()?).await?;
        }
        tx.commit().await?;
        let has_cookie = cookies::find(request, cookies::ACCESS).is_some();
        let cookies = has_cookie.then(cookies::clear);
        Ok(WithCookies::new(LoggedOut::NoContent, cookies))
    }

    /// End a session
    ///
    /// Logs out another device of the account, at once. Doing it again is fine.
    #[oai(
        path = "/sessions/:id",
        method = "delete",
        operation_id = "end_session"
    )]
    async fn end(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Session>,
        id: Path<Uuid>,
    ) -> Result<LoggedOut, ApiError> {
        let mut tx = app.db.begin().await?;
        let principal = access.principal(&mut tx, app).await?;
        let session_id = SessionId(id.0);
        account::end_session(&mut tx, &app.clock, principal.account_id, session_id).await?;
        tx.commit().await?;
        Ok(LoggedOut::NoContent)
    }
}

impl FromRaw for LogIn {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            email: raw.text("email"),
            password: raw.text("password"),
            code: raw.optional_text("code"),
            cookies: raw.flag("cookies"),
        }
    }
}

impl Rules for LogIn {}

impl FromRaw for RefreshSession {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            refresh_token: raw.text("refresh_token"),
        }
    }
}

impl Rules for RefreshSession {}

impl From<Session> for SessionView {
    fn from(session: Session) -> Self {
        Self {
            id: session.id.0,
            user_agent: session.user_agent,
            created_at: session.created_at.into(),
            refreshed_at: session.refreshed_at.into(),
            expires_at: session.expires_at.into(),
            is_current: false,
        }
    }
}

/// A session with its tokens in the answer, or in cookies.
fn answer(
    opened: &OpenedSession,
    by_cookie: bool,
) -> (OpenedSessionView, Option<[HeaderValue; 2]>) {
    let access = opened.access_token.expose_secret();
    let refresh = opened.refresh_token.expose();
    let view = OpenedSessionView {
        access_token: (!by_cookie).then(|| access.to_owned()),
        token_type: "Bearer".to_owned(),
        expires_in: u32::try_from(ACCESS_TIME.num_seconds()).unwrap_or_default(),
        refresh_token: (!by_cookie).then(|| refresh.to_owned()),
        session: SessionView {
            is_current: true,
            ..opened.session.clone().into()
        },
    };
    let cookies = by_cookie.then(|| {
        cookies::set(
            (access, ACCESS_TIME.num_seconds()),
            (refresh, SESSION_TIME.num_seconds()),
        )
    });
    (view, cookies)
}
