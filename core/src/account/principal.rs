//! Who a request acts for.

use chrono::{DateTime, Utc};

use super::model::{Role, Scope};
use crate::error::{Error, Result};
use crate::ids::{AccountId, ApiKeyId};

/// Whom a request acts for, by what it proved that, and what it may do.
///
/// Whatever proves it, handlers see the account and ask [`Principal::require`]; another way to log in is another
/// [`Credential`] and changes none of them.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The account that everything happens for.
    pub account_id: AccountId,
    /// The person's role.
    pub role: Role,
    /// What proved it.
    pub credential: Credential,
    /// What the credential allows.
    pub(super) scopes: Vec<Scope>,
}

/// What proves whom a request acts for.
#[derive(Clone, Debug)]
pub enum Credential {
    /// An API key of the account.
    ApiKey {
        /// The key.
        id: ApiKeyId,
        /// How the key begins: enough to tell it from the others, too little to use it.
        prefix: String,
        /// When the key ends by itself.
        expires_at: Option<DateTime<Utc>>,
    },
}

impl Principal {
    /// Whether a scope is granted.
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// [`Error::MissingScope`] unless the scope is granted.
    pub fn require(&self, scope: Scope) -> Result<()> {
        if self.has(scope) {
            Ok(())
        } else {
            Err(Error::MissingScope(scope.as_str()))
        }
    }
}

impl Credential {
    /// When it ends by itself; nothing that is made with it lasts longer.
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        let Self::ApiKey { expires_at, .. } = self;
        *expires_at
    }

    /// Whether it is this API key.
    pub fn is_key(&self, key_id: ApiKeyId) -> bool {
        let Self::ApiKey { id, .. } = self;
        *id == key_id
    }
}
