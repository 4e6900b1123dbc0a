//! Passwords: judged by how they would be guessed, kept as argon2id.

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc,
};
use secrecy::{ExposeSecret, SecretString};

use super::hashing;
use crate::error::{Error, Result};

/// The least length; NIST SP 800-63B asks for 8 and lets no rule of composition stand in for length.
const MIN_CHARS: usize = 10;
/// Longer ones would only be work for us.
const MAX_CHARS: usize = 200;
/// What nobody's password is compared with: as much work as anybody's.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

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

    /// Hashes with argon2id (19 MiB, 2 passes, 1 lane: OWASP's first choice), on threads of their own.
    ///
    /// Call it before a transaction begins. Errors: [`Error::Busy`] at once when too many wait.
    pub async fn hash(&self) -> Result<PasswordHash> {
        let password = self.0.clone();
        hashing::run(move || hash(password.expose_secret())).await?
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

    /// What is stored in a row of an account.
    pub(super) fn stored(phc: String) -> Self {
        Self(phc)
    }

    /// A hash that no password has.
    pub(super) fn nobody() -> Self {
        Self(NOBODY.to_owned())
    }

    /// Whether it is the hash of this password, on threads of their own: as much work when it is not.
    ///
    /// Call it while no connection is held. Errors: [`Error::Busy`] at once when too many wait.
    pub(super) async fn is_of(&self, password: SecretString) -> Result<bool> {
        let phc = self.0.clone();
        hashing::run(move || verify(&phc, password.expose_secret())).await?
    }
}

fn verify(phc: &str, password: &str) -> Result<bool> {
    use argon2::password_hash::Error as Failure;
    let internal = |error: Failure| Error::Internal(format!("argon2: {error}"));
    let hash = phc::PasswordHash::new(phc).map_err(|error| internal(error.into()))?;
    match Argon2::default().verify_password(password.as_bytes(), &hash) {
        Ok(()) => Ok(true),
        Err(Failure::PasswordInvalid) => Ok(false),
        Err(error) => Err(internal(error)),
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
        let is_of = async |hash: &PasswordHash, raw: &str| hash.is_of(raw.into()).await.unwrap();
        assert!(is_of(&one, "correct horse battery").await);
        assert!(!is_of(&one, "correct horse batteries").await);
        assert!(!is_of(&PasswordHash::nobody(), "correct horse battery").await);
    }

    #[test]
    fn a_password_of_nobody_is_as_much_work_as_one_of_somebody() {
        let params = |phc: &str| phc.rsplitn(3, '$').last().unwrap().to_owned();
        let somebody = hash("correct horse battery").unwrap();
        assert_eq!(params(NOBODY), params(somebody.as_str()));
    }
}
