//! Accounts, and what acts for them: the API keys of programs, and the sessions of people.

mod hashing;
mod key;
mod log_in;
mod model;
mod password;
mod password_reset;
mod principal;
mod queries;
mod requests;
mod rotation;
mod second_factor;
mod session;
mod users;
mod verification;

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::json;
use sqlx::PgConnection;

pub use key::{ApiKey, KeyMode, NewApiKey, SecretKey};
pub use log_in::{Known, StoredPassword, find_password};
pub use model::{Account, Details, Role, Scope, SignUp};
pub use password::{Password, PasswordHash};
pub use password_reset::{
    RESET_TIME, ResetLink, ResetLinks, Resettable, change_password, find_resettable, look_up_reset,
    own_password, request_password_reset, reset_password,
};
pub use principal::{Credential, Principal};
pub use queries::{find, find_by_email, get, list_keys};
pub use requests::{KeyRequest, forget_requests, insert_requests, list_requests};
pub use rotation::rotate_key;
pub use second_factor::{
    FactorState, NewFactor, begin_factor, confirm_factor, factor_state, remove_factor, take_code,
};
pub use session::{
    ACCESS_TIME, Device, EndReason, MOST_SESSIONS, OpenedSession, RefreshOutcome, RefreshToken,
    SESSION_TIME, Session, authenticate_token, end_all_sessions, end_session, forget_sessions,
    list_sessions, open_session, refresh_session, rotate_signing_key,
};
pub use users::{list_accounts, set_role};
pub(crate) use verification::require_verified;
pub use verification::{
    LinkState, VerificationLink, VerificationLinks, find_unverified, look_up_link,
    send_verification, send_verification_again, verify_email,
};

use crate::audit::{self, Act};
use crate::clock::Clock;
use crate::error::{Error, KeyProblem, OnConstraint, Result, Violations};
use crate::ids::{AccountId, ApiKeyId};

/// How long a recorded last use of a key may lag, so that a busy key is no hot row.
const LAST_USE_LAG: Duration = Duration::minutes(1);

/// Keys of an account that are good at one time. More are no use to anybody but to who would fill the table.
pub const MOST_KEYS: u32 = 50;

/// Keys of an account that have ended and are still listed; older ones are forgotten when a new one is made.
const MOST_ENDED_KEYS: i64 = 100;

/// Opens an account with its first API key, which may search and book and does not expire. The network that asked is
/// remembered for a day: young accounts of one network share their bounds of unpaid seats.
///
/// Errors: [`Error::EmailTaken`].
pub async fn sign_up(
    conn: &mut PgConnection,
    clock: &Clock,
    sign_up: &SignUp,
    password: &PasswordHash,
    mode: KeyMode,
    network: Option<&str>,
) -> Result<(Account, NewApiKey)> {
    let account = insert(conn, clock, sign_up, password, Role::Traveller).await?;
    sqlx::query!(
        "update account set signed_up_from = $2 where id = $1",
        account.id.0,
        network,
    )
    .execute(&mut *conn)
    .await?;
    let wish = KeyWish::new("First key", &[Scope::Search, Scope::Bookings]);
    let key = insert_key(conn, clock, account.id, wish, mode).await?;
    Ok((account, key))
}

