//! Faults armed through the control interface: for the next calls of a kind, or for each of them with a probability
//! whose dice are seeded, so that the same calls in the same order meet the same faults again.

use super::kind::{Call, Fault, Kind, RetryAfter, When};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A fault armed for calls of a kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Armed {
    /// The kind of call.
    pub call: Call,
    /// What happens to it.
    pub fault: Kind,
    /// Before or after it is handled; kinds that alter an answer always work after.
    #[serde(default)]
    pub when: When,
    /// How many calls it meets. Without: one; with a probability, all until it is disarmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// Only calls whose path contains this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_contains: Option<String>,
    /// How likely each call meets it, 0 to 1; without, surely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// What the dice begin with.
    #[serde(default)]
    pub seed: u64,
    /// How long kinds that wait do so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// What kinds that refuse say about coming back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<RetryAfter>,
}

impl Armed {
    /// `fault` for the next `times` calls of kind `call`.
    pub fn new(call: Call, fault: Kind, when: When, times: u32) -> Self {
        let (path_contains, probability, seed, delay_ms, retry_after) = (None, None, 0, None, None);
        Self { call, fault, when, times: Some(times), path_contains, probability, seed, delay_ms, retry_after }
    }

    /// `fault` for each call of kind `call` with this probability, until it is disarmed.
    pub fn likely(call: Call, fault: Kind, when: When, probability: f64, seed: u64) -> Self {
        Self { times: None, probability: Some(probability), seed, ..Self::new(call, fault, when, 0) }
    }

    fn fault(&self) -> Fault {
        let fault = Fault::new(self.fault, self.when);
        Fault {
            delay: self.delay_ms.map_or(fault.delay, Duration::from_millis),
            retry_after: self.retry_after.or(fault.retry_after),
            ..fault
        }
    }
}

/// An armed fault and its dice.
#[derive(Debug)]
pub(super) struct Line {
    pub armed: Armed,
    dice: StdRng,
}

impl Line {
    pub fn new(mut armed: Armed) -> Self {
        if armed.probability.is_none() {
            armed.times.get_or_insert(1);
        }
        Self { dice: StdRng::seed_from_u64(armed.seed), armed }
    }

    /// Whether it will meet no call any more.
    pub fn is_spent(&self) -> bool {
        self.armed.times == Some(0)
    }

    /// The fault that a call meets, if this line is for it and the dice fall so.
    pub fn meet(&mut self, call: Call, path: &str) -> Option<Fault> {
        let part = self.armed.path_contains.as_deref();
        if self.armed.call != call || self.is_spent() || part.is_some_and(|part| !path.contains(part)) {
            return None;
        }
        if self.armed.probability.is_some_and(|chance| self.dice.random::<f64>() >= chance) {
            return None;
        }
        self.armed.times = self.armed.times.map(|times| times.saturating_sub(1));
        Some(self.armed.fault())
    }
}
