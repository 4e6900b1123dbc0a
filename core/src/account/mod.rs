//! Accounts and the API keys that act for them.

mod key;
mod model;
mod password;
mod queries;

use chrono::{DateTime, Duration, Utc};
use sqlx::PgConnection;

pub use key::{ApiKey, KeyMode, NewApiKey, SecretKey};
pub use model::{Account, Caller, Details, Role, Scope, SignUp};
pub(crate) use model::{is_e164, is_email};
pub use password::{Password, PasswordHash};
pub use queries::{find, get, list_keys};

use crate::clock::Clock;
use crate::error::{Error, OnConstraint, Result, Violations};
use crate::ids::{AccountId, ApiKeyId};

/// How long a recorded last use of a key may lag, so that a busy key is no hot row.
const LAST_USE_LAG: Duration = Duration::minutes(1);

/// Opens an account with its first API key, which may search and book and does not expire.
///
/// Errors: [`Error::EmailTaken`].
pub async fn sign_up(
    conn: &mut PgConnection,
    clock: &Clock,
    sign_up: &SignUp,
    password: &PasswordHash,
    mode: KeyMode,
) -> Result<(Account, NewApiKey)> {
    let account = insert(conn, clock, sign_up, password, Role::Traveller).await?;
    let wish = KeyWish::new("First key", &[Scope::Search, Scope::Bookings]);
    let key = create_key(conn, clock, account.id, wish, mode).await?;
    Ok((account, key))
}

/// Opens an account that may do everything, with a key of every scope.
///
/// Errors: [`Error::EmailTaken`].
pub async fn create_superuser(
    conn: &mut PgConnection,
    clock: &Clock,
    sign_up: &SignUp,
    password: &PasswordHash,
    mode: KeyMode,
) -> Result<(Account, NewApiKey)> {
    let account = insert(conn, clock, sign_up, password, Role::Admin).await?;
    let wish = KeyWish::new("First key", Scope::ALL);
    let key = create_key(conn, clock, account.id, wish, mode).await?;
    Ok((account, key))
}

async fn insert(
    conn: &mut PgConnection,
    clock: &Clock,
    sign_up: &SignUp,
    password: &PasswordHash,
    role: Role,
) -> Result<Account> {
    let account = Account {
        id: AccountId::new(),
        email: sign_up.email().to_owned(),
        first_name: sign_up.first_name().to_owned(),
        last_name: sign_up.last_name().to_owned(),
        phone: sign_up.phone().map(str::to_owned),
        role,
        created_at: clock.now(),
    };
    sqlx::query!(
        "insert into account (id, email, first_name, last_name, phone, role, password_hash, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        account.id.0,
        account.email,
        account.first_name,
        account.last_name,
        account.phone,
        account.role.as_str(),
        password.as_str(),
        account.created_at,
    )
    .execute(conn)
    .await
    .on_constraint("account_email_taken", Error::EmailTaken)?;
    Ok(account)
}

/// What a new key shall be.
#[derive(Clone, Debug)]
pub struct KeyWish {
    name: String,
    scopes: Vec<Scope>,
    expires_at: Option<DateTime<Utc>>,
}

impl KeyWish {
    fn new(name: &str, scopes: &[Scope]) -> Self {
        Self {
            name: name.to_owned(),
            scopes: scopes.to_vec(),
            expires_at: None,
        }
    }

