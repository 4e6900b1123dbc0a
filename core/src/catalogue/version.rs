//! Which version of a row somebody has seen.

use std::fmt::Write;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::refusal::Outdated;
use super::{Noun, document};
use crate::Result;

/// The version of a row: the first half of the SHA-256 of all that staff can change of it, in hexadecimal digits. It is the
/// same in every process, and after a change that was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(String);

impl Version {
    /// The version of a row as it is.
    pub fn of<T: Serialize>(row: &T) -> Result<Self> {
        let digest = Sha256::digest(document(row)?.to_string());
        let mut text = String::with_capacity(32);
        for byte in &digest[..16] {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Ok(Self(text))
    }

    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a change expects to find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whatever there is.
    Any,
    /// One of these versions.
    OneOf(Vec<String>),
}

impl Expected {
    /// An [`Outdated`] unless a row is as it is expected.
    pub(super) fn check<N: Noun>(&self, row: &N) -> Result<()> {
        self.check_as(N::NAME, row)
    }

    /// The same of what is no [`Noun`].
    pub(super) fn check_as<T: Serialize>(&self, noun: &'static str, row: &T) -> Result<()> {
        match self {
            Self::Any => Ok(()),
            Self::OneOf(versions) => {
                let present = Version::of(row)?;
                if versions.iter().any(|seen| seen == present.as_str()) {
                    return Ok(());
                }
                Err(Outdated { noun }.into())
            }
        }
    }
}
