//! Sessions: a person's log-in on one device, its access tokens and the refresh tokens that continue it.
//!
//! **A session that ends, ends at once.** An access token names its session, and each request reads that row with its
//! account by one indexed join, as it reads an API key: no cache keeps a token alive that was logged out, and a person
//! whose role changes has the scopes of the new one with the next request.

mod key;
mod refresh;
#[cfg(test)]
mod tests;
mod token;

use chrono::{DateTime, Duration, Utc};
use secrecy::SecretString;
use sqlx::PgConnection;

pub use key::rotate_signing_key;
pub use refresh::RefreshToken;
pub use token::ACCESS_TIME;

use super::log_in::Known;
use super::model::Role;
use super::principal::{Credential, Principal};
use super::queries;
use crate::clock::Clock;
use crate::error::{Error, KeyProblem, Result};
use crate::ids::{AccountId, SessionId};
use refresh::{Exchangeable, Refused};
use token::Claims;

/// How long a session lasts that nobody refreshes; each refresh begins it anew.
pub const SESSION_TIME: Duration = Duration::days(30);
/// Open sessions of an account. One more ends that which was refreshed least recently: nobody is locked out by many.
pub const MOST_SESSIONS: u32 = 50;
/// Characters of what a browser calls itself that are kept.
const MOST_AGENT: usize = 200;

/// What a session is opened on.
#[derive(Clone, Debug, Default)]
pub struct Device {
    user_agent: Option<String>,
}

impl Device {
    /// What a browser or program calls itself: the first 200 characters that can be seen.
    pub fn new(user_agent: Option<&str>) -> Self {
        let seen = |agent: &str| {
            let visible = agent.chars().filter(|letter| !letter.is_control());
            visible.take(MOST_AGENT).collect::<String>()
        };
        let user_agent = user_agent.map(seen);
        Self {
            user_agent: user_agent.filter(|agent| !agent.trim().is_empty()),
        }
    }
}

/// A session as its owner sees it.
#[derive(Clone, Debug)]
pub struct Session {
    /// The session.
    pub id: SessionId,
    /// What the browser or program called itself when it was opened.
    pub user_agent: Option<String>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When it was last refreshed.
    pub refreshed_at: DateTime<Utc>,
    /// When it ends unless it is refreshed.
    pub expires_at: DateTime<Utc>,
}

/// A session with the tokens that act for it, which are shown this once.
#[derive(Clone, Debug)]
pub struct OpenedSession {
    /// What is kept.
    pub session: Session,
    /// For requests, for [`ACCESS_TIME`].
    pub access_token: SecretString,
    /// For the next pair of tokens, once.
    pub refresh_token: RefreshToken,
}

/// Why a session has ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Its owner ended it.
    LoggedOut,
    /// The account opened more than [`MOST_SESSIONS`].
    Replaced,
    /// A refresh token came twice.
    TokenReused,
    /// The account has another password.
    PasswordChanged,
}

impl EndReason {
    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LoggedOut => "logged_out",
            Self::Replaced => "replaced",
            Self::TokenReused => "token_reused",
            Self::PasswordChanged => "password_changed",
        }
    }
}

/// What became of a refresh. The transaction is committed in both cases: a token that comes twice ends its session.
#[derive(Debug)]
pub enum RefreshOutcome {
    /// New tokens.
    Refreshed(Box<OpenedSession>),
    /// None, and why.
    Refused(KeyProblem),
}

