//! How much is done, and with which dice.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;

/// Whether the long form runs.
pub fn is_long() -> bool {
    std::env::var("IMAGE2MODEL_LONG_TESTS").is_ok_and(|value| value == "1")
}

/// The number for the form that runs.
pub fn scaled(short: usize, long: usize) -> usize {
    if is_long() { long } else { short }
}

/// How long a run may take to come to its end.
pub fn patience() -> Duration {
    Duration::from_secs(if is_long() { 1_800 } else { 300 })
}

/// What the dice begin with, and the dice.
pub fn dice() -> (u64, StdRng) {
    let seed = std::env::var("IMAGE2MODEL_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(4);
    (seed, StdRng::seed_from_u64(seed))
}