    /// Checks a caller's wish: a name of 1-100 characters, scopes that the calling key has itself, an end in the
    /// future. No scopes named: search and bookings, as far as the caller has them.
    ///
    /// Errors: [`Error::Invalid`] with every wrong field.
    pub fn parse(
        clock: &Clock,
        caller: &Caller,
        name: &str,
        scopes: Option<Vec<Scope>>,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<Self> {
        let mut wrong = Violations::new();
        wrong.note(Self::rules(clock, name, expires_at))?;
        let mut scopes = scopes.unwrap_or_else(|| {
            let usual = [Scope::Search, Scope::Bookings];
            usual
                .into_iter()
                .filter(|scope| caller.has(*scope))
                .collect()
        });
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.is_empty() {
            wrong.add("scopes", "min_items", "must name at least one scope");
        }
        if let Some(scope) = scopes.iter().find(|scope| !caller.has(**scope)) {
            let message = format!(
                "a key cannot give `{}`, which it does not have itself",
                scope.as_str()
            );
            wrong.add("scopes", "not_granted", message);
        }
        wrong.into_result()?;
        Ok(Self {
            name: name.trim().to_owned(),
            scopes,
            expires_at,
        })
    }

    /// What can be said of a wish whoever the caller is. Errors: [`Error::Invalid`] with every wrong field.
    pub fn rules(clock: &Clock, name: &str, expires_at: Option<DateTime<Utc>>) -> Result<()> {
        let mut wrong = Violations::new();
        if !model::is_name(name.trim()) {
            wrong.add("name", "invalid", "must have 1 to 100 printable characters");
        }
        if expires_at.is_some_and(|end| end <= clock.now()) {
            wrong.add("expires_at", "past", "must lie in the future");
        }
        wrong.into_result()
    }
}

/// Makes a key. The secret in the answer is shown once: only its SHA-256 is kept.
pub async fn create_key(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    wish: KeyWish,
    mode: KeyMode,
) -> Result<NewApiKey> {
    let secret = SecretKey::generate(mode);
    let key = ApiKey {
        id: ApiKeyId::new(),
        name: wish.name,
        prefix: secret.prefix().to_owned(),
        scopes: wish.scopes,
        created_at: clock.now(),
        expires_at: wish.expires_at,
        revoked_at: None,
        last_used_at: None,
    };
    let scopes: Vec<String> = key
        .scopes
        .iter()
        .map(|scope| scope.as_str().to_owned())
        .collect();
    sqlx::query!(
        "insert into api_key (id, account_id, name, prefix, key_hash, scopes, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        key.id.0,
        account_id.0,
        key.name,
        key.prefix,
        &secret.hash()[..],
        &scopes,
        key.created_at,
        key.expires_at,
    )
    .execute(conn)
    .await?;
    Ok(NewApiKey { key, secret })
}

/// Ends a key; ending it again changes nothing. A key may end itself and keys that may do no more than it may.
///
/// Errors: [`Error::NotFound`] when the account has no such key, [`Error::MissingScope`].
pub async fn revoke_key(
    conn: &mut PgConnection,
    clock: &Clock,
    caller: &Caller,
    key_id: ApiKeyId,
) -> Result<()> {
    let scopes = sqlx::query_scalar!(
        "select scopes from api_key where id = $1 and account_id = $2 for update",
        key_id.0,
        caller.account_id.0,
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(Error::NotFound("API key"))?;
    // A leaked key that may only search must not end those that may book. Itself it may always end.
    if key_id != caller.key_id {
        for scope in scopes.iter().filter_map(|scope| Scope::parse(scope)) {
            caller.require(scope)?;
        }
    }
    sqlx::query!(
        "update api_key set revoked_at = coalesce(revoked_at, $2) where id = $1",
        key_id.0,
        clock.now(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Who a key speaks for. Its last use is recorded at most once a minute.
///
/// Errors: [`Error::Unauthenticated`] when the key is unknown, revoked or expired.
pub async fn authenticate(conn: &mut PgConnection, clock: &Clock, key: &str) -> Result<Caller> {
    let now = clock.now();
    let hash = SecretKey::hash_of(key).ok_or(Error::Unauthenticated)?;
    let found = queries::key_by_hash(conn, &hash).await?;
    let found = found
        .filter(|key| key.revoked_at.is_none() && key.expires_at.is_none_or(|end| now < end))
        .ok_or(Error::Unauthenticated)?;
    if found
        .last_used_at
        .is_none_or(|used| used + LAST_USE_LAG <= now)
    {
        sqlx::query!(
            "update api_key set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $2)",
            found.caller.key_id.0,
            now,
        )
        .execute(conn)
        .await?;
    }
    Ok(found.caller)
}

#[cfg(test)]
mod tests;