/// Opens a session for somebody who has shown the password.
///
/// Errors: [`Error::WrongCredentials`] when the account has another password by now.
pub async fn open_session(
    conn: &mut PgConnection,
    clock: &Clock,
    secret: &SecretString,
    known: &Known,
    device: &Device,
) -> Result<OpenedSession> {
    // A change of the password waits for this, and then ends what was opened; or this waits for it and finds it changed.
    let still = sqlx::query_scalar!(
        "select id from account where id = $1 and password_hash = $2 for no key update",
        known.account_id.0,
        known.hash.as_str(),
    )
    .fetch_optional(&mut *conn)
    .await?;
    if still.is_none() {
        return Err(Error::WrongCredentials);
    }
    let now = clock.now();
    let session = Session {
        id: SessionId::new(),
        user_agent: device.user_agent.clone(),
        created_at: now,
        refreshed_at: now,
        expires_at: now + SESSION_TIME,
    };
    sqlx::query!(
        "insert into session (id, account_id, user_agent, created_at, refreshed_at, expires_at) values ($1, $2, $3, $4, $4, $5)",
        session.id.0,
        known.account_id.0,
        session.user_agent,
        now,
        session.expires_at,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update session set ended_at = $2, end_reason = $4 where id in (
             select id from session where account_id = $1 and ended_at is null and expires_at > $2
             order by refreshed_at desc, id desc offset $3)",
        known.account_id.0,
        now,
        i64::from(MOST_SESSIONS),
        EndReason::Replaced.as_str(),
    )
    .execute(&mut *conn)
    .await?;
    with_tokens(conn, clock, secret, known.account_id, session).await
}

/// Exchanges a refresh token for new tokens. Commit whatever the outcome is.
pub async fn refresh_session(
    conn: &mut PgConnection,
    clock: &Clock,
    secret: &SecretString,
    refresh_token: &str,
) -> Result<RefreshOutcome> {
    let now = clock.now();
    let Exchangeable {
        session_id,
        account_id,
        is_first,
    } = match refresh::find(conn, now, refresh_token).await? {
        Ok(found) => found,
        Err(Refused::Because(problem)) => return Ok(RefreshOutcome::Refused(problem)),
        Err(Refused::Reused(session_id)) => {
            end(conn, now, session_id, EndReason::TokenReused).await?;
            tracing::warn!(%session_id, "a refresh token was used twice: its session has ended");
            return Ok(RefreshOutcome::Refused(KeyProblem::RefreshReused));
        }
    };
    if is_first {
        refresh::use_up(conn, now, session_id).await?;
    }
    let row = sqlx::query!(
        "update session set refreshed_at = $2, expires_at = $3 where id = $1 returning user_agent, created_at",
        session_id.0,
        now,
        now + SESSION_TIME,
    )
    .fetch_one(&mut *conn)
    .await?;
    let session = Session {
        id: session_id,
        user_agent: row.user_agent,
        created_at: row.created_at,
        refreshed_at: now,
        expires_at: now + SESSION_TIME,
    };
    let opened = with_tokens(conn, clock, secret, account_id, session).await?;
    Ok(RefreshOutcome::Refreshed(Box::new(opened)))
}

async fn with_tokens(
    conn: &mut PgConnection,
    clock: &Clock,
    secret: &SecretString,
    account_id: AccountId,
    session: Session,
) -> Result<OpenedSession> {
    let refresh_token = refresh::insert(conn, clock.now(), session.id).await?;
    let key = key::current(conn, clock).await?;
    let claims = Claims::new(account_id, session.id, clock.now());
    let access_token = token::sign(secret, key.id, &key.salt, &claims)?;
    Ok(OpenedSession {
        session,
        access_token: access_token.into(),
        refresh_token,
    })
}

