//! API keys: 256 random bits, shown once, kept as SHA-256.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::model::Scope;
use crate::config::Settings;
use crate::ids::ApiKeyId;

/// How much of a key stays visible: `fd_test_` and five of its 43 random characters.
const PREFIX_CHARS: usize = 13;

/// Whether keys of this deployment take real money; their prefix says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyMode {
    /// `fd_test_`: the sandbox, or Stripe's test mode.
    Test,
    /// `fd_live_`: Stripe's live mode.
    Live,
}

impl KeyMode {
    /// Live if and only if Stripe's key is a live one.
    pub fn of(settings: &Settings) -> Self {
        match &settings.stripe.stripe_secret_key {
            Some(key) if is_live(key.expose_secret()) => Self::Live,
            _ => Self::Test,
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Test => "fd_test_",
            Self::Live => "fd_live_",
        }
    }
}

/// Stripe's live secret and restricted keys (<https://docs.stripe.com/keys>).
fn is_live(stripe_key: &str) -> bool {
    stripe_key.starts_with("sk_live_") || stripe_key.starts_with("rk_live_")
}

/// A key in clear. Neither `Debug` nor the logs show it.
#[derive(Clone, Debug)]
pub struct SecretKey {
    secret: SecretString,
    prefix: String,
}

impl SecretKey {
    /// A new key from the system's random source.
    pub(super) fn generate(mode: KeyMode) -> Self {
        let random: [u8; 32] = rand::random();
        let secret = format!("{}{}", mode.prefix(), URL_SAFE_NO_PAD.encode(random));
        Self {
            prefix: secret[..PREFIX_CHARS].to_owned(),
            secret: secret.into(),
        }
    }

    /// The key itself, to be shown once.
    pub fn expose(&self) -> &str {
        self.secret.expose_secret()
    }

    /// The part that may be shown again.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// What is stored. A key has 256 random bits, so a fast hash without salt is enough.
    pub(super) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.expose()).into()
    }

    /// What a caller's key would be stored as, or `None` when it has not the form of a key.
    pub(super) fn hash_of(raw: &str) -> Option<[u8; 32]> {
        let random = raw
            .strip_prefix("fd_test_")
            .or_else(|| raw.strip_prefix("fd_live_"))?;
        (random.len() == 43).then(|| Sha256::digest(raw).into())
    }
}

/// A key as its account sees it.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// The key's own id.
    pub id: ApiKeyId,
    /// What the account calls it.
    pub name: String,
    /// The visible start of the key.
    pub prefix: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was ended.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl ApiKey {
    /// What it is, as it is kept of acts: without what the account calls it, which may be a person's name.
    pub(super) fn to_json(&self) -> Value {
        let expires_at = self.expires_at.map(|end| end.to_rfc3339());
        json!({
            "id": self.id,
            "prefix": self.prefix,
            "scopes": self.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>(),
            "expires_at": expires_at,
        })
    }
}

/// A key that was just made, with its secret.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// What is kept.
    pub key: ApiKey,
    /// What is shown once.
    pub secret: SecretKey,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_whether_it_takes_real_money_and_hides_its_secret() {
        let key = SecretKey::generate(KeyMode::Live);
        assert!(key.expose().starts_with("fd_live_"));
        assert_eq!(key.expose().len(), 8 + 43);
        assert!(!format!("{key:?}").contains(key.expose()));
        assert_eq!(SecretKey::hash_of(key.expose()), Some(key.hash()));
        assert_eq!(SecretKey::hash_of("fd_test_short"), None);
    }

    #[test]
    fn only_a_live_stripe_key_makes_live_keys() {
        assert!(is_live("sk_live_x") && is_live("rk_live_x"));
        assert!(!is_live("sk_test_x") && !is_live("x_sk_live_"));
    }
}
