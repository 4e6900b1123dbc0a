//! Where the next page of a frozen answer begins: a signed token, good for the query that it was made for.
//!
//! **A cursor knows its direction.** A round trip has a cursor for each direction; given back, it pages the
//! direction it is of, and the answer carries that direction alone. It is signed, and holds the hash of its query:
//! with other parameters it is refused (422), not misread.

use chrono::Duration;
use secrecy::SecretString;
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::signing::Signer;
use crate::trade::Direction;
use crate::{Error, Result};

/// How long after a snapshot was made its pages can be read.
pub const PAGES_FOR: Duration = Duration::minutes(15);

/// A question in sixteen bytes: equal questions have equal keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QueryKey([u8; 16]);

impl QueryKey {
    /// The key of a question in its canonical form. [`Error::Internal`] for what does not serialise.
    pub fn of<T: Serialize>(question: &T) -> Result<Self> {
        let canonical = serde_json::to_vec(question)
            .map_err(|error| Error::Internal(format!("a query does not serialise: {error}")))?;
        let hash: [u8; 32] = Sha256::digest(canonical).into();
        Ok(Self(hash.first_chunk().copied().unwrap_or_default()))
    }
}

impl std::fmt::Display for QueryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// A place in a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The frozen answer.
    pub snapshot: Uuid,
    /// The question that it answers.
    pub query: QueryKey,
    /// The direction that is paged.
    pub direction: Direction,
    /// How many itineraries stand before the page.
    pub position: u32,
}

/// Makes and opens cursors.
#[derive(Clone, Debug)]
pub struct CursorSigner(Signer);

impl CursorSigner {
    /// The signer of a deployment; every process with the same `SECRET_KEY` opens the others' cursors.
    pub fn new(secret: &SecretString) -> Self {
        Self(Signer::new(secret, "search cursor"))
    }

    /// The token of a place.
    pub fn seal(&self, cursor: &Cursor) -> String {
        let mut payload = [0; 37];
        payload[..16].copy_from_slice(cursor.snapshot.as_bytes());
        payload[16..32].copy_from_slice(&cursor.query.0);
        payload[32..36].copy_from_slice(&cursor.position.to_le_bytes());
        payload[36] = cursor.direction.ordinal();
        self.0.seal(&payload)
    }

    /// The place of a token of ours, or `None` for anything else.
    pub fn open(&self, token: &str) -> Option<Cursor> {
        let payload: [u8; 37] = self.0.open(token)?.try_into().ok()?;
        let (snapshot, rest) = payload.split_first_chunk::<16>()?;
        let (query, rest) = rest.split_first_chunk::<16>()?;
        let (position, direction) = rest.split_first_chunk::<4>()?;
        Some(Cursor {
            snapshot: Uuid::from_bytes(*snapshot),
            query: QueryKey(*query),
            position: u32::from_le_bytes(*position),
            direction: Direction::from_ordinal(*direction.first()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_opens_as_it_was_sealed_and_for_its_own_secret_alone(snapshot in any::<u128>(), position in any::<u32>(), back in any::<bool>(), query in ".{0,20}") {
            let cursor = Cursor {
                snapshot: Uuid::from_u128(snapshot),
                query: QueryKey::of(&query).unwrap(),
                direction: if back { Direction::Returning } else { Direction::Departing },
                position,
            };
            let signer = CursorSigner::new(&SecretString::from("a secret of the deployment"));
            let token = signer.seal(&cursor);
            prop_assert_eq!(signer.open(&token), Some(cursor));
            let other = CursorSigner::new(&SecretString::from("a secret of another one"));
            prop_assert_eq!(other.open(&token), None);
        }
    }
}