/// Whom an access token speaks for, with the scopes of the person's role. Staff without a second factor have those of a
/// traveller where one is required.
///
/// Errors: [`Error::Unauthenticated`] when it is none of ours, has expired, or its session has ended.
pub async fn authenticate_token(
    conn: &mut PgConnection,
    clock: &Clock,
    secret: &SecretString,
    token: &str,
    require_second_factor: bool,
) -> Result<Principal> {
    let refused = |problem| Err(Error::Unauthenticated(problem));
    let now = clock.now();
    let unverified = token::peek(token)?;
    let row = sqlx::query!(
        r#"
        select k.salt, k.retired_at, s.account_id as "account_id: AccountId", s.ended_at, s.expires_at, a.role,
               f.confirmed_at is not null as "has_factor!"
        from signing_key k, session s join account a on a.id = s.account_id
             left join second_factor f on f.account_id = a.id
        where k.id = $1 and s.id = $2
        "#,
        unverified.key_id,
        unverified.session_id.0,
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else {
        return refused(KeyProblem::TokenInvalid);
    };
    // From here on what the token says is believed.
    let claims = token::verify(secret, &row.salt, token)?;
    let is_retired = row
        .retired_at
        .is_some_and(|retired| retired + key::accepted_for() <= now);
    if is_retired || claims.account_id() != row.account_id {
        return refused(KeyProblem::TokenInvalid);
    }
    if claims.has_expired(now) {
        return refused(KeyProblem::TokenExpired);
    }
    if row.ended_at.is_some() || row.expires_at <= now {
        return refused(KeyProblem::SessionEnded);
    }
    let role = queries::role(&row.role)?;
    let lacks_second_factor = require_second_factor && role.is_staff() && !row.has_factor;
    let trusted = if lacks_second_factor {
        Role::Traveller
    } else {
        role
    };
    Ok(Principal {
        account_id: row.account_id,
        role,
        credential: Credential::Session {
            id: claims.session_id(),
            lacks_second_factor,
        },
        scopes: trusted.scopes().to_vec(),
    })
}

/// Up to `limit` open sessions of an account, newest first, opened before the session `after`.
pub async fn list_sessions(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    limit: u32,
    after: Option<SessionId>,
) -> Result<Vec<Session>> {
    let sessions = sqlx::query_as!(
        Session,
        r#"
        select id as "id: SessionId", user_agent, created_at, refreshed_at, expires_at from session
        where account_id = $1 and ended_at is null and expires_at > $2 and ($3::uuid is null or id < $3)
        order by id desc limit $4
        "#,
        account_id.0,
        clock.now(),
        after.map(|id| id.0),
        i64::from(limit),
    )
    .fetch_all(conn)
    .await?;
    Ok(sessions)
}

/// Ends a session of an account: logs it out. Ending it again changes nothing.
///
/// Errors: [`Error::NotFound`] when the account has no such session.
pub async fn end_session(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    session_id: SessionId,
) -> Result<()> {
    let found = sqlx::query_scalar!(
        "select id from session where id = $1 and account_id = $2",
        session_id.0,
        account_id.0,
    )
    .fetch_optional(&mut *conn)
    .await?;
    if found.is_none() {
        return Err(Error::NotFound("session"));
    }
    end(conn, clock.now(), session_id, EndReason::LoggedOut).await
}

async fn end(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    session_id: SessionId,
    reason: EndReason,
) -> Result<()> {
    sqlx::query!(
        "update session set ended_at = $2, end_reason = $3 where id = $1 and ended_at is null",
        session_id.0,
        now,
        reason.as_str(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends every session of an account; how many were open.
pub async fn end_all_sessions(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    reason: EndReason,
) -> Result<u64> {
    let ended = sqlx::query!(
        "update session set ended_at = $2, end_reason = $3 where account_id = $1 and ended_at is null and expires_at > $2",
        account_id.0,
        clock.now(),
        reason.as_str(),
    )
    .execute(conn)
    .await?;
    Ok(ended.rows_affected())
}

/// Forgets up to 1,000 sessions that would have expired by now, with their tokens; how many. Until then a token that comes
/// twice is recognised, and who has changed what in a session can be told.
pub async fn forget_sessions(conn: &mut PgConnection, clock: &Clock) -> Result<u64> {
    let gone = sqlx::query!(
        "delete from session where id in (select id from session where expires_at <= $1 limit 1000)",
        clock.now(),
    )
    .execute(conn)
    .await?;
    Ok(gone.rows_affected())
}
