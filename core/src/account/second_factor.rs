//! A second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for when the app is lost.
//!
//! **The secret is in no row.** Like the keys of access tokens it is derived from `SECRET_KEY` and a salt, so that a dump of
//! the database makes no codes. Another `SECRET_KEY` therefore ends the apps; recovery codes, which are random and kept as
//! SHA-256, go on, and with one of them the factor is set up anew.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use totp_rs::{Builder, Totp};

use super::model::Account;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::ids::AccountId;
use crate::signing;

/// Recovery codes of a factor.
const RECOVERY_CODES: usize = 10;
/// Letters and digits that are not taken for each other.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz234567890";

/// What an authenticator app is set up with, shown this once.
#[derive(Clone, Debug)]
pub struct NewFactor {
    /// Base32, to be typed.
    pub secret: SecretString,
    /// `otpauth://totp/…`, for a picture that the app reads.
    pub uri: SecretString,
}

/// How an account stands with a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactorState {
    /// Since when log-ins ask for a code.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// Recovery codes that are left.
    pub recovery_codes: u32,
}

/// Begins to set up a factor: log-ins do not ask for it before [`confirm_factor`]. Beginning again makes another secret.
///
/// Errors: [`Error::FactorExists`] when one is set up.
pub async fn begin_factor(
    conn: &mut PgConnection,
    clock: &Clock,
    secret: &SecretString,
    account: &Account,
    issuer: &str,
) -> Result<NewFactor> {
    let salt: [u8; 32] = rand::random();
    let written = sqlx::query!(
        "insert into second_factor (account_id, salt, created_at) values ($1, $2, $3)
         on conflict on constraint second_factor_pkey do update set salt = excluded.salt, created_at = excluded.created_at
         where second_factor.confirmed_at is null",
        account.id.0,
        &salt[..],
        clock.now(),
    )
    .execute(conn)
    .await?;
    if written.rows_affected() == 0 {
        return Err(Error::FactorExists);
    }
    let key = key_of(secret, &salt);
    // A colon divides the label of the address.
    let totp = Builder::new()
        .with_secret(key)
        .with_issuer(Some(issuer.replace(':', " ")))
        .with_account_name(account.email.replace(':', " "))
        .build()
        .map_err(|error| internal(&error))?;
    let uri = totp.to_url().map_err(|error| internal(&error))?;
    let typed = totp_rs::Secret::from(key).to_base32();
    Ok(NewFactor {
        secret: typed.into(),
        uri: uri.into(),
    })
}

/// Sets up the factor that was begun, once its owner shows that the app works. The recovery codes are shown this once.
///
/// Errors: [`Error::FactorExists`], [`Error::WrongCode`] also when none was begun.
pub async fn confirm_factor(
    conn: &mut PgConnection,
    clock: &Clock,
    secret: &SecretString,
    account_id: AccountId,
    code: &str,
) -> Result<Vec<SecretString>> {
    let row = sqlx::query!(
        "select salt, confirmed_at, last_step from second_factor where account_id = $1 for update",
        account_id.0
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(Error::WrongCode)?;
    if row.confirmed_at.is_some() {
        return Err(Error::FactorExists);
    }
    let step = step_of(secret, &row.salt, clock.now(), code)?;
    let step = step.filter(|step| *step > row.last_step);
    sqlx::query!(
        "update second_factor set confirmed_at = $2, last_step = $3 where account_id = $1",
        account_id.0,
        clock.now(),
        step.ok_or(Error::WrongCode)?,
    )
    .execute(&mut *conn)
    .await?;
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| recovery_code()).collect();
    let hashes: Vec<Vec<u8>> = codes.iter().map(|code| hash_of(code)).collect();
    sqlx::query!(
        "insert into recovery_code (account_id, code_hash) select $1, hash from unnest($2::bytea[]) as t (hash)",
        account_id.0,
        &hashes,
    )
    .execute(conn)
    .await?;
    Ok(codes.into_iter().map(Into::into).collect())
}

/// Takes a code of the app or a recovery code, each once, if the account has a factor.
///
/// Errors: [`Error::CodeRequired`] when it has one and no code is shown, [`Error::WrongCode`].
pub async fn take_code(
    conn: &mut PgConnection,
    clock: &Clock,
    secret: &SecretString,
    account_id: AccountId,
    code: Option<&str>,
) -> Result<()> {
    let row = sqlx::query!(
        "select salt, last_step from second_factor where account_id = $1 and confirmed_at is not null for update",
        account_id.0
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(()) };
    let code = code.ok_or(Error::CodeRequired)?;
    let step = step_of(secret, &row.salt, clock.now(), code)?;
    if let Some(step) = step.filter(|step| *step > row.last_step) {
        sqlx::query!(
            "update second_factor set last_step = $2 where account_id = $1",
            account_id.0,
            step,
        )
        .execute(conn)
        .await?;
        return Ok(());
    }
    let used = sqlx::query!(
        "update recovery_code set used_at = $3 where account_id = $1 and code_hash = $2 and used_at is null",
        account_id.0,
        hash_of(code),
        clock.now(),
    )
    .execute(conn)
    .await?;
    if used.rows_affected() == 0 {
        return Err(Error::WrongCode);
    }
    Ok(())
}

/// Takes the factor away: log-ins ask for the password alone.
pub async fn remove_factor(conn: &mut PgConnection, account_id: AccountId) -> Result<()> {
    sqlx::query!(
        "delete from second_factor where account_id = $1",
        account_id.0
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How an account stands with a second factor.
pub async fn factor_state(conn: &mut PgConnection, account_id: AccountId) -> Result<FactorState> {
    let row = sqlx::query!(
        r#"
        select f.confirmed_at, (select count(*) from recovery_code c where c.account_id = f.account_id and c.used_at is null) as "left!"
        from second_factor f where f.account_id = $1
        "#,
        account_id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(FactorState {
        confirmed_at: row.as_ref().and_then(|row| row.confirmed_at),
        recovery_codes: row.map_or(0, |row| u32::try_from(row.left).unwrap_or_default()),
    })
}

/// The step that a code is of: now, or half a minute before or after.
fn step_of(
    secret: &SecretString,
    salt: &[u8],
    now: DateTime<Utc>,
    code: &str,
) -> Result<Option<i64>> {
    let code = code.trim();
    if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    let totp: Totp = Builder::new()
        .with_secret(key_of(secret, salt))
        .build()
        .map_err(|error| internal(&error))?;
    let now = u64::try_from(now.timestamp()).unwrap_or_default();
    let step = totp.check(code, now);
    Ok(step.and_then(|step| i64::try_from(step).ok()))
}

/// The 160 bits that RFC 4226 recommends, and that every app takes.
fn key_of(secret: &SecretString, salt: &[u8]) -> [u8; 20] {
    let derived = signing::derive(secret, "second factor", salt);
    derived.first_chunk().copied().unwrap_or_default()
}

/// `xxxx-xxxx-xxxx-xxxx`: 80 random bits.
fn recovery_code() -> String {
    let random: [u8; 16] = rand::random();
    let letters: Vec<char> = random
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect();
    let groups: Vec<String> = letters
        .chunks(4)
        .map(|four| four.iter().collect())
        .collect();
    groups.join("-")
}

/// A code has 80 random bits, so a fast hash without salt is enough. Case, blanks and dashes do not matter.
fn hash_of(code: &str) -> Vec<u8> {
    let letters: String = code
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    Sha256::digest(letters).to_vec()
}

fn internal(error: &totp_rs::TotpError) -> Error {
    Error::Internal(format!("second factor: {error}"))
}
