//! What happened so far, for tests that must prove that nothing was paid twice.

use crate::{errors::Outcome, faults::Call};
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::BTreeMap;

/// A copy of the counts.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Calls that came in, by kind, refused ones included.
    pub calls: BTreeMap<Call, u64>,
    /// Requests accepted (queue and sync): each may cost money.
    pub accepted: u64,
    /// Requests that ended with 200.
    pub succeeded: u64,
    /// Requests that ended otherwise.
    pub failed: u64,
    /// Credits charged in all.
    pub billed_units: u64,
    /// Calls that a fault disturbed.
    pub disturbed: u64,
    /// Upload PUTs that carried an `Authorization` header (presigned URLs must not get the key).
    pub uploads_with_credentials: u64,
    /// File downloads that carried an `Authorization` header.
    pub downloads_with_credentials: u64,
    /// Webhook deliveries that were acknowledged.
    pub webhooks_delivered: u64,
    /// Webhook attempts that failed.
    pub webhook_failures: u64,
}

/// The counts.
#[derive(Debug, Default)]
pub struct Counters(Mutex<Counts>);

impl Counters {
    /// A copy of the counts now.
    pub fn get(&self) -> Counts {
        self.0.lock().clone()
    }

    /// Changes the counts.
    pub fn update(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.0.lock());
    }

    /// Counts a call.
    pub fn call(&self, call: Call) {
        self.update(|counts| *counts.calls.entry(call).or_default() += 1);
    }

    /// Counts the end of a request.
    pub fn ended(&self, outcome: &Outcome) {
        self.update(|counts| {
            counts.billed_units += u64::from(outcome.billable_units);
            if outcome.is_success() { counts.succeeded += 1 } else { counts.failed += 1 }
        });
    }
}
