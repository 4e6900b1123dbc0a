//! What admins do with accounts: see them, and give roles.

use serde_json::json;
use sqlx::PgConnection;

use super::model::{Account, Role, Scope};
use super::queries;
use crate::audit::{self, Act};
use crate::clock::Clock;
use crate::error::{Error, OnConstraint, Result};
use crate::ids::AccountId;

/// Up to `limit` accounts, newest first, opened before the account `after`; of an e-mail address, in any case and form, or
/// of a role, where one is named.
pub async fn list_accounts(
    conn: &mut PgConnection,
    email: Option<&str>,
    role: Option<Role>,
    limit: u32,
    after: Option<AccountId>,
) -> Result<Vec<Account>> {
    let forms = email.map(|email| queries::forms_of(email).to_vec());
    let ids = sqlx::query_scalar!(
        r#"
        select id as "id: AccountId" from account
        where ($1::text[] is null or email = any($1)) and ($2::text is null or role = $2) and ($3::uuid is null or id < $3)
        order by id desc limit $4
        "#,
        forms.as_deref(),
        role.map(Role::as_str),
        after.map(|id| id.0),
        i64::from(limit),
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut accounts = Vec::with_capacity(ids.len());
    for id in ids {
        accounts.extend(queries::find(conn, id).await?);
    }
    Ok(accounts)
}

/// Gives an account a role. Its sessions have the scopes of the role with their next request; API keys that may do more
/// than the role does are revoked.
///
/// Errors: [`Error::NotFound`], [`Error::LastAdmin`].
pub async fn set_role(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    role: Role,
) -> Result<Account> {
    let before = sqlx::query_scalar!(
        "select role from account where id = $1 for update",
        account_id.0,
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(Error::NotFound("account"))?;
    sqlx::query!(
        "update account set role = $2 where id = $1",
        account_id.0,
        role.as_str(),
    )
    .execute(&mut *conn)
    .await
    .on_constraint("account_last_admin", Error::LastAdmin)?;
    let given = Act {
        action: "role_given",
        object_kind: "account",
        object_id: account_id.to_string(),
        before: Some(json!({ "role": before })),
        after: Some(json!({ "role": role.as_str() })),
    };
    audit::record(conn, clock, &given).await?;
    let scopes: Vec<String> = role
        .scopes()
        .iter()
        .copied()
        .map(|scope: Scope| scope.as_str().to_owned())
        .collect();
    sqlx::query!(
        "update api_key set revoked_at = $3 where account_id = $1 and revoked_at is null and not scopes <@ $2",
        account_id.0,
        &scopes,
        clock.now(),
    )
    .execute(&mut *conn)
    .await?;
    queries::get(conn, account_id).await
}
