//! Access tokens: JWT (RFC 7519) that last a quarter of an hour, signed by one algorithm and no other.
//!
//! **HMAC-SHA-256, because only the api reads them.** A public key would serve somebody who verifies tokens elsewhere, and
//! nobody does: every request asks the database whether the session still lives. So `jsonwebtoken` brings no cryptography
//! of its own; it signs with the crates that sign everything else here, and knows no other algorithm that a forged header
//! could name.
//!
//! **The key is in no row and in no setting.** It is derived from `SECRET_KEY` and the random salt of a row of
//! `signing_key`, whose id is the token's `kid`. A dump of the database signs nothing, a leaked setting signs nothing, and
//! nothing has to be encrypted at rest. Another `SECRET_KEY` ends access tokens and no session: refresh tokens are random.

use chrono::{DateTime, Duration, Utc};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, dangerous};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

use crate::error::{Error, KeyProblem, Result};
use crate::ids::{AccountId, SessionId};
use crate::signing;

/// How long an access token lasts.
pub const ACCESS_TIME: Duration = Duration::minutes(15);
/// The one algorithm.
const ALGORITHM: Algorithm = Algorithm::HS256;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims {
    /// The account.
    sub: Uuid,
    /// The session.
    sid: Uuid,
    /// When it was made, and when it ends: seconds since 1970.
    iat: i64,
    exp: i64,
}

/// What a token says that nobody has verified yet: which rows verify it.
pub(super) struct Unverified {
    pub key_id: Uuid,
    pub session_id: SessionId,
}

impl Claims {
    pub(super) fn new(account_id: AccountId, session_id: SessionId, now: DateTime<Utc>) -> Self {
        Self {
            sub: account_id.0,
            sid: session_id.0,
            iat: now.timestamp(),
            exp: (now + ACCESS_TIME).timestamp(),
        }
    }

    pub(super) const fn account_id(&self) -> AccountId {
        AccountId(self.sub)
    }

    pub(super) const fn session_id(&self) -> SessionId {
        SessionId(self.sid)
    }

    pub(super) fn has_expired(&self, now: DateTime<Utc>) -> bool {
        self.exp <= now.timestamp()
    }
}

/// Signs claims with the key of a salt.
pub(super) fn sign(
    secret: &SecretString,
    key_id: Uuid,
    salt: &[u8],
    claims: &Claims,
) -> Result<String> {
    install();
    let header = Header {
        kid: Some(key_id.to_string()),
        ..Header::new(ALGORITHM)
    };
    let key = EncodingKey::from_secret(&key_of(secret, salt));
    jsonwebtoken::encode(&header, claims, &key)
        .map_err(|error| Error::Internal(format!("an access token cannot be signed: {error}")))
}

/// Which rows verify a token. Nothing of it is believed.
///
/// Errors: [`KeyProblem::TokenInvalid`] for what has not the form of a token of ours.
pub(super) fn peek(token: &str) -> Result<Unverified> {
    let data = dangerous::insecure_decode::<Claims>(token).map_err(|_| invalid())?;
    let key_id = data.header.kid.and_then(|kid| kid.parse().ok());
    Ok(Unverified {
        key_id: key_id.ok_or_else(invalid)?,
        session_id: data.claims.session_id(),
    })
}

/// What a token says, if the key of this salt has signed it with the one algorithm. When it ends the caller asks: the time
/// is the clock's.
///
/// Errors: [`KeyProblem::TokenInvalid`].
pub(super) fn verify(secret: &SecretString, salt: &[u8], token: &str) -> Result<Claims> {
    install();
    let mut validation = Validation::new(ALGORITHM);
    validation.validate_exp = false;
    let key = DecodingKey::from_secret(&key_of(secret, salt));
    let data = jsonwebtoken::decode(token, &key, &validation).map_err(|_| invalid())?;
    Ok(data.claims)
}

fn invalid() -> Error {
    Error::Unauthenticated(KeyProblem::TokenInvalid)
}

fn key_of(secret: &SecretString, salt: &[u8]) -> [u8; 32] {
    signing::derive(secret, "access token", salt)
}

