//! Passwords: judged by how they would be guessed, kept as argon2id.

use std::sync::LazyLock;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version, password_hash::phc};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::error::{Error, Result};

/// The least length; NIST SP 800-63B asks for 8 and lets no rule of composition stand in for length.
const MIN_CHARS: usize = 10;
/// Longer ones would only be work for us.
const MAX_CHARS: usize = 200;
/// Two at a time: each takes 19 MiB and about 20 ms of a core.
static SLOTS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(2));
/// How long a request waits for its turn before it is told to come back.
const PATIENCE: Duration = Duration::from_secs(5);

/// A password in clear that is good enough, for as long as it takes to hash it.
#[derive(Debug)]
pub struct Password(SecretString);

impl Password {
    /// Takes 10 to 200 characters that are neither a common password nor made of the person's own words.
    ///
    /// The error is a stable code and a sentence for people.
    pub fn parse(raw: String, about: &[&str]) -> Result<Self, (&'static str, String)> {
        let chars = raw.chars().count();
        if chars < MIN_CHARS {
            return Err((
                "min_length",
                format!("must have at least {MIN_CHARS} characters"),
            ));
        }
        if chars > MAX_CHARS {
            return Err((
                "max_length",
                format!("must have at most {MAX_CHARS} characters"),
            ));
        }
        // The judge's own work grows with the length; the first 100 characters tell.
        let start: String = raw.chars().take(100).collect();
        if zxcvbn::zxcvbn(&start, about).score() < zxcvbn::Score::Two {
            return Err((
                "too_common",
                "is too easy to guess; a few unrelated words are better".to_owned(),
            ));
        }
        Ok(Self(raw.into()))
    }

    /// Hashes with argon2id (19 MiB, 2 passes, 1 lane: OWASP's first choice), away from the async threads.
    ///
    /// Call it before a transaction begins. Errors: [`Error::Busy`] when the queue does not move for five seconds.
    pub async fn hash(&self) -> Result<PasswordHash> {
        let _slot = tokio::time::timeout(PATIENCE, SLOTS.acquire())
            .await
            .map_err(|_| Error::Busy("password hashing"))?;
        let password = self.0.clone();
        let hash = tokio::task::spawn_blocking(move || hash(password.expose_secret()));
        hash.await
            .map_err(|error| Error::Internal(format!("hashing ended early: {error}")))?
    }
}

/// A password as it is stored: a PHC string.
#[derive(Clone, Debug)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// `$argon2id$v=19$m=19456,t=2,p=1$…`
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn hash(password: &str) -> Result<PasswordHash> {
    let internal = |what: &str| Error::Internal(format!("argon2: {what}"));
    let params =
        Params::new(19 * 1024, 2, 1, None).map_err(|error| internal(&error.to_string()))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: phc::PasswordHash = argon2
        .hash_password(password.as_bytes())
        .map_err(|error| internal(&error.to_string()))?;
    Ok(PasswordHash(hash.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_and_personal_passwords_are_refused() {
        let code = |raw: &str| {
            Password::parse(raw.to_owned(), &["ada@example.com", "Ada", "Lovelace"])
                .err()
                .map(|(code, _)| code)
        };
        assert_eq!(code("short"), Some("min_length"));
        assert_eq!(code("password123"), Some("too_common"));
        assert_eq!(code("1234567890"), Some("too_common"));
        assert_eq!(code("aaaaaaaaaaaa"), Some("too_common"));
        assert_eq!(code("adalovelace"), Some("too_common"));
        assert_eq!(code(&"x9".repeat(101)), Some("max_length"));
        assert_eq!(code("correct horse battery"), None);
    }

    #[tokio::test]
    async fn a_password_is_kept_as_salted_argon2id() {
        let password = Password::parse("correct horse battery".to_owned(), &[]).unwrap();
        let (one, two) = (
            password.hash().await.unwrap(),
            password.hash().await.unwrap(),
        );
        assert!(
            one.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{one:?}"
        );
        assert_ne!(one.as_str(), two.as_str());
    }
}
