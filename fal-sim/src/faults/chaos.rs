//! Chaos: every call meets some fault with the same probability, which one and when decided by one seeded dice.

use super::kind::{Call, Fault, Kind, When};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde::{Deserialize, Serialize};

/// What chaos uses unless told otherwise: trouble on the way, none that only an operator could end and none that says
/// something about a request.
const USUAL: [Kind; 11] = [
    Kind::BadGateway,
    Kind::NginxUnavailable,
    Kind::ServerError,
    Kind::TooManyRequests,
    Kind::Drop,
    Kind::Reset,
    Kind::TruncatedBody,
    Kind::BrokenBody,
    Kind::SlowBody,
    Kind::Delay,
    Kind::Late,
];
/// What may happen to a webhook.
const WEBHOOKS: [Kind; 2] = [Kind::Lost, Kind::Duplicate];

/// A profile of chaos.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chaos {
    /// What the dice begin with.
    pub seed: u64,
    /// How likely each call meets a fault, 0 to 1.
    pub probability: f64,
    /// Only these calls; all without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Call>,
    /// Only these faults; without, trouble on the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Kind>,
}

/// A profile at work.
#[derive(Debug)]
pub(super) struct Raging {
    pub chaos: Chaos,
    dice: StdRng,
}

impl Raging {
    pub fn new(chaos: Chaos) -> Self {
        Self { dice: StdRng::seed_from_u64(chaos.seed), chaos }
    }

    /// The fault that a call meets, if the dice fall so.
    pub fn meet(&mut self, call: Call) -> Option<Fault> {
        let meant = self.chaos.calls.is_empty() || self.chaos.calls.contains(&call);
        if !meant || self.dice.random::<f64>() >= self.chaos.probability {
            return None;
        }
        let faults = match (call, self.chaos.faults.as_slice()) {
            (Call::Webhook, []) => WEBHOOKS.as_slice(),
            (_, []) => USUAL.as_slice(),
            (_, chosen) => chosen,
        };
        let kind = *faults.choose(&mut self.dice)?;
        let after = self.dice.random();
        // FAL means its 429: what it refuses so, it has not accepted.
        let when = if after && kind != Kind::TooManyRequests { When::After } else { When::Before };
        Some(Fault::new(kind, when))
    }
}