/// The only cryptography that `jsonwebtoken` has in this process.
static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| {
        require(*algorithm)?;
        let mac = Hmac::new_from_slice(key.as_bytes()).map_err(|_| ErrorKind::InvalidKeyFormat)?;
        Ok(Box::new(Hs256(mac)))
    },
    verifier_factory: |algorithm, key| {
        require(*algorithm)?;
        let secret = key.try_get_as_bytes()?;
        let mac = Hmac::new_from_slice(secret).map_err(|_| ErrorKind::InvalidKeyFormat)?;
        Ok(Box::new(Hs256(mac)))
    },
    key_utils: KeyUtils::new_unimplemented(),
};

fn install() {
    // Once: later calls find it installed.
    let _ = PROVIDER.install_default();
}

fn require(algorithm: Algorithm) -> jsonwebtoken::errors::Result<()> {
    if algorithm == ALGORITHM {
        Ok(())
    } else {
        Err(ErrorKind::InvalidAlgorithm.into())
    }
}

struct Hs256(Hmac<Sha256>);

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        let signed = self.0.clone().chain_update(message);
        Ok(signed.finalize().into_bytes().to_vec())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        ALGORITHM
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    /// In constant time.
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let expected = self.0.clone().chain_update(message);
        expected
            .verify_slice(signature)
            .map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        ALGORITHM
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use chrono::TimeZone;
    use proptest::prelude::*;

    use super::*;

    const SALT: [u8; 32] = [7; 32];

    fn secret() -> SecretString {
        SecretString::from("a secret of the deployment")
    }

    fn claims() -> Claims {
        let now = Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap();
        Claims::new(AccountId::new(), SessionId::new(), now)
    }

    fn signed(claims: &Claims) -> String {
        sign(&secret(), Uuid::nil(), &SALT, claims).unwrap()
    }

    /// A token of another header with a signature that somebody made.
    fn forged(header: &str, claims: &Claims, signature: &[u8]) -> String {
        let claims = serde_json::to_vec(claims).unwrap();
        [header.as_bytes(), &claims, signature]
            .map(|part| URL_SAFE_NO_PAD.encode(part))
            .join(".")
    }

    #[test]
    fn a_token_is_believed_with_its_own_key_only() {
        let claims = claims();
        let token = signed(&claims);
        assert_eq!(verify(&secret(), &SALT, &token).unwrap(), claims);
        let peeked = peek(&token).unwrap();
        assert_eq!(
            (peeked.key_id, peeked.session_id),
            (Uuid::nil(), claims.session_id())
        );
        assert!(verify(&secret(), &[8; 32], &token).is_err(), "another salt");
        let other = SecretString::from("a secret of another deployment");
        assert!(verify(&other, &SALT, &token).is_err(), "another secret");
    }

    #[test]
    fn no_other_algorithm_is_taken_whatever_the_header_says() {
        let claims = claims();
        let kid = Uuid::nil();
        let head =
            |algorithm: &str| format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":"{kid}"}}"#);
        for algorithm in [
            "none", "None", "HS384", "HS512", "RS256", "ES256", "EdDSA", "",
        ] {
            let good = signed(&claims);
            let signature = URL_SAFE_NO_PAD.decode(good.rsplit('.').next().unwrap());
            for signature in [Vec::new(), signature.unwrap()] {
                let token = forged(&head(algorithm), &claims, &signature);
                assert!(verify(&secret(), &SALT, &token).is_err(), "{algorithm}");
            }
        }
        let unsigned = forged(&head("HS256"), &claims, b"");
        assert!(verify(&secret(), &SALT, &unsigned).is_err());
    }

    proptest! {
        #[test]
        fn a_changed_token_is_not_believed(at in any::<prop::sample::Index>(), with in "[A-Za-z0-9_.-]") {
            let claims = claims();
            let token = signed(&claims);
            let at = at.index(token.len());
            let changed = format!("{}{with}{}", &token[..at], &token[at + 1..]);
            // base64 has unused bits in a last character: another spelling of the same bytes is the same token.
            let believed = verify(&secret(), &SALT, &changed);
            prop_assert!(changed == token || believed.is_err() || believed.unwrap() == claims);
        }

        #[test]
        fn no_text_makes_the_reader_panic(token in ".{0,120}") {
            prop_assert!(peek(&token).is_err());
            prop_assert!(verify(&secret(), &SALT, &token).is_err());
        }
    }
}
