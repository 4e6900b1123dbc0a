//! Links to stored files, signed with HMAC-SHA256 under a key of their own.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use url::form_urlencoded::Serializer;

use crate::{Error, Result};

/// The query of a signed link, every part of it as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkQuery {
    /// The name the file is saved under.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// When the link ends, in seconds since 1970.
    pub expires: i64,
    /// HMAC-SHA256 of the key and all of the above, in URL-safe base64.
    pub signature: String,
}

/// Signs and verifies links of one deployment.
pub(super) struct Links {
    key: [u8; 32],
    base: String,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Links")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

impl Links {
    /// The signing key is derived, so that no signature of another purpose can pass for one of these.
    pub(super) fn new(secret_key: &SecretString, public_url: &str) -> Self {
        let mut mac = hmac(secret_key.expose_secret().as_bytes());
        mac.update(b"flightdesk/storage/link/1");
        Self {
            key: mac.finalize().into_bytes().into(),
            base: public_url.trim_end_matches('/').to_owned(),
        }
    }

    pub(super) fn sign(
        &self,
        key: &str,
        file_name: &str,
        content_type: &str,
        expires_at: DateTime<Utc>,
    ) -> String {
        let expires = expires_at.timestamp();
        let signature = self.mac(key, file_name, content_type, expires).finalize();
        let query = Serializer::new(String::new())
            .append_pair("name", file_name)
            .append_pair("content_type", content_type)
            .append_pair("expires", &expires.to_string())
            .append_pair("signature", &URL_SAFE_NO_PAD.encode(signature.into_bytes()))
            .finish();
        format!("{}/v1/files/{key}?{query}", self.base)
    }

    /// The comparison takes the same time wherever the signatures differ.
    pub(super) fn verify(&self, key: &str, query: &LinkQuery, now: DateTime<Utc>) -> Result<()> {
        let signature = URL_SAFE_NO_PAD
            .decode(&query.signature)
            .map_err(|_| Error::LinkRefused)?;
        self.mac(key, &query.name, &query.content_type, query.expires)
            .verify_slice(&signature)
            .map_err(|_| Error::LinkRefused)?;
        if now.timestamp() < query.expires {
            Ok(())
        } else {
            Err(Error::LinkRefused)
        }
    }

    fn mac(&self, key: &str, file_name: &str, content_type: &str, expires: i64) -> Hmac<Sha256> {
        let mut mac = hmac(&self.key);
        // With its length before each part no two different links have the same bytes.
        for part in [key, file_name, content_type] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.update(&expires.to_be_bytes());
        mac
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}
