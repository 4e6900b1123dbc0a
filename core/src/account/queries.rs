//! Reads of accounts and their keys.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::key::ApiKey;
use super::model::{Account, Role, Scope};
use super::principal::{Credential, Principal};
use crate::email::EmailAddress;
use crate::error::{Error, Result};
use crate::ids::{AccountId, ApiKeyId};

/// The account, or `None`.
pub async fn find(conn: &mut PgConnection, id: AccountId) -> Result<Option<Account>> {
    let row = sqlx::query!(
        "select id, email, first_name, last_name, phone, role, created_at, email_verified_at from account where id = $1",
        id.0
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Account {
            id: row.id.into(),
            email: row.email,
            first_name: row.first_name,
            last_name: row.last_name,
            phone: row.phone,
            role: role(&row.role)?,
            created_at: row.created_at,
            email_verified_at: row.email_verified_at,
        })
    })
    .transpose()
}

/// The account. Errors: [`Error::NotFound`].
pub async fn get(conn: &mut PgConnection, id: AccountId) -> Result<Account> {
    find(conn, id).await?.ok_or(Error::NotFound("account"))
}

/// The account of an e-mail address in any case and form, or `None`.
pub async fn find_by_email(conn: &mut PgConnection, email: &str) -> Result<Option<Account>> {
    match id_by_email(conn, email).await? {
        Some(id) => find(conn, id).await,
        None => Ok(None),
    }
}

/// Which account an e-mail address in any case and form belongs to.
pub(super) async fn id_by_email(conn: &mut PgConnection, email: &str) -> Result<Option<AccountId>> {
    let [as_kept, as_written] = forms_of(email);
    let id = sqlx::query_scalar!(
        "select id from account where email in ($1, $2) order by email = $1 desc limit 1",
        as_kept,
        as_written,
    )
    .fetch_optional(conn)
    .await?;
    Ok(id.map(AccountId))
}

/// The form in which an address is kept, and that in which it was written: accounts from before domains were kept as
/// `xn--` have the latter.
pub(super) fn forms_of(email: &str) -> [String; 2] {
    let as_written = email.trim().to_lowercase();
    let as_kept = EmailAddress::parse(&as_written).map_or_else(
        |_| as_written.clone(),
        |email| email.as_str().to_lowercase(),
    );
    [as_kept, as_written]
}

/// Up to `limit` keys of an account, newest first, made before the key `after`; ended ones too.
pub async fn list_keys(
    conn: &mut PgConnection,
    account_id: AccountId,
    limit: u32,
    after: Option<ApiKeyId>,
) -> Result<Vec<ApiKey>> {
    let rows = sqlx::query!(
        "select id, name, prefix, scopes, created_at, expires_at, revoked_at, last_used_at from api_key
         where account_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3",
        account_id.0,
        after.map(|id| id.0),
        i64::from(limit),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(ApiKey {
                id: row.id.into(),
                name: row.name,
                prefix: row.prefix,
                scopes: scopes(&row.scopes)?,
                created_at: row.created_at,
                expires_at: row.expires_at,
                revoked_at: row.revoked_at,
                last_used_at: row.last_used_at,
            })
        })
        .collect()
}

/// A key of the caller's account, locked, if the caller may end it: itself, and keys that may do no more than it may. A leaked
/// key that may only search must not end those that may book.
///
/// Errors: [`Error::NotFound`], [`Error::MissingScope`].
pub(super) async fn lock_key(
    conn: &mut PgConnection,
    principal: &Principal,
    key_id: ApiKeyId,
) -> Result<ApiKey> {
    let row = sqlx::query!(
        "select id, name, prefix, scopes, created_at, expires_at, revoked_at, last_used_at from api_key
         where id = $1 and account_id = $2 for update",
        key_id.0,
        principal.account_id.0,
    )
    .fetch_optional(conn)
    .await?
    .ok_or(Error::NotFound("API key"))?;
    let key = ApiKey {
        id: row.id.into(),
        name: row.name,
        prefix: row.prefix,
        scopes: scopes(&row.scopes)?,
        created_at: row.created_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
        last_used_at: row.last_used_at,
    };
    if !principal.credential.is_key(key_id) {
        for scope in &key.scopes {
            principal.require(*scope)?;
        }
    }
    Ok(key)
}

/// A key and who it speaks for, whether it is still good or not.
pub(super) struct FoundKey {
    pub key_id: ApiKeyId,
    pub principal: Principal,
    pub revoked_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// The key of a hash, or `None`. The lookup is by hash, so its time says nothing about the key.
pub(super) async fn key_by_hash(
    conn: &mut PgConnection,
    hash: &[u8; 32],
) -> Result<Option<FoundKey>> {
    let row = sqlx::query!(
        "select k.id, k.account_id, k.prefix, k.scopes, k.expires_at, k.revoked_at, k.last_used_at, a.role
         from api_key k join account a on a.id = k.account_id where k.key_hash = $1",
        &hash[..]
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(FoundKey {
            key_id: row.id.into(),
            principal: Principal {
                account_id: row.account_id.into(),
                role: role(&row.role)?,
                scopes: scopes(&row.scopes)?,
                credential: Credential::ApiKey {
                    id: row.id.into(),
                    prefix: row.prefix,
                    expires_at: row.expires_at,
                },
            },
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
        })
    })
    .transpose()
}

pub(super) fn role(raw: &str) -> Result<Role> {
    Role::parse(raw).ok_or_else(|| Error::Internal(format!("unknown role {raw:?} in the database")))
}

fn scopes(raw: &[String]) -> Result<Vec<Scope>> {
    let unknown = |name: &str| Error::Internal(format!("unknown scope {name:?} in the database"));
    raw.iter()
        .map(|name| Scope::parse(name).ok_or_else(|| unknown(name)))
        .collect()
}
