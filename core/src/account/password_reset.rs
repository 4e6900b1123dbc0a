//! Another password: by the old one, or by a signed link in a mail, which only whoever reads the mails to an address can
//! open.
//!
//! **The link is in no row.** It is signed and names the hash of the password that it replaces, so it works once: the first
//! use, and every other change of the password, makes it one of a password that is gone.

use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use super::log_in::{self, Known, StoredPassword};
use super::model::Account;
use super::password::{Password, PasswordHash};
use super::queries;
use super::session::{self, EndReason};
use crate::clock::Clock;
use crate::config::Settings;
use crate::email::EmailAddress;
use crate::error::{Error, Result, Violations};
use crate::ids::AccountId;
use crate::outbox::{self, SendPasswordReset};
use crate::signing::Signer;

/// How long a link works.
pub const RESET_TIME: Duration = Duration::minutes(30);

/// Makes and opens the links that set another password.
#[derive(Clone, Debug)]
pub struct ResetLinks {
    signer: Signer,
    base: String,
}

/// What a link of ours says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResetLink {
    account_id: AccountId,
    expires_at: DateTime<Utc>,
    fingerprint: String,
}

/// Whose password may be replaced.
#[derive(Clone, Debug)]
pub struct Resettable {
    /// The account.
    pub account: Account,
    known: Known,
}

impl ResetLinks {
    /// The links of this deployment.
    pub fn new(settings: &Settings) -> Self {
        Self {
            signer: Signer::new(&settings.secret_key, "reset password"),
            base: settings.public_url.trim_end_matches('/').to_owned(),
        }
    }

    /// The address of the page. The token stands in the query, which no log has.
    pub fn page(&self, of: &Resettable, expires_at: DateTime<Utc>) -> String {
        let until = expires_at.timestamp();
        let fingerprint = fingerprint(&of.known.hash);
        let payload = format!("{} {until} {fingerprint}", of.account.id);
        let token = self.signer.seal(payload.as_bytes());
        format!("{}/reset-password?link={token}", self.base)
    }

    /// What a token says, or `None` for anything that is not ours.
    pub fn open(&self, token: &str) -> Option<ResetLink> {
        let payload = String::from_utf8(self.signer.open(token)?).ok()?;
        let mut parts = payload.split(' ');
        let account_id: Uuid = parts.next()?.parse().ok()?;
        let expires_at = DateTime::from_timestamp(parts.next()?.parse().ok()?, 0)?;
        Some(ResetLink {
            account_id: AccountId(account_id),
            expires_at,
            fingerprint: parts.next()?.to_owned(),
        })
    }
}

/// Enough of a hash to tell one password's from the next.
fn fingerprint(hash: &PasswordHash) -> String {
    let digest = Sha256::digest(hash.as_str());
    let start = digest.first_chunk().copied().map_or(0, u128::from_be_bytes);
    format!("{start:032x}")
}

impl Resettable {
    /// Checks a new password: 10 to 200 characters, neither common nor made of the person's own words.
    ///
    /// Errors: [`Error::Invalid`] naming `field`.
    pub fn check(&self, field: &str, raw: String) -> Result<Password> {
        let account = &self.account;
        let about = [&*account.email, &*account.first_name, &*account.last_name];
        Password::parse(raw, &about).map_err(|(code, message)| {
            let mut wrong = Violations::new();
            wrong.add(field, code, message);
            wrong.into_error()
        })
    }
}

/// Promises the mail with the link to the account of an address. Nobody learns whether there is one: where there is
/// none, the same statements promise a job that finds nobody to write to.
pub async fn request_password_reset(
    conn: &mut PgConnection,
    clock: &Clock,
    email: &EmailAddress,
) -> Result<()> {
    let account_id = queries::id_by_email(conn, email.as_str()).await?;
    let account_id = account_id.unwrap_or_else(AccountId::new);
    // The job belongs to no account: one that does not exist could own none.
    outbox::put(conn, clock, None, &SendPasswordReset { account_id }).await?;
    Ok(())
}

/// The account whose password may be replaced, or `None` when there is none.
pub async fn find_resettable(
    conn: &mut PgConnection,
    account_id: AccountId,
) -> Result<Option<Resettable>> {
    let Some(account) = queries::find(conn, account_id).await? else {
        return Ok(None);
    };
    let stored = log_in::password_of(conn, account_id).await?;
    Ok(stored.believed().map(|known| Resettable { account, known }))
}

/// Whose password a link replaces; `None` when it was used, has expired, or the password is another by now. Looking
/// changes nothing: programs that scan mails open every link.
pub async fn look_up_reset(
    conn: &mut PgConnection,
    clock: &Clock,
    link: &ResetLink,
) -> Result<Option<Resettable>> {
    if link.expires_at <= clock.now() {
        return Ok(None);
    }
    let found = find_resettable(conn, link.account_id).await?;
    Ok(found.filter(|found| fingerprint(&found.known.hash) == link.fingerprint))
}

/// What is kept of the password of an account, to be compared with the one that is shown.
pub async fn own_password(
    conn: &mut PgConnection,
    account_id: AccountId,
) -> Result<StoredPassword> {
    log_in::password_of(conn, account_id).await
}

/// Sets the password of whoever came by a link, and ends every session of the account. Who reads the mails to the address
/// has verified it.
///
/// Errors: [`Error::WrongCredentials`] when the password is another by now: the link was used.
pub async fn reset_password(
    conn: &mut PgConnection,
    clock: &Clock,
    whose: &Resettable,
    new: &PasswordHash,
) -> Result<()> {
    change_password(conn, clock, &whose.known, new).await?;
    sqlx::query!(
        "update account set email_verified_at = $2 where id = $1 and email_verified_at is null",
        whose.account.id.0,
        clock.now(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Sets the password of somebody who has shown the old one, and ends every session of the account.
///
/// Errors: [`Error::WrongCredentials`] when the password is another by now.
pub async fn change_password(
    conn: &mut PgConnection,
    clock: &Clock,
    known: &Known,
    new: &PasswordHash,
) -> Result<()> {
    let changed = sqlx::query!(
        "update account set password_hash = $3 where id = $1 and password_hash = $2",
        known.account_id.0,
        known.hash.as_str(),
        new.as_str(),
    )
    .execute(&mut *conn)
    .await?;
    if changed.rows_affected() == 0 {
        return Err(Error::WrongCredentials);
    }
    let reason = EndReason::PasswordChanged;
    session::end_all_sessions(conn, clock, known.account_id, reason).await?;
    Ok(())
}
