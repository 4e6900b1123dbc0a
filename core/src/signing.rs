//! Tokens that only we can make: a payload and its HMAC-SHA256, in the characters of a URL.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// A key for one purpose, derived from the deployment's secret and a salt: whoever lacks one of them cannot make it.
pub fn derive(secret: &SecretString, purpose: &str, salt: &[u8]) -> [u8; 32] {
    let of_purpose = keyed(secret.expose_secret().as_bytes())
        .chain_update(purpose)
        .finalize()
        .into_bytes();
    keyed(&of_purpose)
        .chain_update(salt)
        .finalize()
        .into_bytes()
        .into()
}

/// Signs and opens tokens of one purpose; a token of another purpose does not open.
#[derive(Clone)]
pub struct Signer(Hmac<Sha256>);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(…)")
    }
}

impl Signer {
    /// A signer whose key is derived from the deployment's secret and the purpose.
    pub fn new(secret: &SecretString, purpose: &str) -> Self {
        let derived = keyed(secret.expose_secret().as_bytes())
            .chain_update(purpose)
            .finalize()
            .into_bytes();
        Self(keyed(&derived))
    }

    /// The token of a payload: `payload.signature`, both base64url.
    pub fn seal(&self, payload: &[u8]) -> String {
        let signature = self.0.clone().chain_update(payload).finalize().into_bytes();
        format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(payload),
            URL_SAFE_NO_PAD.encode(signature)
        )
    }

    /// The bytes that this signer alone makes of a text.
    pub fn mac(&self, text: &[u8]) -> [u8; 32] {
        self.0
            .clone()
            .chain_update(text)
            .finalize()
            .into_bytes()
            .into()
    }

    /// The payload of a token of ours, or `None` for anything else. The comparison takes constant time.
    pub fn open(&self, token: &str) -> Option<Vec<u8>> {
        let (payload, signature) = token.split_once('.')?;
        let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let expected = self.0.clone().chain_update(&payload);
        expected.verify_slice(&signature).ok()?;
        Some(payload)
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn signer(purpose: &str) -> Signer {
        Signer::new(&SecretString::from("a secret of the deployment"), purpose)
    }

    #[test]
    fn a_token_opens_for_its_own_purpose_only() {
        let token = signer("offer").seal(b"payload");
        assert_eq!(signer("offer").open(&token), Some(b"payload".to_vec()));
        assert_eq!(signer("cursor").open(&token), None);
    }

    proptest! {
        #[test]
        fn a_changed_token_does_not_open(payload in prop::collection::vec(any::<u8>(), 0..64), at in any::<prop::sample::Index>(), with in "[A-Za-z0-9_.-]") {
            let token = signer("offer").seal(&payload);
            let at = at.index(token.len());
            let changed = format!("{}{with}{}", &token[..at], &token[at + 1..]);
            // base64 has unused bits in a last character: another spelling of the same bytes is the same token.
            let opened = signer("offer").open(&changed);
            prop_assert!(changed == token || opened.is_none() || opened == Some(payload));
        }

        #[test]
        fn no_text_makes_the_opener_panic(token in ".{0,80}") {
            prop_assert_eq!(signer("offer").open(&token), None);
        }
    }
}
