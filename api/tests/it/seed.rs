//! The seed of random tests: `FLIGHTDESK_SEED`, or another one each time.

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use uuid::Uuid;

/// A runner whose seed is printed, so that a failed run can be repeated with `FLIGHTDESK_SEED`.
pub fn runner() -> TestRunner {
    let seed: u64 = std::env::var("FLIGHTDESK_SEED").map_or_else(
        |_| Uuid::now_v7().as_u64_pair().1,
        |text| text.parse().expect("FLIGHTDESK_SEED is a number"),
    );
    eprintln!("FLIGHTDESK_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    TestRunner::new_with_rng(Config::default(), rng)
}