/// Forgets where accounts that are older than a day were opened from; how many they were.
pub async fn forget_networks(conn: &mut PgConnection, clock: &Clock) -> Result<u64> {
    let forgotten = sqlx::query!(
        "update account set signed_up_from = null where signed_up_from is not null and created_at < $1",
        clock.now() - Duration::days(1),
    )
    .execute(conn)
    .await?;
    Ok(forgotten.rows_affected())
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
    let key = insert_key(conn, clock, account.id, wish, mode).await?;
    let created = Act {
        action: "superuser_created",
        object_kind: "account",
        object_id: account.id.to_string(),
        before: None,
        after: Some(json!({ "role": account.role.as_str(), "key": key.key.to_json() })),
    };
    audit::record(conn, clock, &created).await?;
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
        email_verified_at: None,
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
    /// future and not after that of the calling key. No scopes named: search and bookings, as far as the calling key has
    /// them. No end named: that of the calling key.
    ///
    /// Errors: [`Error::Invalid`] with every wrong field.
    pub fn parse(
        clock: &Clock,
        principal: &Principal,
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
                .filter(|scope| principal.has(*scope))
                .collect()
        });
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.is_empty() {
            let message = "name at least one scope that the calling key has";
            wrong.add("scopes", "min_items", message);
        }
        if let Some(scope) = scopes.iter().find(|scope| !principal.has(**scope)) {
            let message = format!(
                "leave out `{}`: the calling key does not have it, so it cannot give it",
                scope.as_str()
            );
            wrong.add("scopes", "not_granted", message);
        }
        let latest = principal.credential.expires_at();
        if let (Some(latest), Some(end)) = (latest, expires_at)
            && end > latest
        {
            let message = format!(
                "write {} or earlier: a key makes none that outlives it",
                latest.to_rfc3339_opts(SecondsFormat::AutoSi, true)
            );
            wrong.add("expires_at", "outlives_caller", message);
        }
        wrong.into_result()?;
        Ok(Self {
            name: name.trim().to_owned(),
            scopes,
            expires_at: expires_at.or(latest),
        })
    }

    /// What can be said of a wish whoever the caller is. Errors: [`Error::Invalid`] with every wrong field.
    pub fn rules(clock: &Clock, name: &str, expires_at: Option<DateTime<Utc>>) -> Result<()> {
        let mut wrong = Violations::new();
        model::name(&mut wrong, "name", name);
        if expires_at.is_some_and(|end| end <= clock.now()) {
            let message = "write a time in the future, or leave it out";
            wrong.add("expires_at", "in_the_past", message);
        }
        wrong.into_result()
    }
}

/// Makes a key. The secret in the answer is shown once: only its SHA-256 is kept.
///
/// Errors: [`Error::TooManyKeys`].
pub async fn create_key(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    wish: KeyWish,
    mode: KeyMode,
) -> Result<NewApiKey> {
    let new = insert_key(conn, clock, account_id, wish, mode).await?;
    let created = Act {
        action: "api_key_created",
        object_kind: "api_key",
        object_id: new.key.id.to_string(),
        before: None,
        after: Some(new.key.to_json()),
    };
    audit::record(conn, clock, &created).await?;
    Ok(new)
}

