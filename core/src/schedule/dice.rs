//! Chance that is always the same for the same question.

use sha2::{Digest, Sha256};

/// Draws from SHA-256 of a seed and what is asked about, so that nothing depends on the order of asking.
pub(super) struct Dice {
    digest: [u8; 32],
    drawn: usize,
}

impl Dice {
    pub(super) fn new(seed: u64, question: &[&str]) -> Self {
        let mut hash = Sha256::new().chain_update(seed.to_be_bytes());
        for part in question {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        Self {
            digest: hash.finalize().into(),
            drawn: 0,
        }
    }

    pub(super) fn bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.digest[16..]);
        bytes
    }

    /// A number in `0..limit`; at most eight draws are independent.
    pub(super) fn below(&mut self, limit: u32) -> u32 {
        let at = self.drawn * 4 % 32;
        self.drawn += 1;
        let mut word = [0; 4];
        word.copy_from_slice(&self.digest[at..at + 4]);
        let scaled = (u64::from(u32::from_be_bytes(word)) * u64::from(limit)) >> 32;
        u32::try_from(scaled).unwrap_or_default()
    }

    /// A number in `0.0..1.0`.
    pub(super) fn unit(&mut self) -> f64 {
        f64::from(self.below(1 << 24)) / f64::from(1 << 24)
    }
}
