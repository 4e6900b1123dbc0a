//! Refresh tokens: 256 random bits, kept as SHA-256, each exchanged once.
//!
//! **A token that is used twice ends its session.** Of a copied token the thief and the owner each have one; whoever comes
//! second shows it. Two tabs of one browser, or a program whose answer was lost, come second within seconds: for ten
//! seconds a used token is exchanged again. All tokens that came of one are void once one of them is used, so that the
//! grace makes no second line of tokens that nobody would notice.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use crate::error::{KeyProblem, Result};
use crate::ids::{AccountId, SessionId};

const PREFIX: &str = "fd_refresh_";
/// For how long a used token is exchanged again.
const GRACE: Duration = Duration::seconds(10);

/// A refresh token in clear. Neither `Debug` nor the logs show it.
#[derive(Clone, Debug)]
pub struct RefreshToken(SecretString);

impl RefreshToken {
    fn generate() -> Self {
        let random: [u8; 32] = rand::random();
        Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random)).into())
    }

    /// The token itself, to be shown once.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// A session whose token may be exchanged, with its row locked.
pub(super) struct Exchangeable {
    pub session_id: SessionId,
    pub account_id: AccountId,
    /// Whether the token is used for the first time.
    pub is_first: bool,
}

/// Why a token is not exchanged.
pub(super) enum Refused {
    /// The session goes on, or has ended before.
    Because(KeyProblem),
    /// It was used before: the session must end.
    Reused(SessionId),
}

/// Finds the session of a token and locks it: two that come with one token come one after the other.
pub(super) async fn find(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    raw: &str,
) -> Result<Result<Exchangeable, Refused>> {
    let because = |problem| Ok(Err(Refused::Because(problem)));
    if raw.len() != PREFIX.len() + 43 || !raw.starts_with(PREFIX) {
        return because(KeyProblem::RefreshUnknown);
    }
    let hash = hash_of(raw);
    let session = sqlx::query!(
        r#"
        select s.id as "id: SessionId", s.account_id as "account_id: AccountId", s.ended_at, s.expires_at
        from session s where s.id = (select session_id from refresh_token where token_hash = $1) for no key update
        "#,
        &hash[..],
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(session) = session.filter(|session| session.expires_at > now) else {
        return because(KeyProblem::RefreshUnknown);
    };
    if session.ended_at.is_some() {
        return because(KeyProblem::SessionEnded);
    }
    // Read once the session is locked: whoever came first has marked it.
    let used_at = sqlx::query_scalar!(
        "select used_at from refresh_token where token_hash = $1",
        &hash[..]
    )
    .fetch_one(conn)
    .await?;
    if used_at.is_some_and(|used| used + GRACE <= now) {
        return Ok(Err(Refused::Reused(session.id)));
    }
    Ok(Ok(Exchangeable {
        session_id: session.id,
        account_id: session.account_id,
        is_first: used_at.is_none(),
    }))
}

/// Marks what a session had not used yet: the token that is exchanged, and others that came of the same one.
pub(super) async fn use_up(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    session_id: SessionId,
) -> Result<()> {
    sqlx::query!(
        "update refresh_token set used_at = $2 where session_id = $1 and used_at is null",
        session_id.0,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A new token of a session.
pub(super) async fn insert(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    session_id: SessionId,
) -> Result<RefreshToken> {
    let token = RefreshToken::generate();
    sqlx::query!(
        "insert into refresh_token (token_hash, session_id, created_at) values ($1, $2, $3)",
        &hash_of(token.expose())[..],
        session_id.0,
        now,
    )
    .execute(conn)
    .await?;
    Ok(token)
}

/// A token has 256 random bits, so a fast hash without salt is enough.
fn hash_of(raw: &str) -> [u8; 32] {
    Sha256::digest(raw).into()
}