async fn insert_key(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    wish: KeyWish,
    mode: KeyMode,
) -> Result<NewApiKey> {
    make_room(conn, clock, account_id).await?;
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

/// Counts the keys that are good and forgets those that ended long ago, one maker of keys after the other.
async fn make_room(conn: &mut PgConnection, clock: &Clock, account_id: AccountId) -> Result<()> {
    lock_keys(conn, account_id).await?;
    let good = sqlx::query_scalar!(
        r#"select count(*) as "good!" from api_key
           where account_id = $1 and revoked_at is null and (expires_at is null or expires_at > $2)"#,
        account_id.0,
        clock.now(),
    )
    .fetch_one(&mut *conn)
    .await?;
    if good >= i64::from(MOST_KEYS) {
        return Err(Error::TooManyKeys { limit: MOST_KEYS });
    }
    sqlx::query!(
        "delete from api_key where id in (
             select id from api_key where account_id = $1 and (revoked_at is not null or expires_at <= $2)
             order by id desc offset $3)",
        account_id.0,
        clock.now(),
        MOST_ENDED_KEYS,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Bookings of the account, which only refer to its row, go on.
async fn lock_keys(conn: &mut PgConnection, account_id: AccountId) -> Result<()> {
    sqlx::query!(
        "select id from account where id = $1 for no key update",
        account_id.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(())
}

/// What became of an account's keys.
#[derive(Clone, Debug)]
pub struct KeyReset {
    /// Whose they are.
    pub account: Account,
    /// How many good ones were ended.
    pub revoked: u64,
    /// The one that takes their place.
    pub key: NewApiKey,
}

/// Ends every key of the account of an e-mail address and makes one that may do what the account may: search and book,
/// and everything for staff. For whoever lost the keys, or fears that somebody else has them.
///
/// Errors: [`Error::NotFound`].
pub async fn reset_keys(
    conn: &mut PgConnection,
    clock: &Clock,
    email: &str,
    mode: KeyMode,
) -> Result<KeyReset> {
    let account = queries::find_by_email(conn, email).await?;
    let account = account.ok_or(Error::NotFound("account with this e-mail address"))?;
    lock_keys(conn, account.id).await?;
    let revoked = sqlx::query!(
        "update api_key set revoked_at = $2
         where account_id = $1 and revoked_at is null and (expires_at is null or expires_at > $2)",
        account.id.0,
        clock.now(),
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    let scopes = match account.role {
        Role::Traveller | Role::Agent => &[Scope::Search, Scope::Bookings],
        Role::Staff | Role::Admin => Scope::ALL,
    };
    let wish = KeyWish::new("Key after a reset", scopes);
    let key = insert_key(conn, clock, account.id, wish, mode).await?;
    let reset = Act {
        action: "api_keys_reset",
        object_kind: "account",
        object_id: account.id.to_string(),
        before: Some(json!({ "good_keys": revoked })),
        after: Some(json!({ "key": key.key.to_json() })),
    };
    audit::record(conn, clock, &reset).await?;
    Ok(KeyReset {
        account,
        revoked,
        key,
    })
}

/// Ends a key; ending it again changes nothing. A key may end itself and keys that may do no more than it may.
///
/// Errors: [`Error::NotFound`] when the account has no such key, [`Error::MissingScope`].
pub async fn revoke_key(
    conn: &mut PgConnection,
    clock: &Clock,
    principal: &Principal,
    key_id: ApiKeyId,
) -> Result<()> {
    let key = queries::lock_key(conn, principal, key_id).await?;
    if key.revoked_at.is_some() {
        audit::nothing_done();
        return Ok(());
    }
    sqlx::query!(
        "update api_key set revoked_at = $2 where id = $1",
        key_id.0,
        clock.now(),
    )
    .execute(&mut *conn)
    .await?;
    let revoked = Act {
        action: "api_key_revoked",
        object_kind: "api_key",
        object_id: key_id.to_string(),
        before: Some(key.to_json()),
        after: None,
    };
    audit::record(conn, clock, &revoked).await
}

/// Whom an API key speaks for. Its last use is recorded at most once a minute.
///
/// Errors: [`Error::Unauthenticated`] when it is no key, unknown, revoked or expired.
pub async fn authenticate(conn: &mut PgConnection, clock: &Clock, key: &str) -> Result<Principal> {
    let now = clock.now();
    let hash = SecretKey::hash_of(key).ok_or(Error::Unauthenticated(KeyProblem::Malformed))?;
    let found = queries::key_by_hash(conn, &hash).await?;
    let found = found.ok_or(Error::Unauthenticated(KeyProblem::Unknown))?;
    if found.revoked_at.is_some() {
        return Err(Error::Unauthenticated(KeyProblem::Revoked));
    }
    if found
        .principal
        .credential
        .expires_at()
        .is_some_and(|end| end <= now)
    {
        return Err(Error::Unauthenticated(KeyProblem::Expired));
    }
    if found
        .last_used_at
        .is_none_or(|used| used + LAST_USE_LAG <= now)
    {
        sqlx::query!(
            "update api_key set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $2)",
            found.key_id.0,
            now,
        )
        .execute(conn)
        .await?;
    }
    Ok(found.principal)
}

#[cfg(test)]
mod tests;
