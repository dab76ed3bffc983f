//! Fuzzing of everything that reads what strangers send, on a plain stable toolchain.
//!
//! A target takes bytes and says what became of them, or what is wrong with that. The harness starts from a kept corpus
//! (`fuzz/corpus/<target>`), changes its inputs at random and keeps those that lead to an outcome not seen before. Every
//! run prints its seed; the same seed and the same corpus give the same inputs. Bounded: time of a run, of one input, bytes
//! of one input, memory of the process.

pub mod corpus;
pub mod harness;
mod mutate;
mod targets;

pub use harness::{Finding, Report, fuzz, replay};
pub use targets::TARGETS;

use std::hash::{DefaultHasher, Hash, Hasher};

/// What is wrong with the answer to an input.
pub type Complaint = String;

/// What became of an input, in one number: equal for inputs that took the same way, as far as can be seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Outcome(u64);

impl Outcome {
    /// Of anything that can be told apart.
    pub fn of(outcome: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        outcome.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// One thing to be fuzzed.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, and that of its corpus.
    pub name: &'static str,
    /// Reads an input.
    pub run: fn(&[u8]) -> Result<Outcome, Complaint>,
    /// Pieces that mean something to the reader.
    pub dictionary: &'static [&'static [u8]],
    /// Makes a changed input fit its own checksums again, so that it gets past them.
    pub mend: Option<fn(&mut [u8])>,
    /// Longest input, in bytes.
    pub longest: usize,
}
