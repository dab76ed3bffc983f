//! Crash tests: the product's processes, its Redis and its FAL.AI broken on purpose while they work, and after each run the
//! same proof (`image2model_tests::proof`): nothing paid twice, nothing lost, nothing left over.
//!
//! `IMAGE2MODEL_LONG_TESTS=1` runs the long form (`cargo xtask test --long`, ignored tests too), `IMAGE2MODEL_TEST_SEED` other dice; the seed
//! of a failed run is in its message.

#[cfg(test)]
mod cancel;
#[cfg(test)]
mod clocks;
#[cfg(test)]
mod fal;
#[cfg(test)]
mod history;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod pauses;
#[cfg(test)]
mod redis;
#[cfg(test)]
mod scale;
#[cfg(test)]
mod streams;
