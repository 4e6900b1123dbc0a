//! Who a request acts for.

use chrono::{DateTime, Utc};

use super::model::{Role, Scope};
use crate::actor::Means;
use crate::error::{Error, Result};
use crate::ids::{AccountId, ApiKeyId, SessionId};

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
    /// The access token of a person's session.
    Session {
        /// The session.
        id: SessionId,
        /// Whether the person works here and has no second factor, which this deployment asks for: then the scopes are
        /// those of a traveller.
        lacks_second_factor: bool,
    },
}

impl Principal {
    /// Whether a scope is granted.
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// [`Error::MissingScope`] of an API key, [`Error::RoleLacksScope`] or [`Error::FactorMissing`] of a person, unless the
    /// scope is granted.
    pub fn require(&self, scope: Scope) -> Result<()> {
        if self.has(scope) {
            return Ok(());
        }
        Err(match self.credential {
            Credential::ApiKey { .. } => Error::MissingScope(scope.as_str()),
            Credential::Session {
                lacks_second_factor: true,
                ..
            } if self.role.scopes().contains(&scope) => Error::FactorMissing,
            Credential::Session { .. } => Error::RoleLacksScope(scope.as_str()),
        })
    }

    /// The session that the request is made in.
    ///
    /// Errors: [`Error::SessionRequired`] when it shows an API key.
    pub fn session(&self) -> Result<SessionId> {
        match self.credential {
            Credential::Session { id, .. } => Ok(id),
            Credential::ApiKey { .. } => Err(Error::SessionRequired),
        }
    }
}

impl Credential {
    /// When it ends by itself; nothing that is made with it lasts longer.
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::ApiKey { expires_at, .. } => *expires_at,
            // A session can be refreshed for as long as it is used.
            Self::Session { .. } => None,
        }
    }

    /// Whether it is this API key.
    pub fn is_key(&self, key_id: ApiKeyId) -> bool {
        match self {
            Self::ApiKey { id, .. } => *id == key_id,
            Self::Session { .. } => false,
        }
    }

    /// Which key or session acts.
    pub const fn means(&self) -> Means {
        match self {
            Self::ApiKey { id, .. } => Means::ApiKey(*id),
            Self::Session { id, .. } => Means::Session(*id),
        }
    }
}
