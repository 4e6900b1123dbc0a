//! The six characters that a traveller reads out on the telephone.

use std::fmt;

use rand::Rng;
use rand::seq::IndexedRandom;
use serde::{Deserialize, Serialize};

/// No `0`/`O`, `1`/`I`, `2`/`Z` mix-ups: rules.md's alphabet.
const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ3789";

/// Sequences nobody wants to read out, also with digits for letters (3 = E, 7 = T, 8 = B, 9 = G).
const RUDE: &[&str] = &[
    "FUCK", "FUK", "FCK", "SHT", "CUNT", "CNT", "ASS", "ARSE", "TWAT", "DAMN", "SLUT", "WHRE",
    "FAG", "NAZ", "RAPE", "GAY", "SEX", "KKK", "PENS", "DYKE", "PRCK", "BASTRD", "CRAP", "HELL",
    "JAP", "PAK", "NGR", "KYS",
];

/// A booking reference (record locator), unique over all bookings.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct BookingRef(String);

impl BookingRef {
    /// A random reference from the system's source, never a rude one. About 480 million are possible.
    pub fn random() -> Self {
        let mut source = rand::rng();
        loop {
            let drawn = draw(&mut source);
            if !is_rude(&drawn) {
                return Self(drawn);
            }
        }
    }

    /// Reads a reference as people type it: case and surrounding blanks do not matter.
    pub fn parse(raw: &str) -> Option<Self> {
        let upper = raw.trim().to_ascii_uppercase();
        (upper.len() == 6 && upper.bytes().all(|byte| ALPHABET.contains(&byte)))
            .then_some(Self(upper))
    }

    /// The six characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BookingRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn draw(source: &mut impl Rng) -> String {
    (0..6)
        .filter_map(|_| ALPHABET.choose(source))
        .map(|byte| char::from(*byte))
        .collect()
}

fn is_rude(reference: &str) -> bool {
    let read = reference
        .replace('3', "E")
        .replace('7', "T")
        .replace('8', "B")
        .replace('9', "G");
    RUDE.iter()
        .any(|word| read.contains(word) || reference.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_have_six_characters_of_the_alphabet() {
        for _ in 0..1_000 {
            let reference = BookingRef::random();
            assert_eq!(BookingRef::parse(reference.as_str()), Some(reference));
        }
    }

    #[test]
    fn rude_words_are_not_references() {
        for rude in ["FUCKAB", "ABSH7T", "A33SEX", "XXAS5S"] {
            assert_eq!(is_rude(rude), rude != "XXAS5S", "{rude}");
        }
        assert!(!is_rude("QXR7M8"));
    }

    #[test]
    fn what_people_type_reads_and_what_is_no_reference_does_not() {
        assert_eq!(
            BookingRef::parse(" qxr7m8 ")
                .map(|r| r.to_string())
                .as_deref(),
            Some("QXR7M8")
        );
        for wrong in ["", "QXR7M", "QXR7M80", "QXR0M8", "QXRIM8", "ÄXR7M8"] {
            assert_eq!(BookingRef::parse(wrong), None, "{wrong}");
        }
    }
}
