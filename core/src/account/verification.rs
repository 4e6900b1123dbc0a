//! Verified addresses: a signed link in a mail, which only whoever reads the mails to an address can open.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Account, Role};
use super::queries;
use crate::clock::Clock;
use crate::config::Settings;
use crate::email::{self, EmailAddress};
use crate::error::{Error, Result};
use crate::ids::AccountId;
use crate::outbox::{self, SendVerification};
use crate::signing::Signer;

/// Makes and opens the links that verify an address.
#[derive(Clone, Debug)]
pub struct VerificationLinks {
    signer: Signer,
    base: String,
}

/// What a link of ours says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerificationLink {
    /// Whose address it verifies.
    pub account_id: AccountId,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    fingerprint: String,
}

/// What a link is worth now.
#[derive(Clone, Debug)]
pub enum LinkState {
    /// It verifies the address of this account.
    Valid(Account),
    /// The address of this account is verified already.
    Verified(Account),
    /// It has expired before it was used.
    Expired(Account),
    /// It is not one of ours, or the account is gone or has another address now.
    Unknown,
}

impl VerificationLinks {
    /// The links of this deployment.
    pub fn new(settings: &Settings) -> Self {
        Self {
            signer: Signer::new(&settings.secret_key, "verify email"),
            base: settings.public_url.trim_end_matches('/').to_owned(),
        }
    }

    /// The address of the page. The token stands in the query, which no log has.
    pub fn page(&self, account_id: AccountId, email: &str, expires_at: DateTime<Utc>) -> String {
        let until = expires_at.timestamp();
        let payload = format!("{account_id} {until} {}", email::fingerprint(email));
        let token = self.signer.seal(payload.as_bytes());
        format!("{}/verify-email?link={token}", self.base)
    }

    /// What a token says, or `None` for anything that is not ours.
    pub fn open(&self, token: &str) -> Option<VerificationLink> {
        let payload = String::from_utf8(self.signer.open(token)?).ok()?;
        let mut parts = payload.split(' ');
        let account_id: Uuid = parts.next()?.parse().ok()?;
        let expires_at = DateTime::from_timestamp(parts.next()?.parse().ok()?, 0)?;
        let fingerprint = parts.next()?.to_owned();
        Some(VerificationLink {
            account_id: AccountId(account_id),
            expires_at,
            fingerprint,
        })
    }
}

/// What a link is worth now. Looking changes nothing: programs that scan mails open every link.
pub async fn look_up_link(
    conn: &mut PgConnection,
    clock: &Clock,
    link: &VerificationLink,
) -> Result<LinkState> {
    let Some(account) = queries::find(conn, link.account_id).await? else {
        return Ok(LinkState::Unknown);
    };
    Ok(if email::fingerprint(&account.email) != link.fingerprint {
        LinkState::Unknown
    } else if account.email_verified_at.is_some() {
        LinkState::Verified(account)
    } else if link.expires_at <= clock.now() {
        LinkState::Expired(account)
    } else {
        LinkState::Valid(account)
    })
}

/// Marks the address of the link's account as verified, if the link is valid. Calling it again changes nothing.
pub async fn verify_email(
    conn: &mut PgConnection,
    clock: &Clock,
    link: &VerificationLink,
) -> Result<LinkState> {
    let state = look_up_link(conn, clock, link).await?;
    let LinkState::Valid(mut account) = state else {
        return Ok(state);
    };
    let verified_at = sqlx::query_scalar!(
        r#"
        update account set email_verified_at = coalesce(email_verified_at, $3) where id = $1 and email = $2
        returning email_verified_at
        "#,
        account.id.0,
        account.email,
        clock.now(),
    )
    .fetch_optional(conn)
    .await?;
    let Some(verified_at) = verified_at else {
        return Ok(LinkState::Unknown);
    };
    account.email_verified_at = verified_at;
    Ok(LinkState::Verified(account))
}

/// Promises the mail with the link to an account that was just opened, or whose link has expired.
pub async fn send_verification(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
) -> Result<()> {
    // The job belongs to no account: one that does not exist (`send_verification_again`) could own none.
    outbox::put(conn, clock, None, &SendVerification { account_id }).await?;
    Ok(())
}

/// Promises the mail with the link to the account of an address. Nobody learns whether there is one: where there is
/// none, the same statements promise a job that finds nobody to write to.
pub async fn send_verification_again(
    conn: &mut PgConnection,
    clock: &Clock,
    email: &EmailAddress,
) -> Result<()> {
    let account_id = queries::id_by_email(conn, email.as_str()).await?;
    send_verification(conn, clock, account_id.unwrap_or_else(AccountId::new)).await
}

/// The account, unless there is none or its address is verified already: then no link needs to be sent.
pub async fn find_unverified(conn: &mut PgConnection, id: AccountId) -> Result<Option<Account>> {
    let account = queries::find(conn, id).await?;
    Ok(account.filter(|account| account.email_verified_at.is_none()))
}

/// Refuses an account whose address nobody has verified. Staff, and whoever has paid for a booking, count as verified.
///
/// Errors: [`Error::EmailNotVerified`].
pub(crate) async fn require_verified(conn: &mut PgConnection, id: AccountId) -> Result<()> {
    let is_verified = sqlx::query_scalar!(
        r#"
        select email_verified_at is not null or role = any($2)
            or exists (select from booking where account_id = account.id and confirmed_at is not null) as "is_verified!"
        from account where id = $1
        "#,
        id.0,
        &[Role::Staff, Role::Admin].map(|role| role.as_str().to_owned()),
    )
    .fetch_optional(conn)
    .await?;
    match is_verified {
        Some(true) => Ok(()),
        Some(false) | None => Err(Error::EmailNotVerified),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{Duration, TimeZone};
    use secrecy::SecretString;

    use super::*;

    fn links(secret: &str) -> VerificationLinks {
        VerificationLinks {
            signer: Signer::new(&SecretString::from(secret), "verify email"),
            base: "http://127.0.0.1:8000".to_owned(),
        }
    }

    #[test]
    fn a_link_says_whose_address_it_verifies_and_until_when() {
        let until = Utc.with_ymd_and_hms(2026, 11, 22, 12, 0, 0).unwrap();
        let account_id = AccountId::new();
        let page = links("a").page(account_id, "Ada@Example.com", until);
        let token = page
            .strip_prefix("http://127.0.0.1:8000/verify-email?link=")
            .unwrap();
        let link = links("a").open(token).unwrap();
        assert_eq!((link.account_id, link.expires_at), (account_id, until));
        assert_eq!(link.fingerprint, email::fingerprint("ada@example.com"));
        let later = links("a").page(account_id, "ada@example.com", until + Duration::hours(1));
        assert_ne!(later, page, "the end is part of what is signed");
        assert_eq!(links("b").open(token), None, "another deployment's secret");
    }
}
