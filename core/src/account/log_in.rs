//! Whether an address and a password belong together. Neither the answer nor its time says whether the address has an
//! account: the same statement and the same hash are done for both.

use secrecy::SecretString;
use sqlx::PgConnection;

use super::password::PasswordHash;
use super::queries;
use crate::error::{Error, Result};
use crate::ids::AccountId;

/// What is kept of the password of an address, whether it has an account or not.
#[derive(Clone, Debug)]
pub struct StoredPassword {
    account_id: Option<AccountId>,
    hash: PasswordHash,
}

/// Somebody who has shown the password of an account.
#[derive(Clone, Debug)]
pub struct Known {
    /// Whose password it is.
    pub account_id: AccountId,
    /// The hash that it fits: what is done with it asks again whether it is still the account's.
    pub(super) hash: PasswordHash,
}

/// What is kept of the password of an e-mail address in any case and form.
pub async fn find_password(conn: &mut PgConnection, email: &str) -> Result<StoredPassword> {
    let [as_kept, as_written] = queries::forms_of(email);
    let row = sqlx::query!(
        "select id, password_hash from account where email in ($1, $2) order by email = $1 desc limit 1",
        as_kept,
        as_written,
    )
    .fetch_optional(conn)
    .await?;
    Ok(StoredPassword::of(
        row.map(|row| (row.id.into(), row.password_hash)),
    ))
}

/// What is kept of the password of an account.
pub(super) async fn password_of(
    conn: &mut PgConnection,
    account_id: AccountId,
) -> Result<StoredPassword> {
    let hash = sqlx::query_scalar!(
        "select password_hash from account where id = $1",
        account_id.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(StoredPassword::of(hash.map(|hash| (account_id, hash))))
}

impl StoredPassword {
    fn of(row: Option<(AccountId, String)>) -> Self {
        match row {
            Some((id, hash)) => Self {
                account_id: Some(id),
                hash: PasswordHash::stored(hash),
            },
            None => Self {
                account_id: None,
                hash: PasswordHash::nobody(),
            },
        }
    }

    /// The account whose password this is, where something else than the password has shown who calls.
    pub(super) fn believed(self) -> Option<Known> {
        let hash = self.hash;
        self.account_id.map(|account_id| Known { account_id, hash })
    }

    /// Compares it with a password. Call it while no connection is held: it takes 20 ms and may wait for others.
    ///
    /// Errors: [`Error::WrongCredentials`], [`Error::Busy`] at once when too many wait.
    pub async fn compare(self, password: SecretString) -> Result<Known> {
        let fits = self.hash.is_of(password).await?;
        match self.account_id {
            Some(account_id) if fits => Ok(Known {
                account_id,
                hash: self.hash,
            }),
            _ => Err(Error::WrongCredentials),
        }
    }
}
